"""Compaction: final only after the hold and in full knowledge; append-only is off only meanwhile. Real Borg."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.backups.model import Archive, JobState
from backends.errors import RetryLater
from tests.unit.backups.vaults import FIRST, HOLD_SECONDS, OTHERS, SECOND, THIRD, Vault


def held(vault: Vault) -> None:
    vault.clock.advance(HOLD_SECONDS)


def test_after_prune_and_hold_it_frees_and_makes_final(tmp_path: Path) -> None:
    vault = Vault(tmp_path, pruned=True)
    early = vault.compaction.preview(vault.repository)
    assert early.refused.startswith("the last prune is held until 2027-01-16")
    refused = vault.compaction.apply(vault.repository, early.token, "root")
    assert refused.cause is not None and refused.cause.code == "refused"
    held(vault)
    preview = vault.compaction.preview(vault.repository)
    assert preview.refused == "" and preview.token == early.token
    assert {(each.archive.name, each.by) for each in preview.vanishing} == {
        (FIRST, "prune of a, root"),
        (SECOND, "prune of a, root"),
    }
    outcome = vault.compaction.apply(vault.repository, preview.token, "root")
    assert (outcome.state, outcome.cause, outcome.warnings) == (JobState.DONE, None, ())
    assert "freed on disk" in outcome.notes[0]
    assert vault.setting("append_only") == "1"
    assert vault.names() == (*OTHERS, THIRD)
    assert vault.catalog.gone(vault.repository.key) == () and not (vault.place / "swarm-undo").exists()
    plan = vault.undo.plan(vault.repository)
    assert plan.refused == "nothing was removed since the last compaction"
    assert vault.catalog.sizes(vault.repository.key)[-1].stored_bytes


def test_something_else_than_what_was_shown_is_not_made_final(tmp_path: Path) -> None:
    vault = Vault(tmp_path, pruned=True)
    held(vault)
    outcome = vault.compaction.apply(vault.repository, "token of an earlier preview", "root")
    assert outcome.cause is not None and outcome.cause.code == "changed"
    assert vault.undo.plan(vault.repository).refused == ""


def test_other_repositories_that_still_have_it_are_named(tmp_path: Path) -> None:
    vault = Vault(tmp_path, pruned=True)
    gone = next(each.archive for each in vault.catalog.gone(vault.repository.key) if each.archive.name == FIRST)
    near = Archive(id="1" * 64, repository="offsite/gpu01", name=FIRST, set="a", host="gpu01", start=gone.start + 1800)
    far = Archive(id="2" * 64, repository="third/gpu01", name="a.x", set="a", host="gpu01", start=gone.start - 90_000)
    vault.catalog.add(near)
    vault.catalog.add(far)
    preview = vault.compaction.preview(vault.repository)
    assert {each.archive.name: each.elsewhere for each in preview.vanishing} == {FIRST: ("offsite/gpu01",), SECOND: ()}


class Killed(BaseException):
    """The engine ends here."""


@pytest.mark.parametrize("killed", [False, True])
def test_it_is_append_only_again_when_borg_could_not_be_run_and_after_a_killed_engine_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    vault = Vault(tmp_path, pruned=True)
    guard, look = vault.compaction._guard, vault.onsite.look(vault.repository)
    if killed:
        monkeypatch.setattr(guard, "tighten", lambda *_: True)  # a killed process does nothing any more
    with pytest.raises(Killed if killed else RetryLater):
        with guard.loosened(vault.repository, vault.dialect, look, compacting=True):
            assert vault.setting("append_only") == "0"
            raise Killed if killed else RetryLater("link lost")
    assert vault.setting("append_only") == ("0" if killed else "1")
    vault.repositories.measure(vault.repository)
    assert vault.setting("append_only") == "1"
