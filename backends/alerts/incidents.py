"""How alerts become incidents of a paging service: one key for one episode, opened once and closed once. Pure.

The key is made of fingerprint and episode (reference/alerts.md §3.15), so that every further word about an episode updates the
same incident, and the next episode opens another one.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from msgspec.structs import replace

from backends.alerts.model import Notice, NoticeKind
from backends.alerts.redact import scheme_of
from backends.alerts.targets import Target

INCIDENTS = frozenset(("pagerduty", "opsgenie"))
"""Schemes of services that keep incidents by a key of ours."""
Action = Literal["", "trigger", "resolve"]


def keeps(target: Target) -> bool:
    """Whether a target keeps incidents, as far as the configuration alone tells: an URL that comes from a command, a file or
    the environment is not known yet; there `incident` has to name the service."""
    if target.incident == "auto":
        return target.way == "url" and scheme_of(target.source.reveal()) in INCIDENTS
    return target.incident != "none"


def episodes(notice: Notice) -> tuple[tuple[str, int], ...]:
    """Fingerprint and episode of each alert that a notice is about."""
    known = len(notice.episodes) == len(notice.fingerprints)
    numbers = notice.episodes if known else (notice.episode,) * len(notice.fingerprints)
    return tuple(zip(notice.fingerprints, numbers, strict=True))


def dedup_key(notice: Notice) -> str:
    """Names the incident that a notice is about; of many alerts at once, the one of all of them together."""
    each = [f"{name}-{episode}" for name, episode in episodes(notice)]
    if not each:
        return notice.key
    return each[0] if len(each) == 1 else hashlib.sha256("\0".join(sorted(each)).encode()).hexdigest()[:16]


def action_of(notice: Notice) -> Action:
    """What is to be done with the incident."""
    return "resolve" if notice.kind == NoticeKind.RESOLVED else "trigger"


def apart(notice: Notice) -> tuple[Notice, ...]:
    """A notice as a target with incidents needs it: one for each alert, since they are closed one by one.

    A test is closed again at once: nobody should have to.
    """
    if notice.kind == NoticeKind.TEST:
        closing = replace(notice, key=f"{notice.key}/end", kind=NoticeKind.RESOLVED, fingerprints=(notice.key,))
        return replace(notice, fingerprints=(notice.key,)), closing
    if len(notice.fingerprints) < 2:
        return (notice,)
    return tuple(
        replace(notice, key=f"{notice.key}/{name}", fingerprints=(name,), episode=episode, episodes=(episode,))
        for name, episode in episodes(notice)
    )
