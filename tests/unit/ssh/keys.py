"""Real keys for tests, made once: generating them is the slow part."""

from __future__ import annotations

import base64
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)


@cache
def private(name: str) -> Ed25519PrivateKey:
    """The key that goes by `name` in this run."""
    return Ed25519PrivateKey.generate()


def public_line(name: str) -> str:
    """ "ssh-ed25519 AAAA…"."""
    return private(name).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def blob(name: str) -> bytes:
    """The public key as it goes over the wire."""
    return base64.b64decode(public_line(name).split()[1])


def private_text(name: str, passphrase: bytes = b"") -> bytes:
    """The private key as ssh-keygen writes it."""
    secrecy = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return private(name).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, secrecy)


def host_certificate(
    name: str,
    authority: str,
    *principals: str,
    since: int = 0,
    until: int = 2**40,
    user: bool = False,
    option: str = "",
) -> bytes:
    """A certificate of `name`'s key, signed by `authority`, as it goes over the wire."""
    builder = (
        SSHCertificateBuilder()
        .public_key(private(name).public_key())
        .type(SSHCertificateType.USER if user else SSHCertificateType.HOST)
        .serial(1)
        .key_id(b"test")
        .valid_after(since)
        .valid_before(until)
    )
    builder = (
        builder.valid_principals([principal.encode() for principal in principals])
        if principals
        else builder.valid_for_all_principals()  # type: ignore[no-untyped-call]
    )
    if option:
        builder = builder.add_critical_option(option.encode(), b"")
    line = builder.sign(private(authority)).public_bytes()
    return base64.b64decode(line.split()[1])
