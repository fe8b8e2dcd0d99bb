"""One host's health between full and light looks: what each brings, what stays, what a reboot makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from backends.checks.health_catalogue import NOT_ASKED
from backends.checks.health_finding import Finding, warning
from backends.checks.health_look import Look
from backends.engine.health_book import Kept
from backends.engine.health_host import APART_SECONDS, Around, HostWatch, Outcome, Spans
from backends.errors import BadInput, RetryLater
from backends.hostkit.health_model import HealthFacts, Limits, Mounted, Mounts, Processes, Raid, Unit, Waiting
from backends.metrics.sample import InfinibandPort, Sample
from backends.states import Severity
from tests.unit.checks import health_cases as cases
from tests.unit.checks.health_cases import NOW, OTHER

SPANS = Spans(full=7200.0, light=240.0)
LIMITS = Limits(files=95, files_max=100, tasks=1, pid_max=100, threads_max=100)
FAILED = Unit(unit="b.service", active="failed")


class Bed:
    """A host and its watch; times are seconds after the first look."""

    def __init__(self, kept: Kept | None = None):
        self.watch = HostWatch("h", kept or Kept(), SPANS.full)
        self.events: tuple[object, ...] = ()
        self.log_trouble = ""

    def around(self, after: float) -> Around:
        return Around(now=NOW + after, events=self.events, log_trouble=self.log_trouble)  # type: ignore[arg-type]

    def full(self, after: float, *more: Finding, **fields: Any) -> None:
        values: dict[str, Any] = {"units": (), "processes": Processes(), "mounts": Mounts(), "limits": LIMITS}
        facts = cases.facts(at=NOW + after, **{**values, **fields})
        self.watch.judge(facts, "all", self.around(after), lambda look: more, SPANS)

    def light(self, after: float, **fields: Any) -> Outcome:
        values: dict[str, Any] = {"units": (), "processes": Processes(), "mounts": Mounts()}
        missing = dict.fromkeys(["limits", "pci", "smi"], NOT_ASKED)
        facts: HealthFacts = cases.facts(at=NOW + after, missing=missing, **{**values, **fields})
        return self.watch.judge_light(facts, self.around(after), SPANS)

    def bad(self) -> list[tuple[str, str]]:
        result = self.watch.result
        assert result is not None
        return [(one.check, one.object) for one in result.problems if one.bad]

    @property
    def health_time(self) -> float:
        assert self.watch.health is not None
        return self.watch.health.time - NOW


def test_a_light_look_brings_health_before_there_is_any_full_one() -> None:
    bed = Bed()
    assert bed.light(5, units=(FAILED,)) == (False, False)
    assert bed.watch.result is None and bed.watch.looks is None and bed.watch.row.time is None
    assert bed.watch.health is not None and bed.watch.health.failed_units == ("b.service",)
    assert bed.watch.health.missing["pci_gpus"] == NOT_ASKED


def test_a_light_look_changes_its_own_checks_and_leaves_the_others() -> None:
    bed = Bed()
    bed.full(0)
    looks = bed.watch.looks
    assert bed.bad() == [("H19", "open files")]
    assert bed.light(60) == (False, False)
    assert bed.watch.looks is looks and bed.health_time == 60.0
    assert bed.light(120, units=(FAILED,)) == (True, False)
    assert bed.bad() == [("H19", "open files"), ("H20", "b.service")]
    assert bed.watch.row.cells["H20"] == "w"
    assert bed.watch.result is not None and bed.watch.result.time == NOW, "the last full look's"
    told = {look.check: look.time - NOW for look in bed.watch.looks or ()}
    assert (told["H20"], told["H19"]) == (120.0, 0.0)
    assert bed.light(180) == (True, False) and bed.bad() == [("H19", "open files")]


def test_what_only_the_full_look_brought_counts_for_two_periods() -> None:
    bed = Bed()
    bed.full(0, raid=Raid(lines=("md0 : active raid1 sdb1[1] sda1[0]", "  10 blocks [2/2] [UU]")), pci=())
    bed.light(7200, raid=None)
    assert bed.watch.health is not None and bed.watch.health.pci_gpus == 0
    bed.light(7201, raid=None)
    assert bed.watch.health.pci_gpus is None and bed.watch.health.missing["pci_gpus"] == NOT_ASKED


def test_the_light_look_that_meets_a_new_boot_says_so_and_leaves_the_reboot_to_the_full_one() -> None:
    bed = Bed()
    bed.full(0)
    assert bed.light(60, boot=OTHER).rebooted
    bed.full(70, boot=OTHER)
    assert ("H21", "reboot") in bed.bad()


def test_processes_are_counted_over_light_and_full_looks() -> None:
    bed = Bed()
    stuck = Processes(waiting=(Waiting(pid=7, ticks=1, name="dd", state="D"),), waiting_total=1)
    bed.full(0, processes=stuck)
    for number in range(1, 4):
        bed.light(60.0 * number, processes=stuck)
    assert ("H03", "dd") not in bed.bad()
    assert bed.light(240, processes=stuck).changed
    assert ("H03", "dd") in bed.bad()
    assert bed.watch.health is not None and bed.watch.health.stuck is not None
    assert bed.watch.health.stuck[0].checks == 5


def test_restarts_are_not_measured_over_the_minute_since_the_last_full_look() -> None:
    """One restart in a minute would be sixty in an hour."""
    bed = Bed()
    bed.full(0, units=(Unit(unit="x.service", active="active", restarts=3),))
    bed.full(3600, units=(Unit(unit="x.service", active="active", restarts=3),))
    bed.light(3660, units=(Unit(unit="x.service", active="active", restarts=4),))
    assert ("H20", "x.service") not in bed.bad()
    bed.light(3720, units=(Unit(unit="x.service", active="active", restarts=19),))
    assert ("H20", "x.service") in bed.bad()


def test_who_looks_twice_in_a_row_sees_no_rates_of_seconds() -> None:
    seen: list[Look] = []
    bed = Bed()

    def remembering(look: Look) -> tuple[Finding, ...]:
        seen.append(look)
        return ()

    for after in (0.0, 3600.0, 3605.0, 3605.0 + APART_SECONDS):
        facts = cases.facts(at=NOW + after)
        bed.watch.judge(facts, "all", bed.around(after), remembering, SPANS)
    spans = [look.pair[2] if look.pair is not None else None for look in seen]
    assert spans == [None, 3600.0, 3605.0, APART_SECONDS]


def test_a_log_that_cannot_be_read_any_more_leaves_its_checks_to_the_next_full_look() -> None:
    bed = Bed()
    bed.full(0)
    bed.log_trouble = "no permission: dmesg"
    assert bed.light(60) == (False, False)
    bed.log_trouble = ""
    bed.events = (cases.event("oom", ago=-30.0, process="python3", text="killed"),)
    assert bed.light(120).changed
    assert ("H01", "") in bed.bad()


def test_what_the_site_and_the_group_found_stays_over_light_looks() -> None:
    bed = Bed()
    bed.full(0, warning("site:raid", "odd"), warning("P03", "driver is old", "driver"))
    bed.light(60, units=(FAILED,))
    assert {("site:raid", ""), ("P03", "driver")} < set(bed.bad())


def test_a_look_that_failed_is_told_beside_what_was_seen_last_and_the_next_good_one_takes_it_back() -> None:
    bed = Bed()
    bed.full(0)
    bed.watch.failed(RetryLater("no answer", hint="wait"))
    assert (bed.watch.row.error, bed.watch.row.hint, bed.watch.row.time) == ("no answer", "wait", NOW)
    bed.full(60)
    assert bed.watch.row.error == ""


def test_taking_in_hand_lasts_over_light_looks_and_setting_healthy_is_not_known_until_the_next_look() -> None:
    bed = Bed()
    bed.full(0, units=(FAILED,))
    bed.watch.acknowledge("H20", "b.service", "ann", "", NOW + 10, SPANS.full)
    bed.light(60, units=(FAILED,))
    assert bed.watch.row.cells["H20"] == "W"
    bed.watch.clear("H20", "b.service", "ann", NOW + 70, SPANS.full)
    assert bed.watch.row.cells["H20"] == "u"
    bed.light(120, units=(FAILED,))
    assert bed.watch.row.cells["H20"] == "w", "it is still so, and nobody has it in hand"


@pytest.mark.parametrize(("check", "thing"), [("H20", "other.service"), ("G99", ""), ("H12", "")])
def test_only_a_finding_that_is_wrong_can_be_taken_in_hand(check: str, thing: str) -> None:
    bed = Bed()
    bed.full(0, units=(FAILED,), mounts=Mounts(mounted=(Mounted(device="/dev/sda1", mount="/"),)))
    with pytest.raises(BadInput):
        bed.watch.acknowledge(check, thing, "ann", "", NOW, SPANS.full)


def test_tests_under_load_stay_among_the_findings_until_they_are_cleared() -> None:
    bed = Bed()
    bed.full(0)
    bed.watch.tested("diagnostics-1", (warning("G30", "memory is odd", "diagnostics-1"),), bed.around(10), SPANS.full)
    bed.watch.tested("bandwidth", (warning("G31", "slow", "copy"),), bed.around(20), SPANS.full)
    bed.full(3600)
    assert {("G30", "diagnostics-1"), ("G31", "copy")} < set(bed.bad())
    again = Bed(bed.watch.kept)
    again.full(3700)
    assert ("G30", "diagnostics-1") in again.bad()
    again.watch.clear("G30", "diagnostics-1", "ann", NOW + 3710, SPANS.full)
    again.full(3800)
    assert ("G30", "diagnostics-1") not in again.bad() and ("G31", "copy") in again.bad()


def test_ports_that_come_and_go_are_followed_by_every_sample() -> None:
    bed = Bed()
    bed.full(0)

    def port(after: float, state: str) -> None:
        ports = (InfinibandPort(name="mlx5_0/1", state=state),)
        bed.watch.see_ports(Sample(time=NOW + after, infiniband=ports))

    for flap in range(3):
        for second in range(0, 60, 10):
            port(100 * flap + second, "ACTIVE" if second < 10 else "DOWN")
    port(300, "ACTIVE")
    bed.light(310)
    assert ("N03", "mlx5_0/1") in bed.bad()


def test_what_was_kept_is_there_before_the_first_look() -> None:
    bed = Bed()
    bed.full(0, units=(FAILED,))
    again = HostWatch("h", bed.watch.kept, SPANS.full)
    assert again.row.time == NOW and again.row.cells["H20"] == "w" and again.health is None
    assert again.row.tried == NOW and HostWatch("i", Kept(), SPANS.full).row.tried is None
    assert again.looks is not None and any(look.check == "H20" for look in again.looks)


def test_a_host_that_can_only_be_watched_is_judged_by_its_samples() -> None:
    bed = Bed()
    around = replace_samples(bed.around(0), cases.sample(cases.gpu(0, remap_failed=True)))
    result = bed.watch.judge(None, "all", around, lambda look: (), SPANS)
    assert any(one.check == "G05" and one.severity is Severity.CRITICAL for one in result.findings)
    assert any(one.check == "H20" and one.severity is Severity.UNKNOWN for one in result.findings)
    assert bed.watch.health is None


def replace_samples(around: Around, *samples: Sample) -> Around:
    return around._replace(samples=samples)
