"""Asking a host: one round trip, also where root is refused; errors say what to do."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from backends.clock import ManualClock
from backends.errors import AskOperator, RetryLater, SkipHost
from backends.execution import ExecResult
from backends.hostkit.triage_answer import TIMEOUT_SECONDS
from backends.triage.ask import triage
from backends.triage.context import Context
from tests.unit.triage.samples import GPUS, answer

NO_SUDO = b"\nswarm-kit 1 NOSUDO sudo: a password is required\n"


class Host:
    """Answers in turn; remembers what it was asked."""

    def __init__(self, *answers: bytes | Exception):
        self.host = "gpu07"
        self.answers = list(answers)
        self.asked: list[tuple[list[str], float]] = []

    def run(self, argv: Sequence[str], *, timeout_seconds: float = 0.0, **_: object) -> ExecResult:
        self.asked.append((list(argv), timeout_seconds))
        said = self.answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return ExecResult(exit_status=0, stdout=said)


def wire(**other: object) -> bytes:
    made = answer()
    plain = {"ok": True, "begin": made.begin, "end": made.end, "root": True, "sections": _sections(), **other}
    return b"motd\n\nswarm-kit 1 answer\n" + msgspec.json.encode(plain) + b"\n"


def _sections() -> list[dict[str, object]]:
    return [{name: getattr(each, name) for name in each.__struct_fields__} for each in answer().sections]


def test_a_host_is_asked_once_within_fifteen_seconds() -> None:
    host, clock = Host(wire()), ManualClock()
    made = triage(host, "none", clock, Context(expected_gpus=GPUS), reason="alert gpu.xid")
    assert made.strip.text == "Nothing wrong was found."
    assert (made.host, made.reason, made.root, made.time) == ("gpu07", "alert gpu.xid", True, clock.now())
    assert [seconds for _, seconds in host.asked] == [TIMEOUT_SECONDS]
    assert TIMEOUT_SECONDS <= 15


def test_where_sudo_is_refused_it_is_looked_at_without() -> None:
    host = Host(NO_SUDO, wire(root=False))
    made = triage(host, "sudo", ManualClock())
    assert not made.root
    assert "sudo -n" in host.asked[0][0][2] and "sudo -n" not in host.asked[1][0][2]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"bash: no such thing\n", RetryLater),
        (b"\nswarm-kit 1 NOPYTHON\n", SkipHost),
        (NO_SUDO, AskOperator),
        (
            b'\nswarm-kit 1 answer\n{"ok":false,"kind":"failed","text":"no place for output: /tmp: No space left"}\n',
            SkipHost,
        ),
        (b"\nswarm-kit 1 answer\n{}\n", RetryLater),
        (b"\nswarm-kit 1 answer\n[[[[\n", RetryLater),
        (RetryLater("link lost"), RetryLater),
    ],
)
def test_what_is_no_answer_is_an_error(said: bytes | Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        triage(Host(said), "none", ManualClock())
