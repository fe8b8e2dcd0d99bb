from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from backends.ssh import identities
from backends.ssh.agent import AgentIdentity, SharedAgent
from backends.ssh.identities import Identities, Identity, Offer, Unusable, fingerprint, load_file, pretty, short_kind
from backends.ssh.target import Target
from tests.unit.ssh.agents import FakeAgent
from tests.unit.ssh.keys import blob, host_certificate, private_text, public_line


@pytest.fixture
def shared() -> Iterator[Identities]:
    """What all connections share; its agent connections are given back."""
    identities = Identities()
    yield identities
    identities.close()


def key_file(directory: Path, name: str, passphrase: bytes = b"") -> str:
    path = directory / name
    path.write_bytes(private_text(name, passphrase))
    path.with_name(f"{name}.pub").write_text(public_line(name))
    return str(path)


def target(*files: str, agent: str = "", only: bool = False, certificates: tuple[str, ...] = ()) -> Target:
    return Target(
        name="gpu01",
        address="gpu01",
        user="root",
        identity_files=files,
        identity_agent=agent,
        identities_only=only,
        certificate_files=certificates,
    )


def labels(offer: Offer) -> list[str]:
    return [identity.label for identity in offer.identities]


def test_files_are_offered_in_order_and_missing_ones_are_no_trouble(tmp_path: Path, shared: Identities) -> None:
    one, two = key_file(tmp_path, "one"), key_file(tmp_path, "two")
    offer = shared.offer(target(two, str(tmp_path / "missing"), one))
    assert labels(offer) == [two, one]
    assert offer.unusable == ()


def test_what_worked_last_time_comes_first(tmp_path: Path, shared: Identities) -> None:
    one, two = key_file(tmp_path, "one"), key_file(tmp_path, "two")
    shared.worked(target(one, two), shared.offer(target(one, two)).identities[1])
    assert labels(shared.offer(target(one, two))) == [two, one]


def test_a_file_is_read_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Identities
) -> None:
    one = key_file(tmp_path, "one")
    reads: list[str] = []

    def counted(path: str, certificate: str) -> Identity | Unusable | None:
        reads.append(path)
        return load_file(path, certificate)

    monkeypatch.setattr(identities, "load_file", counted)
    shared.offer(target(one))
    shared.offer(target(one))
    assert len(reads) == 1
    os.utime(one, (1, 1))
    shared.offer(target(one))
    assert len(reads) == 2


def test_a_passphrase_is_asked_for_by_name_and_never_typed_here(tmp_path: Path, shared: Identities) -> None:
    locked = key_file(tmp_path, "locked", b"secret")
    (trouble,) = shared.offer(target(locked)).unusable
    assert trouble.path == locked
    assert "passphrase" in trouble.why
    assert trouble.hint == f"load it into the agent: ssh-add {locked}"


