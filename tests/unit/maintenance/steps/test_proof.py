"""The proof step asks where a backup was not proven lately; a reason goes on without, a retry looks again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from backends.errors import BadInput
from backends.maintenance import facts
from backends.maintenance.proof import Copy
from backends.maintenance.steps.proof import ProofWorker
from backends.maintenance.worker import Look, Place, Told
from tests.unit.maintenance.steps.places import HOST, REASON, place

NOW = 1_800_000_000.0
DAY = 86400.0
HERE = place("proof:models")
GOOD = Copy(repository="vault/gpu01", newest=NOW - 3600, proven=NOW - 6 * DAY, good=True)


class Backups:
    """One repository; a proof may usually be seven days old."""

    def __init__(self, *copies: Copy):
        self.there: Sequence[Copy] = copies
        self.asked: list[tuple[str, str]] = []

    def copies(self, host: str, set: str) -> Sequence[Copy]:
        self.asked.append((host, set))
        return self.there

    def usual_seconds(self) -> float:
        return 7 * DAY

    def now(self) -> float:
        return NOW


def looked(backups: Backups, given: Place = HERE) -> Look:
    worker = ProofWorker(backups)
    return worker.look(given, worker.begin(given))


def test_a_proven_backup_lets_the_host_go_on_and_stands_in_the_report() -> None:
    backups = Backups(GOOD)
    look = looked(backups)
    assert look.told is Told.DONE and look.facts == {facts.PROOF: f"{NOW - 6 * DAY:.0f}"}
    assert set(backups.asked) == {(HOST, "models")}


def test_the_age_of_the_step_counts_more_than_the_usual_one() -> None:
    assert looked(Backups(GOOD), place("proof:models:5d")).told is Told.ASKING
    assert looked(Backups(replace(GOOD, proven=NOW - 20 * DAY)), place("proof:models:30d")).told is Told.DONE


def test_without_a_proof_it_asks_with_the_next_step() -> None:
    look = looked(Backups(replace(GOOD, proven=None, good=False)))
    assert (look.told, look.state) == (Told.ASKING, "not proven")
    assert "vault/gpu01: never restored for a test" in look.text
    assert "swarm-tui backup drill gpu01 --set models, then retry" in look.hint and "ten letters" in look.hint


def test_a_reason_goes_on_without_and_stands_in_the_report() -> None:
    look = looked(Backups(Copy(repository="vault/gpu01")), place("proof:models", reason=REASON))
    assert look.told is Told.DONE and look.facts == {facts.OVERRULED: REASON}


def test_a_word_is_no_reason() -> None:
    assert looked(Backups(Copy(repository="v")), place("proof:models", reason="go on")).told is Told.ASKING


def test_a_drill_meanwhile_is_seen_when_it_is_looked_at_again() -> None:
    backups = Backups(replace(GOOD, proven=None, good=False))
    assert looked(backups).told is Told.ASKING
    backups.there = (GOOD,)
    assert looked(backups).told is Told.DONE


def test_a_set_that_nobody_keeps_fails_with_what_to_do() -> None:
    with pytest.raises(BadInput, match="nothing is backed up as 'models'") as caught:
        ProofWorker(Backups()).begin(HERE)
    assert "leave proof:models out" in (caught.value.hint or "")


def test_its_output_tells_of_each_repository() -> None:
    worker = ProofWorker(Backups(GOOD, Copy(repository="cellar/gpu01")))
    lines = worker.output(HERE, worker.begin(HERE)).splitlines()
    assert [("vault" in line, "cellar" in line) for line in lines] == [(True, False), (False, True)]
