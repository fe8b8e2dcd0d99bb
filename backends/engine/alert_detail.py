"""One alert with everything that is known about it: history, deliveries, and what happened around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.alerts.model import Alert, Notice, NoticeKind
from backends.clock import utc
from backends.engine import alert_rows
from backends.engine.wire_alerts import AlertDetail
from backends.errors import RetryLater
from backends.states import Severity
from backends.triage.timeline import Around

if TYPE_CHECKING:
    from backends.engine.duty import Duty

MOST_EDGES = 200
HANDOVER_LINES = 60


def detail(duty: Duty, fingerprint: str) -> AlertDetail:
    """Raises BadInput: no such alert now; RetryLater: the alerts' file cannot be read."""
    alerting = duty.alerting
    alert = alerting.find(fingerprint)
    rule = alerting.rules.get(alert.rule)
    return AlertDetail(
        row=next(row for row in alerting.rows() if row.fingerprint == alert.fingerprint),
        now=duty.now(),
        history=alerting.book.history(fingerprint=alert.fingerprint, limit=MOST_EDGES),
        deliveries=tuple(
            alert_rows.delivery(each)
            for each in reversed(alerting.outbox.rows())
            if alert.fingerprint in each.notice.fingerprints
        )
        + tuple(
            alert_rows.delivery(each)
            for each in alerting.outbox.history(MOST_EDGES)
            if alert.fingerprint in each.notice.fingerprints and each.state in ("sent", "collapsed")
        ),
        source=rule.source if rule is not None else "",
        limits=alert_rows.limits(rule) if rule is not None else "",
        around=_around(duty, alert),
    )


def _around(duty: Duty, alert: Alert) -> Around | None:
    """None for what belongs to no host, and where the events cannot be read (the store has told that)."""
    if not alert.host:
        return None
    try:
        return duty.surroundings.around(alert.host, alert.first_true or alert.fired or alert.since, rule=alert.rule)
    except RetryLater:
        return None


def notice_of_handover(markdown: str, target: str, now: float, by: str) -> Notice:
    """The hand-over as a notice to one target."""
    lines = tuple(line for line in markdown.splitlines() if line.strip())
    return Notice(
        key=f"handover/{target}/{now:.3f}",
        kind=NoticeKind.NOTE,
        time=now,
        severity=Severity.OK,
        title=f"hand-over of {by}, {utc(now):%Y-%m-%d %H:%M} UTC",
        lines=lines[:HANDOVER_LINES],
        only=(target,),
    )
