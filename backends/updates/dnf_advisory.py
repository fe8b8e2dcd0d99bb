"""Which updates are security fixes, from the repositories' updateinfo. Both generations, pure.

A repository without updateinfo (CentOS Stream, CUDA, most third parties) says nothing: there security is unknown, not
"none". An advisory may name a build between the installed one and the candidate: that makes the candidate a fix as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import structs

from backends.metrics.sample import Record
from backends.updates.model import Change
from backends.updates.rpm_version import by_version, compare, nevra

_ROW_4 = re.compile(r"(?:i|\s)?\s*(\S+) +(?:(\S+)/Sec\.|(\S+)) +(\S+)")
_ROW_5 = re.compile(r"(\S+) +(\S+) +(\S+) +(\S+) +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_OTHER_KINDS = ("bugfix", "enhancement", "newpackage", "unknown")


class Advice(Record, frozen=True, kw_only=True):
    """One build that an advisory (or, with --with-cve, a CVE) names."""

    id: str
    security: bool
    name: str
    version: str
    architecture: str
    severity: str = ""


def parse(text: str) -> tuple[Advice, ...]:
    """From `advisories_argv`; what is no row of it is passed over."""
    return tuple(found for line in text.splitlines() if (found := _parse_row(line)) is not None)


def mark(change: Change, advisories: Iterable[Advice], cves: Iterable[Advice], informed: frozenset[str]) -> Change:
    """The change with what the advisories say about it.

    Args:
        change: what could be done.
        advisories: from the plain list.
        cves: from the list with CVEs.
        informed: repositories that have updateinfo.
    """
    named = [each for each in advisories if _is_on_the_way(each, change)]
    fixes = sorted({each.version for each in named if each.security}, key=by_version)
    known = bool(fixes) or change.origin in informed
    return structs.replace(
        change,
        security=bool(fixes) if known else None,
        security_version=fixes[-1] if fixes and fixes[-1] != change.candidate else "",
        advisories=tuple(dict.fromkeys(each.id for each in named)),
        cves=tuple(dict.fromkeys(each.id for each in cves if _is_on_the_way(each, change))),
    )


def _is_on_the_way(advice: Advice, change: Change) -> bool:
    """Whether the change passes over the advisory's build: installed < build <= candidate."""
    if advice.name != change.name or advice.architecture not in (change.architecture, "noarch", "src"):
        return False
    beyond = not change.installed or compare(change.installed, advice.version) < 0
    return beyond and compare(advice.version, change.candidate) <= 0


def _parse_row(line: str) -> Advice | None:
    if new := _ROW_5.fullmatch(line):
        return _advice(new[1], new[2] == "security", new[3], new[4])
    old = _ROW_4.fullmatch(line)
    if old is None or (old[3] and old[3] not in _OTHER_KINDS):
        return None
    return _advice(old[1], bool(old[2]), old[2] or "", old[4])


def _advice(identity: str, security: bool, severity: str, build: str) -> Advice | None:
    parts = nevra(build)
    if parts is None:
        return None
    return Advice(
        id=identity,
        security=security,
        name=parts.name,
        version=parts.version,
        architecture=parts.architecture,
        severity="" if severity == "None" else severity,
    )
