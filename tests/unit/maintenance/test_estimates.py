"""How long things take comes from runs that were; where there was none, nobody guesses."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.maintenance import facts
from backends.maintenance.estimates import Estimate, History, by_kind, estimate, of_host, unknown_steps
from backends.maintenance.fleet import Standing
from backends.maintenance.model import RunState, Stage
from backends.maintenance.steps_text import step, steps
from tests.unit.maintenance.planning import KIND, STEPS, earlier, host


def test_half_and_nine_of_ten_keep_it() -> None:
    assert estimate([float(value) for value in range(1, 11)]) == Estimate(p50=5.0, p90=9.0, count=10)
    assert estimate([7.0]) == Estimate(p50=7.0, p90=7.0, count=1)


def test_a_host_takes_the_sum_of_its_steps() -> None:
    history = History([earlier(seconds=100.0)])
    found = of_host(history, KIND, steps(STEPS), host("gpu9"), 1, True)
    assert found == Estimate(p50=500.0, p90=500.0, count=1)  # the drain takes nothing: no job runs there


def test_without_a_run_nothing_is_known() -> None:
    assert of_host(History(), KIND, steps(STEPS), host("gpu1"), 1, True) is None
    unknown = ("snapshot", "update", "reboot-if-needed", "check", "resume")
    assert unknown_steps(History(), KIND, steps(STEPS), host("gpu1"), 1, True) == unknown


def test_its_own_kind_counts_and_any_other_where_it_has_none() -> None:
    history = History([earlier(KIND, seconds=100.0, name="r1"), earlier("other", seconds=900.0, name="r2")])
    found = history.step(KIND, step("check"))
    assert found is not None and found.p90 == 100.0
    strange = history.step("never seen", step("check"))
    assert strange is not None and (strange.p50, strange.p90) == (100.0, 900.0)


def test_another_kind_of_updates_tells_more_than_nothing_and_another_backup_does_not() -> None:
    history = History([earlier(texts=("backup:config", "update:security", "check"))])
    assert history.step(KIND, step("update")) is not None
    assert history.step(KIND, step("backup:models")) is None


def test_a_drain_takes_what_the_jobs_have_left() -> None:
    history = History([earlier()])
    busy = host("gpu1", jobs=2, wait=4000.0)
    found = of_host(history, KIND, steps(("drain",)), busy, None, None)
    assert found == Estimate(p50=4000.0, p90=4000.0)
    unknown = host("gpu1", standing=Standing(scheduler="slurm", jobs=2))
    assert of_host(history, KIND, steps(("drain",)), unknown, None, None) == Estimate(p50=100.0, p90=100.0)


def test_what_does_not_happen_takes_no_time() -> None:
    history = History([earlier(texts=("check",))])
    wanted = (step("update"), step("reboot-if-needed"), step("check"))
    assert of_host(history, KIND, wanted, host("gpu1"), 0, False) == Estimate(p50=100.0, p90=100.0)


def _changed(run: RunState, **more: object) -> RunState:
    done = run.hosts["gpu1"]
    results = tuple(replace(each, **more) for each in done.results)
    return replace(run, hosts={"gpu1": replace(done, results=results)})


@pytest.mark.parametrize(
    "more",
    [{"good": False}, {"began": 9e9}, {"began": 0.0}, {"facts": {facts.REBOOTED: "no: nothing asks for it"}}],
    ids=["failed", "the clock was put back", "never began", "no reboot"],
)
def test_what_tells_nothing_is_not_counted(more: dict[str, object]) -> None:
    run = _changed(earlier(texts=("reboot-if-needed",)), **more)
    assert History([run]).step(KIND, step("reboot")) is None


def test_whole_hosts_that_went_well_are_counted_by_kind() -> None:
    good, failed = earlier(seconds=100.0), earlier(seconds=900.0, name="bad")
    held = replace(failed, hosts={"gpu1": replace(failed.hosts["gpu1"], stage=Stage.FAILED)})
    assert by_kind([good, held]) == {KIND: 600.0}
