"""The health gate: differences only."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.checks.health_difference import Change, Difference
from backends.checks.health_finding import Finding
from backends.checks.health_views import DifferenceView, HostHealth
from backends.clock import ManualClock
from backends.errors import BadInput
from backends.maintenance import facts
from backends.maintenance.drift_plan import Changed, Drift
from backends.maintenance.steps.check import AGAIN_SECONDS, SETTLE_SECONDS, CheckWorker
from backends.maintenance.steps.healthy import judged
from backends.maintenance.worker import Look, Told
from backends.states import Severity
from backends.updates.model import RebootNeed
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
        self.drifted = Drift()
        self.error = ""
        self.unknown = False
        self.need = RebootNeed(running_kernel="6.1.0-31", expected_kernel="6.1.0-31")
        self.planned = ""

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

    def boot(self, host: str) -> RebootNeed:
        return self.need

    def planned_kernel(self, run: str, host: str) -> str:
        return self.planned

    def drift(self, run: str, host: str) -> Drift:
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
    checks.drifted = Drift(problem="the repository is locked")
    look = settled(checks, Difference())
    assert look.told is Told.DONE and "is not known: the repository is locked" in look.text


def test_the_configuration_is_told_apart_as_the_plan_explains_it_or_not(checks: Checks) -> None:
    changes = (
        Changed(path="etc/fstab", kind="content"),
        Changed(path="etc/ssl/x.cnf", kind="added", why="of a package"),
    )
    checks.drifted = Drift(changes=changes)
    look = settled(checks, Difference())
    assert look.told is Told.DONE
    assert "1 file of its configuration changed as planned; not explained by the plan: etc/fstab content" in look.text
    assert look.facts[facts.DRIFT] == "etc/fstab content"
    assert look.facts[facts.DRIFT_PLANNED] == "etc/ssl/x.cnf added\tof a package"


# Kernel and driver -------------------------------------------------------------------------------------------------------

OLD = RebootNeed(running_kernel="6.1.0-28", expected_kernel="6.1.0-31")


def boot(checks: Checks, need: RebootNeed, *steps: str, planned: str = "") -> Look:
    """What a check after these steps says where the health is as before."""
    given, checks.need, checks.planned = place(*steps, "check"), need, planned
    worker = CheckWorker(checks)
    token = worker.begin(given)
    checks.seen = checks.now()
    return worker.look(given, token)


def test_the_kernel_that_the_reboot_was_to_bring_is_told_in_the_report(checks: Checks) -> None:
    look = boot(checks, checks.need, "update", "reboot", planned="6.1.0-31")
    assert look.told is Told.DONE and look.facts[facts.KERNEL_AFTER] == "6.1.0-31"


def test_another_kernel_than_the_reboot_was_to_bring_fails_with_what_to_do(checks: Checks) -> None:
    look = boot(checks, replace(OLD, expected_kernel="6.1.0-28"), "update", "reboot", planned="6.1.0-31")
    assert look.told is Told.FAILED and "kernel 6.1.0-28 runs, 6.1.0-31 was planned" in look.text
    assert "boot it by hand, then retry" in look.hint and look.facts[facts.KERNEL_EXPECTED] == "6.1.0-31"


def test_a_reboot_that_was_skipped_as_not_needed_is_compared_with_the_next_boot(checks: Checks) -> None:
    assert boot(checks, OLD, "update", "reboot-if-needed").told is Told.FAILED


def test_an_older_driver_than_the_installed_one_fails_after_a_reboot(checks: Checks) -> None:
    need = replace(checks.need, loaded_driver="550.54", installed_driver="560.35")
    look = boot(checks, need, "update", "reboot", planned="6.1.0-31")
    assert look.told is Told.FAILED and "NVIDIA driver 550.54 is loaded, 560.35 is installed" in look.text


@pytest.mark.parametrize("steps", [("update",), ("reboot", "update")])
def test_without_a_reboot_after_the_update_the_new_kernel_is_work_that_is_left(
    checks: Checks, steps: tuple[str, ...]
) -> None:
    look = boot(checks, OLD, *steps)
    assert look.told is Told.DONE and "a reboot is still to come: kernel 6.1.0-28 runs" in look.text
    assert "until the next reboot: kernel 6.1.0-28 runs" in look.facts[facts.WARNINGS]


def test_what_is_not_known_of_the_boot_says_nothing(checks: Checks) -> None:
    assert boot(checks, RebootNeed(), "update", "reboot").told is Told.DONE


def test_a_run_that_changes_nothing_is_not_asked_for_its_kernel(checks: Checks) -> None:
    look = boot(checks, OLD, "drain", "command:warm")
    assert look.text == "as before" and facts.KERNEL_AFTER not in look.facts


def test_illness_and_another_kernel_are_both_told(checks: Checks) -> None:
    checks.planned, checks.need = "6.1.0-31", OLD
    look = settled(checks, Difference(worse=(GPU_GONE,)))
    assert look.told is Told.FAILED and "was planned; worse than before: 7 of 8 GPUs" in look.text
    assert facts.differences(look.facts)[0].verdict == "critical"


def test_a_host_that_was_never_looked_at_before_still_has_its_kernel_compared(checks: Checks) -> None:
    checks.unknown = True
    assert boot(checks, OLD, "update", "reboot").told is Told.FAILED
