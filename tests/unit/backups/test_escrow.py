"""Keys kept elsewhere: exported, recorded, watched, and proven to open the repository. Real Borg."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.backups.escrow import DAY_SECONDS, fingerprint, printable
from backends.backups.model import JobState
from backends.errors import BadInput
from tests.unit.backups.vaults import MADE, PASSPHRASE, Vault, borg

KEY = "vault/gpu01"


def test_a_sheet_has_all_that_a_restore_needs_and_is_written_nowhere(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    before = {file for file in tmp_path.rglob("*") if file.is_file()}
    sheet = vault.escrows.sheet(vault.repository)
    exported = vault.escrows.export(vault.repository)
    assert exported.startswith(b"BORG_KEY ")
    assert fingerprint(exported) in sheet and PASSPHRASE in sheet and "BORG PAPER KEY v1" in sheet
    assert str(vault.place) in sheet and "2027-01-15" in sheet
    secret = exported.splitlines()[1][:40]
    for file in {file for file in tmp_path.rglob("*") if file.is_file()} - before:
        assert secret not in file.read_bytes() and PASSPHRASE.encode() not in file.read_bytes()
    page = vault.escrows.export(vault.repository, "qr")
    assert b"<html" in page.lower() and secret in page


def test_a_record_says_who_has_which_key_and_a_change_is_noticed_within_a_day(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    escrow = vault.escrows.recorded(vault.repository, "root", "safe, 2nd floor")
    assert vault.catalog.escrow(KEY) == escrow
    assert (escrow.who, escrow.note, len(escrow.fingerprint)) == ("root", "safe, 2nd floor", 16)
    assert vault.escrows.refresh(vault.repository) is False
    borg(
        "key", "change-passphrase", str(vault.place), base=tmp_path / "other", environment={"BORG_NEW_PASSPHRASE": "x"}
    )
    assert vault.escrows.refresh(vault.repository) is False  # looked at today already
    vault.clock.advance(DAY_SECONDS)
    assert vault.escrows.refresh(vault.repository) is True
    assert vault.escrows.changed(vault.repository) is True
    vault.escrows.recorded(vault.repository, "root")
    assert vault.escrows.changed(vault.repository) is False


def test_an_exported_key_is_proven_by_opening_a_copy_without_key_and_data(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    exported = vault.escrows.export(vault.repository)
    outcome = vault.escrows.test(vault.repository, exported)
    assert outcome.state == JobState.DONE and f"{len(MADE)} archives were listed with it" in outcome.notes[0]
    assert [each.name for each in vault.place.parent.iterdir()] == ["gpu01"]  # the copy is gone

    borg("key", "change-passphrase", str(vault.place), base=tmp_path / "o", environment={"BORG_NEW_PASSPHRASE": "x"})
    changed = vault.escrows.export(vault.repository)
    useless = vault.escrows.test(vault.repository, changed)
    assert useless.state == JobState.FAILED
    assert useless.cause is not None and useless.cause.code == "escrow-useless"
    assert [each.name for each in vault.place.parent.iterdir()] == ["gpu01"]


@pytest.mark.parametrize("exported", [b"", b"photo", b"BORG_KEY " + b"x" * (2 << 20)])
def test_what_is_no_key_is_refused_at_once(tmp_path: Path, exported: bytes) -> None:
    vault = Vault(tmp_path, made=False)
    with pytest.raises(BadInput, match="no exported key"):
        vault.escrows.test(vault.repository, exported)


@pytest.mark.parametrize(
    ("passphrase", "shown"),
    [
        (b"correct horse", "correct horse"),
        ("süß".encode(), "süß"),
        (b" leading", "(base64) IGxlYWRpbmc="),
        (b"tab\tin it", "(base64) dGFiCWluIGl0"),
        (b"\xff", "(base64) /w=="),
    ],
)
def test_a_passphrase_is_printed_so_that_it_can_be_typed(passphrase: bytes, shown: str) -> None:
    assert printable(passphrase) == shown
