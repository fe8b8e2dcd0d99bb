"""What the engine tells of its alerts, as plain frozen data: the results of the API methods `alerts.*`."""

from __future__ import annotations

from backends.alerts.backtest import Backtest
from backends.alerts.deadman import Pulse
from backends.alerts.model import Ack, Alert, DeliveryState, Mute, Phase, Silence
from backends.alerts.silences import Preview
from backends.alerts.target_health import TargetState
from backends.metrics.sample import Record
from backends.states import Severity

__all__ = ["Backtest", "Preview"]


class AlertRow(Record, frozen=True, kw_only=True):
    """One problem, as far as a list shows it."""

    fingerprint: str
    rule: str
    title: str
    """What its rule watches: "Filesystem is full"."""
    host: str
    object: str = ""
    phase: Phase
    severity: Severity
    since: float = 0.0
    """When this phase began."""
    fired: float | None = None
    resolved: float | None = None
    last_data: float | None = None
    unknown: bool = False
    """Nothing is known of it for too long: shown, never resolved by that."""
    value: float | None = None
    text: str = ""
    evidence: tuple[str, ...] = ()
    advice: str = ""
    ack: Ack | None = None
    silenced: tuple[str, ...] = ()
    """Ids of silences."""
    inhibited: str = ""
    """What explains it: the name of a host or parent, "own link", or ""."""
    muted: str = ""
    """Id of the maintenance of its host."""
    flapping: bool = False
    event: bool = False
    """About something that happened: it can be ended by hand."""
    info: bool = False
    """Shown, told to nobody."""
    escalation: int = 0
    notified: tuple[str, ...] = ()
    """Targets that were told."""
    episode: int = 0
    delivery: str = ""
    """How telling goes: "" nobody to tell yet, "sent", "waiting", "retrying", "dead"."""
    bundle: int | None = None
    """Number of the triage bundle that was made when it fired."""


class AlertView(Record, frozen=True, kw_only=True):
    """Result of `alerts.view`."""

    version: int
    now: float
    alerts: tuple[AlertRow, ...] | None = None
    """The worst first; also what was resolved within the last hour. None: nothing new since that version."""
    silences: tuple[Silence, ...] = ()
    mutes: tuple[Mute, ...] = ()
    targets: tuple[TargetState, ...] = ()
    pulse: Pulse = Pulse()
    """The last full evaluation."""
    quiet: bool = False
    """It is one of the quiet hours."""
    waiting: int = 0
    """Notices on their way to any target."""
    dead: int = 0
    """Notices that were given up."""
    hints: tuple[str, ...] = ()
    """About silences that match nothing."""
    problem: str = ""
    """Why alerts would not survive a restart, or are not evaluated; "" when all is well."""


class DeliveryRow(Record, frozen=True, kw_only=True):
    """One notice on its way to one target."""

    number: int
    """Its id, for `alerts.again`."""
    target: str
    state: DeliveryState
    kind: str
    severity: Severity
    title: str
    hosts: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    created: float
    due: float
    attempts: int = 0
    reason: str = ""
    sent: float | None = None
    seconds: float = 0.0
    """That the last attempt took."""
    together: bool = False
    """It was told as part of a digest."""
    by: str = ""


class OutboxView(Record, frozen=True, kw_only=True):
    """Result of `alerts.outbox`."""

    rows: tuple[DeliveryRow, ...]
    """Newest first."""
    targets: tuple[TargetState, ...] = ()
    problem: str = ""
    """Why what waits would not survive a restart."""


class RuleRow(Record, frozen=True, kw_only=True):
    """One rule that is evaluated."""

    id: str
    title: str
    limits: str = ""
    source: str = ""
    advice: str = ""
    firing: int = 0


class Handover(Record, frozen=True, kw_only=True):
    """Result of `alerts.handover`."""

    markdown: str
    sent: str = ""
    """Key of the notice, when it was sent."""


def phase_word(alert: Alert | AlertRow) -> str:
    """One word for how an alert stands, the most telling first."""
    if alert.unknown and alert.phase is not Phase.RESOLVED:
        return "unknown"
    if alert.phase is Phase.RESOLVED:
        return "resolved"
    if alert.inhibited:
        return "explained"
    if alert.muted:
        return "maintenance"
    if alert.silenced:
        return "silenced"
    if alert.ack is not None:
        return "snoozed" if alert.ack.snooze else "acked"
    return str(alert.phase)
