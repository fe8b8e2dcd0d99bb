"""Where files live, and writing them whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from backends import paths
from backends.errors import AskOperator


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_runtime_directory_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert paths.socket_file() == tmp_path / "swarm-tui" / "engine.sock"
    assert mode(paths.runtime_dir()) == 0o700


def test_a_directory_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert mode(paths.private_dir(tmp_path / "open")) == 0o700


def test_relative_xdg_values_are_ignored_as_the_specification_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert paths.config_file() == Path.home() / ".config/swarm-tui/config.toml"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make another user's directory")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(AskOperator, match="belongs to another user"):
        paths.private_dir(tmp_path / "theirs")


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AskOperator, match="cannot use"):
        paths.private_dir(tmp_path / "file" / "below")


def test_an_atomic_write_replaces_whole_and_private(tmp_path: Path) -> None:
    target = tmp_path / "state"
    target.write_bytes(b"old")
    paths.write_atomic(target, b"new")
    assert target.read_bytes() == b"new"
    assert mode(target) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "keep").write_text("")
    with pytest.raises(OSError):
        paths.write_atomic(tmp_path / "state", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


def test_the_sign_of_a_home_directory_is_replaced_where_there_is_one() -> None:
    assert paths.expanded("~/x") == Path.home() / "x"
    assert paths.expanded("/a/~b") == Path("/a/~b")
    assert paths.expanded("~no-such-user-here/x") == Path("~no-such-user-here/x")
