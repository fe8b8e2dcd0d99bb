"""rpm's order of versions, and the names that carry them. Pure.

An EVR is `[epoch:]version-release`; a missing epoch is 0 and is not shown. Runs of digits and of letters are compared one
by one, digits win over letters, `~` sorts before everything (pre-releases), `^` after the bare version (snapshots).
"""

from __future__ import annotations

import re
from functools import cmp_to_key

from backends.metrics.sample import Record

_PART = re.compile(r"[0-9]+|[a-zA-Z]+|~|\^")
_NEVRA = re.compile(r"(\S+)-((?:[0-9]+:)?[^-:\s]+-[^-:\s]+)\.([^.\-:\s]+|\*)")
_EPOCH = re.compile(r"([0-9]{1,10}):")


class Nevra(Record, frozen=True, kw_only=True):
    """A package name in full."""

    name: str
    version: str
    """EVR as `shown` gives it."""
    architecture: str


def nevra(text: str) -> Nevra | None:
    """The parts of `name-[epoch:]version-release.arch`; None when it is none."""
    found = _NEVRA.fullmatch(text)
    return Nevra(name=found[1], version=shown(found[2]), architecture=found[3]) if found else None


def shown(evr: str) -> str:
    """An EVR as people write it: without an epoch of 0."""
    found = _EPOCH.match(evr)
    return evr[found.end() :] if found and int(found[1]) == 0 else evr


def compare(left: str, right: str) -> int:
    """-1, 0 or 1: the order of two EVRs, as rpm.vercmp has it: a missing release sorts before every other."""
    (epoch_1, version_1, release_1), (epoch_2, version_2, release_2) = _split(left), _split(right)
    if epoch_1 != epoch_2:
        return -1 if epoch_1 < epoch_2 else 1
    return compare_part(version_1, version_2) or compare_part(release_1, release_2)


def compare_part(left: str, right: str) -> int:
    """-1, 0 or 1: the order of two versions or of two releases (rpm's rpmvercmp)."""
    if left == right:
        return 0
    ours, theirs = _PART.findall(left), _PART.findall(right)
    for mine, other in zip(ours, theirs, strict=False):
        if order := _compare_segment(mine, other):
            return order
    return _compare_rest(ours[len(theirs) :], theirs[len(ours) :])


by_version = cmp_to_key(compare)
"""The key with which EVRs sort, oldest first."""


def _compare_segment(mine: str, other: str) -> int:
    for sign, order in (("~", -1), ("^", -1)):  # with more to come on the other side, a snapshot is the older one
        if mine == sign or other == sign:
            return 0 if mine == other else (order if mine == sign else -order)
    if mine.isdigit() and other.isdigit():
        mine, other = mine.lstrip("0"), other.lstrip("0")
        if len(mine) != len(other):
            return -1 if len(mine) < len(other) else 1
    elif mine.isdigit() != other.isdigit():
        return 1 if mine.isdigit() else -1
    return (mine > other) - (mine < other)


def _compare_rest(ours: list[str], theirs: list[str]) -> int:
    """The order when one side has ended: the longer one is newer, unless it goes on with `~`."""
    if ours:
        return -1 if ours[0] == "~" else 1
    if theirs:
        return 1 if theirs[0] == "~" else -1
    return 0


def _split(evr: str) -> tuple[int, str, str]:
    found = _EPOCH.match(evr)
    version, _, release = (evr[found.end() :] if found else evr).partition("-")
    return (int(found[1]) if found else 0), version, release
