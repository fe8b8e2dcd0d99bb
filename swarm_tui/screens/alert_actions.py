"""What can be done about alerts: take in hand, give back, escalate, end; and the places that lead further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backends.alerts.model import Phase
from backends.alerts.views import AlertRow
from backends.units import span
from swarm_tui.present.alert_scopes import HOUR, MORNING, until
from swarm_tui.screens.alert_base import Done, named
from swarm_tui.screens.alert_silence import ask_mute, ask_silence
from swarm_tui.screens.alert_undo import AlertUndo, question
from swarm_tui.screens.confirm import AskLine, Confirm
from swarm_tui.screens.menu import Choice, Menu

SNOOZES = (
    ("1", HOUR, "1 hour"),
    ("4", 4 * HOUR, "4 hours"),
    ("8", 8 * HOUR, "8 hours"),
    ("3", 72 * HOUR, "3 days"),
    ("7", 168 * HOUR, "7 days"),
)


class AlertActions(AlertUndo):
    """Actions of the scope "alert" about `picked()`; the alerts are those of the moment when the key was pressed."""

    def told_of(self) -> str:
        """The fingerprint that the outbox is looked at for; "" is all of it."""
        return ""

    def _standing(self) -> list[AlertRow]:
        return [row for row in self.picked() if row.phase is not Phase.RESOLVED and not row.info]

    # Taking in hand ---------------------------------------------------------------------------------------------

    def action_ack(self) -> None:
        self._take(self._standing())

    def action_note(self) -> None:
        rows = self._standing()

        def noted(note: str | None) -> None:
            if note is not None:
                self._take(rows, note=note)

        about = [
            *question(rows),
            (),
            (("Repeats and escalation stop for as long as an acknowledgement lasts.", "dim"),),
        ]
        self.app.push_screen(AskLine("Acknowledge with a note", about), noted)

    def action_snooze(self) -> None:
        rows = self._standing()
        choices = [Choice(key, str(seconds), words) for key, seconds, words in SNOOZES]
        choices.insert(3, Choice("m", str(until(self.now, MORNING)), f"until {MORNING:02}:00", "in the morning"))

        def chosen(seconds: str | None) -> None:
            if seconds is not None:
                self._take(rows, seconds=float(seconds), snooze=True)

        about = [*question(rows), (("Told again when it is over, should it still fire.", "dim"),)]
        self.app.push_screen(Menu("Snooze", about, choices), chosen)

    def _take(self, rows: Sequence[AlertRow], **more: Any) -> None:
        names = tuple(row.fingerprint for row in rows)
        word = "snoozed" if more.get("snooze") else "acknowledged"

        def done() -> str:
            acks = [row.ack for row in self.known(names) if row.ack is not None]
            lasts = f" for {span(acks[0].until - self.now + 0.5)}" if acks else ""
            return f"{word} {named(rows)}{lasts}; u gives it back"

        def taken(_: object) -> None:
            self.last = Done("ack", names)

        self.act("ack", {"fingerprints": names, **more}, done, taken)

    # Telling, ending --------------------------------------------------------------------------------------------

    def action_escalate(self) -> None:
        rows = self._standing()
        names = [row.fingerprint for row in rows]

        def answered(yes: bool | None) -> None:
            if yes:
                self.act("escalate", {"fingerprints": names}, lambda: f"escalated: {named(rows)}")

        about = [*question(rows), (), (("The next level is told at once.", "text"),)]
        self.app.push_screen(Confirm("Escalate?", about), answered)

    def action_resolve(self) -> None:
        rows = [row for row in self.picked() if row.event and row.phase is not Phase.RESOLVED]

        def answered(yes: bool | None) -> None:
            if yes:
                each = [{"fingerprint": row.fingerprint} for row in rows]
                self.act_on_each("resolve", each, lambda: f"ended by hand: {named(rows)}")

        about = [*question(rows), (), (("Whoever was told of it hears that it is over.", "text"),)]
        self.app.push_screen(Confirm("End it by hand?", about), answered)

    def action_silence(self) -> None:
        ask_silence(self, self.picked())

    def action_mute(self) -> None:
        ask_mute(self, self.subject())

    # Going elsewhere --------------------------------------------------------------------------------------------

    def action_triage(self) -> None:
        from swarm_tui.screens.triage import open_triage  # late: the list does not need it

        open_triage(self.console, self.subject())

    def action_host(self) -> None:
        self.console.open_host(next(row.host for row in self.picked() if row.host))

    def action_host_events(self) -> None:
        self.console.open_host(next(row.host for row in self.picked() if row.host), "events")

    def action_bundle(self) -> None:
        from swarm_tui.screens.triage import open_bundle  # late, as above

        row = self.picked()[0]
        if row.bundle is not None:
            open_bundle(self.console, row.bundle, row.host)

    def action_health(self) -> None:
        from swarm_tui.screens.health import HealthScreen  # late, as above

        self.app.push_screen(HealthScreen())

    def action_silences(self) -> None:
        from swarm_tui.screens.alert_silences import SilencesScreen  # late, as above

        self.app.push_screen(SilencesScreen())

    def action_outbox(self) -> None:
        from swarm_tui.screens.alert_outbox import OutboxScreen  # late, as above

        self.app.push_screen(OutboxScreen(self.told_of()))

    def action_handover(self) -> None:
        from swarm_tui.screens.alert_handover import HandoverScreen  # late, as above

        self.app.push_screen(HandoverScreen())
