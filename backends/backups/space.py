"""How much room a repository has, in words: its filesystem, the reserve that is kept free, its quota. Pure."""

from __future__ import annotations

import re

from backends.backups.model import Cause, Repository
from backends.backups.onsite import Look
from backends.metrics.sample import Record
from backends.units import size as shown

_SIZE = re.compile(r"(\d{1,20})([KMGTP]?)")
_FACTOR = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
SLACK_BYTES = 64 << 20
"""What Borg wants besides the reserve: its index several times over, and hints."""
QUOTA_LEAST = 10_000_000
"""Borg refuses a smaller quota."""
NEARLY = 0.95


class Room(Record, frozen=True, kw_only=True):
    """Bytes."""

    stored: int
    """What the repository takes on its disk."""
    free: int
    """Left on its filesystem without the reserve; never below 0."""
    total: int
    reserve: int = 0
    """Kept free, as its config says now."""
    quota: int = 0
    """0: none."""


def room(look: Look) -> Room:
    """What a look tells about space."""
    reserve = borg_size(look.settings.get("additional_free_space", "0"))
    return Room(
        stored=look.data_bytes + look.other_bytes,
        free=max(0, look.free - reserve),
        total=look.total,
        reserve=reserve,
        quota=borg_size(look.settings.get("storage_quota", "0")),
    )


def borg_size(text: str) -> int:
    """A size as Borg writes it into a config ("2G", "2147483648"); 0 for what is none."""
    found = _SIZE.fullmatch(text.strip().upper().removesuffix("B"))
    return int(found[1]) * _FACTOR[found[2]] if found else 0


def problem(repository: Repository, now: Room) -> Cause | None:
    """Why the next backup may not fit; None: nothing speaks against it."""
    if now.free < SLACK_BYTES:
        return Cause(
            code="no-space",
            text=f"The disk of {repository.key} is full up to its reserve; Borg refuses to write, what is there stays good.",
            evidence=_seen(now),
            next_step=f"swarm-tui backup prune {repository.key} SET, then compact it (that may use the reserve); or a larger disk.",
        )
    if now.quota and now.stored >= now.quota * NEARLY:
        return Cause(
            code="quota",
            text=f"{repository.key} takes {now.stored / now.quota:.0%} of its quota; what is there stays good.",
            evidence=_seen(now),
            next_step=f"swarm-tui backup prune {repository.key} SET, then compact it; or raise quota_bytes and init it again.",
        )
    return None


def _seen(now: Room) -> tuple[str, ...]:
    seen = [
        f"free without the reserve: {shown(now.free)} of {shown(now.total)}",
        f"reserve: {shown(now.reserve)}",
        f"the repository takes {shown(now.stored)}",
    ]
    return (*seen, f"quota: {shown(now.quota)}") if now.quota else tuple(seen)
