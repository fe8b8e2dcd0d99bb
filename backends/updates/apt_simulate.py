"""Reads what `apt-get -s` says it would do. Unknown lines are passed over: hooks of a distribution add their own."""

from __future__ import annotations

import re

from backends.metrics.sample import Record
from backends.updates.classes import classify
from backends.updates.debian_version import compare
from backends.updates.model import Change

_NAME = r"([a-z0-9][a-z0-9+.-]*(?::[a-z0-9-]+)?)"
"""As Debian policy allows: a name goes back to apt as an argument, so nothing that looks like an option gets through."""
_VERSION = r"[0-9A-Za-z.+:~-]+"
_INSTALL = re.compile(rf"Inst {_NAME}(?: \[({_VERSION})\])? \(({_VERSION}) (.*) ?\[([a-z0-9-]+)\]\)(?: \[.*\])?")
"""Package, installed, candidate, origins, architecture; what follows are packages broken at that step."""
_REMOVE = re.compile(rf"(?:Remv|Purg) {_NAME} \[({_VERSION})\].*")
_SKIPPED = re.compile(r"Skipping (\S+), it is not installed and only upgrades are requested\.")

KEPT = "The following packages have been kept back:"
PHASED = "The following upgrades have been deferred due to phasing:"
HELD = "The following held packages will be changed:"
REMOVED = "The following packages will be REMOVED:"
UNMET = "The following packages have unmet dependencies:"


class Simulation(Record, frozen=True, kw_only=True):
    """What apt would do, and what it would not."""

    changes: tuple[Change, ...] = ()
    kept: tuple[str, ...] = ()
    """Left as they are although there is something newer: held, phased or unsatisfiable."""
    phased: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    """Held packages that would change: the real run refuses, the simulation does not."""
    removed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    """Named, but not installed, so that --only-upgrade silently passes over them."""
    unmet: tuple[str, ...] = ()
    """Dependencies that cannot be had, one line each."""
    errors: tuple[str, ...] = ()
    """apt's own error lines, without the "E: "."""


def parse(text: str, errors: str = "") -> Simulation:
    """The simulation in `text` (standard output) and `errors` (standard error)."""
    lines = text.splitlines()
    return Simulation(
        changes=tuple(change for change in map(_change, lines) if change is not None),
        kept=block(text, KEPT),
        phased=block(text, PHASED),
        held=block(text, HELD),
        removed=tuple(word.rstrip("*") for word in block(text, REMOVED)),
        skipped=tuple(found[1] for line in lines if (found := _SKIPPED.fullmatch(line.strip()))),
        unmet=unmet(text),
        errors=error_lines(f"{text}\n{errors}"),
    )


def block(text: str, heading: str) -> tuple[str, ...]:
    """The words of the indented lines under a heading, in apt's order."""
    return tuple(word for line in _indented(text, heading) for word in line.split())


def unmet(text: str) -> tuple[str, ...]:
    """The explanations under "unmet dependencies", each in one line."""
    return tuple(" ".join(line.split()) for line in _indented(text, UNMET))


def error_lines(text: str) -> tuple[str, ...]:
    """What stands behind "E: ", each once."""
    found = (line[3:].strip() for line in text.splitlines() if line.startswith("E: "))
    return tuple(dict.fromkeys(line for line in found if line and not line.endswith("additional context:")))


def split_name(name: str) -> tuple[str, str]:
    """ "libc6:i386" → ("libc6", "i386"); without an architecture ("libc6", "")."""
    package, _, architecture = name.partition(":")
    return package, architecture


def _indented(text: str, heading: str) -> list[str]:
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.strip() == heading:
            inside = True
        elif inside and line.startswith(" ") and line.strip():
            found.append(line)
        else:
            inside = False
    return found


def _change(line: str) -> Change | None:
    if found := _INSTALL.fullmatch(line):
        return _installed(*found.groups())
    if found := _REMOVE.fullmatch(line):
        name, architecture = split_name(found[1])
        kind = classify(name)
        return Change(name=name, architecture=architecture, kind="remove", installed=found[2], package_class=kind)
    return None


def _installed(full: str, old: str | None, new: str, origins: str, architecture: str) -> Change:
    name, _ = split_name(full)
    return Change(
        name=name,
        architecture=architecture,
        kind="install" if not old else "downgrade" if compare(new, old) < 0 else "upgrade",
        installed=old or "",
        candidate=new,
        origin=origins.strip(),
        package_class=classify(name),
    )
