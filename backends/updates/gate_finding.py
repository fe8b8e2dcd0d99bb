"""One thing that the boot gate looked at: how bad, why, and what was found on the host."""

from __future__ import annotations

from backends.metrics.sample import Record
from backends.states import Severity


class Finding(Record, frozen=True, kw_only=True):
    """One thing that was looked at."""

    kind: str
    """"initrd", "module", "dkms", "family", "fabric-manager", "boot-entry", "packages", "job", "kernel", "unknown"."""
    severity: Severity
    text: str
    evidence: str = ""
    """The fact behind it, as found on the host."""
    blocks: bool = False


def red(kind: str, text: str, evidence: str = "") -> Finding:
    """Forbids the reboot."""
    return Finding(kind=kind, severity=Severity.CRITICAL, text=text, evidence=evidence, blocks=True)


def amber(kind: str, text: str, evidence: str = "") -> Finding:
    """Worth knowing."""
    return Finding(kind=kind, severity=Severity.WARNING, text=text, evidence=evidence)


def unknown(kind: str, text: str, evidence: str = "") -> Finding:
    """Could not be told."""
    return Finding(kind=kind, severity=Severity.UNKNOWN, text=text, evidence=evidence)


def good(kind: str, text: str, evidence: str = "") -> Finding:
    """As it should be."""
    return Finding(kind=kind, severity=Severity.OK, text=text, evidence=evidence)
