"""Drift that nothing explains passes and is told, or asks where the site wants that."""

from __future__ import annotations

from backends.maintenance import facts
from backends.maintenance.drift_plan import Changed, Drift
from backends.maintenance.steps.drifted import with_drift
from backends.maintenance.worker import Look, Told
from tests.unit.maintenance.steps.places import REASON, place

WELL = Look(told=Told.DONE, text="as before")
FSTAB = Changed(path="etc/fstab", kind="content")
PLANNED = Changed(path="etc/ssl/openssl.cnf", kind="content", why="of an updated package")
HERE = place("snapshot", "update", "check")


def test_nothing_that_differs_changes_nothing() -> None:
    assert with_drift(WELL, HERE, Drift(ask=True)) == WELL


def test_what_the_plan_explains_passes_where_others_ask() -> None:
    look = with_drift(WELL, HERE, Drift(changes=(PLANNED, PLANNED), ask=True))
    assert look.told is Told.DONE and look.text == "as before; 2 files of its configuration changed as planned"


def test_what_it_does_not_explain_is_told_and_passes() -> None:
    look = with_drift(WELL, HERE, Drift(changes=(FSTAB,)))
    assert look.told is Told.DONE and "not explained by the plan: etc/fstab content" in look.text
    assert facts.listed(look.facts, facts.DRIFT) == ("etc/fstab content",)


def test_a_site_that_wants_it_is_asked_with_the_next_step() -> None:
    look = with_drift(WELL, HERE, Drift(changes=(FSTAB, PLANNED), ask=True))
    assert (look.told, look.state) == (Told.ASKING, "drifted")
    assert "etc/fstab" in look.text and look.hint.startswith("swarm-tui drift gpu01 shows the lines")


def test_a_reason_goes_on_and_stands_in_the_report() -> None:
    look = with_drift(WELL, place("check", reason=REASON), Drift(changes=(FSTAB,), ask=True))
    assert look.told is Told.DONE and look.facts[facts.OVERRULED] == REASON
    assert with_drift(WELL, place("check", reason="ok"), Drift(changes=(FSTAB,), ask=True)).told is Told.ASKING


def test_a_host_that_has_failed_has_failed() -> None:
    failed = Look(told=Told.FAILED, text="worse than before: 7 of 8 GPUs", hint="cure it")
    look = with_drift(failed, HERE, Drift(changes=(FSTAB,), ask=True))
    assert (look.told, look.hint) == (Told.FAILED, "cure it") and facts.DRIFT in look.facts


def test_many_files_are_told_by_the_first_few() -> None:
    many = tuple(Changed(path=f"etc/{number}", kind="added") for number in range(9))
    assert with_drift(WELL, HERE, Drift(changes=many)).text.endswith("etc/2 added and 6 more")


def test_what_could_not_be_compared_passes_and_says_so_or_asks() -> None:
    look = with_drift(WELL, HERE, Drift(problem="the repository is locked"))
    assert look.told is Told.DONE and "is not known: the repository is locked" in look.text
    look = with_drift(WELL, HERE, Drift(problem="the repository is locked", ask=True))
    assert (look.told, look.state) == (Told.ASKING, "not known") and look.hint
