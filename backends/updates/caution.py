"""What the cautions of all package managers share: thresholds, and how names are listed in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

STALE_SECONDS = 8 * 86400.0
"""Lists are renewed weekly at least; older ones hide updates."""
SKEW_SECONDS = 300.0
"""A clock that is further off makes good signatures look invalid and expired ones good."""
LONGEST_LIST = 8
"""Names in one sentence."""


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: at most `LONGEST_LIST`, then how many more."""
    every = tuple(dict.fromkeys(names))
    more = f" and {len(every) - LONGEST_LIST} more" if len(every) > LONGEST_LIST else ""
    return ", ".join(every[:LONGEST_LIST]) + more
