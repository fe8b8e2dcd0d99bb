"""What is remembered between two health checks of a host: since when, how many reboots it outlived, who has it in hand.

Plain data, to be stored as it is. Nothing here changes in place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from backends.checks.health_finding import Action, Finding, key_of
from backends.metrics.sample import Record
from backends.states import Severity

REBOOTS = 2
"""Reboots without cure after which somebody must look at the hardware (gpud: XID, GPU count, D-state)."""
CURED_SECONDS = 86400.0
"""So long without the fault before it counts as cured: many come back only under load (own reasoning)."""
MOST = 512


class Past(Record, frozen=True, kw_only=True):
    """One finding over time."""

    severity: Severity
    since: float
    seen: float
    """When it was last bad."""
    boots: tuple[str, ...] = ()
    """Boot ids in which it was seen, oldest first."""


class Acknowledged(Record, frozen=True, kw_only=True):
    """Somebody has it in hand, until it is OK again."""

    by: str
    time: float
    note: str = ""


class Flaps(Record, frozen=True, kw_only=True):
    """One port or link over time."""

    down_since: float | None = None
    dropped: float | None = None
    """When it was down for so long that it counts as a drop (N02)."""
    up_since: float | None = None
    seen_up: bool = False
    """It was up at some time: a port that never was has no cable."""
    flaps: tuple[float, ...] = ()
    """When it came back after being down long enough to count (N03); kept until acknowledged."""


class History(Record, frozen=True, kw_only=True):
    """All that is remembered of one host."""

    past: dict[str, Past] = {}
    acknowledged: dict[str, Acknowledged] = {}
    cleared: dict[str, float] = {}
    """Finding → events up to then are settled."""
    ports: dict[str, Flaps] = {}
    waiting: dict[str, int] = {}
    """Process ("pid:ticks") → looks in a row in which it waited in the kernel."""
    boot: str = ""
    """Boot id at the last check."""


def remember(
    history: History, findings: Iterable[Finding], boot: str, now: float, judged: Collection[str] = ()
) -> tuple[History, tuple[Finding, ...]]:
    """The history after a check, and the findings with since, reboots and acknowledgement.

    Args:
        history: before it.
        findings: of this check.
        boot: boot id of the host, "" when it is not known.
        now: epoch seconds.
        judged: checks that were judged: what they do not tell of any more (a unit, a process) is well.
    """
    past, acked = dict(history.past), dict(history.acknowledged)
    told, found = [], list(findings)
    _over({finding.key for finding in found}, judged, past, acked, now)
    for finding in found:
        entry = past.get(finding.key)
        if finding.bad or (finding.severity is Severity.UNKNOWN and entry is None):
            entry = past[finding.key] = _seen(entry, finding, boot, now)
        elif finding.severity is Severity.OK:
            acked.pop(finding.key, None)
            if entry is not None and (not entry.boots or now - entry.seen >= CURED_SECONDS):
                del past[finding.key]
            elif entry is not None:
                past[finding.key] = msgspec.structs.replace(entry, severity=Severity.OK)
        told.append(_told(finding, entry, acked))
    kept = sorted(past.items(), key=lambda item: -item[1].seen)[:MOST]
    after = msgspec.structs.replace(history, past=dict(kept), acknowledged=acked, boot=boot or history.boot)
    return after, tuple(told)


def _over(
    told: Collection[str],
    judged: Collection[str],
    past: dict[str, Past],
    acked: dict[str, Acknowledged],
    now: float,
) -> None:
    for key in [key for key in {*past, *acked} if key not in told and key.partition("\x1f")[0] in judged]:
        acked.pop(key, None)
        entry = past.get(key)
        if entry is not None and (not entry.boots or now - entry.seen >= CURED_SECONDS):
            del past[key]
        elif entry is not None:
            past[key] = msgspec.structs.replace(entry, severity=Severity.OK)


def _seen(entry: Past | None, finding: Finding, boot: str, now: float) -> Past:
    if entry is None:
        first = (boot,) if boot and finding.bad else ()
        return Past(severity=finding.severity, since=now, seen=now, boots=first)
    well_between = entry.severity is Severity.OK
    since = now if well_between or finding.severity.rank > entry.severity.rank else entry.since
    boots = entry.boots if not boot or boot in entry.boots else (*entry.boots, boot)[-8:]
    return Past(severity=finding.severity, since=since, seen=now, boots=boots)


def _told(finding: Finding, entry: Past | None, acked: dict[str, Acknowledged]) -> Finding:
    if entry is None or finding.severity is Severity.OK:
        return finding
    reboots = max(0, len(entry.boots) - 1)
    curable = finding.bad and finding.action in (Action.RESET_GPU, Action.REBOOT)
    inspect = curable and reboots >= REBOOTS
    by = acked.get(finding.key)
    return msgspec.structs.replace(
        finding,
        since=entry.since,
        reboots=reboots,
        action=Action.INSPECT if inspect else finding.action,
        advice=f"still there after {reboots} reboots: have the hardware inspected" if inspect else finding.advice,
        acknowledged=by.by if by else "",
    )


def acknowledge(history: History, check: str, thing: str, by: str, now: float, note: str = "") -> History:
    """Somebody has it in hand: shown as such until it is OK again. The flaps of a port are forgotten with it."""
    key = key_of(check, thing)
    acked = {**history.acknowledged, key: Acknowledged(by=by, time=now, note=note)}
    after = msgspec.structs.replace(history, acknowledged=acked)
    return clear(after, check, thing, now) if check in STICKY else after


def clear(history: History, check: str, thing: str, now: float) -> History:
    """It is settled ("set healthy"): its events up to now, its flaps and its reboots count no more."""
    key = key_of(check, thing)
    ports = dict(history.ports)
    if check in STICKY and thing in ports:
        ports[thing] = msgspec.structs.replace(ports[thing], flaps=(), dropped=None)
    past = {name: entry for name, entry in history.past.items() if name != key}
    return msgspec.structs.replace(history, cleared={**history.cleared, key: now}, ports=ports, past=past)


STICKY = frozenset(("N02", "N03"))
"""Checks whose findings stay until somebody has seen them."""


def settled(history: History, check: str, thing: str) -> float:
    """Events up to this time are settled; 0.0 when none are."""
    return max(history.cleared.get(key_of(check, thing), 0.0), history.cleared.get(key_of(check, ""), 0.0))
