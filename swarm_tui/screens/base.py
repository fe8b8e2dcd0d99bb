"""What every screen of the console shares: header, banner, status line, footer, the key table, and the way to its data.

A screen's data comes from `self.console.link`: `fleet` is the newest picture; `request(method, params, type, callback)`
asks the engine without blocking. `on_fleet` is called on the active screen at the refresh rate, never per host.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen

from backends.errors import SwarmError
from swarm_tui import keymap
from swarm_tui.bridge import Fleet, Link
from swarm_tui.glyphs import Glyphs
from swarm_tui.keymap import Key, Keymap, Scope
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import chrome
from swarm_tui.present.line import Line
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.paint import Painter
from swarm_tui.widgets.prompt import Complaint, Prompt

SMALLEST = (60, 16)
"""Columns and rows below which one sentence is shown instead of a broken picture."""
SHORT = 24
"""Rows below which the header is one line."""


class Console(Protocol):
    """What screens may ask of the application."""

    link: Link
    options: ConsoleOptions
    keys: Keymap
    glyphs: Glyphs
    painter: Painter
    frozen_since: float | None
    """Monotonic seconds since the picture is held still; None when it is live."""
    read_only: bool

    def monotonic(self) -> float:
        """The clock that ages are taken with."""

    def fleet(self) -> Fleet:
        """The picture that is shown: the newest one, or the frozen one."""

    def say(self, text: str, severity: str = "information") -> None:
        """A toast; the text is never read as markup."""

    def yank(self, text: str, what: str) -> None:
        """Copy to the clipboard and say what was copied."""

    def open_host(self, host: str, tab: str = "") -> None:
        """Go to the Host screen."""

    def open_ssh(self, host: str) -> None:
        """Hand the terminal to an interactive ssh and take it back."""

    def open_heatmap(self, host: str = "") -> None:
        """Go to the heat map, with the cursor on a host."""

    def start_exec(self, select: str, argv: Sequence[str]) -> None:
        """Ask once more, then run a command and show the answers."""

    def poll(self, hosts: Sequence[str]) -> None:
        """Sample these hosts now; none means all."""

    def failed(self, error: SwarmError) -> None:
        """Say what went wrong and what helps."""

    def refusal(self, key: Key) -> str:
        """Why the action is not available anywhere now ("read-only"); "" when it is."""

    def run_command(self, text: str) -> None:
        """Run one line of the `:` prompt."""

    def header_state(self) -> chrome.HeaderState:
        """What the header says."""

    def banner(self) -> Line:
        """The line about the whole console (engine lost, frozen); empty when there is nothing."""


class BaseScreen(Screen[None]):
    """A screen with the common frame around `body`."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ()
    """The key scopes of this screen, own first; "app" always comes last."""
    MODE: ClassVar[str] = ""
    """Which of the six modes is highlighted in the header."""
    AUTO_FOCUS = "#main"

    def __init_subclass__(cls, **kwargs: Any):
        cls.BINDINGS = [
            Binding(",".join(key.keys), f"do('{key.id}')", key.label, show=False, id=key.id)
            for key in keymap.for_scopes(cls.SCOPES)
        ]
        super().__init_subclass__(**kwargs)

    @property
    def console(self) -> Console:
        """The application, as far as screens may use it."""
        return cast("Console", self.app)

    # What a screen provides -------------------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """The widgets between header and status line; the one to focus has the id "main"."""
        yield from ()

    def crumbs(self) -> tuple[str, ...]:
        """Where this is: ("fleet", "gpu012", "GPU")."""
        return ()

    def on_fleet(self, fleet: Fleet) -> None:
        """The newest picture, at the refresh rate, while this screen is the active one."""

    def status(self) -> tuple[Line, Line]:
        """Left and right part of the status line."""
        return (), ()

    def refusal(self, key: Key) -> str:
        """Why this screen cannot do the action now; "" when it can."""
        return ""

    def subject(self) -> tuple[str, ...]:
        """The hosts that an action would be about (marked ones, or the one under the cursor)."""
        return ()

    # The frame --------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield FixedLines(id="header")
        yield FixedLines(id="banner")
        yield from self.body()
        yield Prompt(id="prompt")
        yield FixedLines(id="status")
        yield FixedLines(id="footer")
        yield FixedLines(id="tiny")

    def on_mount(self) -> None:
        self._fit()
        self.refresh_now()

    def on_screen_resume(self) -> None:
        self.refresh_now()

    def on_resize(self) -> None:
        self._fit()
        self.refresh_now()

    def _fit(self) -> None:
        columns, rows = self.size
        tiny = columns < SMALLEST[0] or rows < SMALLEST[1]
        self.set_class(tiny, "-tiny")
        self.set_class(rows < SHORT, "-short")
        self.set_class(columns < 100, "-narrow")
        self.set_class(columns >= 140, "-broad")
        if tiny:
            self.query_one("#tiny", FixedLines).set_lines(chrome.too_small(columns, rows, *SMALLEST))

    def refresh_now(self) -> None:
        """Show the current picture at once."""
        if not self.is_mounted or not self.is_current or not self.query("#header"):
            return
        self.on_fleet(self.console.fleet())
        self.refresh_frame()

    def refresh_frame(self) -> None:
        """Bring header, banner, status line and footer up to date; unchanged lines cost nothing."""
        width, glyphs, console = self.size.width, self.console.glyphs, self.console
        header = chrome.header(console.header_state(), self.MODE, self.crumbs(), width, glyphs)
        self.query_one("#header", FixedLines).set_lines(header[:1] if self.size.height < SHORT else header)
        banner = self.query_one("#banner", FixedLines)
        text = console.banner()
        if banner.display != bool(text):
            banner.display = bool(text)
        banner.set_lines([text] if text else [])
        left, right = self.status()
        self.query_one("#status", FixedLines).set_lines([chrome.status(left, right, width)])
        self.query_one("#footer", FixedLines).set_lines([chrome.footer(self._footer(), console.keys, width)])

    def _footer(self) -> list[tuple[Key, str]]:
        keys = keymap.footer(keymap.for_scopes((*self.SCOPES, "app")))
        return [(key, self.reason_against(key)) for key in keys]

    # Actions ----------------------------------------------------------------------------------------------------

    def reason_against(self, key: Key) -> str:
        """Why pressing the key would do nothing now; "" when it would."""
        return self.console.refusal(key) or self.refusal(key)

    async def action_do(self, action_id: str) -> None:
        """Run an action of the table, or say why not."""
        await perform(self, action_id, self.reason_against)

    @property
    def open_prompt(self) -> Prompt | None:
        """The prompt while it takes the keys."""
        found = self.query(Prompt)
        return found.first() if found and found.first().is_open else None

    def ask(
        self,
        label: str,
        value: str,
        on_submit: Callable[[str], None],
        *,
        on_change: Callable[[str], Complaint] | None = None,
        on_cancel: Callable[[], None] | None = None,
        complete: Callable[[str], list[str]] | None = None,
        history: list[str] | None = None,
    ) -> None:
        """Open the one-line prompt above the status line. `on_change` returns what is wrong, or ""."""
        self.query_one("#prompt", Prompt).open(
            label, value, on_submit, on_change=on_change, on_cancel=on_cancel, complete=complete, history=history
        )


async def perform(owner: Any, action_id: str, reason_against: Callable[[Key], str]) -> None:
    """Run `owner.action_<name>` for an entry of the table, or say in a toast why not."""
    key = keymap.BY_ID[action_id]
    reason = reason_against(key)
    if reason:
        cast("Console", owner.app).say(f"{key.label}: {reason}", "warning")
        return
    outcome = getattr(owner, f"action_{key.action}")()
    if outcome is not None:
        await outcome
