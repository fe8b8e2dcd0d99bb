"""What steps ask of the engine's services, from an engine over hosts in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.backups.model import Proof
from backends.engine.run_services import FRESH_SECONDS, Backing, Checking, Proving, Rebooting, Updating
from backends.errors import BadInput, SwarmError
from backends.maintenance import facts
from backends.maintenance.model import RunState, Stage, Step, StepKind, StepResult
from backends.maintenance.request import Request
from backends.maintenance.steps.before import Befores
from tests.unit.engine.desk import Desk
from tests.unit.engine.test_run_muting import run


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch)
    yield one
    one.engine.stop()


def state(began: float, *results: StepResult) -> RunState:
    """A run that began host a then, and updated it in its second step."""
    one = run(a=Stage.WORKING)
    host = replace(one.hosts["a"], began=began, results=results)
    steps = (Step(kind=StepKind.DRAIN), Step(kind=StepKind.UPDATE), Step(kind=StepKind.CHECK))
    return replace(one, plan=replace(one.plan, steps=steps), hosts={"a": host})


def test_the_gate_compares_with_the_look_that_was_taken_before(desk: Desk, tmp_path: Path) -> None:
    befores = Befores(tmp_path)
    befores.keep("r-1", "a", 42.0)
    assert Checking(desk.engine, lambda name: state(0.0), befores).before("r-1", "a") == 42.0


def test_without_one_it_compares_with_how_it_stood_before_anything_was_changed(desk: Desk, tmp_path: Path) -> None:
    began = desk.engine.clock.now() - 10_000.0
    drained = StepResult(step=0, good=True, began=began, ended=began + 5)
    updated = StepResult(step=1, good=True, began=began + 30, ended=began + 60)

    def before(*results: StepResult) -> float:
        return Checking(desk.engine, lambda name: state(began, *results), Befores(tmp_path)).before("r-1", "a")

    assert before(drained, updated) == began + 30
    assert before(drained) == began + FRESH_SECONDS


def test_what_was_not_begun_is_not_found(desk: Desk) -> None:
    assert Updating(desk.engine).find("r-1-a-1-0") is None
    assert Rebooting(desk.engine).find("r-1-a-2-0") is None
    with pytest.raises(BadInput):
        Updating(desk.engine).planned("p-1", "a")


def test_a_host_without_repository_has_no_place_for_a_set(desk: Desk) -> None:
    backing = Backing(desk.engine)
    assert backing.places("a", "models") == 0 and backing.proof("a", "models") is None
    assert backing.jobs("a", "models", 0.0) == []
    with pytest.raises(SwarmError):
        backing.start("a", "models", "ann")


def test_a_proof_is_told_for_each_repository_by_its_last_drill(desk: Desk) -> None:
    proving, catalog = Proving(desk.engine), desk.engine.backups.depot.catalog
    (copy,) = proving.copies("a", "config")
    assert (copy.newest, copy.proven, copy.good) == (None, None, False)
    good = Proof(repository=copy.repository, set="config", archive="x", time=proving.now() - 60, ok=True)
    catalog.add_proof(good)
    assert proving.copies("a", "config")[0].good
    catalog.add_proof(replace(good, time=good.time + 30, ok=False, problems=("etc/fstab differs",)))
    (copy,) = proving.copies("a", "config")
    assert (copy.good, copy.problem, copy.proven) == (False, "etc/fstab differs", good.time + 30)
    assert proving.copies("a", "models") == [] and proving.usual_seconds() == 7 * 86400.0 * 1.25


def test_a_dry_run_tells_of_a_proof_that_is_asked_for_and_not_there(desk: Desk) -> None:
    made = desk.engine.maintenance.compose(Request(selector="a", steps=("proof:config:3d", "check")), "ann")
    (found,) = [each for each in made.findings if each.kind == "proof"]
    assert found.hosts == ("a",) and "no proof of config within 3d" in found.text
    assert "swarm-tui backup drill HOST --set config" in found.hint


def test_the_kernel_that_was_planned_is_that_of_the_runs_own_last_reboot(desk: Desk, tmp_path: Path) -> None:
    steps = (Step(kind=StepKind.REBOOT_IF_NEEDED), Step(kind=StepKind.CHECK))
    rebooted = StepResult(step=0, good=True, facts={facts.KERNEL_EXPECTED: "6.1.0-31"})
    checked = StepResult(step=1, good=False, facts={facts.KERNEL_EXPECTED: "5.0"})
    skipped = StepResult(step=0, good=True, facts={facts.REBOOTED: "no: nothing asks for it"})

    def planned(*results: StepResult) -> str:
        made = state(0.0, *results)
        made = replace(made, plan=replace(made.plan, steps=steps))
        return Checking(desk.engine, lambda name: made, Befores(tmp_path)).planned_kernel("r-1", "a")

    assert [planned(rebooted, checked), planned(skipped), planned()] == ["6.1.0-31", "", ""]
