"""Silences: what they match, what is checked before one begins, what it would hide, and when it ends."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence

from backends.alerts.model import Alert, Edge, EdgeKind, Silence
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.inventory.select import select_names
from backends.metrics.sample import Record
from backends.text import clean

LONGEST_SECONDS = 7 * 86_400.0
IDLE_SECONDS = 3600.0
"""A silence that matched nothing for so long is worth a hint."""
PAST_SECONDS = 7 * 86_400.0
"""How far back a preview looks."""
MOST = 500
"""Silences at a time: each is tried on each alert."""
_SHOWN = 10

Matcher = Callable[[str, str, str], bool]
"""rule, host, object → whether it is silenced."""


class Preview(Record, frozen=True, kw_only=True):
    """What a silence would hide."""

    now: int
    """Alerts pending, firing or recovering that it matches."""
    past: int
    """Times that one of what it matches fired in the past seven days."""
    examples: tuple[str, ...] = ()
    """"rule host object" of the first matches."""


def checked(silence: Silence, hosts: Sequence[Host], now: float) -> Silence:
    """The silence with its texts cleaned.

    Raises:
        BadInput: no end within seven days, no comment, no matcher, or a selector that names nothing that exists.
    """
    if not now < silence.end <= max(silence.start, now) + LONGEST_SECONDS or silence.end <= silence.start:
        raise _bad("a silence needs an end in the future, at most seven days after its start", "--for 2h")
    if not clean(silence.comment, 500).strip():
        raise _bad("a silence needs a comment: who finds it next must know why", "--comment 'disk ordered'")
    if not (silence.rule or silence.select or silence.object):
        raise _bad("a silence without a rule, hosts or object hides everything", "--hosts '*' if that is meant")
    select_names(silence.select, hosts)
    return Silence(
        id=silence.id,
        rule=clean(silence.rule, 200),
        select=silence.select,
        object=clean(silence.object, 200),
        by=clean(silence.by, 100),
        comment=clean(silence.comment, 500),
        start=silence.start,
        end=silence.end,
        with_alert=silence.with_alert,
    )


def matcher(silence: Silence, hosts: Sequence[Host]) -> Matcher:
    """What it matches. Once what it selects is gone from the inventory, it matches nothing."""
    rule, thing = _glob(silence.rule), _glob(silence.object)
    names = _names(silence, hosts)

    def matches(rule_id: str, host: str, thing_name: str) -> bool:
        if rule is not None and not rule(rule_id):
            return False
        if names is not None and host not in names:
            return False
        return thing is None or bool(thing(thing_name))

    return matches


def applies(silence: Silence, now: float) -> bool:
    """Whether it has begun and not ended."""
    return silence.start <= now < silence.end


def preview(silence: Silence, hosts: Sequence[Host], alerts: Iterable[Alert], history: Iterable[Edge]) -> Preview:
    """What it would hide now, and would have hidden.

    Args:
        silence: not begun yet.
        hosts: the inventory.
        alerts: all that are held.
        history: edges of the past seven days; only those of firing count.

    Raises:
        BadInput: its selector names nothing that exists.
    """
    select_names(silence.select, hosts)
    matches = matcher(silence, hosts)
    now = [alert for alert in alerts if alert.active and matches(alert.rule, alert.host, alert.object)]
    past = sum(edge.kind is EdgeKind.FIRED and matches(edge.rule, edge.host, edge.object) for edge in history)
    examples = tuple(" ".join(filter(None, (alert.rule, alert.host, alert.object))) for alert in now[:_SHOWN])
    return Preview(now=len(now), past=past, examples=examples)


def spent(silence: Silence, matches_now: bool) -> bool:
    """Whether a silence that ends with its alert has seen that end."""
    return silence.with_alert and silence.matched is not None and not matches_now


def hint(silence: Silence, now: float) -> str:
    """What to say of a silence that matches nothing for an hour; "" for any other."""
    idle = now - (silence.start if silence.matched is None else silence.matched)
    if not applies(silence, now) or idle < IDLE_SECONDS:
        return ""
    return (
        f"silence {silence.id} of {silence.by} matches nothing for {idle / 3600:.0f} h: end it, or look at its matchers"
    )


def _names(silence: Silence, hosts: Sequence[Host]) -> frozenset[str] | None:
    if not silence.select:
        return None
    try:
        return select_names(silence.select, hosts)
    except BadInput:  # told by the hint about silences that match nothing
        return frozenset()


def _glob(pattern: str) -> Callable[[str], object] | None:
    if not pattern:
        return None
    if not any(letter in pattern for letter in "*?["):
        return pattern.__eq__
    return re.compile(fnmatch.translate(pattern)).match


def _bad(message: str, hint_text: str) -> BadInput:
    return BadInput(message, action="silence alerts", hint=hint_text)
