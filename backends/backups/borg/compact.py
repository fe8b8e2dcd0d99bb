"""`borg compact`: frees what pruned and deleted archives alone used. After it, they cannot be brought back."""

from __future__ import annotations

import re
from collections.abc import Iterable

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.events import Event, LogMessage
from backends.backups.borg.line import borg, repository
from backends.errors import BadInput

_FREED = re.compile(r"compaction freed about (-?[\d.]+) ([kMGTPEZY]?)B repository space")
_POWERS: dict[str, int] = {letter: 1000**power for power, letter in enumerate(("", *"kMGTPEZY"))}


def argv(dialect: Dialect, location: str, threshold: int = 10, *, lock_wait: int = 0) -> tuple[str, ...]:
    """The command; it needs no passphrase.

    Args:
        dialect: of the Borg that runs it.
        location: of the repository.
        threshold: per cent of a segment that must be freed for it to be rewritten; 0 frees everything.
        lock_wait: seconds.

    Raises:
        BadInput: a threshold that is none.
    """
    del dialect  # the same in 1.2 and 1.4
    if not 0 <= threshold <= 99:
        raise BadInput(f"not a threshold in per cent: {threshold}")
    words = borg("compact", progress=True, info=True, lock_wait=lock_wait)
    return (*words, "--threshold", str(threshold), repository(location))


def parse(events: Iterable[Event]) -> int | None:
    """Bytes that were freed, to the three digits that Borg tells; None when it did not say."""
    freed = None
    for event in events:
        if isinstance(event, LogMessage) and (match := _FREED.search(event.message)):
            freed = _bytes(match[1], match[2])
    return freed


def _bytes(number: str, unit: str) -> int | None:
    try:
        return max(0, int(float(number[:20]) * _POWERS[unit]))
    except ValueError:
        return None
