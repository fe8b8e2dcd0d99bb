"""Rebooting from the fleet's menu: the gate of each host is shown, a word is typed, and what comes of it is said.

The engine asks each gate once more, right before; what is shown here is for the person who decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from textual import events
from textual.widgets import Input

from backends.engine.wire import Event
from backends.errors import SwarmError
from backends.inventory.ranges import fold
from backends.states import Severity
from backends.updates.aftercare import HostGate
from backends.updates.gate import REASON_LETTERS
from backends.updates.reboots import OVER
from swarm_tui.client_reboot import Reboots
from swarm_tui.present import reboot_text as text
from swarm_tui.present.line import Line
from swarm_tui.rpc import Notification
from swarm_tui.screens.base import BaseScreen, Console
from swarm_tui.screens.dialog import Dialog
from swarm_tui.theme import Role

SPOKEN_HOSTS = 5
"""Up to this many hosts each step of each is said; of more only what is wrong, and the end of all."""
_ROLES: dict[Severity, Role] = {Severity.OK: "dim", Severity.WARNING: "warn", Severity.CRITICAL: "bad"}
_TOASTS = {Severity.OK: "information", Severity.WARNING: "warning", Severity.CRITICAL: "error"}


def ask_reboot(screen: BaseScreen, hosts: Sequence[str]) -> None:
    """Ask, and tell the engine when the answer is yes."""
    console = screen.console

    def answered(override: str | None) -> None:
        if override is None:
            return
        watch = RebootWatch(console, hosts)
        params = {"select": ",".join(hosts), "override": override}
        console.link.request("updates.reboot", params, Reboots, watch.begun, watch.failed)

    screen.app.push_screen(RebootDialog(console, hosts), answered)


class RebootDialog(Dialog[str | None]):
    """Dismisses with the reason that overrides red gates, "" where none is needed; None: no."""

    FIELD = True

    def __init__(self, console: Console, hosts: Sequence[str]):
        self._seat, self._hosts = console, tuple(hosts)
        self._gates: dict[str, HostGate | SwarmError] = {}
        self._word, self._confirmed = text.confirm_word(hosts), False
        what = hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts"
        foot: Line = (("Enter", "key"), (" when it is typed   ", "dim"), ("Esc", "key"), (" no", "dim"))
        super().__init__(f"Reboot {what}?", self._lines(), foot, danger=True)

    def opened(self) -> None:
        self._ask_next()

    def _ask_next(self) -> None:
        """One host after the other: a hung one must not hold up what else the console asks."""
        host = next((host for host in self._hosts if host not in self._gates), None)
        if host is not None and self.is_attached:
            link = self._seat.link
            link.request(
                "updates.gate",
                {"host": host},
                HostGate,
                lambda gate: self._got(host, gate),
                lambda error: self._got(host, error),
            )

    def _got(self, host: str, gate: HostGate | SwarmError) -> None:
        self._gates[host] = gate
        if self.is_attached:
            self.show(self._lines())
            self._ask_next()

    @property
    def _red(self) -> tuple[str, ...]:
        return tuple(host for host, gate in self._gates.items() if isinstance(gate, HostGate) and gate.red)

    def _lines(self) -> list[Line]:
        lines: list[Line] = [
            line for host in self._hosts if (gate := self._gates.get(host)) for line in self._of(host, gate)
        ]
        left = len(self._hosts) - len(self._gates)
        if left:
            lines.append(((f"asking {left} of {len(self._hosts)} whether they would come back…", "dim"),))
        return [*lines, (), self._asked()]

    def _of(self, host: str, gate: HostGate | SwarmError) -> list[Line]:
        if isinstance(gate, SwarmError):
            return [((f"{host}: cannot be asked: {gate.message}", "warn"),)]
        if len(self._hosts) > 1:
            role: Role = "bad" if gate.red else _ROLES.get(gate.severity, "warn")
            return [((f"{host}: {text.gate_words(gate)}", role),)]
        lines: list[Line] = [((f"{text.need_words(gate)}; next kernel {gate.next_kernel or 'unknown'}", "text"),)]
        lines += [((text.finding_line(each), _ROLES.get(each.severity, "warn")),) for each in gate.findings]
        return lines + [((f"logged in: {user}", "warn"),) for user in gate.users]

    def _asked(self) -> Line:
        if self._confirmed:
            return ((f"{fold(self._red)} must not be rebooted. Type why it is done all the same:", "bad"),)
        return (("Type ", "text"), (self._word, "bad"), (" to go on:", "text"))

    def key_pressed(self, event: events.Key) -> None:
        """The field takes what is typed."""

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.is_type_ahead:
            return
        typed = event.value.strip()
        if self._confirmed:
            self._reason(typed)
        elif typed != self._word:
            self.notify("that is not it; Esc leaves", severity="warning", markup=False)
        elif not self._red:
            self.dismiss("")
        elif len(self._gates) < len(self._hosts):
            self.notify("some are still being asked; wait for them", severity="warning", markup=False)
        else:
            self._confirmed = True
            event.input.value = ""
            self.show(self._lines())

    def _reason(self, typed: str) -> None:
        if sum(letter.isalnum() for letter in typed) < REASON_LETTERS:
            self.notify(f"a reason has at least {REASON_LETTERS} letters; Esc leaves", severity="warning", markup=False)
        else:
            self.dismiss(typed)


class RebootWatch:
    """Says what becomes of the reboots that this console asked for, until the last one is over."""

    def __init__(self, console: Console, hosts: Sequence[str]):
        self._console, self._all, self._left = console, len(hosts), set(hosts)
        self._bad = 0
        self._end = console.link.listen(self._heard)

    def begun(self, answer: Reboots) -> None:
        """The engine has taken it over."""
        hosts = fold(record.host for record in answer.reboots)
        self._console.say(f"reboot of {hosts} begins; 6 shows how it goes")

    def failed(self, error: SwarmError) -> None:
        """The engine refused."""
        self._end()
        self._console.failed(error)

    def _heard(self, notification: Notification) -> None:
        if notification.method != "event":
            return
        try:
            event = notification.read(Event)
        except msgspec.ValidationError:
            return  # a newer engine's event; the Events screen asks for what can be read
        # the fleet's own "reboot" event has no actor
        if event.host in self._left and event.actor and event.kind in ("reboot", OVER):
            self._told(event)

    def _told(self, event: Event) -> None:
        if self._all <= SPOKEN_HOSTS or event.severity is not Severity.OK:
            self._console.say(f"{event.host}: {event.text}", _TOASTS.get(event.severity, "warning"))
        if event.kind != OVER:
            return
        self._left.discard(event.host)
        self._bad += event.severity is not Severity.OK
        if self._left:
            return
        self._end()
        if self._all > 1:
            wrong = f", {self._bad} not well" if self._bad else ""
            self._console.say(f"{self._all} reboots are over{wrong}", "warning" if self._bad else "information")
