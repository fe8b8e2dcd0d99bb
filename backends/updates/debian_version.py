"""dpkg's order of versions: which of two is the newer one, without asking dpkg.

The rules are those of Debian policy §5.6.12 as dpkg's `lib/dpkg/version.c` applies them: epoch, then the upstream part, then
the revision; each is read as runs of non-digits and digits in turn, `~` sorts before everything, even before the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cmp_to_key

_RUNS = re.compile(r"([^0-9]*)([0-9]*)")


def compare(one: str, other: str) -> int:
    """Below 0 when `one` is older, above 0 when it is newer, 0 when dpkg takes them for the same."""
    epoch, upstream, revision = _split(one)
    other_epoch, other_upstream, other_revision = _split(other)
    if epoch != other_epoch:
        return -1 if epoch < other_epoch else 1
    return _compare_part(upstream, other_upstream) or _compare_part(revision, other_revision)


def is_newer(one: str, than: str) -> bool:
    """Whether `one` is a later version; every version is later than "" (not installed)."""
    return bool(one) and (not than or compare(one, than) > 0)


def newest(versions: Iterable[str]) -> str:
    """The latest of them; "" of none."""
    return max(versions, key=cmp_to_key(compare), default="")


def upstream_of(version: str) -> str:
    """The version as its authors number it: no epoch, no revision ("1:580.95.05-0ubuntu1" → "580.95.05")."""
    return _split(version)[1]


def _split(version: str) -> tuple[int, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "", version
    upstream, dash, revision = rest.rpartition("-")
    return _number(epoch), upstream if dash else rest, revision if dash else ""


def _number(digits: str) -> int:
    """Leading digits as a number; what is no number counts as 0, as a missing epoch does."""
    found = re.match(r"[0-9]{1,9}", digits)
    return int(found[0]) if found else 0


def _compare_part(one: str, other: str) -> int:
    for (text, digits), (other_text, other_digits) in zip(*_padded(one, other), strict=True):
        if difference := _compare_text(text, other_text):
            return difference
        if difference := _compare_digits(digits, other_digits):
            return difference
    return 0


def _padded(one: str, other: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    runs, other_runs = ([(m[1], m[2]) for m in _RUNS.finditer(part)] for part in (one, other))
    longest = max(len(runs), len(other_runs))
    fill = ("", "")
    return runs + [fill] * (longest - len(runs)), other_runs + [fill] * (longest - len(other_runs))


def _compare_text(one: str, other: str) -> int:
    for index in range(max(len(one), len(other))):
        difference = _order(one[index : index + 1]) - _order(other[index : index + 1])
        if difference:
            return difference
    return 0


def _compare_digits(one: str, other: str) -> int:
    """Like numbers, but of any length without building them: a host may send a megabyte of digits."""
    left, right = one.lstrip("0"), other.lstrip("0")
    if len(left) != len(right):
        return len(left) - len(right)
    return (left > right) - (left < right)


def _order(character: str) -> int:
    if character == "~":
        return -1
    if not character:
        return 0
    return ord(character) if character.isascii() and character.isalpha() else ord(character) + 256
