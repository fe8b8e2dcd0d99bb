"""Host keys: unknown, changed, hashed, certified; and what accepting one does."""

from __future__ import annotations

import subprocess

import pytest

from backends.errors import BadInput
from backends.states import HostState
from tests.e2e.test_ssh_states import watching
from tests.lab.userlab import Fleet, keygen

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def fingerprint(fleet: Fleet, name: str) -> str:
    """As ssh-keygen shows it."""
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(fleet[name].home / "key.pub")], check=True, capture_output=True, text=True
    )
    return shown.stdout.split()[1]


def test_an_unknown_key_waits_for_the_operator_who_accepts_it(fleet: Fleet) -> None:
    fleet.known_hosts.write_text("# mine\n")
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        change = watcher.until_state("h1", HostState.HOST_KEY_UNKNOWN)
        (offered,) = source.offered_keys()
        assert offered.fingerprint == fingerprint(fleet, "h1")
        assert offered.fingerprint in change.reason
        assert not offered.changed
        with pytest.raises(BadInput, match="SHA256:other"):
            source.accept_key("h1", "SHA256:other")
        source.accept_key("h1", offered.fingerprint)
        watcher.until_state("h1", HostState.UP)
        assert source.offered_keys() == []
    assert fleet.known_hosts.read_text().splitlines() == ["# mine", fleet["h1"].known_hosts_line]


def test_a_changed_key_is_refused_shown_against_the_record_and_replaced_on_request(fleet: Fleet) -> None:
    old, place = fingerprint(fleet, "h1"), f"{fleet.known_hosts}:1"
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        fleet["h1"].restart(new_key=True)
        source.poll("h1")
        change = watcher.until_state("h1", HostState.HOST_KEY_CHANGED)
        (offered,) = source.offered_keys()
        assert "CHANGED" in change.reason
        assert offered.changed
        assert (offered.known_fingerprint, offered.known_place) == (old, place)
        source.accept_key("h1", offered.fingerprint)
        watcher.until_state("h1", HostState.UP)
    lines = fleet.known_hosts.read_text().splitlines()
    assert lines[-1] == fleet["h1"].known_hosts_line
    assert lines[0].startswith("# replaced by swarm-tui")
    assert fleet.known_hosts.with_name("known_hosts.old").exists()


def test_hashed_known_hosts_are_found(fleet: Fleet) -> None:
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(fleet.known_hosts)], check=True, capture_output=True)
    assert fleet.known_hosts.read_text().startswith("|1|")
    with watching(fleet.inventory(), fleet.ssh()) as (_, watcher):
        watcher.until_state("h1", HostState.UP)


def test_a_revoked_key_is_refused_and_cannot_be_accepted(fleet: Fleet) -> None:
    fleet.known_hosts.write_text(f"@revoked * {fleet['h1'].public_key}\n{fleet['h1'].known_hosts_line}\n")
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        assert "revoked" in watcher.until_state("h1", HostState.HOST_KEY_CHANGED).reason
        (offered,) = source.offered_keys()
        with pytest.raises(BadInput, match="revoked"):
            source.accept_key("h1", offered.fingerprint)


@pytest.mark.parametrize(("principal", "state"), [("", HostState.UP), ("other.example", HostState.HOST_KEY_UNKNOWN)])
def test_a_host_certificate_is_trusted_for_the_names_that_it_holds(
    fleet: Fleet, principal: str, state: HostState
) -> None:
    host = fleet.add(known=False)
    authority = fleet.root / "ca"
    keygen(authority)
    command = ["ssh-keygen", "-q", "-s", str(authority), "-I", "h2", "-h", "-n", principal or host.address]
    subprocess.run([*command, str(host.home / "key.pub")], check=True, capture_output=True)
    host.options.append(f"HostCertificate {host.home}/key-cert.pub")
    host.start()
    kind, blob = authority.with_suffix(".pub").read_text().split()[:2]
    fleet.known_hosts.write_text(f"@cert-authority [{host.address}]:* {kind} {blob}\n")
    with watching([host.host()], fleet.ssh()) as (_, watcher):
        watcher.until_state("h2", state)


def test_bad_lines_are_warnings_and_lose_nothing(fleet: Fleet) -> None:
    fleet.known_hosts.write_text(f"garbage\nhost ssh-ed25519 !!!\n{fleet['h1'].known_hosts_line}\n")
    with watching(fleet.inventory(), fleet.ssh()) as (_, watcher):
        watcher.until_state("h1", HostState.UP)
        assert [warning.split(": ")[0] for warning in watcher.links["h1"].warnings] == [
            f"{fleet.known_hosts}:1",
            f"{fleet.known_hosts}:2",
        ]
