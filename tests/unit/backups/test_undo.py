"""Undo: everything that was removed is back with equal content, nothing that was made since is lost by surprise. Real Borg."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from backends.backups.model import JobState
from backends.backups.undo import Client
from backends.errors import BadInput, RetryLater
from tests.borgs import borg_14
from tests.unit.backups.vaults import A_B, FIRST, MADE, OTHERS, SECOND, THIRD, A, Unreachable, Vault, borg


class TestUndoing:
    def test_all_archives_are_back_with_equal_content_and_backups_go_on(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        before = vault.content(FIRST)
        vault.prune(A)
        plan = vault.undo.plan(vault.repository)
        assert ({each.name for each in plan.back}, plan.lost, plan.refused) == ({FIRST, SECOND}, (), "")
        assert plan.before == "prune of a, root"
        outcome = vault.undo.apply(vault.repository, plan.token, "root")
        assert (outcome.state, outcome.cause, outcome.warnings) == (JobState.DONE, None, ())
        assert outcome.notes[0].startswith("2 of 2 archives are back")
        assert vault.names() == MADE
        assert vault.content(FIRST) == before and before.startswith(b"content of a.20261101")
        assert vault.catalog.gone(vault.repository.key) == () and vault.catalog.removals(vault.repository.key) == ()
        assert vault.compaction.held_until(vault.repository) is None
        vault.add("a.20261104T020000Z")
        assert vault.names() == (*MADE, "a.20261104T020000Z")
        borg("check", "--verify-data", str(vault.place), base=tmp_path / "checker")

    def test_a_repository_of_borg_1_4_goes_back_as_well_and_a_host_that_is_away_is_named(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, made=False, program=borg_14())
        assert vault.repositories.init(vault.repository).state == JobState.DONE
        for name in (FIRST, SECOND):
            vault.add(name)
        before = vault.content(FIRST)
        vault.prune(A)
        assert vault.names() == (SECOND,)
        vault.others = [Client(Unreachable(), ("/var/cache/swarm-tui/borg",))]
        outcome = vault.undo.apply(vault.repository, vault.undo.plan(vault.repository).token, "root")
        assert (outcome.state, outcome.cause) == (JobState.WARNING, None)
        assert outcome.warnings[0].startswith("gpu01 could not be told (link down)")
        assert vault.names() == (FIRST, SECOND) and vault.content(FIRST) == before

    def test_it_goes_back_as_far_as_it_costs_nothing(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, pruned=True)
        vault.prune(A_B)
        plan = vault.undo.plan(vault.repository)
        assert {each.name for each in plan.back} == {FIRST, SECOND, OTHERS[0]}
        (_, second) = vault.undo.points(vault.repository)
        one = vault.undo.plan(vault.repository, to=second.mark.transaction)
        assert [each.name for each in one.back] == [OTHERS[0]] and len(one.remaining) == 2
        with pytest.raises(BadInput, match="no known state is at transaction 999"):
            vault.undo.plan(vault.repository, to=999)

    def test_what_was_made_since_is_lost_only_by_name_and_can_be_had_beside_it_instead(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, pruned=True)
        vault.add("a.20261104T020000Z")
        plan = vault.undo.plan(vault.repository)
        assert [each.name for each in plan.lost] == ["a.20261104T020000Z"]
        refused = vault.undo.apply(vault.repository, plan.token, "root")
        assert refused.cause is not None and refused.cause.code == "would-lose"
        assert "a.20261104T020000Z" in refused.cause.text and "--aside" in refused.cause.next_step
        beside = vault.undo.aside(vault.repository)
        assert beside.state == JobState.DONE and f"{vault.place}.before-" in beside.notes[0]
        (copy,) = vault.place.parent.glob("gpu01.before-*")
        assert borg("extract", "--stdout", f"{copy}::{FIRST}", "file", base=tmp_path / "reader").startswith(
            b"content of a.2"
        )
        assert vault.names() == (*OTHERS, THIRD, "a.20261104T020000Z")
        outcome = vault.undo.apply(vault.repository, plan.token, "root", lose=["a.20261104T020000Z"])
        assert outcome.state == JobState.DONE
        assert vault.names() == MADE
        assert vault.listings.concern(vault.repository) is None  # it was ours

    def test_nothing_is_undone_while_somebody_writes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        vault = Vault(tmp_path, pruned=True)
        look, numbers = vault.onsite.look, iter(range(100, 200))
        monkeypatch.setattr(
            vault.onsite,
            "look",
            lambda repository: msgspec.structs.replace(look(repository), transaction=next(numbers)),
        )
        with pytest.raises(RetryLater, match="is being written to"):
            vault.undo.plan(vault.repository)

    def test_it_never_goes_back_behind_a_healing(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, pruned=True)
        (replaced, *_) = vault.listings.take(vault.repository).archives
        lost = msgspec.structs.replace(replaced, id="7" * 64)
        vault.catalog.add(lost)
        vault.clock.advance(60)
        vault.catalog.removed(vault.repository.key, [lost.id], "healing, root", vault.clock.now())
        plan = vault.undo.plan(vault.repository)
        assert plan.back == () and "no state to go back to is known" in plan.refused

    def test_there_is_nothing_to_undo_where_nothing_was_removed(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        outcome = vault.undo.apply(vault.repository, "", "root")
        assert outcome.cause is not None and outcome.cause.code == "nothing-to-undo"
        assert "nothing was removed since the last compaction" in outcome.cause.text

    def test_an_undo_that_would_do_something_else_now_is_refused(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, pruned=True)
        outcome = vault.undo.apply(vault.repository, "token of another plan", "root")
        assert outcome.cause is not None and outcome.cause.code == "changed"

    def test_after_somebody_compacted_it_says_that_it_is_final(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, pruned=True)
        borg("config", str(vault.place), "append_only", "0", base=tmp_path / "other")
        borg("compact", "--threshold", "0", str(vault.place), base=tmp_path / "other")
        plan = vault.undo.plan(vault.repository)
        outcome = vault.undo.apply(vault.repository, plan.token, "root")
        assert outcome.cause is not None and outcome.cause.code == "cannot-undo"
        assert "compacted" in outcome.cause.text
        assert len(vault.catalog.archives(vault.repository.key)) == 3
