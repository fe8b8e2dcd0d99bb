from __future__ import annotations

from pathlib import Path

import pytest

from backends.config.schema import SshConfig
from backends.errors import BadInput, RetryLater
from backends.inventory.host import Host
from backends.sources.ssh import SshSource
from backends.ssh.failures import ShownKey
from backends.ssh.target import Target
from tests.e2e.sshwatch import Watcher
from tests.unit.ssh.keys import blob, public_line

NOWHERE = Host(name="gpu01", address="127.0.0.1", port=1)
SSH = SshConfig(config_file="none")


def source(*hosts: Host, ssh: SshConfig = SSH) -> SshSource:
    return SshSource(hosts or (NOWHERE,), ssh)


def test_only_hosts_behind_ssh_are_its_business() -> None:
    watched = source(NOWHERE, Host(name="here", source="local"))
    assert tuple(watched.hosts()) == ("gpu01",)
    assert watched.exec("here") is None
    with pytest.raises(BadInput, match="not reached over SSH"):
        watched.interactive_argv("here")


def test_before_the_start_and_for_unknown_hosts_nothing_breaks() -> None:
    watched = source()
    watched.poll("gpu01")
    watched.focus("nobody", True)
    watched.set_interval(5.0)
    assert watched.offered_keys() == []
    way = watched.exec("gpu01")
    assert way is not None
    with pytest.raises(RetryLater, match="not connected"):
        way.run(["true"])
    watched.stop()


def test_hosts_come_and_go_with_the_configuration() -> None:
    watched = source()
    watched.start(Watcher())
    try:
        kept = watched._links["gpu01"]
        watched.update([NOWHERE, Host(name="gpu02", address="127.0.0.1", port=1)])
        assert watched._links["gpu01"] is kept
        watched.update([Host(name="gpu01", address="127.0.0.1", port=1, tags=("new",))])
        assert watched._links["gpu01"] is kept, "tags do not concern the way"
        assert kept.host.tags == ("new",)
        assert tuple(watched.hosts()) == ("gpu01",)
        watched.update([Host(name="gpu01", address="127.0.0.1", port=2)])
        assert watched._links["gpu01"] is not kept
    finally:
        watched.stop()


def offered(watched: SshSource, files: tuple[str, ...], **changes: object) -> None:
    """Let gpu01 show a key."""
    target = Target(name="gpu01", address="10.0.0.1", user="root", known_hosts_files=files)
    fields: dict[str, object] = {"kind": "ssh-ed25519", "blob": blob("b"), "fingerprint": "SHA256:b", **changes}
    watched._links["gpu01"].shown = ShownKey(target=target, **fields)  # type: ignore[arg-type]


def test_accepting_a_changed_key_leaves_the_old_one_in_none_of_the_files(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    second.write_text(f"10.0.0.1 {public_line('a')}\n")
    watched = source()
    watched.start(Watcher())
    try:
        watched._stopping.set()
        files = (str(first), str(second))
        offered(watched, files, known_place=f"{second}:1", known_fingerprint="SHA256:a")
        (key,) = watched.offered_keys()
        assert (key.changed, key.known_place) == (True, f"{second}:1")
        watched.accept_key("gpu01", "SHA256:b")
    finally:
        watched.stop()
    assert first.read_text() == f"10.0.0.1 {public_line('b')}\n"
    assert second.read_text().startswith("# replaced by swarm-tui")


def test_what_is_not_offered_or_revoked_cannot_be_accepted(tmp_path: Path) -> None:
    watched = source()
    watched.start(Watcher())
    try:
        watched._stopping.set()
        with pytest.raises(BadInput, match="no key SHA256:x is offered"):
            watched.accept_key("gpu01", "SHA256:x")
        offered(watched, (str(tmp_path / "kh"),), revoked=True)
        with pytest.raises(BadInput, match="revoked"):
            watched.accept_key("gpu01", "SHA256:b")
        offered(watched, ())
        with pytest.raises(BadInput, match="no known_hosts file"):
            watched.accept_key("gpu01", "SHA256:b")
    finally:
        watched.stop()
    assert not (tmp_path / "kh").exists()