@pytest.mark.parametrize(
    "data",
    [b"", b"garbage", b"\xff\x00", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"],
)
def test_a_broken_key_is_said_and_hides_no_other(tmp_path: Path, data: bytes, shared: Identities) -> None:
    good, broken = key_file(tmp_path, "one"), tmp_path / "broken"
    broken.write_bytes(data)
    offer = shared.offer(target(str(broken), good))
    assert labels(offer) == [good]
    (trouble,) = offer.unusable
    assert trouble.path == str(broken)
    assert "ssh-keygen -y" in trouble.hint


def test_a_key_that_cannot_be_read_is_said(tmp_path: Path, shared: Identities) -> None:
    (trouble,) = shared.offer(target(str(tmp_path))).unusable
    assert "cannot be read" in trouble.why


def test_a_certificate_beside_the_key_is_used(tmp_path: Path, shared: Identities) -> None:
    one = key_file(tmp_path, "one")
    certificate(tmp_path / "one-cert.pub", "one")
    (identity,) = shared.offer(target(one)).identities
    assert identity.label == f"{one} with certificate"


def test_an_explicit_certificate_comes_first_and_a_wrong_one_is_said(tmp_path: Path, shared: Identities) -> None:
    one, two = key_file(tmp_path, "one"), key_file(tmp_path, "two")
    mine = certificate(tmp_path / "signed.pub", "two")
    offer = shared.offer(target(two, certificates=(mine,)))
    assert labels(offer) == [f"{two} with {mine}", two]
    broken = tmp_path / "broken.pub"
    broken.write_text("ssh-ed25519-cert-v01@openssh.com AAAA")
    offer = shared.offer(target(one, certificates=(str(broken),)))
    assert labels(offer) == [one]
    assert "not a certificate" in offer.unusable[0].why


def certificate(path: Path, name: str) -> str:
    import base64

    data = base64.b64encode(host_certificate(name, "ca", "me", user=True)).decode()
    path.write_text(f"ssh-ed25519-cert-v01@openssh.com {data}\n")
    return str(path)


def test_agent_keys_named_by_the_configuration_come_first(tmp_path: Path, shared: Identities) -> None:
    one = key_file(tmp_path, "one")
    with FakeAgent(tmp_path / "agent", "two", "one") as agent:
        offer = shared.offer(target(one, agent=agent.path))
        assert labels(offer) == [f"agent ED25519 {fingerprint(blob(name))}" for name in ("one", "two")]
        only = shared.offer(target(one, agent=agent.path, only=True))
        assert labels(only) == [f"agent ED25519 {fingerprint(blob('one'))}"]


def test_a_passphrase_does_not_matter_when_the_agent_holds_the_key(tmp_path: Path, shared: Identities) -> None:
    locked = key_file(tmp_path, "locked", b"secret")
    with FakeAgent(tmp_path / "agent", "locked") as agent:
        offer = shared.offer(target(locked, agent=agent.path))
    assert offer.unusable == ()
    assert len(offer.identities) == 1


def test_an_agent_that_is_gone_is_said(tmp_path: Path, shared: Identities) -> None:
    offer = shared.offer(target(agent=str(tmp_path / "nobody")))
    (trouble,) = offer.unusable
    assert "nobody" in trouble.path
    assert "ssh-add" in trouble.hint


def test_an_agent_signs_for_us_and_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "agent"
    with FakeAgent(path, "one"):
        shared = SharedAgent(str(path))
        (key,) = shared.load()
        assert verified(key, b"data")
    path.unlink()
    with FakeAgent(path, "one"):
        assert key.sign_ssh_data(b"data") == b""
        assert "did not sign" in key.trouble
        assert verified(key, b"data"), "the next use opens the connection again"
    shared.close()


def verified(key: AgentIdentity, data: bytes) -> bool:
    signature = paramiko.Message(key.sign_ssh_data(data))
    return paramiko.Ed25519Key(data=key.blob).verify_ssh_sig(data, signature)


def test_an_agent_that_refuses_fails_the_key_alone(tmp_path: Path) -> None:
    with FakeAgent(tmp_path / "agent", "one", refuses=True) as agent:
        connection = SharedAgent(agent.path)
        (key,) = connection.load()
        assert key.sign_ssh_data(b"data") == b""
        assert key.trouble
        connection.close()


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("ssh-ed25519", "ED25519"),
        ("rsa-sha2-512", "RSA"),
        ("ecdsa-sha2-nistp256", "ECDSA"),
        ("ssh-ed25519-cert-v01@openssh.com", "ED25519-CERT"),
        ("sk-ssh-ed25519@openssh.com", "ED25519-SK"),
        ("something\x1b[2J", "something"),
    ],
)
def test_kinds_are_named_as_ssh_keygen_names_them(name: str, short: str) -> None:
    assert short_kind(name) == short


def test_paths_in_the_home_directory_are_short() -> None:
    assert pretty(f"{Path.home()}/.ssh/id") == "~/.ssh/id"
    assert pretty("/etc/key") == "/etc/key"
