"""`ssh HOST` reaches a host as the engine does, and refuses what is not one real host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "c.toml"
    file.write_text(
        '[ssh]\nconfig_file = "none"\nknown_hosts_files = ["/k"]\n[hosts.gpu01]\naddress = "10.0.0.11"\nport = 2222\nuser = "ops"\n'
        'identity_files = ["/id"]\n[hosts.gpu02]\n[hosts.here]\nsource = "local"\n'
    )
    return file


def test_the_command_says_everything_that_the_inventory_says(config: Path, run: Run) -> None:
    argv = run("--config", str(config), "ssh", "--json", "gpu01").json()["argv"]
    assert argv[0] == "ssh"
    assert argv[-2:] == ["--", "10.0.0.11"]
    assert argv[argv.index("-p") + 1] == "2222"
    assert argv[argv.index("-l") + 1] == "ops"
    assert "IdentityFile=/id" in " ".join(argv)
    assert "UserKnownHostsFile=/k" in " ".join(argv)


def test_this_machine_needs_no_ssh(config: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/zsh")
    assert run("--config", str(config), "ssh", "--json", "here").json() == {"argv": ["/bin/zsh"]}


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("gpu03", 'unknown host "gpu03"'),
        ("gpu*", "means 2 hosts; a shell needs one"),
        ("-oProxyCommand=x", "No such option"),
    ],
)
def test_what_is_not_one_host_is_refused(config: Path, host: str, said: str, run: Run) -> None:
    ran = run("--config", str(config), "ssh", host)
    assert ran.status == 64
    assert said in ran.err


def test_simulated_hosts_have_no_shell(run: Run) -> None:
    assert "simulated" in run("--demo", "ssh", "dgx01").err


def test_an_attached_fleet_is_reached_from_where_its_engine_runs(run: Run) -> None:
    argv = run("--attach", "ssh -J jump bastion swarm-tui engine --stdio", "ssh", "--json", "gpu01").json()["argv"]
    assert argv == ["ssh", "-t", "-J", "jump", "bastion", "swarm-tui", "ssh", "gpu01"]


@pytest.mark.parametrize(
    ("attach", "host"), [("nc bastion 1", "gpu01"), ("ssh b swarm-tui engine --stdio", "gpu01;reboot")]
)
def test_what_cannot_be_reached_through_an_attached_engine_is_refused(attach: str, host: str, run: Run) -> None:
    assert run("--attach", attach, "ssh", "--json", host).status == 64


def test_the_shell_replaces_this_process(config: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def execvp(program: str, argv: list[str]) -> None:
        started.append([program, *argv])
        raise FileNotFoundError(program)

    monkeypatch.setattr("os.execvp", execvp)
    ran = run("--config", str(config), "ssh", "gpu01")
    assert started[0][:2] == ["ssh", "ssh"]
    assert (ran.status, ran.err.splitlines()[0]) == (2, "error: ssh is not installed here")
