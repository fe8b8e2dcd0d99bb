"""The update step over boards in memory."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.errors import BadInput, RetryLater
from backends.maintenance import facts
from backends.maintenance.steps.update import UpdateWorker
from backends.maintenance.worker import Look, Told
from backends.updates.model import Change, HostPlan, Outcome, PackageResult, Progress, Stage
from backends.updates.runs import Board, BoardHost
from tests.unit.maintenance.steps.places import HOST, REASON, place, without_plan

OPENSSL = Change(name="openssl", installed="3.0.1", candidate="3.0.2", cves=("CVE-2026-1", "CVE-2026-2"))
CURL = Change(name="curl", installed="7.1", candidate="7.2", cves=("CVE-2026-3",))
PART = HostPlan(host=HOST, manager="apt", changes=(OPENSSL, CURL))
HERE = place("drain", "update:security")


class Updates:
    """Plans and runs in memory; counts what was begun."""

    def __init__(self) -> None:
        self.plans: dict[str, HostPlan | None] = {"p-1": PART}
        self.runs: dict[str, Board] = {}
        self.begun: list[tuple[str, str, str]] = []
        self.error: Exception | None = None

    def planned(self, plan: str, host: str) -> HostPlan | None:
        return self.plans[plan]

    def find(self, run: str) -> Board | None:
        return self.runs.get(run)

    def start(self, plan: str, hash: str, who: str, host: str, run: str, group: str) -> Board:
        if self.error is not None:
            raise self.error
        assert group == HERE.run.id
        self.begun.append((plan, hash, run))
        self.runs[run] = _board(run, plan, Stage.QUEUED)
        return self.runs[run]

    def again(self, host: str, plan: HostPlan, who: str) -> tuple[str, str]:
        self.plans["p-2"] = plan
        return "p-2", "e" * 64

    def log(self, run: str, host: str) -> str:
        return f"Unpacking … in {run}"

    def ends(self, stage: Stage, *results: PackageResult, problems: tuple[str, ...] = (), **more: object) -> None:
        outcome = Outcome(host=HOST, stage=stage, results=results, problems=problems, **more)  # type: ignore[arg-type]
        (run,) = self.runs.values()
        self.runs[run.id] = replace(run, hosts=(replace(run.hosts[0], stage=stage, outcome=outcome),), finished=True)


def _board(run: str, plan: str, stage: Stage, progress: Progress | None = None) -> Board:
    host = BoardHost(host=HOST, stage=stage, progress=progress or Progress(host=HOST, stage=stage, planned=2))
    return Board(
        id=run, title="", plan_id=plan, plan_hash="", who="", created=0, finished=False, version=0, hosts=(host,)
    )


def test_what_is_not_kept_any_more_is_said_where_its_output_is_wanted(updates: Updates) -> None:
    worker = UpdateWorker(updates)
    token = worker.begin(HERE)
    assert worker.output(HERE, token).startswith("Unpacking")
    updates.runs.clear()
    with pytest.raises(BadInput, match="not kept any more"):
        worker.output(HERE, token)


def applied(change: Change) -> PackageResult:
    return PackageResult(name=change.name, planned=change.candidate, found=change.candidate, outcome="applied")


@pytest.fixture
def updates() -> Updates:
    return Updates()


def end(
    updates: Updates, *results: PackageResult, stage: Stage, problems: tuple[str, ...] = (), **more: object
) -> Look:
    """The look at a step whose update ended so."""
    worker = UpdateWorker(updates)
    token = worker.begin(HERE)
    updates.ends(stage, *results, problems=problems, **more)
    return worker.look(HERE, token)


def test_it_begins_the_hosts_part_of_the_plan_once_for_each_key(updates: Updates) -> None:
    tokens = {UpdateWorker(updates).begin(HERE) for _ in range(3)}
    assert len(tokens) == 1 and updates.begun == [("p-1", "f" * 64, HERE.key)]


def test_an_error_before_it_was_begun_is_handed_on(updates: Updates) -> None:
    updates.error = RetryLater("link down")
    with pytest.raises(RetryLater):
        UpdateWorker(updates).begin(HERE)


@pytest.mark.parametrize("part", [None, replace(PART, changes=())])
def test_nothing_to_update_is_done(updates: Updates, part: HostPlan | None) -> None:
    updates.plans["p-1"] = part
    worker = UpdateWorker(updates)
    look = worker.look(HERE, worker.begin(HERE))
    assert look.told is Told.DONE and not updates.begun and worker.output(HERE, worker.begin(HERE)) == ""


def test_a_run_without_plan_updates_nothing(updates: Updates) -> None:
    worker = UpdateWorker(updates)
    assert worker.look(HERE, worker.begin(without_plan(HERE))).told is Told.DONE


def test_a_host_that_could_not_be_planned_fails(updates: Updates) -> None:
    updates.plans["p-1"] = replace(PART, error="not connected")
    with pytest.raises(BadInput, match="not connected"):
        UpdateWorker(updates).begin(HERE)


def test_it_tells_the_package_at_hand_and_how_many_are_done(updates: Updates) -> None:
    worker = UpdateWorker(updates)
    token = worker.begin(HERE)
    progress = Progress(host=HOST, stage=Stage.APPLYING, done=1, planned=2, current="curl")
    updates.runs[HERE.key] = _board(HERE.key, "p-1", Stage.APPLYING, progress)
    look = worker.look(HERE, token)
    assert (look.told, look.state, look.done, look.text) == (Told.GOING, "applying", 0.5, "curl, 1 of 2")
    assert worker.output(HERE, token).startswith("Unpacking")


def test_the_end_tells_versions_and_the_cves_that_are_closed(updates: Updates) -> None:
    look = end(updates, applied(OPENSSL), applied(CURL), stage=Stage.DONE, exit_status=0)
    assert look.told is Told.DONE and "2 of 2" in look.text
    assert facts.packages(look.facts)[0] == facts.Package(name="openssl", before="3.0.1", after="3.0.2")
    assert facts.listed(look.facts, facts.CVES) == ("CVE-2026-1", "CVE-2026-2", "CVE-2026-3")


def test_a_part_of_it_is_a_failure_that_says_what_is_missing(updates: Updates) -> None:
    left = PackageResult(name="curl", planned="7.2", outcome="half-configured")
    look = end(updates, applied(OPENSSL), left, stage=Stage.PARTIAL, repairs=("configure",))
    assert look.told is Told.FAILED and "1 of 2" in look.text and "curl half-configured" in look.text
    assert "configure" in look.hint and "CVE-2026-3" not in look.facts[facts.CVES]


def test_a_failure_keeps_its_problems_and_its_last_words(updates: Updates) -> None:
    look = end(updates, stage=Stage.FAILED, problems=("dpkg ended with 100",), tail="E: no space")
    assert look.told is Told.FAILED and "dpkg ended with 100" in look.text and look.hint
    assert look.facts[facts.OUTPUT] == "E: no space"


def test_a_plan_that_drifted_asks_with_the_difference_and_an_answer_plans_anew(updates: Updates) -> None:
    why = "the host would now do something else than was approved: curl 7.3 instead of 7.2"
    look = end(updates, stage=Stage.REFUSED, problems=(why,))
    assert look.told is Told.ASKING and "7.3" in look.text
    answered = place("drain", "update:security", reason=REASON, key="r-1-gpu01-1-1")
    UpdateWorker(updates).begin(answered)
    assert updates.begun[-1] == ("p-2", "e" * 64, "r-1-gpu01-1-1")


def test_any_other_refusal_is_a_failure(updates: Updates) -> None:
    assert end(updates, stage=Stage.REFUSED, problems=("dpkg is dirty",)).told is Told.FAILED


def test_a_record_that_is_gone_is_told_not_guessed(updates: Updates) -> None:
    worker = UpdateWorker(updates)
    token = worker.begin(HERE)
    updates.runs.clear()
    assert worker.look(HERE, token).told is Told.FAILED
