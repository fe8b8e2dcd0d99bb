"""A tall box with everything about one thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.app import App

from swarm_tui.present.line import Line
from swarm_tui.screens.dialog import Dialog

BOX_CELLS = 86
"""Of its text, where the terminal is wide enough."""
_FOOT: Line = (("Esc", "key"), (" leave", "dim"))


SHORT_LINES, SHORT_CELLS = 12, 70
"""What fits into a plain dialog."""


class AboutDialog(Dialog[None]):
    """Read and left."""

    def __init__(self, title: str, lines: Sequence[Line], *, tall: bool):
        super().__init__(title, lines, _FOOT)
        self.set_class(tall, "-tall")


def about(app: App[Any], title: str, lines: Callable[[int], list[Line]]) -> None:
    """Show `lines` in the width that there is."""
    short = lines(SHORT_CELLS)
    tall = len(short) > SHORT_LINES
    cells = min(BOX_CELLS, app.size.width * 96 // 100 - 5)
    app.push_screen(AboutDialog(title, lines(cells) if tall else short, tall=tall))
