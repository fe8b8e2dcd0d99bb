"""What the API tells of one alert: the alert, and from other parts of the engine what happened around it."""

from __future__ import annotations

from backends.alerts.model import Edge
from backends.alerts.views import AlertRow, DeliveryRow
from backends.metrics.sample import Record
from backends.triage.timeline import Around


class AlertDetail(Record, frozen=True, kw_only=True):
    """Result of `alerts.get`."""

    row: AlertRow
    now: float
    history: tuple[Edge, ...] = ()
    """Newest first."""
    deliveries: tuple[DeliveryRow, ...] = ()
    source: str = ""
    """Where the rule's thresholds come from."""
    limits: str = ""
    """ "warn >90/<80 %, crit >98/<90 %, for 1m, ends after 15m"."""
    around: Around | None = None
    """What happened around it, and likely causes."""
