"""Pruning: shown, then done exactly so, one set at a time, and never where something is wrong. Real Borg."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from backends.backups.model import Archive, BackupSet, JobState, Keep, Repository
from backends.backups.retention import of_one_set, token
from backends.backups.views import Fate
from backends.errors import AskOperator
from tests.unit.backups.vaults import FIRST, MADE, OTHERS, SECOND, THIRD, A, Vault

KEEP_TWO = msgspec.structs.replace(A, keep=Keep(daily=2, weekly=0, monthly=0))


class TestPreview:
    def test_it_tells_every_archive_of_the_set_and_none_of_another_that_begins_alike(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        preview = vault.retention.preview(vault.repository, A)
        assert {fate.archive.name: fate.keep for fate in preview.fates} == {FIRST: False, SECOND: False, THIRD: True}
        assert preview.frozen == "" and "prune" in preview.command and str(vault.place) in preview.command
        assert vault.names() == MADE  # nothing was done


class TestPruning:
    def test_exactly_what_was_shown_is_removed_and_can_still_be_brought_back(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        preview = vault.retention.preview(vault.repository, A)
        outcome = vault.retention.apply(vault.repository, A, preview.token, "root")
        assert (outcome.state, outcome.cause) == (JobState.DONE, None)
        assert outcome.notes[0].startswith("2 of 2 archives pruned; they can be brought back until a compaction")
        assert vault.names() == (*OTHERS, THIRD)
        gone = vault.catalog.gone(vault.repository.key)
        assert {(each.archive.name, each.by) for each in gone} == {
            (FIRST, "prune of a, root"),
            (SECOND, "prune of a, root"),
        }
        assert vault.compaction.held_until(vault.repository) == vault.clock.now() + 86_400
        assert vault.listings.concern(vault.repository) is None

    def test_a_preview_that_is_not_true_any_more_is_not_carried_out(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        outcome = vault.retention.apply(vault.repository, KEEP_TWO, "token of another preview", "root")
        assert outcome.state == JobState.FAILED and outcome.cause is not None and outcome.cause.code == "changed"
        assert outcome.cause.evidence == (f"would remove {FIRST}",)
        assert len(vault.catalog.archives(vault.repository.key)) == len(MADE)

    def test_what_is_frozen_stays(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        vault.catalog.set_note(vault.repository.key, "frozen", "gpu01 wrote 40 times as much as usual")
        preview = vault.retention.preview(vault.repository, A)
        assert preview.frozen == "gpu01 wrote 40 times as much as usual"
        outcome = vault.retention.apply(vault.repository, A, preview.token, "root")
        assert outcome.cause is not None and outcome.cause.code == "frozen"
        assert outcome.cause.evidence == (preview.frozen,)
        assert vault.names() == MADE

    def test_an_engine_that_ends_right_after_it_raises_no_false_alarm(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        seen = vault.listings.take(vault.repository)
        many = [msgspec.structs.replace(seen.archives[0], id=f"{number:010x}".ljust(64, "0")) for number in range(5000)]
        goes = [*many, *(each for each in seen.archives if each.name == FIRST)]
        vault.listings.intend(vault.repository, goes, "prune of a, root")
        vault.remove(FIRST)
        assert vault.listings.take(vault.repository).vanished == ()
        assert [each.by for each in vault.catalog.gone(vault.repository.key)] == ["prune of a, root"]


def fate(name: str, keep: bool = True) -> Fate:
    archive = Archive(id=name * 8, repository="vault/gpu01", name=name, set=name.split(".")[0], host="gpu01", start=0.0)
    return Fate(archive=archive, keep=keep)


def test_a_rule_never_reaches_across_sets() -> None:
    with pytest.raises(AskOperator, match=r"not of that set: a-b\.1"):
        of_one_set((fate("a.1"), fate("a-b.1", keep=False)), BackupSet(name="a"))


def test_a_token_names_what_would_be_done_and_nothing_else() -> None:
    repository = Repository(name="vault", host="gpu01", location="/x")
    one = token(repository, A, (fate("a.1"), fate("a.2", keep=False)))
    assert one == token(repository, A, (fate("a.2", keep=False), fate("a.1")))
    assert one != token(repository, A, (fate("a.1", keep=False), fate("a.2")))
