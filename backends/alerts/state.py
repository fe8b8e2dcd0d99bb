"""The state machine of one alert: inactive → pending → firing → recovering → resolved. Pure.

What is not known never counts for either side: up to two NODATA stop the clock of a wait, more let it begin anew, and so
does a silence longer than the wait itself (the engine slept). An alert is never resolved by either.
"""

from __future__ import annotations

from msgspec.structs import replace

from backends.alerts import episodes, flapping
from backends.alerts.model import Alert, Edge, EdgeKind, Phase, Reading, RuleTimes, Truth
from backends.states import Severity

PAUSING = 2
"""So many NODATA in a row stop a wait's clock; more set it back."""
UNKNOWN_INTERVALS, UNKNOWN_SECONDS = 3, 90.0
"""NODATA for longer than the larger of both is "unknown"."""

Step = tuple[Alert, tuple[Edge, ...]]
_FIRES = (Severity.WARNING, Severity.CRITICAL)


def fresh(reading: Reading) -> Alert:
    """The inactive alert that `reading` is about."""
    return Alert(fingerprint=reading.fingerprint, rule=reading.rule, host=reading.host, object=reading.object)


def step(alert: Alert, reading: Reading, times: RuleTimes, now: float) -> Step:
    """Take one evaluation in.

    Args:
        alert: as it stands.
        reading: about this alert; its time may lie in the future (a host's clock) and then counts as `now`.
        times: of its rule.
        now: epoch seconds.

    Returns:
        The alert after it and what happened. A reading older than the last one of a level rule changes nothing.
    """
    at = min(reading.time, now)
    truth = _truth(reading, times)
    if times.event:
        return _event(alert, reading, truth, at, times, now)
    if alert.last_data is not None and at < alert.last_data:
        return alert, ()
    if truth is Truth.NODATA:
        return _nodata(alert, at), ()
    if truth is Truth.FALSE and not alert.active and not alert.clocks.changes:
        return alert, ()  # well, and was for 20 evaluations: nothing to remember
    alert, edges = _known(alert, reading, truth, at, times)
    moved, more = (_true if truth is Truth.TRUE else _false)(alert, reading, at, times, now)
    return moved, (*edges, *more)


def tick(alert: Alert, times: RuleTimes, now: float) -> Step:
    """What comes of time alone: what was not known for too long is unknown."""
    if times.event or alert.unknown or not alert.active or alert.last_data is None:
        return alert, ()
    if now - alert.last_data <= unknown_after(times):
        return alert, ()
    return _told(replace(alert, unknown=True), EdgeKind.UNKNOWN, now, "no data")


def by_hand(alert: Alert, now: float, by: str, origin: str) -> Step:
    """The operator says that it is over; only sensible for event rules."""
    done = episodes.resolved(alert, now, now)
    return done, (edge(done, EdgeKind.RESOLVED, now, "by hand", by, origin),)


def unknown_after(times: RuleTimes) -> float:
    """Seconds without data after which an alert is unknown."""
    return max(UNKNOWN_INTERVALS * times.interval_seconds, UNKNOWN_SECONDS)


def edge(alert: Alert, kind: EdgeKind, time: float, text: str = "", by: str = "", origin: str = "") -> Edge:
    """One line of the history of `alert`."""
    return Edge(
        time=time,
        kind=kind,
        fingerprint=alert.fingerprint,
        rule=alert.rule,
        host=alert.host,
        object=alert.object,
        episode=alert.episode,
        severity=alert.severity,
        text=text or alert.text,
        by=by,
        origin=origin,
    )


def _truth(reading: Reading, times: RuleTimes) -> Truth:
    """TRUE without a level that can fire is a rule that does not know: neither for it nor against it."""
    if reading.truth is Truth.TRUE and not times.info and reading.severity not in _FIRES:
        return Truth.NODATA
    return reading.truth


def _level(reading: Reading, times: RuleTimes) -> Severity:
    return Severity.OK if times.info else reading.severity


def _told(alert: Alert, kind: EdgeKind, time: float, text: str = "") -> Step:
    return alert, (edge(alert, kind, time, text),)


def _nodata(alert: Alert, at: float) -> Alert:
    if not alert.active:
        return alert
    clocks = alert.clocks
    gap = at if clocks.gap_from is None else clocks.gap_from
    return replace(alert, clocks=replace(clocks, gap_from=gap, gap_count=clocks.gap_count + 1))


def _known(alert: Alert, reading: Reading, truth: Truth, at: float, times: RuleTimes) -> Step:
    """There is data again: set the clocks, remember the change, take the values over."""
    true, clocks = truth is Truth.TRUE, alert.clocks
    changes = clocks.changes
    if alert.last_data is None or at > alert.last_data:  # the same sample looked at twice is one evaluation
        changes = flapping.shifted(changes, true != clocks.true)
    counted, lower = _after_gap(alert, clocks.counted_from, at, times), _after_gap(alert, clocks.lower_from, at, times)
    values = {"value": reading.value, "text": reading.text, "evidence": reading.evidence, "advice": reading.advice}
    known = replace(
        alert,
        last_data=at,
        unknown=False,
        flapping=alert.telling.guarded is not None or flapping.flaps(changes, alert.flapping),
        clocks=replace(
            clocks, counted_from=counted, lower_from=lower, gap_from=None, gap_count=0, changes=changes, true=true
        ),
        **(values | {"last_true": at} if true else {}),
    )
    return _told(known, EdgeKind.KNOWN, at) if alert.unknown else (known, ())


