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


WRONG = """\
[hosts.gpu01]
tags = ["a100"]
[checks]
[[checks.site]]
name = "lic"
command = ["/x"]
hosts = "tag:b100"
[alerts]
off = ["cpq.*"]
[[alerts.targets]]
name = "oncall"
url = "jsno://gate.example/T0KEN"
[[alerts.rules]]
name = "busy"
expression = "gqu>80"
"""


def test_checks_and_alerts_are_told_with_their_lines_and_without_a_url(run: Run) -> None:
    file = write(WRONG)
    problems = run("config", "check", "--json").json()
    assert [(each["line"], each["key"], each["severity"]) for each in problems] == [
        (7, "checks.site.0.hosts", "error"),
        (15, "alerts.rules.0.expression", "error"),
        (9, "alerts.off", "warning"),
        (12, "alerts.targets.0.url", "error"),
    ]
    assert {each["file"] for each in problems} == {str(file)}
    ran = run("config", "check")
    assert (ran.status, ran.out) == (2, "")
    assert 'did you mean "gpu"?' in ran.err and 'did you mean "cpu.*"?' in ran.err
    assert "T0KEN" not in ran.err and "gate.example" not in ran.err


def test_selectors_of_alerts_wait_for_an_inventory_that_is_right(run: Run) -> None:
    write('[hosts."a b"]\n[[alerts.targets]]\nname = "x"\nurl = "json://127.0.0.1/"\nhosts = "tag:none"\n')
    assert [problem["key"] for problem in run("config", "check", "--json").json()] == ["hosts.a b"]
