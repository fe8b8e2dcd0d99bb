"""What backups get of the engine: its hosts as they are now, and the OpenSSH client as the inventory says."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.backups.vault import plain_ssh
from backends.clock import ManualClock
from backends.config.schema import BackupsConfig, Config, RepositoryConfig, SetConfig, SshConfig
from backends.engine.backup_ways import BackupWays
from backends.engine.log import Log
from backends.engine.watch import Sources
from backends.errors import BadInput
from backends.inventory.host import Host
from tests.unit.engine.parts import FakeExec, FakeSource

SSH = SshConfig(config_file="none", user="ops", identity_files=("/keys/fleet",), known_hosts_files=("/kh",))
VAULT = Host(name="vault", address="10.0.0.9", port=2200, become="sudo")
HERE = Host(name="here", source="local")


class Case:
    """Ways over a configuration that a test changes."""

    def __init__(self, folder: Path):
        self.hosts = {each.name: each for each in (VAULT, HERE)}
        self.config = Config(ssh=SSH)
        self.sources = Sources(Log(ManualClock()))
        self.ways = BackupWays(
            self.sources, lambda: self.hosts, lambda: self.config, lambda text: text.split(","), folder, ManualClock()
        )
        self.fleet = self.ways.fleet()


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_hosts_are_those_of_the_inventory_now(case: Case) -> None:
    assert set(case.fleet.hosts()) == {"vault", "here"}
    assert (case.fleet.become("vault"), case.fleet.become("here"), case.fleet.become("gone")) == (
        "sudo",
        "none",
        "none",
    )
    assert case.fleet.here("here") and not case.fleet.here("vault") and not case.fleet.here("gone")
    case.hosts["gpu01"] = Host(name="gpu01")
    assert "gpu01" in case.fleet.hosts()


def test_commands_go_the_engine_s_own_way(case: Case) -> None:
    source = FakeSource("vault")
    source.execs["vault"] = FakeExec("vault")
    case.sources.add(source, None)  # type: ignore[arg-type]
    assert case.fleet.execs("vault") is source.execs["vault"]
    with pytest.raises(BadInput):
        case.fleet.execs("gone")
    with pytest.raises(BadInput):
        case.fleet.channels("gone")


def test_a_machine_of_the_inventory_is_reached_as_the_inventory_says(case: Case) -> None:
    argv = case.fleet.ssh_argv("backup", "vault", None)
    assert argv[:5] == ("ssh", "-p", "2200", "-l", "backup"), "the user is that of the location"
    for option in ("HostName=10.0.0.9", "IdentityFile=/keys/fleet", "UserKnownHostsFile=/kh"):
        assert option in argv
    assert "StrictHostKeyChecking=yes" in argv
    assert case.fleet.ssh_argv("", "vault", 22)[:5] == ("ssh", "-p", "22", "-l", "ops")


@pytest.mark.parametrize("host", ["elsewhere.example.org", "here"])
def test_any_other_machine_is_reached_as_the_operator_s_ssh_does_it(case: Case, host: str) -> None:
    assert case.fleet.ssh_argv("backup", host, 2022) == plain_ssh("backup", host, 2022)


def test_where_the_configuration_of_ssh_cannot_be_read_openssh_says_why(case: Case, tmp_path: Path) -> None:
    case.config = replace(case.config, ssh=replace(SSH, config_file=str(tmp_path / "missing")))
    assert case.fleet.ssh_argv("backup", "vault", None) == plain_ssh("backup", "vault", None)


def test_without_a_configuration_each_host_has_its_configuration_backed_up(case: Case, tmp_path: Path) -> None:
    tasks = case.ways.tasks()
    assert [each.key for each in tasks] == [
        "config local/vault",
        "config local/here",
        "secrets local/vault+secrets",
        "secrets local/here+secrets",
    ]
    assert tasks[0].repository.location == str(tmp_path / "repositories" / "vault")


def test_a_configuration_that_is_read_again_counts_at_once(case: Case) -> None:
    place = RepositoryConfig(name="offsite", location="ssh://backup@vault/srv/{host}")
    made = SetConfig(name="models", paths=("/srv",), hosts="here")
    case.config = replace(case.config, backups=BackupsConfig(repositories=(place,), sets=(made,), config_hosts="vault"))
    assert [each.key for each in case.ways.tasks()] == [
        "config offsite/vault",
        "secrets offsite/vault+secrets",
        "models offsite/here",
    ]
    case.config = replace(case.config, backups=BackupsConfig(sets=(SetConfig(name="models"),)))
    with pytest.raises(BadInput, match="neither paths nor dumps"):
        case.ways.tasks()