def _after_gap(alert: Alert, since: float | None, at: float, times: RuleTimes) -> float | None:
    """Where a wait's clock stands after what was not known."""
    clocks = alert.clocks
    if since is None or alert.last_data is None:
        return since
    if clocks.gap_from is not None:
        return since + max(0.0, at - clocks.gap_from) if clocks.gap_count <= PAUSING else at
    wait = times.for_seconds if alert.phase is Phase.PENDING else times.keep_seconds
    slept = at - alert.last_data > max(wait, UNKNOWN_INTERVALS * times.interval_seconds)
    return at if slept else since


def _true(alert: Alert, reading: Reading, at: float, times: RuleTimes, now: float) -> Step:
    if alert.phase in (Phase.INACTIVE, Phase.RESOLVED):
        clocks = replace(alert.clocks, counted_from=at)
        pending = replace(alert, phase=Phase.PENDING, since=at, first_true=at, clocks=clocks)
        begun, edges = _told(replace(pending, severity=_level(reading, times)), EdgeKind.PENDING, at)
        fired, more = _pending(begun, reading, at, times, now)
        return fired, (*edges, *more) if times.for_seconds > 0 else more
    if alert.phase is Phase.PENDING:
        return _pending(replace(alert, severity=_level(reading, times)), reading, at, times, now)
    if alert.phase is Phase.FIRING:
        return _levels(alert, _level(reading, times), at, times)
    back = replace(alert, phase=Phase.FIRING, since=at, clocks=replace(alert.clocks, counted_from=None))
    levelled, edges = _levels(back, _level(reading, times), at, times)
    return levelled, (edge(back, EdgeKind.BACK, at), *edges)


def _pending(alert: Alert, reading: Reading, at: float, times: RuleTimes, now: float) -> Step:
    since = alert.clocks.counted_from
    if since is None or at - since < times.for_seconds:
        return alert, ()
    return _told(episodes.fired(alert, _level(reading, times), at, now), EdgeKind.FIRED, at)


def _levels(alert: Alert, level: Severity, at: float, times: RuleTimes) -> Step:
    """Up at once, down only after it was lower for `keep`."""
    clocks = alert.clocks
    if level.rank > alert.severity.rank:
        return _up(alert, level, at)
    if level.rank == alert.severity.rank or times.event:
        return replace(alert, clocks=replace(clocks, lower_from=None)), ()
    since = at if clocks.lower_from is None else clocks.lower_from
    if at - since < times.keep_seconds:
        return replace(alert, clocks=replace(clocks, lower_from=since)), ()
    lower = replace(alert, severity=level, clocks=replace(clocks, lower_from=None))
    return _told(lower, EdgeKind.DOWNGRADED, at)


def _up(alert: Alert, level: Severity, at: float) -> Step:
    ends = alert.ack is not None and alert.ack.severity.rank < level.rank
    higher = replace(
        alert, severity=level, ack=None if ends else alert.ack, clocks=replace(alert.clocks, lower_from=None)
    )
    edges = [edge(higher, EdgeKind.UPGRADED, at)]
    if ends:
        edges.append(edge(higher, EdgeKind.ACK_ENDED, at, "it became worse"))
    return higher, tuple(edges)


def _false(alert: Alert, reading: Reading, at: float, times: RuleTimes, now: float) -> Step:
    if alert.phase is Phase.PENDING:
        return _told(episodes.cleared(alert, at), EdgeKind.CLEARED, at)
    if not alert.active:
        return alert, ()
    edges: tuple[Edge, ...] = ()
    if alert.phase is Phase.FIRING:
        lower = at if alert.clocks.lower_from is None else alert.clocks.lower_from
        clocks = replace(alert.clocks, counted_from=at, lower_from=lower)
        alert = replace(alert, phase=Phase.RECOVERING, since=at, clocks=clocks)
        edges = (edge(alert, EdgeKind.RECOVERING, at, reading.text),) if times.keep_seconds > 0 else ()
    since = alert.clocks.counted_from
    if since is None or at - since < times.keep_seconds:
        return alert, edges
    done = episodes.resolved(alert, at, now)
    return done, (*edges, edge(done, EdgeKind.RESOLVED, at, reading.text))


def _event(alert: Alert, reading: Reading, truth: Truth, at: float, times: RuleTimes, now: float) -> Step:
    """What happened fires with its own time; only evidence that is newer ends it. An old line read again is nothing new."""
    if truth is Truth.NODATA:
        return alert, ()
    if truth is Truth.FALSE:
        if not alert.firing or (alert.last_true is not None and at <= alert.last_true):
            return alert, ()
        done = replace(episodes.resolved(alert, at, now), last_data=at)
        return done, (edge(done, EdgeKind.RESOLVED, at, reading.text),)
    if alert.phase is Phase.RESOLVED and alert.resolved is not None and at <= alert.resolved:
        return alert, ()
    if alert.firing and alert.last_true is not None and at <= alert.last_true and not _worse(alert, reading):
        return alert, ()
    seen = replace(
        alert,
        last_true=at,
        last_data=at,
        value=reading.value,
        text=reading.text,
        evidence=reading.evidence,
        advice=reading.advice,
    )
    if alert.firing:
        return _levels(seen, _level(reading, times), at, times)
    return _told(episodes.fired(replace(seen, first_true=at), _level(reading, times), at, now), EdgeKind.FIRED, at)


def _worse(alert: Alert, reading: Reading) -> bool:
    return reading.severity.rank > alert.severity.rank
