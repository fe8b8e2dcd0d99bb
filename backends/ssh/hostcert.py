"""Host certificates (`@cert-authority` in known_hosts): parsing and checking, with the cryptography library doing the maths."""

from __future__ import annotations

import base64
import fnmatch

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import (
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from backends.text import decode


class HostCertificate:
    """A host certificate as it was shown."""

    def __init__(self, certificate: SSHCertificate):
        self._certificate = certificate
        self.key_blob = _blob(certificate.public_key().public_bytes(*_OPENSSH))
        self.authority_blob = _blob(certificate.signature_key().public_bytes(*_OPENSSH))

    def fault(self, name: str, now: float) -> str:
        """Why this certificate does not vouch for `name` (as in known_hosts) at `now` (epoch seconds); "" when it does."""
        certificate = self._certificate
        if certificate.type != SSHCertificateType.HOST:
            return "it is a user certificate"
        if not certificate.valid_after <= now < certificate.valid_before:
            return "its time of validity is not now"
        if certificate.critical_options:
            return "it has critical options that are not understood"
        plain = name[1:].split("]:")[0] if name.startswith("[") else name
        principals = [decode(principal, 255).lower() for principal in certificate.valid_principals]
        if principals and not any(fnmatch.fnmatchcase(plain, item) for item in principals):
            return f"it is for {', '.join(principals[:3])}, not for {plain}"
        try:
            certificate.verify_cert_signature()
        except InvalidSignature:
            return "its signature is wrong"
        return ""


_OPENSSH = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)


def parse(kind: str, blob: bytes) -> HostCertificate | None:
    """The certificate in `blob`, or None when it is none that can be read."""
    try:
        found = load_ssh_public_identity(kind.encode() + b" " + base64.b64encode(blob))
        return HostCertificate(found) if isinstance(found, SSHCertificate) else None
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return None


def _blob(line: bytes) -> bytes:
    return base64.b64decode(line.split()[1])
