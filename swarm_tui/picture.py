"""Which picture of the fleet the console shows (the newest, or the frozen one) and what it says about that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from textual.app import App

from backends.clock import utc
from backends.errors import SwarmError
from backends.text import clean
from backends.units import span
from swarm_tui.bridge import Fleet, Link
from swarm_tui.glyphs import ASCII, Glyphs
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import chrome
from swarm_tui.present.host_line import ascii_text
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen

TOAST_SECONDS = 4.0
SHOWN_CHARACTERS = 60
"""How much of a copied text its toast repeats."""


class Picture(App[int], inherit_bindings=False):
    """The part of the console that answers screens' questions about data; see `screens.base.Console`."""

    link: Link
    options: ConsoleOptions
    glyphs: Glyphs
    frozen_since: float | None = None
    _frozen = Fleet()
    _monotonic: Callable[[], float] = staticmethod(time.monotonic)

    def monotonic(self) -> float:
        return self._monotonic()

    @property
    def read_only(self) -> bool:
        info = self.link.info
        return self.options.read_only or bool(info and info.read_only)

    def fleet(self) -> Fleet:
        return self.link.fleet if self.frozen_since is None else self._frozen

    def refresh_screen(self) -> None:
        """Let the active screen show the newest picture."""
        if self._screen_stacks.get(self._current_mode) and isinstance(self.screen, BaseScreen):
            self.screen.refresh_now()

    def action_freeze(self) -> None:
        if self.frozen_since is None:
            self._frozen, self.frozen_since = self.link.fleet, self._monotonic()
        else:
            self.frozen_since = None
        self.refresh_screen()

    # What is said -----------------------------------------------------------------------------------------------

    def say(self, text: str, severity: Any = "information") -> None:
        said = clean(text, 400)
        said = ascii_text(said) if self.glyphs is ASCII else said
        self.notify(said, severity=severity, timeout=TOAST_SECONDS, markup=False)

    def failed(self, error: SwarmError) -> None:
        place = f"{error.host}: " if error.host else ""
        self.say(f"{place}{error.message}" + (f" — {error.hint}" if error.hint else ""), "error")

    def yank(self, text: str, what: str) -> None:
        self.copy_to_clipboard(text)
        first, *rest = text.splitlines() or [""]
        shown = first if len(first) <= SHOWN_CHARACTERS and not rest else first[:SHOWN_CHARACTERS] + "…"
        self.say(f"copied {what}: {shown}")

    def header_state(self) -> chrome.HeaderState:
        info, fleet, now = self.link.info, self.fleet(), self._monotonic()
        summary, known = fleet.summary, fleet.version >= 0
        return chrome.HeaderState(
            fleet_name=info.fleet_name if info else "",
            label=info.label if info else "",
            user=info.user if info else "",
            read_only=self.read_only,
            connected=self.link.status.connected,
            up=summary.up,
            total=summary.total,
            critical=summary.by_severity.get("critical", 0),
            warning=summary.by_severity.get("warning", 0),
            unknown=summary.by_severity.get("unknown", 0),
            alerts=sum(row.alerts or 0 for row in fleet.rows.values()),
            clock=_local(self._wall(now), "%H:%M"),
            age_seconds=(0.0 if self.frozen_since is not None else now - fleet.received) if known else None,
            interval_seconds=summary.interval_seconds,
        )

    def _wall(self, moment: float) -> float:
        """The engine's wall time at a monotonic moment; before there is one, this machine's."""
        newest = self.link.fleet
        return newest.time(moment) if newest.version >= 0 else time.time()

    def banner(self) -> Line:
        """The frozen banner tells when, not how long ago: a frozen console sends nothing but the clock's minute."""
        status, now, width = self.link.status, self._monotonic(), self.size.width
        if not status.connected and (status.ever or status.reason):
            lost = f"engine lost {span(now - status.since)} ago, reconnecting — " if status.ever else ""
            return chrome.banner(f"{lost}{status.reason}", "banner-bad", width)
        if self.frozen_since is not None:
            since = _local(self._frozen.now, "%H:%M:%S")
            text = f"FROZEN at {since} — the engine goes on watching — {self.freeze_key()} goes on"
            return chrome.banner(text, "banner-warn", width)
        error = self.link.info.config_error if self.link.info else ""
        return chrome.banner(f"the new configuration is not in use: {error}", "banner-warn", width) if error else ()

    def freeze_key(self) -> str:
        """The key that ends it, as the operator has mapped it."""
        return "p"


def _local(seconds: float, form: str) -> str:
    return f"{utc(seconds).astimezone():{form}}"
