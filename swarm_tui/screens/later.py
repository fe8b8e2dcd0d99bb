"""The modes that come with later releases: they say so, and what to use until then."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from swarm_tui.bridge import Fleet
from swarm_tui.present.line import Line
from swarm_tui.screens.base import BaseScreen
from swarm_tui.widgets.lines import LinesView


class LaterScreen(BaseScreen):
    """An honest empty state."""

    WHAT: ClassVar[str] = ""
    INSTEAD: ClassVar[str] = ""

    def body(self) -> ComposeResult:
        yield LinesView(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return (self.MODE,)

    def on_fleet(self, fleet: Fleet) -> None:
        lines: list[Line] = [
            (),
            (("  ", "text"), (self.MODE.capitalize(), "strong"), (" is not part of this release.", "text")),
            (),
            ((f"  It will show {self.WHAT}.", "dim"),),
            ((f"  Until then: {self.INSTEAD}.", "dim"),),
        ]
        self.query_one("#main", LinesView).set_lines(lines)


class RunsScreen(LaterScreen):
    """Mode 5."""

    MODE = "runs"
    WHAT = "the live board of a maintenance run"
    INSTEAD = "run commands on marked hosts with x, then e"
