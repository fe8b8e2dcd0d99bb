"""Actions on hosts: carried out once, refused when read-only, always in the audit."""

from __future__ import annotations

import pytest

from backends.clock import ManualClock
from backends.engine.actions import Actions, signal_number
from backends.engine.timeline import Timeline
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, SwarmError
from backends.execution import Exec, ExecResult
from backends.inventory.host import Host
from backends.states import Severity
from tests.unit.engine.parts import FakeExec


class Ways:
    def __init__(self, way: FakeExec):
        self.way = way
        self.accepted: list[tuple[str, str]] = []

    def exec(self, host: str) -> Exec:
        return self.way

    def accept_key(self, host: str, fingerprint: str) -> None:
        self.accepted.append((host, fingerprint))


class Scene:
    def __init__(self, result: ExecResult | SwarmError, *, read_only: bool = False):
        self.ways = Ways(FakeExec("a", result))
        self.timeline = Timeline(ManualClock())
        self.actions = Actions(
            self.ways, self.timeline, find=lambda name: Host(name=name, become="sudo"), read_only=lambda: read_only
        )

    @property
    def audit(self) -> list[tuple[str, str, str, str]]:
        return [(event.kind, event.host, event.actor, event.text) for event in self.timeline.page()]


def answer(text: str) -> ExecResult:
    return ExecResult(exit_status=0, stdout=b"motd of the host\nswarm-kit 1 answer\n" + text.encode() + b"\n")


DONE = answer('{"ok": true, "text": "sent signal 15 to train (42)"}')


def test_a_signal_is_sent_through_the_kit_and_audited_with_its_actor() -> None:
    scene = Scene(DONE)
    assert scene.actions.signal("a", 42, 7, "TERM", actor="eve from 10.0.0.7") == "sent signal 15 to train (42)"
    ((argv, stdin, become),) = scene.ways.way.asked
    assert argv[:2] == ["/bin/sh", "-c"]
    assert stdin and not become
    assert "sudo -n" in argv[2]
    assert scene.audit == [("action", "a", "eve from 10.0.0.7", "sent signal 15 to train (42)")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"ok": false, "kind": "gone", "text": "process 42 has ended"}', SkipHost),
        ('{"ok": false, "kind": "permission", "text": "not permitted"}', AskOperator),
        ('{"ok": false, "kind": "failed", "text": "odd"}', RetryLater),
    ],
)
def test_a_refusal_says_what_can_be_done_next_and_is_audited_too(text: str, kind: type[SwarmError]) -> None:
    scene = Scene(answer(text))
    with pytest.raises(kind):
        scene.actions.renice("a", 42, 7, 10, actor="eve")
    (event,) = scene.timeline.page()
    assert event.text.startswith("set nice 10 for process 42: failed")
    assert event.severity is Severity.WARNING


def test_a_lost_link_is_audited_as_a_failure() -> None:
    scene = Scene(RetryLater("not connected", host="a"))
    with pytest.raises(RetryLater):
        scene.actions.signal("a", 42, 7, "KILL", actor="eve")
    assert "failed: not connected" in scene.audit[0][3]


def test_read_only_refuses_everything_before_anything_is_run() -> None:
    scene = Scene(DONE, read_only=True)
    for act in (
        lambda: scene.actions.signal("a", 42, 7, "TERM", actor="eve"),
        lambda: scene.actions.renice("a", 42, 7, 1, actor="eve"),
        lambda: scene.actions.accept_key("a", "SHA256:x", actor="eve"),
        lambda: scene.actions.refuse_when_read_only("run a command"),
    ):
        with pytest.raises(AskOperator, match="read-only"):
            act()
    assert scene.ways.way.asked == [] and scene.ways.accepted == []


def test_an_accepted_key_is_in_the_audit() -> None:
    scene = Scene(DONE)
    scene.actions.accept_key("a", "SHA256:x", actor="eve")
    assert scene.ways.accepted == [("a", "SHA256:x")]
    assert scene.audit == [("key-accepted", "a", "eve", "accepted host key SHA256:x")]


@pytest.mark.parametrize(("name", "number"), [("TERM", 15), ("sigkill", 9), ("SIGHUP", 1), ("9", 9)])
def test_signals_go_by_name_or_number(name: str, number: int) -> None:
    assert signal_number(name) == number


@pytest.mark.parametrize("name", ["", "NOPE", "0", "-9", "999", "٩"])
def test_what_is_no_signal_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        signal_number(name)


@pytest.mark.parametrize("nice", [-21, 20])
def test_a_nice_value_out_of_range_is_refused(nice: int) -> None:
    with pytest.raises(BadInput):
        Scene(DONE).actions.renice("a", 42, 7, nice, actor="eve")
