"""The order of Python's versions (PEP 440): which of two is the newer one, without asking pip.

The part behind "+" counts for nothing here: a local build ("2.1.0+cu121") is judged as the release that it was built from.
"""

from __future__ import annotations

import math
import re

MAX_LENGTH = 100
_VERSION = re.compile(
    r"v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)"
    r"(?P<pre>[-_.]?(?P<pre_word>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>[0-9]+)?)?"
    r"(?P<post>-(?P<bare_post>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]+)?)?"
    r"(?P<dev>[-_.]?dev[-_.]?(?P<dev_number>[0-9]+)?)?"
    r"(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
    re.IGNORECASE | re.ASCII,
)
_WORDS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}

Key = tuple[int, tuple[int, ...], tuple[int, str, int], int, float]
"""Epoch, release, pre-release, post-release, development release: compares as the versions do."""


def key(version: str) -> Key | None:
    """What orders `version` among others; None when it is no version."""
    found = _VERSION.fullmatch(version.strip()) if len(version) <= MAX_LENGTH else None
    if found is None:
        return None
    post = int(found["bare_post"] or found["post_number"] or 0) if found["post"] else -1
    dev = int(found["dev_number"] or 0) if found["dev"] else math.inf
    return int(found["epoch"] or 0), _release(found["release"]), _pre(found), post, dev


def _release(text: str) -> tuple[int, ...]:
    """Without the zeros at its end: 1.0 is 1."""
    parts = [int(part) for part in text.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _pre(found: re.Match[str]) -> tuple[int, str, int]:
    """1.0.dev1 comes before 1.0a1, and that before 1.0."""
    if found["pre"]:
        word = found["pre_word"].lower()
        return 0, _WORDS.get(word, word), int(found["pre_number"] or 0)
    return (-1 if found["dev"] and not found["post"] else 1), "", 0
