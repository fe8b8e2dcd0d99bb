"""Reboots carried out: what the gate forbids, what is written down before, what counts as proof, what outlives an engine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from backends import paths
from backends.errors import BadInput
from backends.states import Severity
from backends.updates import reboots as module
from backends.updates.reboots import RebootRecord, Reboots
from tests.unit.updates.fleet import BriefClock
from tests.unit.updates.hosts import NEW, OLD, kernel
from tests.unit.updates.reboot_host import RebootHost, said
from tests.unit.updates.test_runs import until

REASON = "the vendor has confirmed it"


class Engine:
    """One life of an engine over the hosts and the records of `folder`."""

    def __init__(self, folder: Path, *names: str, before: Engine | None = None):
        self.clock: BriefClock = before.clock if before else BriefClock()
        self.hosts: dict[str, RebootHost] = before.hosts if before else {}
        self.hosts |= {name: RebootHost(name, self.clock) for name in names}
        self.told: list[tuple[str, str, str, Severity]] = []
        self.bugs: list[Exception] = []
        self.back: list[str] = []
        self.nudged: set[str] = set()
        self.reboots = Reboots(
            folder,
            self.hosts.__getitem__,
            lambda name: self.hosts[name].facts(),
            self.clock,
            tell=lambda kind, text, host, who, severity: self.told.append((host, text, who, severity)),
            on_bug=lambda host, error: self.bugs.append(error),
            on_back=self.back.append,
            nudge=self.nudged.add,
        )

    def ended(self) -> dict[str, RebootRecord]:
        """The records, once nothing goes on any more."""
        until(lambda: not self.reboots.chores.busy())
        assert not self.bugs
        return {record.host: record for record in self.reboots.chores.newest(1000)}

    def texts(self, host: str) -> list[str]:
        return [text for name, text, _, _ in self.told if name == host]


def test_a_reboot_is_proven_by_boot_id_uptime_and_kernel_and_soaks(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    old = engine.hosts["a"].boot_id
    engine.reboots.start(["a"], "anna")
    record = engine.ended()["a"]
    assert (record.stage, record.good) == ("done", True)
    assert record.state is not None and record.state.boot_id == engine.hosts["a"].boot_id != old
    assert record.state.kernel == NEW
    assert f"kernel {NEW}" in record.text and "with the same boot id" in record.text
    asked, down, back, done = engine.texts("a")
    assert asked.startswith(f"reboot of boot {old[:8]} asked for: gate passed")
    assert down.startswith("does not answer any more") and back.startswith("back after")
    assert done.startswith("reboot done")
    assert {who for _, _, who, _ in engine.told} == {"anna"}
    assert engine.back == ["a"] and engine.nudged == {"a"}


def test_a_red_gate_refuses_and_nothing_is_asked_of_the_host(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].changes["kernels"] = (kernel(OLD), kernel(NEW, initrd_bytes=None))
    engine.reboots.start(["a"], "anna")
    record = engine.ended()["a"]
    assert (record.stage, record.good, record.state) == ("refused", False, None)
    assert "must not be rebooted" in record.text and "no initrd" in record.text
    assert [finding.kind for finding in record.findings if finding.blocks] == ["initrd"]
    assert engine.hosts["a"].commands == [] and engine.back == []


@pytest.mark.parametrize(("reason", "stage"), [("", "refused"), ("because", "refused"), (REASON, "done")])
def test_only_a_typed_reason_overrides_a_red_gate_and_it_is_written_down(
    tmp_path: Path, reason: str, stage: str
) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].changes["kernels"] = (kernel(OLD), kernel(NEW, initrd_bytes=None))
    engine.reboots.start(["a"], "anna", override=reason)
    record = engine.ended()["a"]
    assert record.stage == stage
    assert bool(engine.hosts["a"].requests) is (stage == "done")
    if stage == "done":
        assert record.passed.startswith(f"gate overridden: {REASON} (was red: ")
        assert any(REASON in text for text in engine.texts("a"))


def test_a_host_whose_boot_id_is_not_known_is_never_rebooted(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].boot_id = ""
    engine.reboots.start(["a"], "anna", override=REASON)
    assert "could not be proven" in engine.ended()["a"].text
    assert engine.hosts["a"].commands == []


def test_boot_id_and_time_are_on_the_disk_before_the_host_is_asked(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    seen: list[RebootRecord] = []
    engine.hosts["a"].on_request = lambda: seen.extend(engine.reboots.book.all())
    engine.reboots.start(["a"], "anna")
    engine.ended()
    (record,) = seen
    assert (record.stage, record.sent, record.ended) == ("requested", False, None)
    assert record.state is not None and record.state.request.boot_id
    assert abs(record.state.request.asked - engine.clock.now()) < 3600


def test_what_cannot_be_written_down_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(tmp_path, "a")

    def full(path: Path, data: bytes) -> None:
        if b'"stage":"requested"' in data:
            raise OSError(28, "No space left on device")
        path.write_bytes(data)

    monkeypatch.setattr(paths, "write_atomic", full)
    engine.reboots.start(["a"], "anna")
    record = engine.ended()["a"]
    assert record.stage == "refused" and "No space left" in record.text
    assert engine.hosts["a"].commands == []


def test_who_holds_a_reboot_up_is_named_and_respected(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].refusals = [said("debian12-inhibited-and-logged-in")]
    engine.reboots.start(["a"], "anna", override=REASON)
    record = engine.ended()["a"]
    assert record.stage == "refused"
    assert "held up by PackageKit (systemd-inhibit, process 61, user root): Package Update in Progress" in record.text
    assert len(engine.hosts["a"].requests) == 1


def test_people_who_are_logged_in_are_named_and_hold_nothing_up(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].refusals = [said("debian12-logged-in")]
    engine.reboots.start(["a"], "anna")
    assert engine.ended()["a"].stage == "done"
    assert "logged in: ops on sshd" in engine.texts("a")
    assert [argv[-1] for argv in engine.hosts["a"].requests] == ["--check-inhibitors=yes", "--check-inhibitors=no"]


def test_a_systemctl_that_cannot_look_is_asked_plainly(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].refusals = [said("debian12-unknown-option")]
    engine.reboots.start(["a"], "anna")
    assert engine.ended()["a"].stage == "done"
    assert engine.hosts["a"].requests[-1][-1] == "reboot"


def test_a_host_that_does_not_permit_it_says_so(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].refusals = [said("debian12-denied")]
    engine.reboots.start(["a"], "anna")
    record = engine.ended()["a"]
    assert record.stage == "refused" and "Call to Reboot failed: Access denied" in record.text


def test_a_request_whose_answer_was_lost_is_observed_and_not_repeated(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].lose_answer = True
    engine.reboots.start(["a"], "anna")
    assert engine.ended()["a"].stage == "done"
    assert len(engine.hosts["a"].requests) == 1


def test_the_old_kernel_after_the_reboot_is_a_failure_although_it_answers(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].next_kernel = OLD
    engine.reboots.start(["a"], "anna")
    record = engine.ended()["a"]
    assert (record.stage, record.good) == ("failed", False)
    assert record.text == f"came back with kernel {OLD} instead of {NEW}"
    assert engine.told[-1][3] is Severity.CRITICAL


def test_a_host_that_reboots_again_by_itself_fails_its_soak(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].boots = 2
    engine.reboots.start(["a"], "anna")
    assert "rebooted again by itself" in engine.ended()["a"].text


def test_a_host_that_is_not_back_is_told_about_at_5_10_and_20_minutes_and_given_up_in_the_end(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].away_seconds = float("inf")
    engine.reboots.start(["a"], "anna")
    late = [f"is not back {minutes} min after the request" for minutes in (5, 10, 20)]
    until(lambda: late[-1] in engine.texts("a"))
    levels = {text: severity for _, text, _, severity in engine.told}
    assert [levels[text] for text in late] == [Severity.WARNING, Severity.WARNING, Severity.CRITICAL]
    assert engine.reboots.chores.busy()["a"].stage == "going-down"
    engine.clock.advance(module.NOT_BACK_SECONDS)
    assert "nobody looks any more" in engine.ended()["a"].text


def test_a_host_that_does_not_go_down_is_told_about_and_given_up(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].deaf = True
    engine.reboots.start(["a"], "anna")
    record = engine.ended()["a"]
    assert "has not gone down 5 min after the request" in engine.texts("a")
    assert record.stage == "failed" and record.text.startswith("has not gone down 60 min")


def test_a_host_that_leaves_the_fleet_meanwhile_has_an_end_that_says_so(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].away_seconds = float("inf")

    def gone(name: str) -> None:
        raise BadInput("no such host in the fleet", host=name)

    engine.reboots._nudge = gone
    engine.reboots.start(["a"], "anna")
    record = engine.ended()["a"]
    assert (record.stage, record.good, record.text) == ("failed", False, "no such host in the fleet")


def test_hosts_reboot_side_by_side_and_one_bad_one_harms_no_other(tmp_path: Path) -> None:
    engine = Engine(tmp_path, *(f"h{number}" for number in range(20)))
    engine.hosts["h3"].connected = False
    engine.hosts["h4"].changes["dpkg_updates"] = ("0001",)
    engine.reboots.start(list(engine.hosts), "anna", soak_seconds=30)
    stages = {host: record.stage for host, record in engine.ended().items()}
    assert {host for host, stage in stages.items() if stage == "refused"} == {"h3", "h4"}
    assert {stage for host, stage in stages.items() if host not in ("h3", "h4")} == {"done"}


def test_a_host_is_rebooted_once_at_a_time(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a", "b")
    engine.hosts["a"].away_seconds = float("inf")
    engine.reboots.start(["a"], "anna")
    with pytest.raises(BadInput, match="asked for by anna"):
        engine.reboots.start(["b", "a"], "berta")
    assert [record.host for record in engine.reboots.chores.newest(9)] == ["a"]
    engine.reboots.chores.stop()


def begun(tmp_path: Path, **changes: object) -> Engine:
    """An engine that ends while a is away, or with a record as it would have left it."""
    engine = Engine(tmp_path, "a")
    engine.hosts["a"].away_seconds = 600.0
    engine.reboots.start(["a"], "anna")
    until(lambda: engine.reboots.chores.newest(1)[0].stage == "going-down")
    engine.reboots.chores.stop()
    if changes:
        (record,) = engine.reboots.book.all()
        engine.reboots.book.keep(msgspec.structs.replace(record, **changes))
    return engine


def test_the_next_engine_goes_on_where_this_one_ended(tmp_path: Path) -> None:
    first = begun(tmp_path)
    first.clock._monotonic = 5.0  # another process, another monotonic clock
    first.hosts["a"].booted, first.hosts["a"]._down = -1.0, [(-1.0, 300.0)]
    second = Engine(tmp_path, before=first)
    assert [record.host for record in second.reboots.chores.resume()] == ["a"]
    record = second.ended()["a"]
    assert (record.stage, len(second.hosts["a"].requests)) == ("done", 1)


def test_an_engine_that_died_before_it_asked_leaves_it_to_the_next_one(tmp_path: Path) -> None:
    first = begun(tmp_path, sent=False, stage="requested")
    host = first.hosts["a"]
    host._down, host.away_seconds, old = [], 60.0, len(host.requests)  # the request never arrived
    second = Engine(tmp_path, before=first)
    second.reboots.chores.resume()
    assert second.ended()["a"].stage == "done"
    assert len(host.requests) == old + 1


def test_a_reboot_that_nobody_expects_any_more_is_not_begun(tmp_path: Path) -> None:
    first = begun(tmp_path, sent=False, stage="queued", state=None)
    first.hosts["a"]._down.clear()
    old = len(first.hosts["a"].requests)
    first.clock.advance(3600)
    second = Engine(tmp_path, before=first)
    second.reboots.chores.resume()
    record = second.ended()["a"]
    assert record.stage == "refused" and "too long ago" in record.text
    assert len(first.hosts["a"].requests) == old


def test_a_reboot_can_be_found_again_by_the_name_that_it_was_given(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "a")
    engine.reboots.start(["a"], "anna", batch="r-1-a-3-0")
    assert engine.ended()["a"].batch == "r-1-a-3-0"
    assert Engine(tmp_path, before=engine).reboots.chores.newest(1)[0].batch == "r-1-a-3-0"
