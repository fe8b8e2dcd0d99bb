"""Why apt keeps a package back: it is held, phased, would remove something, or its dependencies cannot be had."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from backends.metrics.sample import Record
from backends.updates.apt_simulate import Simulation, split_name
from backends.updates.classes import classify
from backends.updates.debian_version import compare
from backends.updates.model import Change

_NAME = re.compile(r"(\S+):")
_VERSION = re.compile(r" (?:\*\*\*|   ) (\S+) -?\d+(?: \(phased (\d{1,3})%\))?")
HELD = "held"
NEW_PACKAGE = "needs a new package"
UNKNOWN = "its dependencies cannot be had"


class Standing(Record, frozen=True, kw_only=True):
    """What `apt-cache policy PACKAGE` says about one package."""

    name: str
    installed: str = ""
    candidate: str = ""
    phased_percent: int | None = None
    """How many per cent of hosts get the candidate so far; None: it is not phased."""

    @property
    def pending(self) -> bool:
        return bool(self.installed and self.candidate) and compare(self.candidate, self.installed) > 0


def parse_policy(text: str) -> dict[str, Standing]:
    """Package → its standing, from `apt-cache policy PACKAGE…`."""
    found: dict[str, Standing] = {}
    fields: dict[str, str] = {}
    for line in (*text.splitlines(), "end:"):
        if named := _NAME.fullmatch(line):
            if fields:
                found[fields["name"]] = _standing(fields)
            fields = {"name": named[1]}
        elif fields:
            _take(line, fields)
    return found


def kept_changes(
    kept: Iterable[str], holds: Iterable[str], standings: Mapping[str, Standing], full: Simulation
) -> tuple[Change, ...]:
    """A change for each package that is kept back, with the reason.

    Args:
        kept: the names that an upgrade without removals keeps back.
        holds: the held packages.
        standings: from `apt-cache policy` of those.
        full: the simulation of `dist-upgrade`, which may remove.
    """
    held = {split_name(name)[0] for name in holds}
    names = dict.fromkeys((*kept, *(name for name in holds if name in standings and standings[name].pending)))
    return tuple(_change(name, standings.get(name), split_name(name)[0] in held, full) for name in names)


def _change(name: str, standing: Standing | None, held: bool, full: Simulation) -> Change:
    package, architecture = split_name(name)
    return Change(
        name=package,
        architecture=architecture,
        installed=standing.installed if standing else "",
        candidate=standing.candidate if standing else "",
        package_class=classify(package),
        held=held,
        kept_back=HELD if held else _reason(name, standing, full),
    )


def _reason(name: str, standing: Standing | None, full: Simulation) -> str:
    if standing is not None and standing.phased_percent is not None and standing.phased_percent < 100:
        return f"phased, {standing.phased_percent}% of hosts so far"
    if name in full.phased:
        return "phased"
    if all(change.name != split_name(name)[0] or change.kind == "remove" for change in full.changes):
        return UNKNOWN
    return f"only a full upgrade brings it, which removes {', '.join(full.removed)}" if full.removed else NEW_PACKAGE


def _take(line: str, fields: dict[str, str]) -> None:
    key, colon, value = line.strip().partition(": ")
    if colon and key in ("Installed", "Candidate"):
        fields[key] = "" if value == "(none)" else value
    elif (version := _VERSION.fullmatch(line.rstrip())) and version[1] == fields.get("Candidate") and version[2]:
        fields["phased"] = version[2]


def _standing(fields: Mapping[str, str]) -> Standing:
    return Standing(
        name=fields["name"],
        installed=fields.get("Installed", ""),
        candidate=fields.get("Candidate", ""),
        phased_percent=int(fields["phased"]) if "phased" in fields else None,
    )
