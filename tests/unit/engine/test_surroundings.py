"""The surroundings of an alert, from the engine's own events: each in its lane, and changes that ill hosts share."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.clock import ManualClock
from backends.engine import surroundings
from backends.engine.event_kinds import timed
from backends.engine.surroundings import Surroundings
from backends.engine.timeline import KEPT_IN_MEMORY, Timeline
from backends.engine.wire import Event
from backends.errors import RetryLater
from backends.store.events import Events
from backends.store.writer import Writer
from backends.triage.model import Bundle
from backends.triage.timeline import LANES, Around, lane
from tests.unit.triage.samples import bundle

HOUR = 3600.0
FLEET = [f"gpu{number:03d}" for number in range(252)]


class Scene:
    """A fleet with a timeline that is stored, on a clock that a test moves."""

    def __init__(self, folder: Path):
        self.clock = ManualClock()
        self.writer = Writer(folder / "h.db", clock=self.clock, on_problem=lambda *_: None)
        self.writer.open()
        self.timeline = Timeline(self.clock, store=Events(self.writer))
        self.bundle: Bundle | None = None
        self.ill: list[str] = []
        self.surroundings = Surroundings(
            self.timeline,
            self.clock,
            bundle=lambda host: self.bundle,
            ill=lambda rule: self.ill,
            hosts=lambda: FLEET,
        )

    def tell(self, kind: str, text: str, host: str = "gpu000", actor: str = "", *, then: float = 0.0) -> None:
        self.timeline.add(kind, text, host=host, actor=actor)
        self.clock.advance(then)

    def around(self, time: float | None = None) -> Around:
        return self.surroundings.around("gpu000", self.clock.now() if time is None else time, rule="gpu.xid")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path)
    yield one
    one.writer._close()


def test_every_kind_lands_in_its_lane(scene: Scene) -> None:
    lanes = {
        "alerts": ["alert.fired", "check", "triage", "state", "reconnected"],
        "kernel": ["xid", "oom", "kernel-log", "gpu-hung"],
        "changes": ["config-reloaded", "config"],
        "people": ["ack", "ack.ended", "silence", "snooze", "mute", "action", "exec", "key-accepted", "check-ack"],
        "runs": ["check-active"],
        "other": ["engine", "probe-error", "store-failed", "what-will-be"],
    }
    for kinds in lanes.values():
        for kind in kinds:
            scene.tell(kind, kind)
    found = scene.around()
    assert {name: [each.kind for each in rows] for name, rows in found.lanes.items()} == lanes


def test_the_engine_tells_of_nothing_that_has_no_lane_by_accident(checkout: Path) -> None:
    """Kinds that stand in the source; those without a lane are the engine's own troubles and those of the sampler."""
    source = subprocess.run(
        ["grep", "-rhoE", r'(timeline\.add|[_.]tell|note|on_event)\(\s*"[a-z.-]+"', str(checkout / "backends")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    kinds = set(re.findall(r'"([a-z.-]+)"', source))
    assert {"update", "backup", "reboot", "alert.again"} <= kinds
    own = {"engine", "replay", "internal-error", "store-failed", "store-recovered", "store-damaged", "store-refused"}
    assert {kind for kind in kinds if lane(kind) == "other"} <= own | {"garbage", "flood", "probe-error", "gpu-log"}


def test_six_hours_on_both_sides_and_what_is_about_no_host(scene: Scene) -> None:
    scene.tell("action", "too early", then=7 * HOUR)
    scene.tell("action", "before", then=HOUR)
    scene.tell("exec", "for everybody", "", "anna", then=HOUR)
    alert = scene.clock.now()
    scene.tell("action", "another host", "gpu001", then=HOUR)
    scene.tell("ack", "after", actor="bob", then=6 * HOUR)
    scene.tell("action", "too late")
    found = scene.around(alert)
    assert [each.text for each in found.lanes["people"]] == ["before", "for everybody", "after"]
    assert [each.actor for each in found.lanes["people"]] == ["", "anna", "bob"]


def test_hosts_of_one_run_are_a_batch_that_is_counted(scene: Scene) -> None:
    scene.tell("update", "run 7f of plan 3 began: 17 changes on 12 hosts", "", "anna", then=60)
    for host in FLEET[:12]:
        scene.tell("update", "update done: 17 of 17 applied", host, "anna", then=10)
    scene.tell("update", "run 80 of plan 4 began: 2 changes on 1 hosts", "", "bob", then=10)
    scene.tell("update", "update done: 2 of 2 applied", "gpu100", "bob", then=5 * HOUR)
    scene.ill = FLEET[:8]
    (cause,) = scene.around().causes
    assert (cause.event.kind, cause.event.ref) == ("patch", "run 7f")
    assert "update done: 17 of 17 applied (run 7f)" in cause.text
    assert cause.text.endswith("8 of 12 hosts with it show the same, 0 of 240 others")


def test_what_changed_nothing_is_no_cause(scene: Scene) -> None:
    scene.tell("update", "run 1 of plan 1 began: fetch ahead: 3 changes on 1 hosts", "", "anna")
    scene.tell("update", "update done: 3 of 3 applied", actor="anna")
    scene.tell("update", "plan 2 (ab) for 3 hosts", "", "anna")
    for text in ("update refused — plan differs", "held linux-image"):
        scene.tell("update", text, actor="anna")
    scene.tell("reboot-over", "reboot refused: 2 jobs run", actor="anna")
    scene.tell("restart", "restart done: slurmd restarted", actor="anna", then=60)
    found = scene.around()
    assert {each.event.kind for each in found.causes} <= {"job"}
    assert all(each.score < 10.5 for each in found.causes), "weaker than any change"


def test_a_reboot_into_another_kernel_is_a_change_of_the_kernel_that_hosts_share(scene: Scene) -> None:
    for host in FLEET[:5]:
        scene.tell("reboot", f"rebooted: boot id {host}a → {host}b, kernel 6.8.0-47", host)
        scene.tell("reboot", "rebooted (new boot id), kernel 6.8.0-45 → 6.8.0-47", host, then=60)
    scene.tell("facts-changed", "kernel 6.8.0-45 → 6.8.0-47, python 3.10 → 3.12", "gpu005", then=3 * HOUR)
    scene.ill = FLEET[:4]
    causes = {each.event.kind: each for each in scene.around().causes}
    assert set(causes) == {"kernel", "reboot"}, "two lines about one reboot are one cause"
    kernel, reboot = causes["kernel"].count, causes["reboot"].count
    assert kernel is not None and (kernel.changed_ill, kernel.changed) == (4, 6)
    assert reboot is not None and (reboot.changed_ill, reboot.changed) == (4, 5)


def test_a_restore_writes_a_backup_does_not(scene: Scene) -> None:
    scene.tell("backup", "backup models vault began")
    scene.tell("backup", "restore 12: 3 files placed", actor="anna", then=60)
    assert [(each.event.kind, each.event.actor) for each in scene.around().causes] == [("restore", "anna")]


def test_changes_by_others_come_from_the_logs_of_the_newest_bundle_by_our_clock(scene: Scene) -> None:
    log = "2026-05-11 09:00:00 upgrade nvidia-driver-550:amd64 550.1 550.2\n"
    scene.bundle = bundle({"package.log": log})
    around = scene.around(scene.bundle.time)
    (change,) = around.lanes["changes"]
    assert (change.kind, change.ref) == ("driver", "nvidia-driver-550 550.2")
    assert scene.bundle.time - change.time == pytest.approx(851.0)
    assert [cause.event for cause in around.causes] == [change]
    scene.bundle = replace(scene.bundle, begin=scene.bundle.begin + 600)  # the host's clock is ten minutes ahead
    (change,) = scene.around(scene.bundle.time).lanes["changes"]
    assert scene.bundle.time - change.time == pytest.approx(1451.0)


def test_a_shelf_that_cannot_be_read_costs_only_the_bundle(scene: Scene) -> None:
    def broken(host: str) -> Bundle | None:
        raise RetryLater("damaged")

    scene.tell("xid", "XID 79")
    one = Surroundings(scene.timeline, scene.clock, bundle=broken, ill=lambda rule: (), hosts=tuple)
    assert list(one.around("gpu000", scene.clock.now(), rule="gpu.xid").lanes) == ["kernel"]


def test_a_flood_is_bounded_and_what_is_near_the_alert_is_kept(scene: Scene) -> None:
    scene.tell("action", "long before the flood", then=60)
    for number in range(KEPT_IN_MEMORY + surroundings.MOST_BEFORE):
        scene.timeline.add("kernel-log", f"line {number}", host="gpu000")
        if number % 1500 == 0:
            scene.clock.advance(1)
            while scene.writer.step():
                pass
    while scene.writer.step():
        pass
    scene.clock.advance(1)
    scene.tell("xid", "XID 79")
    found = scene.around()
    shown = [each.text for rows in found.lanes.values() for each in rows]
    assert len(shown) == 500 and "XID 79" in shown
    assert found.left_out == surroundings.MOST_BEFORE - 500


def test_it_works_without_a_store(scene: Scene) -> None:
    scene.timeline = Timeline(scene.clock)
    one = Surroundings(scene.timeline, scene.clock, bundle=lambda host: None, ill=lambda rule: (), hosts=tuple)
    scene.tell("xid", "XID 79")
    assert list(one.around("gpu000", scene.clock.now(), rule="gpu.xid").lanes) == ["kernel"]


EVENTS = st.lists(
    st.builds(
        Event,
        id=st.integers(1, 10**6),
        time=st.floats(0, 1e9),
        kind=st.sampled_from([*LANES, "engine", "reboot", "update"]),
        host=st.sampled_from(["", "a", "b"]),
        text=st.one_of(
            st.text(max_size=30),
            st.from_regex(r"\A(run \w+ of plan \w+ began: |update done|kernel \w+ → \w+)[ ,a-z]*\Z"),
        ),
    ),
    max_size=20,
)


@given(EVENTS)
def test_no_event_is_lost_or_changes_its_host(events: list[Event]) -> None:
    rows = timed(events)
    assert len(rows) >= len(events)
    assert {(row.time, row.host) for row in rows} == {(event.time, event.host) for event in events}
    assert all(len(row.ref) <= 200 for row in rows)
