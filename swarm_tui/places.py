"""Where the operator is: six modes, hosts opened on top of them, and the way back."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.screen import Screen

from backends.text import clean
from swarm_tui import shell
from swarm_tui.playback import Playback
from swarm_tui.present.line import Line
from swarm_tui.screens.confirm import Confirm
from swarm_tui.screens.fleet import FleetScreen

Place = tuple[str, str]
"""A mode, and the host that is open on top of it ("" for none)."""


def _events() -> Screen[Any]:
    from swarm_tui.screens.events import EventsScreen  # late: the first picture does not need it

    return EventsScreen()


def _alerts() -> Screen[Any]:
    from swarm_tui.screens.alerts import AlertsScreen  # late, as above

    return AlertsScreen()


def _updates() -> Screen[Any]:
    from swarm_tui.screens.updates import UpdatesScreen  # late, as above

    return UpdatesScreen()


def _backups() -> Screen[Any]:
    from swarm_tui.screens.backups import BackupsScreen  # late, as above

    return BackupsScreen()


def _runs() -> Screen[Any]:
    from swarm_tui.screens.runs import RunsScreen  # late, as above

    return RunsScreen()


class Places(Playback, inherit_bindings=False):
    """The part of the console that moves between screens."""

    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "fleet": FleetScreen,
        "alerts": _alerts,
        "updates": _updates,
        "backups": _backups,
        "runs": _runs,
        "events": _events,
    }
    DEFAULT_MODE = "fleet"
    _previous: Place = ("fleet", "")

    def place(self) -> Place:
        """Where this is; a screen on top that is not a host's counts as its mode."""
        host = getattr(self.screen, "host", "")
        return self.current_mode, host if isinstance(host, str) else ""

    def _go(self, mode: str) -> None:
        """To a mode's own screen; the backtick then leads back."""
        here = self.place()
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            self.pop_screen()
        if here != (mode, ""):
            self._previous = here

    def action_mode_fleet(self) -> None:
        self._go("fleet")

    def action_mode_alerts(self) -> None:
        self._go("alerts")

    def action_mode_updates(self) -> None:
        self._go("updates")

    def action_mode_backups(self) -> None:
        self._go("backups")

    def action_mode_runs(self) -> None:
        self._go("runs")

    def action_mode_events(self) -> None:
        self._go("events")

    def action_previous_place(self) -> None:
        """There and back again: the place that is left becomes the previous one."""
        here, (mode, host) = self.place(), self._previous
        self._go(mode)
        if host:
            self.open_host(host)
        self._previous = here

    async def action_back(self) -> None:
        if len(self.screen_stack) > 1:
            self._previous = self.place()
            self.pop_screen()

    def open_host(self, host: str, tab: str = "") -> None:
        from swarm_tui.screens.host import HostScreen

        here = self.place()
        if here[1]:
            self.pop_screen()
        self._previous = here
        self.push_screen(HostScreen(host, tab) if tab else HostScreen(host))

    def open_heatmap(self, host: str = "") -> None:
        from swarm_tui.screens.heatmap import HeatmapScreen

        self.push_screen(HeatmapScreen(host))

    def open_ssh(self, host: str) -> None:
        leave = "exit or ctrl+d comes back to the console"
        wrong = shell.hand_over(self, shell.argv(self.options, host), f"ssh {host}: {leave}")
        self.refresh(layout=True)
        if wrong:
            self.say(f"ssh {host}: {wrong}", "warning")

    def start_exec(self, select: str, argv: Sequence[str]) -> None:
        from swarm_tui.screens.execution import ExecScreen

        if self.read_only:
            self.say("run a command: read-only", "warning")
            return
        lines: list[Line] = [
            (("  on       ", "dim"), (clean(select, 2000), "text")),
            (("  command  ", "dim"), (clean(shlex.join(argv), 2000), "text")),
        ]

        def answered(yes: bool | None) -> None:
            if yes:
                self.push_screen(ExecScreen(select, argv))

        self.push_screen(Confirm("Run this command?", lines), answered)

    def poll(self, hosts: Sequence[str]) -> None:
        what = f"{len(hosts)} hosts" if len(hosts) > 1 else hosts[0] if hosts else "all hosts"
        params = {"hosts": list(hosts)} if hosts else {}
        self.link.request("fleet.poll", params, dict, lambda _: self.say(f"polling {what}"), self.failed)
