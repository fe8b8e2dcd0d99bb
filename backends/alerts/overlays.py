"""What lies over an alert without changing it: silences, maintenances, parents. All of it is read anew in each step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from backends.alerts import dependency, silences, state
from backends.alerts.dependency import DOWN, Fleet, OwnLink
from backends.alerts.memory import Memory
from backends.alerts.model import Alert, Edge, EdgeKind, Phase, RuleTimes
from backends.alerts.silences import Matcher
from backends.states import Severity

NOTED_SECONDS = 60.0
"""That a silence matches is written down at most this often."""


class Covers(NamedTuple):
    """What may lie over alerts in this step."""

    silences: tuple[tuple[str, Matcher], ...]
    muted: dict[str, str]
    """Host → maintenance."""
    downs: dict[str, Alert]
    """Host → its active alert of the rule DOWN."""
    link: OwnLink | None
    fleet: Fleet


def downs(alerts: Iterable[Alert]) -> dict[str, Alert]:
    """Host → its alert that it is away, while that is pending, firing or recovering.

    One that is pending and unknown explains nothing: it may stay so for ever, and hide everything behind it.
    """
    return {alert.host: alert for alert in alerts if alert.rule == DOWN and alert.active and not _doubtful(alert)}


def _doubtful(alert: Alert) -> bool:
    return alert.unknown and alert.phase is Phase.PENDING


def lay(memory: Memory, covers: Covers, now: float) -> set[str]:
    """Bring every alert's overlays up to date; ids of the silences that match an active alert."""
    matching: set[str] = set()
    for alert in tuple(memory.alerts.values()):
        covered = _covered(alert, covers)
        if alert.active and covered.silenced:
            matching.update(covered.silenced)
        if covered is not alert:
            memory.changes.edges += _edges(alert, covered, now)
            memory.put(_freed(alert, covered, now), now)
    _note(memory, matching, now)
    return matching


def again_seen(alert: Alert, before: Alert, times: RuleTimes) -> Alert:
    """Count a new TRUE evaluation of what its parent explained until now."""
    clocks = alert.clocks
    if not clocks.again or alert.last_true is None or alert.last_true <= clocks.again_from:
        return alert
    if before.last_true == alert.last_true or times.event:
        return alert
    return replace(alert, clocks=replace(clocks, again=clocks.again - 1, again_from=alert.last_true))


def _covered(alert: Alert, covers: Covers) -> Alert:
    matched: tuple[str, ...] = ()
    if covers.silences:
        matched = tuple(name for name, hides in covers.silences if hides(alert.rule, alert.host, alert.object))
    muted = covers.muted.get(alert.host, "") if covers.muted else ""
    parent = ""
    if alert.active and (covers.downs or covers.link is not None):
        parent = dependency.explained(alert, covers.downs, covers.fleet, covers.link)
    if matched == alert.silenced and muted == alert.muted and parent == alert.inhibited:
        return alert
    return replace(alert, silenced=matched, muted=muted, inhibited=parent)


def _edges(alert: Alert, covered: Alert, now: float) -> list[Edge]:
    if not alert.firing or bool(alert.inhibited) == bool(covered.inhibited):
        return []
    kind = EdgeKind.INHIBITED if covered.inhibited else EdgeKind.FREED
    return [state.edge(covered, kind, now, covered.inhibited or alert.inhibited)]


def _freed(alert: Alert, covered: Alert, now: float) -> Alert:
    """What its parent explained must prove itself again; and escalation begins anew once nothing hides an alert."""
    if alert.inhibited and not covered.inhibited and _unproven(alert):
        clocks = replace(covered.clocks, again=dependency.AGAIN, again_from=now)
        covered = replace(covered, clocks=clocks)
    if _hidden(alert) and not _hidden(covered) and covered.telling.climbing is not None:
        covered = replace(covered, telling=replace(covered.telling, climbing=now, steps=0))
    return covered


def _unproven(alert: Alert) -> bool:
    return alert.active and alert.telling.told is None and alert.severity is not Severity.OK


def _hidden(alert: Alert) -> bool:
    return bool(alert.inhibited or alert.silenced or alert.muted)


def _note(memory: Memory, matching: set[str], now: float) -> None:
    for name in matching:
        silence = memory.silences.get(name)
        if silence is not None and (silence.matched is None or now - silence.matched >= NOTED_SECONDS):
            memory.silences.put(name, replace(silence, matched=now))


def active(memory: Memory, matchers: dict[str, Matcher], now: float) -> tuple[tuple[str, Matcher], ...]:
    """The silences that apply now."""
    return tuple((each.id, matchers[each.id]) for each in memory.silences if silences.applies(each, now))
