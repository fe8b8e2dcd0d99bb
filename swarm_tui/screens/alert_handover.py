"""The shift's hand-over as Markdown: what fired, who has what in hand, what is hidden, what was not told, what is due."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from backends.alerts.target_health import TargetState
from backends.alerts.views import Handover
from backends.errors import SwarmError
from backends.units import span
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present.host_line import Span, line, wrap
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.menu import Choice, Menu
from swarm_tui.widgets.lines import LinesView

HOUR = 3600.0
WINDOWS = (("8", 8 * HOUR), ("1", 12 * HOUR), ("d", 24 * HOUR), ("w", 7 * 24 * HOUR))
LETTERS = "abcdefghijklmnoprstuvwxyz"
WIDEST = 110
MOST_LINES = 5000


def markdown_lines(text: str, width: int) -> list[Line]:
    """The Markdown as it is, folded; only its headings stand out."""
    found: list[Line] = []
    for each in text.splitlines()[:MOST_LINES]:
        role = "title" if each.startswith("#") else "text"
        indent = 2 if each.lstrip().startswith(("-", "*")) else 0
        found += wrap(each, width, indent, "title" if role == "title" else "text") if each.strip() else [()]
    return found


class HandoverScreen(BaseScreen):
    """Made when it is opened; `w` makes it for another time."""

    SCOPES = ("handover",)
    MODE = "alerts"

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 12 * HOUR
        self.text: str | None = None
        self._error: SwarmError | None = None

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return ("alerts", f"hand-over of the last {span(self.seconds)}")

    def on_mount(self) -> None:
        self.load()

    def load(self) -> None:
        """Have it made."""
        self.text = self._error = None
        self._draw()
        params = {"seconds": self.seconds}
        self.console.link.request("alerts.handover", params, Handover, self._got, self._failed)

    def _got(self, handover: Handover) -> None:
        self.text = handover.markdown
        self._draw()

    def _failed(self, error: SwarmError) -> None:
        self._error = error
        self._draw()

    def on_fleet(self, fleet: Fleet) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if not self.is_mounted or not self.query("#main"):
            return
        width = min(WIDEST, self.size.width - 3)
        if self._error is not None:
            lines = [(), *wrap(self._error.message, width, 0, "bad"), *wrap(self._error.hint or "", width, 0, "dim")]
        elif self.text is None:
            lines = [(), (("the engine writes it…", "dim"),)]
        else:
            lines = markdown_lines(self.text, width)
        self.query_one("#main", LinesView).set_lines([line(" ", *each) for each in lines])
        if self.is_current:
            self.refresh_frame()

    def status(self) -> tuple[Line, Line]:
        right: Line = ((f"{len(self.text.splitlines()):,} lines", "dim"),) if self.text else ()
        return line(Span("Markdown, as it is copied and sent", "dim")), right

    def refusal(self, key: Key) -> str:
        if key.scope != "handover":
            return ""
        if key.action in ("yank", "send") and not self.text:
            return "it is not written yet"
        return "read-only" if key.action == "send" and self.console.read_only else ""

    # Keys -------------------------------------------------------------------------------------------------------

    def action_yank(self) -> None:
        self.console.yank(self.text or "", "the hand-over")

    def action_window(self) -> None:
        choices = [Choice(key, str(seconds), f"the last {span(seconds)}") for key, seconds in WINDOWS]

        def chosen(seconds: str | None) -> None:
            if seconds is not None:
                self.seconds = float(seconds)
                self.load()

        self.app.push_screen(Menu("Hand over what?", [], choices), chosen)

    def action_send(self) -> None:
        kind = dict[str, tuple[TargetState, ...]]
        self.console.link.request(
            "alerts.targets", {}, kind, lambda answer: self._ask_target(answer.get("targets", ())), self.console.failed
        )

    def _ask_target(self, targets: Sequence[TargetState]) -> None:
        if not targets:
            self.console.say("no target is configured", "warning")
            return
        choices = [
            Choice(letter, each.name, each.name, each.place) for letter, each in zip(LETTERS, targets, strict=False)
        ]

        def chosen(name: str | None) -> None:
            if name is not None:
                params = {"seconds": self.seconds, "target": name}
                done = f"the hand-over is on its way to {name}; o on the Alerts screen shows what becomes of it"
                self.console.link.request(
                    "alerts.handover", params, Handover, lambda _: self.console.say(done), self.console.failed
                )

        self.app.push_screen(Menu("Send the hand-over to", [], choices), chosen)
