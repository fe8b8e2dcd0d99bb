"""What maintenance runs still need of updates: it is not forgotten, however much came after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Needs(NamedTuple):
    """By the maintenance runs that go on, or ended a short while ago."""

    groups: frozenset[str] = frozenset()
    """Their ids: each run of updates that one of them began belongs to its group."""
    plans: frozenset[str] = frozenset()
    """Ids of the plans that they carry out."""

    def has(self, batch: str) -> bool:
        """Whether a batch of reboots was asked for by one of them: its name begins with that of the run."""
        return any(batch.startswith(f"{group}-") for group in self.groups)


NONE = Needs()
Ask = Callable[[], Needs | None]
"""None: not known yet, then nothing is forgotten."""
