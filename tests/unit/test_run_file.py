"""The report of a run as a file: never over another one, readable by its owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.errors import BadInput
from swarm_tui import run_file


def test_into_a_directory_it_goes_under_its_own_name(tmp_path: Path) -> None:
    assert run_file.place(str(tmp_path), "r-1") == tmp_path / "swarm-tui-r-1.md"


def test_what_is_there_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("mine")
    with pytest.raises(BadInput, match="is there already"):
        run_file.place(str(tmp_path / "there.md"), "r-1")


def test_it_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    assert run_file.save(tmp_path / "r.md", "é\n") == 3
    assert (tmp_path / "r.md").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        run_file.save(tmp_path / "no" / "r.md", "x")
