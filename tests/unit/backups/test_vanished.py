"""A host that removes archives through the append-only channel is noticed before it is final, and undone. Real Borg."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.backups.model import JobState
from backends.errors import BadInput
from backends.states import Severity
from tests.unit.backups.vaults import FIRST, HOLD_SECONDS, MADE, SECOND, THIRD, A, Vault


def test_a_hostile_removal_is_told_stops_everything_and_is_undone(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    before = vault.content(THIRD)
    vault.names()
    vault.remove_as_host(SECOND, THIRD)
    seen = vault.listings.take(vault.repository)
    assert {each.name for each in seen.vanished} == {SECOND, THIRD}
    concern = vault.listings.concern(vault.repository)
    assert concern is not None and (concern.code, concern.severity) == ("vanished", Severity.CRITICAL)
    assert "2 archives were removed by nobody here" in concern.text and "gpu01 itself could" in concern.text
    assert "UTC by the repository's log" in concern.text

    preview = vault.retention.preview(vault.repository, A)
    assert preview.frozen.startswith("2 archives were removed by nobody here")
    vault.clock.advance(HOLD_SECONDS)
    compact = vault.compaction.preview(vault.repository)
    assert {each.by for each in compact.vanishing} == {""} and compact.refused == preview.frozen
    assert vault.compaction.apply(vault.repository, compact.token, "root").state == JobState.FAILED

    plan = vault.undo.plan(vault.repository)
    assert {each.name for each in plan.back} == {SECOND, THIRD}
    outcome = vault.undo.apply(vault.repository, plan.token, "root")
    assert (outcome.state, outcome.cause) == (JobState.DONE, None)
    assert vault.names() == MADE and vault.content(THIRD) == before
    assert vault.listings.concern(vault.repository) is None
    assert vault.retention.preview(vault.repository, A).frozen == ""


def test_what_somebody_accepts_by_name_stops_nothing_any_more(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.names()
    vault.remove_as_host(FIRST)
    vault.listings.take(vault.repository)
    with pytest.raises(BadInput, match="is not missing"):
        vault.listings.accept(vault.repository, [SECOND], "root")
    assert vault.listings.accept(vault.repository, [FIRST], "root").state == JobState.DONE
    assert vault.listings.concern(vault.repository) is None
    assert [each.by for each in vault.catalog.gone(vault.repository.key)] == ["accepted by root"]
    assert vault.compaction.preview(vault.repository).refused == ""


def test_a_removal_after_our_own_prune_is_still_told_apart(tmp_path: Path) -> None:
    vault = Vault(tmp_path, pruned=True)
    vault.remove_as_host(THIRD)
    assert [each.name for each in vault.listings.take(vault.repository).vanished] == [THIRD]
    assert len(vault.catalog.gone(vault.repository.key)) == 3
