"""What hosts have in common, as far as a change could go well on one and wrong on the other: one canary for each kind."""

from __future__ import annotations

import re
from collections import Counter

from backends.maintenance.fleet import FleetHost

UNKNOWN = "unknown"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SYSTEMS = (
    ("red hat", "RHEL"),
    ("opensuse", "openSUSE"),
    ("suse", "SLES"),
    ("amazon", "Amazon"),
    ("oracle", "Oracle"),
    ("arch", "Arch"),
)
"""What stands in a long name → the short one; else the first word is."""


def kind_of(host: FleetHost) -> str:
    """Its kind: "8×H100 80GB · Debian 12 · 6.1 · driver 550"; "unknown" when nothing is known of it."""
    facts = host.facts
    parts = [_gpus(host.gpus), system(facts.system) if facts else "", kernel(facts.kernel) if facts else ""]
    driver = _NUMBER.match(host.driver)
    if host.gpus and driver is not None:
        parts.append(f"driver {driver[0].partition('.')[0]}")
    return " · ".join(filter(None, parts)) or UNKNOWN


def system(name: str) -> str:
    """An operating system with the part of its version that counts: "Debian 12", "Ubuntu 22.04", "RHEL 9.4"."""
    words = name.split()
    if not words:
        return ""
    short = next((short for long, short in _SYSTEMS if long in name.lower()), words[0])
    version = next((match[0] for word in words[1:] if (match := _NUMBER.match(word))), "")
    return f"{short} {version}".strip()


def kernel(release: str) -> str:
    """The series of a kernel: "6.1" of "6.1.0-18-amd64"."""
    match = _NUMBER.match(release)
    return match[0] if match is not None else release


def model(name: str) -> str:
    """A GPU's model without its maker: "H100 80GB HBM3" of "NVIDIA H100 80GB HBM3"."""
    return name.removeprefix("NVIDIA ").removeprefix("Tesla ").strip() or UNKNOWN


def _gpus(models: tuple[str, ...] | None) -> str:
    if models is None:
        return ""
    if not models:
        return "no GPU"
    counts = Counter(map(model, models))
    return " + ".join(f"{count}×{name}" for name, count in sorted(counts.items()))
