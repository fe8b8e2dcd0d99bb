from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.ssh import hostcert
from tests.unit.ssh.keys import blob, host_certificate

KIND = "ssh-ed25519-cert-v01@openssh.com"
NOW = 1_800_000_000.0


def fault(shown: bytes, name: str = "gpu01.lab") -> str:
    certificate = hostcert.parse(KIND, shown)
    assert certificate is not None
    return certificate.fault(name, NOW)


def test_a_certificate_shows_its_key_and_its_authority() -> None:
    certificate = hostcert.parse(KIND, host_certificate("a", "ca", "gpu01.lab"))
    assert certificate is not None
    assert certificate.key_blob == blob("a")
    assert certificate.authority_blob == blob("ca")


@pytest.mark.parametrize("name", ["gpu01.lab", "[gpu01.lab]:2222"])
def test_it_vouches_for_its_principals_on_any_port(name: str) -> None:
    assert fault(host_certificate("a", "ca", "x", "gpu01.lab"), name) == ""
    assert fault(host_certificate("a", "ca", "*.lab"), name) == ""
    assert "not for gpu01.lab" in fault(host_certificate("a", "ca", "gpu02.lab"), name)


def test_what_makes_it_worthless_is_said() -> None:
    assert "validity" in fault(host_certificate("a", "ca", until=int(NOW) - 1))
    assert "validity" in fault(host_certificate("a", "ca", since=int(NOW) + 1))
    assert "user certificate" in fault(host_certificate("a", "ca", "gpu01.lab", user=True))
    assert "critical" in fault(host_certificate("a", "ca", "gpu01.lab", option="unheard-of"))


def test_a_forged_signature_is_found() -> None:
    shown = bytearray(host_certificate("a", "ca", "gpu01.lab"))
    shown[-1] ^= 1
    assert fault(bytes(shown)) == "its signature is wrong"


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_garbage_is_no_certificate(data: bytes) -> None:
    assert hostcert.parse(KIND, data) is None


@given(st.integers(0, 400), st.integers(1, 255))
@settings(max_examples=60)
def test_a_damaged_certificate_never_vouches(place: int, change: int) -> None:
    shown = bytearray(host_certificate("a", "ca", "gpu01.lab"))
    shown[place % len(shown)] ^= change
    certificate = hostcert.parse(KIND, bytes(shown))
    assert certificate is None or certificate.fault("gpu01.lab", NOW)
