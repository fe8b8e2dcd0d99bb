"""What is remembered: since when, reboots outlived, who has it in hand; and the whole catalogue on a healthy and a sick host."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.checks.health_catalogue import CHECKS, HealthResult, check, examine
from backends.checks.health_difference import difference
from backends.checks.health_finding import Action, Finding, critical, ok, unknown, warning
from backends.checks.health_history import History, acknowledge, clear, remember
from backends.checks.health_look import Look
from backends.hostkit.health_model import Processes, Said, Waiting
from backends.metrics.sample import Cpu, Memory, Sample
from backends.states import Severity
from tests.unit.checks import health_cases as cases
from tests.unit.checks.health_cases import NOW, facts, gpu, look, sample, samples

HOUR = 3600.0
SICK = critical("G05", "row remapping failed", "GPU-0", action=Action.REBOOT, advice="reboot it")
WELL = ok("G05", "none", "GPU-0")


def run(history: History, finding: Finding, boot: str, now: float) -> tuple[History, Finding]:
    after, found = remember(history, [finding], boot, now)
    return after, found[0]


def test_since_is_when_it_became_this_bad() -> None:
    mild = warning("G05", "x", "GPU-0")
    history, _ = run(History(), mild, "a", NOW)
    history, found = run(history, mild, "a", NOW + HOUR)
    assert found.since == NOW
    history, found = run(history, SICK, "a", NOW + 2 * HOUR)
    assert found.since == NOW + 2 * HOUR
    history, found = run(history, mild, "a", NOW + 3 * HOUR)
    assert found.since == NOW + 2 * HOUR


def test_after_two_reboots_without_cure_the_hardware_is_inspected() -> None:
    history, actions = History(), []
    for n, boot in enumerate("aabbc"):
        history, found = run(history, SICK, boot, NOW + n * HOUR)
        actions.append(found.action)
    assert actions == [Action.REBOOT] * 4 + [Action.INSPECT]
    assert found.reboots == 2 and "2 reboots" in found.advice


def test_a_fault_that_hides_for_an_hour_after_a_reboot_is_not_cured() -> None:
    history = History()
    for n, (boot, finding) in enumerate([("a", SICK), ("b", WELL), ("b", SICK), ("c", WELL), ("c", SICK)]):
        history, found = run(history, finding, boot, NOW + n * HOUR)
    assert (found.action, found.since) == (Action.INSPECT, NOW + 4 * HOUR)


def test_a_day_without_it_is_a_cure() -> None:
    history, _ = run(History(), SICK, "a", NOW)
    history, _ = run(history, WELL, "b", NOW + 25 * HOUR)
    _, found = run(history, SICK, "c", NOW + 26 * HOUR)
    assert (found.reboots, found.action) == (0, Action.REBOOT)


def test_what_no_reboot_cures_is_not_escalated_by_them() -> None:
    history, full = History(), warning("H10", "full", "/", action=Action.CHECK_APP)
    for n, boot in enumerate("abcd"):
        history, found = run(history, full, boot, NOW + n)
    assert found.action is Action.CHECK_APP


def test_an_acknowledgement_is_shown_until_all_is_well() -> None:
    history, _ = run(History(), SICK, "a", NOW)
    history = acknowledge(history, "G05", "GPU-0", "anna", NOW, "RMA 17")
    history, found = run(history, SICK, "a", NOW + 1)
    assert (found.acknowledged, found.severity) == ("anna", Severity.CRITICAL)
    history, _ = run(history, WELL, "a", NOW + 2)
    _, found = run(history, SICK, "a", NOW + 3)
    assert found.acknowledged == ""


def test_clearing_forgets_the_reboots() -> None:
    history = History()
    for boot in "abc":
        history, _ = run(history, SICK, boot, NOW)
    _, found = run(clear(history, "G05", "GPU-0", NOW), SICK, "d", NOW + 1)
    assert (found.reboots, found.action) == (0, Action.REBOOT)


STEPS = st.lists(
    st.tuples(st.sampled_from([SICK, WELL, unknown("G05", "?", "GPU-0")]), st.sampled_from("abcd"), st.floats(0, 9e4))
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 20))
def test_it_can_be_stored_at_any_point(steps: list[tuple[Finding, str, float]], stored: int) -> None:
    """Written down and read again between any two checks, nothing is told differently."""

    def told(restart: int) -> list[Finding]:
        history, now, found = History(), NOW, []
        for n, (finding, boot, seconds) in enumerate(steps):
            if n == restart:
                history = msgspec.json.decode(msgspec.json.encode(history), type=History)
            now += seconds
            history, one = run(history, finding, boot, now)
            found.append(one)
        return found

    assert told(-1) == told(stored)
    assert all(one.severity is step[0].severity for one, step in zip(told(-1), steps, strict=True)), (
        "it never hides anything"
    )


# the catalogue


def healthy() -> Look:
    one = Memory(total_bytes=100 << 30, available_bytes=50 << 30)
    rows = samples(lambda n: sample(gpu(0), gpu(1), gpu(2), gpu(3), memory=one, cpu=Cpu(load_15=1.0)))
    return look(samples=rows, facts=facts(smi=Said(status=0)))


def test_every_check_of_the_catalogue_is_there() -> None:
    names = {check.id for check in CHECKS}
    passive = (
        {f"G{n:02}" for n in range(1, 30)} | {f"N{n:02}" for n in range(1, 11)} | {f"H{n:02}" for n in range(1, 23)}
    )
    assert passive <= names


def test_a_healthy_host_has_no_problem_but_what_cannot_be_seen() -> None:
    result = examine(healthy())
    assert [finding for finding in result.problems if finding.bad] == []
    assert {finding.check for finding in result.problems} == {"H06", "H08", "H18"}
    assert result.severity is Severity.UNKNOWN


def test_a_host_of_which_nothing_is_known_is_never_well() -> None:
    result = examine(Look(host="h", now=NOW))
    assert {finding.severity for finding in result.findings} == {Severity.UNKNOWN}


def test_a_fact_that_could_not_be_had_is_unknown_with_its_reason_and_one_that_is_not_there_is_skipped() -> None:
    result = examine(look(facts=facts(missing={"edac": "no permission: x", "raid": "not asked"})))
    told = {finding.check: finding.text for finding in result.findings}
    assert "no permission: x" in told["H06"]
    assert (result.skipped["H15"], result.skipped["N05"]) == ("not asked", "not on this host")


def test_a_check_that_breaks_is_unknown_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Look) -> list[Finding]:
        raise ZeroDivisionError("x")

    from backends.checks import health_catalogue

    monkeypatch.setattr(health_catalogue, "CHECKS", (CHECKS[0]._replace(judge=broken), *CHECKS[1:]))
    result = examine(healthy())
    assert next(f for f in result.findings if f.check == "XID").severity is Severity.UNKNOWN
    assert any(finding.check == "G02" for finding in result.findings)


def test_problems_come_worst_first_and_what_somebody_has_in_hand_last() -> None:
    mine = msgspec.structs.replace(SICK, acknowledged="anna")
    result = HealthResult(host="h", time=NOW, findings=(warning("a", "x"), mine, SICK, WELL, unknown("b", "x")))
    assert [finding.severity.value for finding in result.problems] == ["critical", "critical", "warning", "unknown"]
    assert result.problems[0] is SICK


def test_a_check_remembers() -> None:
    sick = msgspec.structs.replace(healthy(), samples=(sample(gpu(0, remap_failed=True)),))
    history, _result = check(sick)
    later = msgspec.structs.replace(sick, now=NOW + HOUR, history=history)
    _, again = check(later)
    assert next(f for f in again.problems if f.check == "G05").since == NOW
    assert history.boot == cases.BOOT


def test_the_fifth_look_at_a_waiting_process_counts() -> None:
    one, severities = look(facts=facts(processes=Processes(waiting=(Waiting(pid=1, ticks=2, name="dd"),)))), []
    for _ in range(5):
        history, result = check(one)
        one = msgspec.structs.replace(one, history=history)
        severities.append(next(f for f in result.findings if f.check == "H03").severity.value)
    assert severities == ["ok"] * 4 + ["warning"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(lambda t, u: sample(gpu(utilisation_percent=u), at=t), st.floats(0, 2e9), st.floats(0, 100)),
        max_size=4,
    )
)
def test_any_samples_are_judged(rows: list[Sample]) -> None:
    result = examine(look(samples=tuple(rows)))
    assert not [finding for finding in result.findings if "the check itself failed" in finding.text]


# before and after


def result(*findings: Finding) -> HealthResult:
    return HealthResult(host="h", time=NOW, findings=findings)


@pytest.mark.parametrize(
    ("before", "after", "side"),
    [
        (WELL, SICK, "worse"),
        (warning("G05", "x", "GPU-0"), SICK, "worse"),
        (unknown("G05", "x", "GPU-0"), SICK, "worse"),
        (SICK, SICK, "same"),
        (SICK, WELL, "better"),
        (SICK, warning("G05", "x", "GPU-0"), "better"),
        (WELL, unknown("G05", "x", "GPU-0"), "unseen"),
        (SICK, unknown("G05", "x", "GPU-0"), "unseen"),
        (WELL, None, "unseen"),
        (None, SICK, "worse"),
        (None, unknown("G05", "x", "GPU-0"), "unseen"),
        (unknown("G05", "x", "GPU-0"), unknown("G05", "x", "GPU-0"), ""),
        (WELL, WELL, ""),
        (unknown("G05", "x", "GPU-0"), WELL, ""),
    ],
)
def test_what_changed(before: Finding | None, after: Finding | None, side: str) -> None:
    one = difference(result(*([before] if before else [])), result(*([after] if after else [])))
    found = {name for name in ("worse", "unseen", "better", "same") if getattr(one, name)}
    assert found == ({side} if side else set())
    assert one.passes == (side not in ("worse", "unseen"))


def test_the_reboot_that_was_wanted_keeps_no_host_back() -> None:
    rebooted = warning("H21", "it was rebooted", "reboot")
    before, after = result(ok("H21", "up for 9 d")), result(rebooted)
    assert not difference(before, after).passes
    assert difference(before, after, rebooted=True).passes
