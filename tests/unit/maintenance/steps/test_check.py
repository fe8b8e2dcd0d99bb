"""The health gate: differences only."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backends.checks.health_difference import Change, Difference
from backends.checks.health_finding import Finding
from backends.checks.health_views import DifferenceView, HostHealth
from backends.clock import ManualClock
from backends.errors import BadInput, RetryLater
from backends.maintenance import facts
from backends.maintenance.steps.check import AGAIN_SECONDS, SETTLE_SECONDS, CheckWorker, judged
from backends.maintenance.worker import Look, Told
from backends.states import Severity
from tests.unit.maintenance.steps.places import REASON, place

HERE = place("drain", "snapshot", "reboot", "check")


def change(check: str, severity: Severity, text: str = "something") -> Change:
    return Change(check=check, object="x", after=Finding(check=check, object="x", severity=severity, text=text))


GPU_GONE = change("G02", Severity.CRITICAL, "7 of 8 GPUs")
UNIT = change("H20", Severity.WARNING, "slurmd failed")
DISK = change("H10", Severity.WARNING, "/var is 86 % full")
UNSEEN = Change(check="G18", object="x", before=Finding(check="G18", severity=Severity.OK, text="x16"))


class Checks:
    """Looks take as long as a test says."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.looked: list[float] = []
        self.seen: float | None = None
        self.found = Difference()
        self.asked: list[tuple[float, bool]] = []
        self.drifted: Sequence[str] | RetryLater = ()
        self.error = ""
        self.unknown = False

    def before(self, run: str, host: str) -> float:
        return 42.0

    def run(self, host: str) -> None:
        self.looked.append(self.now())

    def row(self, host: str) -> HostHealth:
        return HostHealth(host=host, time=self.seen, tried=self.looked[-1] if self.looked else None, error=self.error)

    def difference(self, host: str, before: float, rebooted: bool) -> DifferenceView:
        self.asked.append((before, rebooted))
        if self.unknown:
            raise BadInput("nothing is known from before")
        return DifferenceView(host=host, before=before, after=self.seen or 0.0, difference=self.found)

    def drift(self, host: str) -> Sequence[str]:
        if isinstance(self.drifted, RetryLater):
            raise self.drifted
        return self.drifted

    def now(self) -> float:
        return self.clock.now()


@pytest.fixture
def checks() -> Checks:
    return Checks()


def settled(checks: Checks, found: Difference) -> Look:
    """The last look, when the difference stays as it is."""
    worker, checks.found = CheckWorker(checks), found
    token = worker.begin(HERE)
    checks.seen = checks.now()
    first = worker.look(HERE, token)
    if first.told is not Told.GOING:
        return first
    checks.clock.advance(SETTLE_SECONDS)
    checks.seen = checks.now()
    return worker.look(HERE, token)


def test_it_waits_for_a_look_that_began_after_it_was_asked_for(checks: Checks) -> None:
    checks.seen = checks.now() - 1.0
    worker = CheckWorker(checks)
    token = worker.begin(HERE)
    assert worker.look(HERE, token).told is Told.GOING and not checks.asked
    checks.seen = checks.now() + 1.0
    assert worker.look(HERE, token).told is Told.DONE
    assert checks.asked == [(42.0, True)]


def test_a_look_that_failed_is_taken_again(checks: Checks) -> None:
    worker = CheckWorker(checks)
    token = worker.begin(HERE)
    checks.error = "not connected"
    checks.clock.advance(AGAIN_SECONDS)
    assert worker.look(HERE, token).text == "not connected" and len(checks.looked) == 2


@pytest.mark.parametrize(
    "found", [Difference(), Difference(worse=(DISK,)), Difference(same=(GPU_GONE,), better=(UNIT,))]
)
def test_what_was_there_before_and_mild_warnings_pass(checks: Checks, found: Difference) -> None:
    look = settled(checks, found)
    assert look.told is Told.DONE and len(checks.looked) == 1
    assert facts.listed(look.facts, facts.WARNINGS) == (("/var is 86 % full",) if found.worse else ())


@pytest.mark.parametrize("worse", [GPU_GONE, UNIT])
def test_what_is_worse_fails_once_it_stays(checks: Checks, worse: Change) -> None:
    look = settled(checks, Difference(worse=(worse, DISK)))
    assert look.told is Told.FAILED and worse.after is not None and worse.after.text in look.text and look.hint
    assert facts.differences(look.facts)[0].verdict == "critical"


def test_what_comes_up_late_is_waited_for(checks: Checks) -> None:
    worker, checks.found = CheckWorker(checks), Difference(worse=(UNIT,))
    token = worker.begin(HERE)
    checks.seen = checks.now()
    assert worker.look(HERE, token).state == "settling"
    checks.clock.advance(AGAIN_SECONDS)
    assert worker.look(HERE, token).state == "settling" and len(checks.looked) == 2
    checks.found = Difference()
    assert worker.look(HERE, token).told is Told.DONE


def test_what_is_out_of_sight_asks(checks: Checks) -> None:
    assert settled(checks, Difference(unseen=(UNSEEN,))).told is Told.ASKING


def test_what_has_no_text_is_named_by_its_check() -> None:
    mute = Change(check="G18", object="x", before=Finding(check="G18", severity=Severity.OK, text=""))
    assert judged(Difference(unseen=(mute,))).text == "not known any more: G18 x"


def test_a_typed_reason_overrules_and_stands_in_the_report() -> None:
    look = judged(Difference(worse=(GPU_GONE,)), REASON)
    assert look.told is Told.DONE and look.facts[facts.OVERRULED] == REASON
    assert judged(Difference(worse=(GPU_GONE,)), "ok").told is Told.FAILED


def test_a_host_that_was_never_looked_at_before_asks_and_a_reason_overrules(checks: Checks) -> None:
    checks.unknown = True
    look = settled(checks, Difference())
    assert look.told is Told.ASKING and "nothing is known" in look.text
    answered = place("reboot", "check", reason=REASON)
    token = CheckWorker(checks).begin(answered)
    checks.seen = checks.now()
    assert CheckWorker(checks).look(answered, token).told is Told.DONE


def test_a_snapshot_that_cannot_be_read_is_not_taken_for_one_without_differences(checks: Checks) -> None:
    checks.drifted = RetryLater("the repository is locked")
    look = settled(checks, Difference())
    assert look.told is Told.DONE and "is not known: the repository is locked" in look.text


def test_files_that_differ_from_the_snapshot_are_named(checks: Checks) -> None:
    checks.drifted = ("etc/fstab content",)
    look = settled(checks, Difference())
    assert look.told is Told.DONE and look.facts[facts.DRIFT] == "etc/fstab content"
