"""Which updates fix a security problem: those with a security source for any version between installed and candidate.

Looking at the candidate's own origin alone misses every fix that a newer, ordinary update has overtaken (12 of 130 on the
measured Ubuntu host). What a source is comes from its label and archive (`apt-cache policy`), not from its address: a
mirror may be called anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import structs

from backends.metrics.sample import Record
from backends.updates.debian_version import is_newer, newest
from backends.updates.model import Change

_SOURCE = re.compile(r"\s*-?\d+ (\S.*)")
_RELEASE = re.compile(r"\s*release (\S.*)")
_LABELS = ("debian-security",)
_SECURITY_ARCHIVE = re.compile(r".*[-/]security")
"""oldstable-security, jammy-security, jammy-apps-security, bookworm/updates of old carries its label."""


class Offer(Record, frozen=True, kw_only=True):
    """One version that some source has."""

    version: str
    source: str
    """As `apt-cache madison` and `apt-cache policy` both write it: "URI suite/component arch Packages"."""


def parse_madison(text: str) -> dict[str, tuple[Offer, ...]]:
    """Package → its versions and their sources, from `apt-cache madison PACKAGE…`."""
    found: dict[str, list[Offer]] = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) == 3 and all(parts) and not parts[2].endswith(" Sources"):
            found.setdefault(parts[0], []).append(Offer(version=parts[1], source=parts[2]))
    return {name: tuple(offers) for name, offers in found.items()}


def security_sources(policy: str) -> frozenset[str]:
    """The sources that carry security fixes, from `apt-cache policy` without arguments."""
    found: set[str] = set()
    source = ""
    for line in policy.splitlines():
        if release := _RELEASE.fullmatch(line):
            if source and is_security(_facts(release[1])):
                found.add(source)
        elif named := _SOURCE.fullmatch(line):
            source = named[1].strip()
    return frozenset(found)


def is_security(facts: Mapping[str, str]) -> bool:
    """Whether a release (l label, a archive, n code name) is one of security fixes."""
    named = (facts.get("a", ""), facts.get("n", ""))
    return facts.get("l", "").lower() in _LABELS or any(_SECURITY_ARCHIVE.fullmatch(name) for name in named)


def mark(change: Change, offers: Iterable[Offer], sources: frozenset[str]) -> Change:
    """`change` with its security flag; None where this host has no security source at all."""
    if not sources or change.kind not in ("upgrade", "install"):
        return _with(change, None if not sources else False, "")
    fixed = newest(offer.version for offer in offers if offer.source in sources and _between(change, offer.version))
    return _with(change, bool(fixed), "" if fixed == change.candidate else fixed)


def _between(change: Change, version: str) -> bool:
    return is_newer(version, change.installed) and not is_newer(version, change.candidate)


def _with(change: Change, security: bool | None, version: str) -> Change:
    return structs.replace(change, security=security, security_version=version)


def _facts(release: str) -> dict[str, str]:
    """ "v=12,o=Debian,l=Debian-Security" → its parts; values never contain a comma."""
    return dict(part.split("=", 1) for part in release.split(",") if "=" in part)
