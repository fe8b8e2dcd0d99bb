"""Repositories: made, taken over, full, over quota, moved, replaced; what was good stays good. Real Borg."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from backends.backups.borg import create, exits
from backends.backups.model import Cause, JobState
from backends.errors import AskOperator, BadInput, SkipHost
from tests.unit.backups.vaults import HOLD_SECONDS, MADE, OTHERS, THIRD, A, Vault, borg

HUGE = 1 << 60


def backup(vault: Vault, name: str, size: int = 1000) -> Cause | None:
    """A backup by our own Borg; why it failed."""
    data = vault.folder / "data"
    data.mkdir(exist_ok=True)
    (data / "new").write_bytes(os.urandom(size))
    result = vault.runner.run(
        vault.repository, lambda location: create.argv(vault.runner.dialect, location, name, (str(data),))
    )
    return exits.judge("create", result, location=vault.repository.location)[1]


def _cut_off(vault: Vault, left: str) -> None:
    """As Borg leaves it when it is killed while it makes a repository."""
    for segment in (vault.place / "data").rglob("[0-9]*"):
        if segment.is_file():
            segment.unlink()
    if left == "no config":
        (vault.place / "config").unlink()
    vault.catalog.set_note("vault/gpu01", "id", "")


class TestMaking:
    def test_a_new_one_is_encrypted_append_only_with_a_reserve_and_private(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, made=False, reserve_bytes=1 << 20, quota_bytes=10_000_000)
        outcome = vault.repositories.init(vault.repository)
        assert (outcome.state, outcome.cause) == (JobState.DONE, None)
        assert outcome.notes[0] == "repokey: HMAC-SHA256 authenticates 2,000 MB/s here, BLAKE2b 1,000 MB/s."
        assert "1.0M are kept free" in outcome.notes[1] and "must be kept elsewhere" in outcome.notes[-1]
        assert vault.place.parent.stat().st_mode & 0o777 == 0o700
        settings = vault.onsite.look(vault.repository).settings
        assert (settings["append_only"], settings["additional_free_space"]) == ("1", str(1 << 20))
        assert settings["storage_quota"] == "10000000"
        assert vault.catalog.note("vault/gpu01", "encryption") == "repokey"
        assert vault.catalog.note("vault/gpu01", "id") == settings["id"]
        assert vault.catalog.sizes("vault/gpu01")[-1].stored_bytes
        over = backup(vault, "a.1", 12_000_000)  # more than the quota
        assert over is not None and over.code == "quota"
        assert backup(vault, "a.2") is None
        assert vault.names() == ("a.2",)
        again = vault.repositories.init(vault.repository)
        assert again.state == JobState.DONE and again.notes[0].startswith("Taken over")

    def test_something_else_at_its_place_is_left_alone(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, made=False)
        vault.place.mkdir(parents=True)
        (vault.place / "photo.jpg").write_text("x")
        outcome = vault.repositories.init(vault.repository)
        assert outcome.cause is not None and outcome.cause.code == "path-taken"
        assert [file.name for file in vault.place.iterdir()] == ["photo.jpg"]

    @pytest.mark.parametrize("left", ["a config", "no config"])
    def test_a_making_that_was_cut_off_is_begun_again_and_what_it_left_is_kept(self, tmp_path: Path, left: str) -> None:
        vault = Vault(tmp_path, made=False)
        assert vault.repositories.init(vault.repository).state == JobState.DONE
        _cut_off(vault, left)
        outcome = vault.repositories.init(vault.repository)
        assert (outcome.state, outcome.cause) == (JobState.DONE, None)
        (shelved,) = vault.place.parent.glob("gpu01.interrupted-*")
        assert str(shelved) in outcome.notes[-1] and (shelved / "data").is_dir()
        assert backup(vault, "a.1") is None and vault.names() == ("a.1",)

    def test_one_with_anything_in_it_is_never_moved(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, made=False)
        vault.repositories.init(vault.repository)
        assert backup(vault, "a.1") is None
        vault.catalog.set_note("vault/gpu01", "id", "")
        with pytest.raises(SkipHost, match="stored"):
            vault.onsite.shelve(vault.repository)
        assert vault.repositories.init(vault.repository).notes[0].startswith("Taken over")
        (vault.place / "photo.jpg").write_text("x")
        with pytest.raises(SkipHost, match="photo"):
            vault.onsite.shelve(vault.repository)

    @pytest.mark.parametrize("confirm", [{"BORG_PASSPHRASE": "yes"}, {"BORG_RELOCATED_REPO_ACCESS_IS_OK": "no"}])
    def test_only_borgs_questions_can_be_confirmed(self, tmp_path: Path, confirm: dict[str, str]) -> None:
        vault = Vault(tmp_path, made=False)
        with pytest.raises(BadInput, match="nothing to confirm"):
            vault.repositories.init(vault.repository, confirm=confirm)


class TestTakingOver:
    def test_one_that_our_passphrase_opens_is_brought_to_what_is_configured(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, reserve_bytes=5_000_000)
        outcome = vault.repositories.init(vault.repository)
        assert outcome.state == JobState.DONE
        assert outcome.notes[0] == "Taken over: it is there, our passphrase opens it (repokey)."
        assert vault.setting("additional_free_space") == "5000000"
        assert vault.names() == MADE

    def test_one_that_it_does_not_open_is_not(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, host="gpu02", location=str(tmp_path / "vault/gpu01"))  # with a passphrase of its own
        vault.passphrases.file(vault.repository).write_text("another one\n")
        outcome = vault.repositories.init(vault.repository)
        assert outcome.state == JobState.FAILED
        assert outcome.cause is not None and outcome.cause.code == "wrong-passphrase"
        assert vault.catalog.note(vault.repository.key, "id") == ""

    def test_an_unencrypted_one_needs_a_word_of_the_operator_once(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, made=False)
        vault.place.parent.mkdir()
        borg("init", "-e", "none", str(vault.place), base=tmp_path / "other")
        with pytest.raises(AskOperator) as caught:
            vault.repositories.init(vault.repository)
        assert caught.value.hint is not None
        assert caught.value.hint.endswith("--confirm BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK")
        confirm = {"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
        outcome = vault.repositories.init(vault.repository, confirm=confirm)
        assert outcome.state == JobState.WARNING and "not encrypted" in outcome.warnings[0]
        assert vault.repositories.init(vault.repository).state == JobState.WARNING  # known now: not asked again

    def test_a_moved_one_needs_it_too_and_the_evidence_says_that_it_is_the_same(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        vault.repositories.init(vault.repository)
        moved = vault.place.with_name("elsewhere")
        vault.place.rename(moved)
        gone = vault.repositories.problem(vault.repository, vault.onsite.look(vault.repository))
        assert gone is not None and gone.code == "repository-missing"
        there = type(vault.repository)(name="vault", host="gpu01", location=str(moved), reserve_bytes=0)
        with pytest.raises(AskOperator, match="it has the id that we know") as caught:
            vault.repositories.init(there)
        assert "BORG_RELOCATED_REPO_ACCESS_IS_OK" in str(caught.value.hint)
        outcome = vault.repositories.init(there, confirm={"BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"})
        assert outcome.state == JobState.DONE

    def test_another_one_in_its_place_is_told(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        vault.catalog.set_note(vault.repository.key, "id", "ab" * 32)
        cause = vault.repositories.problem(vault.repository, vault.onsite.look(vault.repository))
        assert cause is not None and cause.code == "repository-replaced"


class TestAFullDisk:
    def test_borg_refuses_what_is_there_stays_good_and_pruning_may_use_the_reserve(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path, reserve_bytes=HUGE)
        vault.onsite.configure(vault.repository, vault.runner.dialect, "additional_free_space", str(HUGE))
        full = backup(vault, "a.20261104T020000Z")
        assert full is not None and full.code == "no-space"
        told = vault.repositories.problem(vault.repository, vault.repositories.measure(vault.repository))
        assert told is not None and told.code == "no-space"
        assert vault.content(THIRD).startswith(b"content of a.20261103")
        vault.prune(A)
        assert vault.setting("additional_free_space") == str(HUGE)
        vault.clock.advance(HOLD_SECONDS)
        token = vault.compaction.preview(vault.repository).token
        outcome = vault.compaction.apply(vault.repository, token, "root")
        assert (outcome.state, outcome.cause) == (JobState.DONE, None)
        settings = vault.onsite.look(vault.repository).settings
        assert (settings["append_only"], settings["additional_free_space"]) == ("1", str(HUGE))
        assert vault.names() == (*OTHERS, THIRD)

    def test_a_repository_that_is_gone_is_not_made_anew_by_a_look(self, tmp_path: Path) -> None:
        vault = Vault(tmp_path)
        shutil.rmtree(vault.place)
        assert vault.repositories.measure(vault.repository).made is False
        assert not vault.place.exists()
