"""What could be updated beside the package manager, in words: one line a device, one line a Python environment."""

from __future__ import annotations

from collections.abc import Sequence

from backends import units
from backends.updates.extras_model import FirmwareUpdate, PythonEnvironment, Vulnerability
from swarm_tui.present.update_text import count, some

IDS = 6
"""Vulnerabilities that are named; the others are counted."""


def firmware_words(update: FirmwareUpdate) -> str:
    """ "1.2.2 → 1.2.4, reboot afterwards, high urgency, CVE-2024-1"; the device's name is left to the caller."""
    parts = [
        f"{update.installed or '?'} → {update.candidate or '?'}",
        reboot_words(update),
        "refused on battery" if update.needs_power else "",
        f"{update.urgency} urgency" if update.urgency else "",
        some(update.cves, 4),
        update.summary,
    ]
    return ", ".join(part for part in parts if part)


def reboot_words(update: FirmwareUpdate) -> str:
    """What follows an update."""
    if update.shutdown:
        return "power off and on afterwards"
    return {True: "reboot afterwards", False: "no reboot", None: "reboot unknown"}[update.reboot]


def python_words(environment: PythonEnvironment, now: float) -> str:
    """ "Python 3.11.7, 12 packages, 5 outdated, 2 vulnerable: CVE-2024-3651 …"; the path is left to the caller."""
    age = "" if environment.asked is None else f" (index asked {units.span(max(0.0, now - environment.asked))} ago)"
    parts = [
        f"Python {environment.python}" if environment.python else "",
        f"{count(environment.packages)} packages",
        outdated_words(environment) + age,
        vulnerable_words(environment.vulnerable),
    ]
    return ", ".join(part for part in parts if part)


def outdated_words(environment: PythonEnvironment) -> str:
    """How many have a newer release; what was not found out is never 0."""
    return "outdated unknown" if environment.outdated is None else f"{len(environment.outdated)} outdated"


def vulnerable_words(found: Sequence[Vulnerability] | None) -> str:
    """How many packages are vulnerable, and by what."""
    if found is None:
        return "vulnerable unknown"
    packages = len({each.package for each in found})
    ids = tuple(dict.fromkeys(f"{each.known_as} ({each.package})" for each in found))
    return f"{packages} vulnerable" + (f": {some(ids, IDS)}" if ids else "")
