"""Python environments: captured answers of pip 23, argv, and what pip says when it cannot tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput, RetryLater
from backends.execution import ExecResult
from backends.updates.extras_model import Outdated
from backends.updates.python_env import (
    Environment,
    cannot_inspect,
    inspect_argv,
    interpreter,
    is_managed_elsewhere,
    judge_installed,
    judge_outdated,
    list_argv,
    outdated_argv,
    parse_inspect,
    parse_list,
    parse_outdated,
    update_argv,
)

OUTPUTS = Path(__file__).parents[2] / "outputs/pip"
PYTHON = "/srv/train/.venv/bin/python"


def captured(name: str) -> bytes:
    return (OUTPUTS / name).read_bytes()


def test_outdated_packages_with_both_versions() -> None:
    found = judge_outdated(ExecResult(exit_status=0, stdout=captured("venv-outdated.json")), "gpu01", PYTHON)
    assert found[0] == Outdated(name="idna", installed="3.4", candidate="3.20")
    assert [each.name for each in found] == ["idna", "pip", "requests", "setuptools", "urllib3"]


def test_a_source_tree_is_marked() -> None:
    row = b'[{"name":"a","version":"1","latest_version":"2","editable_project_location":"/src/a"}]'
    assert parse_outdated(row) == (Outdated(name="a", installed="1", candidate="2", editable=True),)


def test_an_index_out_of_reach_is_an_error_although_pip_ends_with_status_0_and_an_empty_list() -> None:
    output = captured("debian12-outdated-unreachable.txt")
    assert parse_outdated(output) == ()
    with pytest.raises(RetryLater, match="could not reach its index"):
        judge_outdated(ExecResult(exit_status=0, stdout=output), "gpu01", PYTHON)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (ExecResult(exit_status=1, stderr=b"/usr/bin/python3: No module named pip"), "No module named pip"),
        (ExecResult(exit_status=None), "status None"),
        (ExecResult(exit_status=0, stdout=b"Package Version\n"), "status 0"),
    ],
)
def test_what_pip_cannot_tell_is_an_error_and_not_up_to_date(result: ExecResult, words: str) -> None:
    with pytest.raises(RetryLater, match=words):
        judge_outdated(result, "gpu01", PYTHON)


def test_an_environment_as_pip_describes_it() -> None:
    found = parse_inspect(captured("venv-inspect.json"))
    assert found is not None
    assert (found.python, found.pip) == ("3.11.7", "23.2.1")
    packages = {each.name: each for each in found.packages}
    assert (packages["idna"].version, packages["idna"].requested, packages["idna"].installer) == ("3.4", True, "pip")
    assert "idna (<4,>=2.5)" in packages["requests"].requires


def test_another_format_of_inspect_is_not_guessed_at() -> None:
    assert parse_inspect(captured("venv-inspect.json").replace(b'"version": "1"', b'"version": "2"', 1)) is None


def test_a_pip_that_cannot_inspect_still_lists() -> None:
    refused = ExecResult(exit_status=1, stderr=captured("pip22-inspect.txt"))
    assert cannot_inspect(refused) and not cannot_inspect(ExecResult(exit_status=1, stderr=b"No module named pip"))
    listed = ExecResult(exit_status=0, stdout=captured("pip22-list.json"))
    found = judge_installed(listed, "gpu01", PYTHON, inspected=False)
    assert [(each.name, each.version) for each in found.packages] == [("pip", "22.0.2"), ("setuptools", "65.5.0")]
    assert "--local" in list_argv(PYTHON)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (ExecResult(exit_status=127, stderr=b"env: '/x/bin/python': No such file or directory"), "No such file"),
        (ExecResult(exit_status=0, stdout=b"{}"), "status 0"),
        (ExecResult(exit_status=0, stdout=captured("venv-inspect.json"), truncated=True), "too long"),
    ],
)
def test_packages_that_cannot_be_read_are_an_error_and_not_none(result: ExecResult, words: str) -> None:
    with pytest.raises(RetryLater, match=words):
        judge_installed(result, "gpu01", PYTHON, inspected=True)


@pytest.mark.parametrize(
    ("path", "python"),
    [
        ("/srv/a/.venv", "/srv/a/.venv/bin/python"),
        ("/srv/a/.venv/", "/srv/a/.venv/bin/python"),
        ("/usr/bin/python3", "/usr/bin/python3"),
        ("/opt/x/bin/pypy3.11", "/opt/x/bin/pypy3.11"),
        ("/opt/python-envs", "/opt/python-envs/bin/python"),
    ],
)
def test_a_path_is_an_interpreter_or_a_directory_with_one(path: str, python: str) -> None:
    assert interpreter(path) == python


def test_an_environment_of_the_distribution_is_recognised() -> None:
    assert is_managed_elsewhere(ExecResult(exit_status=1, stderr=captured("debian12-managed.txt")))
    assert not is_managed_elsewhere(ExecResult(exit_status=1, stderr=b"ERROR: No matching distribution"))


def test_words_of_a_package_are_made_safe() -> None:
    row = b'[{"name":"\\u001b[31ma\\u202e","version":"1\\n2","latest_version":"3"}]'
    assert parse_outdated(row) == (Outdated(name="a\ufffd", installed="1 2", candidate="3"),)


def test_commands_name_the_interpreter_and_ask_nothing() -> None:
    assert outdated_argv(PYTHON)[:7] == (PYTHON, "-m", "pip", "list", "--outdated", "--format", "json")
    assert "--no-input" in outdated_argv(PYTHON)
    assert inspect_argv(PYTHON)[:4] == (PYTHON, "-m", "pip", "inspect")


def test_an_update_is_pinned_and_can_be_simulated() -> None:
    pins = {"requests": "2.34.2", "idna": "3.20"}
    assert update_argv(PYTHON, pins)[-3:] == ("--", "idna==3.20", "requests==2.34.2")
    assert "--dry-run" in update_argv(PYTHON, pins, simulate=True)
    assert "--dry-run" not in update_argv(PYTHON, pins)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("--index-url", "1"),
        ("a b", "1"),
        ("a", "1; rm"),
        ("a", "-1"),
        ("", "1"),
        ("a", ""),
        ("a @ file:///x", "1"),
        ("a\n", "1"),
    ],
)
def test_what_is_no_package_is_never_a_word_of_a_command(name: str, version: str) -> None:
    with pytest.raises(BadInput, match="not a package"):
        update_argv(PYTHON, {name: version})


@pytest.mark.parametrize("python", ["python3", "", "-c", "/x\0"])
def test_an_interpreter_is_an_absolute_path(python: str) -> None:
    with pytest.raises(BadInput):
        outdated_argv(python)
    with pytest.raises(BadInput, match="no package"):
        update_argv(PYTHON, {})


@given(st.binary() | st.text().map(str.encode))
def test_no_answer_breaks_the_parsers(output: bytes) -> None:
    assert parse_inspect(output) is None
    assert parse_list(output) is None or parse_list(output) == Environment()
    assert parse_outdated(output) in (None, ())


def test_an_answer_without_bottom_is_none() -> None:
    assert parse_outdated(b"[" * 100_000) is None
    assert parse_inspect(b'{"a":' * 100_000) is None
