"""`config check` tells every problem of file, keys and inventories without connecting to anything."""

from __future__ import annotations

from pathlib import Path

from backends import paths
from backends.config.check import check
from swarm_tui.keymap import KEYS
from tests.unit.cli.conftest import Run


def write(text: str) -> Path:
    file = paths.config_file()
    file.parent.mkdir()
    file.write_text(text)
    return file


def test_a_good_file_is_fine(run: Run) -> None:
    file = write('[groups.g]\nnodes = "gpu[1-4]"\n')
    ran = run("config", "check")
    assert (ran.status, ran.out, ran.err) == (0, f"{file}: fine, 4 hosts\n", "")


def test_no_file_is_fine_too(run: Run) -> None:
    ran = run("config", "check")
    assert ran.status == 0
    assert "the defaults hold, 1 host" in ran.out


def test_every_problem_is_told(run: Run) -> None:
    write('[ssh]\nusr = "x"\nport = 1\n')
    ran = run("config", "check")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("error: ") == 2
    assert 'did you mean "user"?' in ran.err


def test_the_inventory_and_the_keys_are_checked(run: Run) -> None:
    write('[hosts."a b"]\n[inventory]\nansible = ["nowhere.ini"]\n[console.keys]\n"fleet.opne" = "o"\n')
    problems = run("config", "check", "--json").json()
    assert [problem["key"] for problem in problems] == ["hosts.a b", "inventory.ansible", "console.keys"]
    assert {problem["severity"] for problem in problems} == {"error"}


def test_warnings_alone_are_status_1(run: Run) -> None:
    file = write('[inventory]\nansible = ["h.ini"]\n')
    (file.parent / "h.ini").write_text("a ansible_password=hunter2\n")
    ran = run("config", "check")
    assert ran.status == 1
    assert "warning: " in ran.err
    assert "hunter2" not in ran.err


def test_other_subcommands_tell_a_wrong_file_too(run: Run) -> None:
    write("[ssh\n")
    ran = run("hosts", "list")
    assert ran.status == 64
    assert "config.toml:1:5: not valid TOML" in ran.err


def test_the_sample_can_be_used_as_it_is(run: Run) -> None:
    assert check(run("config", "sample").out, "sample")[1] == []
    assert len(run("config", "sample", "--json").json()) > 30


def test_the_keys_are_those_of_the_console(run: Run) -> None:
    assert [key["id"] for key in run("config", "keys", "--json").json()] == [key.id for key in KEYS]
    assert "fleet.open" in run("config", "keys").out


def test_a_set_that_names_a_repository_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[[backups.sets]]\nname = "models"\npaths = ["/srv"]\nrepositories = ["vault"]\n')
    ran = run("--config", str(file), "config", "check")
    assert ran.status == 2
    assert "backups" in ran.err and "no repository is called 'vault'" in ran.err and "there are: local" in ran.err
