"""Advisories in the OSV format (https://ossf.github.io/osv-schema), as far as they are about Python packages: which versions
are affected, and which packages of an environment those are. Pure; `advisories.py` brings the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from backends import decoding
from backends.metrics.sample import Record
from backends.text import clean
from backends.updates import pep440
from backends.updates.extras_model import Vulnerability

MOST = 2000
"""Ranges, events or packages of one advisory that are looked at."""
MOST_VERSIONS = 20_000
TEXT = 200
_SEPARATORS = re.compile(r"[-_.]+")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_LOWEST: pep440.Key = (-1, (), (0, "", 0), 0, 0)


class Span(Record, frozen=True, kw_only=True):
    """Versions between two; "" where there is no bound."""

    introduced: str
    """"0": from the very first."""
    fixed: str = ""
    """The first that is well again."""
    last: str = ""
    """The last that is affected, where no fixed one is named."""


class Affected(Record, frozen=True, kw_only=True):
    """What one advisory says about one package."""

    package: str
    """Normalised (PEP 503)."""
    id: str
    names: tuple[str, ...] = ()
    """Every other id of the same problem."""
    summary: str = ""
    spans: tuple[Span, ...] = ()
    versions: frozenset[str] = frozenset()
    """Named one by one, without a local part."""


class _Package(msgspec.Struct, frozen=True):
    ecosystem: str = ""
    name: str = ""


class _Range(msgspec.Struct, frozen=True):
    type: str = ""
    events: list[dict[str, Any]] = []


class _Affected(msgspec.Struct, frozen=True):
    package: _Package = _Package()
    ranges: list[_Range] = []
    versions: list[str] = []


class _Advisory(msgspec.Struct, frozen=True):
    id: str
    aliases: list[str] = []
    summary: str = ""
    details: str = ""
    withdrawn: str | None = None
    affected: list[_Affected] = []


def normal(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


def parse(document: bytes) -> tuple[Affected, ...] | None:
    """The Python packages of one advisory, none when it was withdrawn; None when it is no advisory."""
    try:
        found = decoding.json(document, type=_Advisory)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if found.withdrawn is not None:
        return ()
    return tuple(
        _affected(found, each) for each in found.affected[:MOST] if each.package.ecosystem.split(":")[0] == "PyPI"
    )


def vulnerabilities(known: Mapping[str, Iterable[Affected]], packages: Mapping[str, str]) -> tuple[Vulnerability, ...]:
    """What is known against the installed packages, each problem once however many sources tell it.

    Args:
        known: normalised name → what advisories say.
        packages: name → installed version.
    """
    found: list[Vulnerability] = []
    for name, version in sorted(packages.items()):
        told: set[str] = set()
        for each in sorted(known.get(normal(name), ()), key=lambda each: each.id):
            ids = {each.id, *each.names}
            hit, fixed = affects(each, version)
            if hit and not told & ids:
                found.append(_vulnerability(each, name, version, fixed))
            told |= ids if hit else set()
    return tuple(found)


def affects(affected: Affected, version: str) -> tuple[bool, str]:
    """Whether `version` is affected, and the first fixed one after it ("" when none is named).

    A version that nobody can order is affected only where it is named; a bound that nobody can order is no bound, so that
    a damaged advisory tells too much rather than too little.
    """
    at = pep440.key(version)
    for span in affected.spans if at is not None else ():
        if _within(span, at):
            return True, span.fixed
    return version.partition("+")[0] in affected.versions, ""


def _within(span: Span, at: pep440.Key | None) -> bool:
    first = _LOWEST if span.introduced == "0" else pep440.key(span.introduced)
    fixed, last = pep440.key(span.fixed), pep440.key(span.last)
    return (
        at is not None
        and (first is None or at >= first)
        and (fixed is None or at < fixed)
        and (last is None or at <= last)
    )


def _affected(found: _Advisory, each: _Affected) -> Affected:
    ranges = [span for given in each.ranges[:MOST] if given.type == "ECOSYSTEM" for span in _spans(given)]
    return Affected(
        package=normal(clean(each.package.name, 100)),
        id=clean(found.id, 60),
        names=tuple(clean(name, 60) for name in found.aliases[:100]),
        summary=clean(found.summary or found.details, TEXT),
        spans=tuple(ranges),
        versions=frozenset(clean(version, 100).partition("+")[0] for version in each.versions[:MOST_VERSIONS]),
    )


def _spans(given: _Range) -> list[Span]:
    """From each `introduced` to the next `fixed` or `last_affected`; the events stand in no order."""
    events = [(kind, clean(str(value), 100)) for event in given.events[:MOST] for kind, value in event.items()]
    ends = sorted((event for event in events if event[0] in ("fixed", "last_affected")), key=_place)
    return [_span(text, ends) for kind, text in events if kind == "introduced"]


def _span(introduced: str, ends: list[tuple[str, str]]) -> Span:
    first = _LOWEST if introduced == "0" else pep440.key(introduced) or _LOWEST
    kind, text = next((end for end in ends if _place(end) >= first), ("", ""))
    return Span(
        introduced=introduced, fixed=text if kind == "fixed" else "", last=text if kind == "last_affected" else ""
    )


def _place(event: tuple[str, str]) -> pep440.Key:
    return pep440.key(event[1]) or _LOWEST


def _vulnerability(each: Affected, name: str, version: str, fixed: str) -> Vulnerability:
    cves = dict.fromkeys(id for id in (each.id, *each.names) if _CVE.fullmatch(id))
    return Vulnerability(
        package=name, installed=version, id=each.id, cves=tuple(cves), fixed=fixed, summary=each.summary
    )
