"""The calls about alerts: `EngineClient.alerts`. Loaded when first used, since most subcommands never do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from backends.alerts.model import Edge, Mute, Silence
from backends.alerts.target_health import TargetState
from backends.alerts.views import AlertView, Backtest, Handover, OutboxView, Preview, RuleRow
from backends.engine.wire_alerts import AlertDetail
from swarm_tui.rpc import Connection

TRIAL_SECONDS = 300.0
"""A long history of many hosts takes its time."""


class _Edges(msgspec.Struct):
    edges: tuple[Edge, ...] = ()


class _Targets(msgspec.Struct):
    targets: tuple[TargetState, ...] = ()


class _Rules(msgspec.Struct):
    rules: tuple[RuleRow, ...] = ()


class _Silences(msgspec.Struct):
    silences: tuple[Silence, ...] = ()
    hints: tuple[str, ...] = ()


class _Mutes(msgspec.Struct):
    mutes: tuple[Mute, ...] = ()


class _Text(msgspec.Struct):
    text: str = ""


class AlertCalls:
    """Alerts of the fleet. Methods may be called from any thread and raise SwarmError."""

    def __init__(self, connection: Connection):
        self.call = connection.call

    # Looking

    def view(self, select: str = "", since: int | None = None) -> AlertView:
        """All alerts, the worst first; `alerts` is None when nothing changed since a version."""
        return self.call("alerts.view", _given(select=select or None, since=since), AlertView)

    def get(self, fingerprint: str) -> AlertDetail:
        """One alert with its history, deliveries and surroundings; the first digits of a fingerprint will do."""
        return self.call("alerts.get", {"fingerprint": fingerprint}, AlertDetail)

    def history(
        self,
        *,
        seconds: float = 7 * 86_400.0,
        host: str = "",
        fingerprint: str = "",
        kind: str = "",
        audit: bool = False,
        limit: int = 200,
    ) -> tuple[Edge, ...]:
        """What happened, newest first; `audit`: only what people did."""
        params = {
            "seconds": seconds,
            "host": host,
            "fingerprint": fingerprint,
            "kind": kind,
            "audit": audit,
            "limit": limit,
        }
        return self.call("alerts.history", params, _Edges).edges

    def rules(self) -> tuple[RuleRow, ...]:
        """Every rule that is evaluated."""
        return self.call("alerts.rules", {}, _Rules).rules

    def outbox(self, target: str = "", limit: int = 200, finished: bool = True) -> OutboxView:
        """Notices and what became of them, newest first."""
        return self.call("alerts.outbox", {"target": target, "limit": limit, "finished": finished}, OutboxView)

    def targets(self) -> tuple[TargetState, ...]:
        """How the targets do."""
        return self.call("alerts.targets", {}, _Targets).targets

    # Acting

    def ack(
        self, fingerprints: Sequence[str], *, seconds: float | None = None, note: str = "", snooze: bool = False
    ) -> None:
        """Take in hand: repeats and escalation stop, for four hours unless told otherwise."""
        params = _given(fingerprints=list(fingerprints), seconds=seconds, note=note, snooze=snooze)
        self.call("alerts.ack", params, msgspec.Raw)

    def unack(self, fingerprints: Sequence[str]) -> None:
        """Give back."""
        self.call("alerts.unack", {"fingerprints": list(fingerprints)}, msgspec.Raw)

    def escalate(self, fingerprints: Sequence[str]) -> None:
        """Tell the next level at once."""
        self.call("alerts.escalate", {"fingerprints": list(fingerprints)}, msgspec.Raw)

    def resolve(self, fingerprint: str) -> None:
        """End by hand what is about something that happened."""
        self.call("alerts.resolve", {"fingerprint": fingerprint}, msgspec.Raw)

    def preview(self, *, rule: str = "", select: str = "", object: str = "", seconds: float = 3600.0) -> Preview:
        """What a silence would hide now, and would have hidden in the last seven days."""
        params = {"rule": rule, "select": select, "object": object, "seconds": seconds}
        return self.call("alerts.silence_preview", params, Preview)

    def silence(
        self,
        *,
        rule: str = "",
        select: str = "",
        object: str = "",
        seconds: float,
        comment: str,
        with_alert: bool = False,
    ) -> Silence:
        """Hide notices of what it matches, for so long."""
        params = {
            "rule": rule,
            "select": select,
            "object": object,
            "seconds": seconds,
            "comment": comment,
            "with_alert": with_alert,
        }
        return self.call("alerts.silence", params, Silence)

    def unsilence(self, silence: str) -> None:
        """End a silence early."""
        self.call("alerts.unsilence", {"id": silence}, msgspec.Raw)

    def silences(self) -> tuple[tuple[Silence, ...], tuple[str, ...]]:
        """All silences, and hints about those that match nothing."""
        found = self.call("alerts.silences", {}, _Silences)
        return found.silences, found.hints

    def mute(self, select: str, seconds: float, comment: str) -> Mute:
        """Keep quiet about hosts during their maintenance; a digest follows."""
        return self.call("alerts.mute", {"select": select, "seconds": seconds, "comment": comment}, Mute)

    def end_mute(self, mute: str) -> None:
        """The maintenance is over."""
        self.call("alerts.end_mute", {"id": mute}, msgspec.Raw)

    def mutes(self) -> tuple[Mute, ...]:
        """Maintenances that are not over and settled."""
        return self.call("alerts.mutes", {}, _Mutes).mutes

    def test(self, target: str) -> str:
        """Send a test through the real path; a sentence."""
        return self.call("alerts.test", {"target": target}, _Text).text

    def again(self, number: int) -> str:
        """Send at once what was given up or waits; a sentence."""
        return self.call("alerts.again", {"number": number}, _Text).text

    # Thinking

    def backtest(
        self,
        *,
        rule: str = "",
        expression: str = "",
        for_seconds: float | None = None,
        select: str = "",
        seconds: float = 7 * 86_400.0,
        recording: str = "",
    ) -> Backtest:
        """Try a rule (by id, or an expression of the filter) on stored history or on a recording of the engine's machine."""
        params = _given(
            rule=rule,
            expression=expression,
            for_seconds=for_seconds,
            select=select,
            seconds=seconds,
            recording=recording,
        )
        return self.call("alerts.backtest", params, Backtest, TRIAL_SECONDS)

    def handover(self, seconds: float = 12 * 3600.0, target: str = "") -> Handover:
        """The shift's hand-over as Markdown; with a target it is also sent there."""
        return self.call("alerts.handover", {"seconds": seconds, "target": target}, Handover)


def _given(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
