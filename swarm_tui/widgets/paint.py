"""Turns pieces with roles into Textual strips, in the colours of the current theme.

Text is placed into segments as it is: nothing is ever read as markup. What hosts write was made safe when it was decoded;
the last look at it is taken here, since an engine that one is attached to may be any program.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from backends.text import clean
from swarm_tui.glyphs import Glyphs
from swarm_tui.present.host_line import to_ascii
from swarm_tui.present.line import Piece, pad
from swarm_tui.theme import Role, Theme

MOST_CHARACTERS = 4096
"""Of a piece of text; more than the widest terminal has cells."""


class Painter:
    """The styles of one theme, parsed once. A new theme is a new painter, so caches compare painters by identity."""

    def __init__(self, theme: Theme, ascii_only: bool = False):
        self.theme = theme
        self.ascii_only = ascii_only
        self.styles: dict[str, Style] = {role: Style.parse(spec) for role, spec in theme.roles.items()}
        self.cursor = Style.parse(theme.cursor)
        self.marked = Style.parse(theme.marked)

    def segments(self, line: Iterable[tuple[str, Role]], over: Style | None = None) -> list[Segment]:
        """One segment a piece; `over` is laid over all of them (cursor, mark) but those with a background of their own."""
        styles = self.styles
        if over is None:
            return [Segment(text, styles[role]) for text, role in line if text]
        return [Segment(text, _over(styles[role], over)) for text, role in line if text]

    def strip(self, line: Iterable[tuple[str, Role]], cells: int, over: Style | None = None) -> Strip:
        """A strip of exactly `cells` cells."""
        padded = pad(tuple(map(_safe, line)), cells)
        return Strip(self.segments(to_ascii(padded) if self.ascii_only else padded, over), cells)


def _safe(piece: Piece) -> Piece:
    return piece if piece[0].isprintable() else (clean(piece[0], MOST_CHARACTERS), piece[1])


def _over(style: Style, over: Style) -> Style:
    """A fault's colour must not vanish where the cursor is."""
    return over + style if style.bgcolor is not None else style + over


class Painted(Protocol):
    """What a widget needs of the application that it is in."""

    painter: Painter
    glyphs: Glyphs


def painted(widget: Widget) -> Painted:
    """The application's painter and glyphs."""
    return cast("Painted", widget.app)
