"""Getting in: agents, key files, certificates, passphrases, jump hosts, and what is said when nothing works."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.states import HostState
from tests.e2e.test_ssh_states import watching
from tests.lab.userlab import Fleet, keygen

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@contextlib.contextmanager
def agent(*keys: Path) -> Iterator[str]:
    """A running agent that holds `keys`; yields its socket."""
    started = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True).stdout
    values = dict(part.split("=", 1) for part in started.replace("\n", ";").split(";") if "=" in part)
    try:
        environment = {**os.environ, "SSH_AUTH_SOCK": values["SSH_AUTH_SOCK"]}
        for key in keys:
            subprocess.run(["ssh-add", "-q", str(key)], check=True, capture_output=True, env=environment)
        yield values["SSH_AUTH_SOCK"]
    finally:
        os.kill(int(values["SSH_AGENT_PID"]), signal.SIGTERM)


def test_refused_keys_are_listed(fleet: Fleet) -> None:
    stranger = fleet.root / "stranger"
    keygen(stranger)
    with watching(fleet.inventory(), fleet.ssh(identity_files=(str(stranger),))) as (_, watcher):
        change = watcher.until_state("h1", HostState.AUTH_FAILED)
        assert change.reason == f"auth failed: tried {stranger}"
        assert "authorized_keys" in change.hint


def test_an_agent_key_lets_us_in_and_is_named(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = fleet.root / "stranger"
    keygen(stranger)
    with agent(stranger, fleet.key) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        with watching(fleet.inventory(), fleet.ssh(identity_files=())) as (_, watcher):
            watcher.until_state("h1", HostState.UP)
            assert watcher.links["h1"].authentication.startswith("agent ED25519 SHA256:")


def test_a_dead_agent_is_said_only_when_nothing_else_helps(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(fleet.root / "no-agent"))
    with watching(fleet.inventory(), fleet.ssh()) as (_, watcher):
        watcher.until_state("h1", HostState.UP)
    with watching(fleet.inventory(), fleet.ssh(identity_files=())) as (_, watcher):
        assert "no-agent" in watcher.until_state("h1", HostState.AUTH_FAILED).reason


def test_a_key_with_a_passphrase_names_the_file_and_ssh_add(fleet: Fleet) -> None:
    locked = fleet.root / "locked"
    keygen(locked, passphrase="secret")
    with watching(fleet.inventory(), fleet.ssh(identity_files=(str(locked),))) as (_, watcher):
        change = watcher.until_state("h1", HostState.AUTH_FAILED)
        assert f"{locked} needs its passphrase" in change.reason
        assert change.hint == f"load it into the agent: ssh-add {locked}"


def test_an_unreadable_and_a_broken_key_do_not_hide_the_good_one(fleet: Fleet) -> None:
    broken = fleet.root / "broken"
    broken.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nnot base64\n-----END OPENSSH PRIVATE KEY-----\n")
    files = (str(broken), str(fleet.root), str(fleet.key))
    with watching(fleet.inventory(), fleet.ssh(identity_files=files)) as (_, watcher):
        watcher.until_state("h1", HostState.UP)


def test_too_many_keys_are_explained(fleet: Fleet) -> None:
    strangers = [fleet.root / f"stranger{number}" for number in range(7)]
    for path in strangers:
        keygen(path)
    with watching(fleet.inventory(), fleet.ssh(identity_files=tuple(map(str, strangers)))) as (_, watcher):
        change = watcher.until_state("h1", HostState.AUTH_FAILED)
        assert "sshd gave up after" in change.reason
        assert "IdentitiesOnly" in change.hint


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_lets_us_in(fleet: Fleet, kind: str) -> None:
    authority, mine = fleet.root / "ca", fleet.root / "mine"
    keygen(authority)
    keygen(mine, "-t", kind)
    user = getpass.getuser()
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", user, f"{mine}.pub"]
    subprocess.run(command, check=True, capture_output=True)
    host = fleet.add()
    host.options += [f"TrustedUserCAKeys {authority}.pub"]
    host.start()
    with watching([host.host()], fleet.ssh(identity_files=(str(mine),))) as (_, watcher):
        watcher.until_state("h2", HostState.UP)
        assert watcher.links["h2"].authentication == f"{mine} with certificate"


def test_a_certificate_in_the_agent_lets_us_in(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, mine = fleet.root / "ca", fleet.root / "mine"
    keygen(authority)
    keygen(mine)
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", getpass.getuser(), f"{mine}.pub"]
    subprocess.run(command, check=True, capture_output=True)
    host = fleet.add()
    host.options += [f"TrustedUserCAKeys {authority}.pub"]
    host.start()
    with agent(mine) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket)
        with watching([host.host()], fleet.ssh(identity_files=())) as (_, watcher):
            watcher.until_state("h2", HostState.UP)
            assert watcher.links["h2"].authentication.startswith("agent ED25519-CERT")


def jump_config(fleet: Fleet) -> Path:
    """An OpenSSH configuration in which everything but h1 is behind h1."""
    path = fleet.root / "ssh_config"
    inner = fleet.root / "inner"
    hop = fleet["h1"]
    inner.write_text(f"Host bastion\n  HostName {hop.address}\n  Port {hop.port}\n")
    path.write_text(f"Include {inner}\nHost h2 h3 h4\n  ProxyJump bastion\nHost *\n  User {getpass.getuser()}\n")
    return path


def test_hosts_behind_a_jump_host_share_one_connection_to_it(fleet: Fleet) -> None:
    for _ in range(3):
        fleet.add().start()
    ssh = fleet.ssh(config_file=str(jump_config(fleet)), user=None)
    with watching(fleet.inventory(["h2", "h3", "h4"]), ssh) as (source, watcher):
        for name in ("h2", "h3", "h4"):
            watcher.until_state(name, HostState.UP)
        assert watcher.links["h2"].via == ("bastion",)
        assert fleet["h1"].log.count("Accepted publickey") == 1
        way = source.exec("h4")
        assert way is not None
        assert way.run(["sh", "-c", "echo $LAB_HOST"]).stdout == b"h4\n"
        shown = subprocess.run(
            [*source.interactive_argv("h2"), "echo", "$LAB_HOST"], capture_output=True, text=True, timeout=60
        )
        assert shown.stdout == "h2\n", shown.stderr


def test_a_hung_jump_host_is_named_for_each_host_behind_it(fleet: Fleet) -> None:
    fleet.add().start()
    fleet["h1"].hang()
    ssh = fleet.ssh(config_file=str(jump_config(fleet)), connect_timeout_seconds=1.0)
    with watching(fleet.inventory(["h2"]), ssh) as (_, watcher):
        change = watcher.until_state("h2", HostState.UNREACHABLE)
        assert change.reason == "jump host bastion: timeout (ssh) after 1 s"


def test_an_unknown_key_of_a_jump_host_can_be_accepted_for_the_host_behind_it(fleet: Fleet) -> None:
    host = fleet.add()
    host.start()
    fleet.known_hosts.write_text(host.known_hosts_line + "\n")
    ssh = fleet.ssh(config_file=str(jump_config(fleet)))
    with watching(fleet.inventory(["h2"]), ssh) as (source, watcher):
        assert "bastion" in watcher.until_state("h2", HostState.HOST_KEY_UNKNOWN).reason
        (offered,) = source.offered_keys()
        assert offered.address == f"{fleet['h1'].address}:{fleet['h1'].port}"
        source.accept_key("h2", offered.fingerprint)
        watcher.until_state("h2", HostState.UP)


def test_a_proxy_command_is_the_way(fleet: Fleet) -> None:
    config = fleet.root / "ssh_config"
    config.write_text(
        f"Host h1\n  ProxyCommand ssh -F none -i {fleet.key} -o UserKnownHostsFile={fleet.known_hosts} "
        f"-p {fleet['h1'].port} -W %h:%p {fleet['h1'].address}\n"
    )
    with watching(fleet.inventory(), fleet.ssh(config_file=str(config))) as (_, watcher):
        watcher.until_state("h1", HostState.UP)


def test_a_configuration_that_ssh_refuses_is_the_reason(fleet: Fleet) -> None:
    config = fleet.root / "ssh_config"
    config.write_text("Hst h1\n")
    with watching(fleet.inventory(), fleet.ssh(config_file=str(config))) as (_, watcher):
        assert "Bad configuration option: hst" in watcher.until_state("h1", HostState.UNREACHABLE).reason


def test_plain_ssh_goes_the_same_way(fleet: Fleet) -> None:
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        argv = [*source.interactive_argv("h1"), "echo", "$LAB_HOST"]
        assert subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout == "h1\n"
        fleet.known_hosts.write_text("")
        refused = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert refused.returncode == 255
        assert "verification failed" in refused.stderr
