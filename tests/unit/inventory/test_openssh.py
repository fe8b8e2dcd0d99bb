"""Concrete Host names are taken, patterns are not, and Include is followed as OpenSSH follows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.config.problem import Problem
from backends.inventory import openssh


def names(file: Path, problems: list[Problem] | None = None) -> list[str]:
    return [host.name for host in openssh.read(file, [] if problems is None else problems)]


def test_only_concrete_names_are_hosts(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        '# Host no\nHost gpu1 gpu2 *.x gpu? !gpu3\n  HostName 10.0.0.1\nhost="login" # c\nMatch host y\nHOST=a b\n'
    )
    assert names(file) == ["gpu1", "gpu2", "login", "a", "b"]


def test_include_is_followed_relative_to_the_folder_and_sorted(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "2").write_text("Host two one\n")
    (tmp_path / "d" / "1").write_text("Host one\n")
    (tmp_path / "config").write_text("Include d/*\nHost three\n")
    assert names(tmp_path / "config") == ["one", "two", "three"]


def test_the_origin_is_the_line(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("\nHost a\n")
    assert openssh.read(tmp_path / "config", [])[0].origin == f"{tmp_path}/config:2"


def test_an_include_of_itself_ends_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Include config\nHost a\n")
    problems: list[Problem] = []
    assert names(tmp_path / "config", problems) == ["a"]
    assert [problem.severity for problem in problems] == ["warning"]


def test_a_missing_file_names_no_hosts(tmp_path: Path) -> None:
    problems: list[Problem] = []
    assert names(tmp_path / "nowhere", problems) == []
    assert problems == []


def test_an_unreadable_file_is_a_warning(tmp_path: Path) -> None:
    problems: list[Problem] = []
    assert names(tmp_path, problems) == []
    assert "cannot be read" in problems[0].message


@pytest.mark.parametrize("line", ['Host "a', "Host", "", "=", "  # x"])
def test_lines_without_sense_are_passed_over(tmp_path: Path, line: str) -> None:
    (tmp_path / "config").write_text(line + "\nHost z\n")
    assert names(tmp_path / "config") == ["z"]


@given(st.text(max_size=60))
def test_any_line_can_be_split(line: str) -> None:
    keyword, words = openssh.words_of(line)
    assert keyword == keyword.lower()
    assert all(isinstance(word, str) for word in words)
