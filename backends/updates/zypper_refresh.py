"""Judges a refresh of zypper's lists by its text; a dead repository is skipped, and the others go on. Pure."""

from __future__ import annotations

import re

_SKIPPED = re.compile(r"Skipping repository '([^']+)' because of the above error\.")
_REASON = re.compile(r"Error message: (.*)")
_KEY = re.compile(
    r"(?:Signature verification failed|does not match|File '\S+' from repository '[^']+' is (?:un)?signed).*"
)


def judge(text: str, exit_status: int | None) -> tuple[str, ...]:
    """Problems of a refresh, one sentence each; none: every repository answered."""
    found: list[str] = []
    for before, name in _sections(text):
        reasons = [*_KEY.findall(before), *_REASON.findall(before)]
        found.append(f"repository {name} cannot be read: {reasons[0].strip() if reasons else 'see the output'}")
    return tuple(found) or (() if exit_status == 0 else (f"zypper ended with status {exit_status}",))


def _sections(text: str) -> list[tuple[str, str]]:
    """(What was said before, repository) for each that was skipped."""
    parts = _SKIPPED.split(text)
    return list(zip(parts[0::2], parts[1::2], strict=False))
