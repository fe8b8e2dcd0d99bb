from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backends.errors import AskOperator
from backends.ssh import trust
from backends.ssh.hostkeys import Index
from tests.unit.ssh.keys import blob, public_line

TODAY = datetime(2026, 11, 24, tzinfo=UTC)


def accept(path: Path, name: str, key: str, *, hashed: bool = False, replace: bool = False) -> None:
    trust.record(str(path), name, blob(key), hashed=hashed, replace=replace, today=TODAY)


def test_the_first_key_makes_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "ssh" / "known_hosts"
    accept(path, "gpu01", "a")
    assert path.read_text() == f"gpu01 {public_line('a')}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_key_is_appended_and_the_rest_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_bytes(b"# m\xffne\n\nother ssh-rsa broken")
    path.chmod(0o644)
    accept(path, "gpu01", "a")
    assert path.read_bytes() == b"# m\xffne\n\nother ssh-rsa broken\n" + f"gpu01 {public_line('a')}\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644


def test_names_are_hashed_when_openssh_would(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    accept(path, "[10.0.0.1]:2222", "a", hashed=True)
    assert "10.0.0.1" not in path.read_text()
    assert len(Index("", path.read_text()).find("[10.0.0.1]:2222")) == 1


def test_replacing_keeps_the_old_line_as_a_comment_and_the_old_file_beside(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    before = (
        f"gpu01,gpu02 {public_line('a')}\n{trust.hashed_name('gpu01')} {public_line('a')}\n*.lab {public_line('a')}\n"
    )
    path.write_text(before)
    accept(path, "gpu01", "b", replace=True)
    found = Index("", path.read_text())
    assert [entry.blob for entry in found.find("gpu01")] == [blob("b")]
    assert [entry.blob for entry in found.find("gpu02")] == [blob("a")]
    assert [entry.blob for entry in found.find("x.lab")] == [blob("a")]
    assert path.read_text().count("# replaced by swarm-tui on 2026-11-24: ") == 2
    assert (tmp_path / "known_hosts.old").read_text() == before


def test_forgetting_touches_only_that_name(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"gpu01 {public_line('a')}\ngpu02 {public_line('a')}\n")
    trust.forget(str(path), "gpu01", today=TODAY)
    found = Index("", path.read_text())
    assert (found.find("gpu01"), len(found.find("gpu02"))) == ([], 1)
    trust.forget(str(tmp_path / "missing"), "gpu01", today=TODAY)
    assert not (tmp_path / "missing").exists()


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "known_hosts"
    real.touch()
    link.symlink_to(real)
    accept(link, "gpu01", "a")
    assert link.is_symlink()
    assert "gpu01" in real.read_text()


def test_a_file_that_cannot_be_written_says_which(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AskOperator, match="cannot write") as raised:
        accept(tmp_path / "file" / "known_hosts", "gpu01", "a")
    assert "ls -l" in (raised.value.hint or "")
