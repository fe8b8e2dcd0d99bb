"""Panels of lines that repaint only what changed: the base of header, footer, details, help and most tabs.

A refreshed Textual widget is rewritten in full even when nothing changed (measured: it costs most of the bytes of a
live console), so these compare old and new lines and mark only the rows that differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from swarm_tui.present.line import Line
from swarm_tui.widgets.paint import Painter, painted


class FixedLines(Widget, can_focus=False):
    """A few lines that do not scroll."""

    def __init__(self, *, id: str | None = None, classes: str | None = None):
        super().__init__(id=id, classes=classes, markup=False)
        self._lines: tuple[Line, ...] = ()

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines; only those that differ from before are repainted."""
        old, self._lines = self._lines, tuple(lines)
        _refresh_changed(self, old, self._lines, 0, self.size)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else ()
        return painted(self).painter.strip(line, self.size.width)


class LinesView(ScrollView, can_focus=True):
    """A scrollable panel of lines."""

    DEFAULT_CSS = "LinesView { overflow-x: hidden; scrollbar-size-vertical: 1; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None):
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._strips: dict[int, Strip] = {}
        self._painted_with: tuple[Painter, int] | None = None

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines; only visible ones that differ from before are repainted."""
        old, self._lines = self._lines, tuple(lines)
        for y in range(max(len(old), len(self._lines))):
            if (old[y] if y < len(old) else None) != (self._lines[y] if y < len(self._lines) else None):
                self._strips.pop(y, None)
        if len(old) != len(self._lines):
            self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))
        _refresh_changed(self, old, self._lines, self.scroll_offset.y, self.size)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    def render_line(self, y: int) -> Strip:
        painter, width = painted(self).painter, self.scrollable_content_region.width
        if self._painted_with != (painter, width):
            self._strips.clear()
            self._painted_with = (painter, width)
        row = y + self.scroll_offset.y
        if row >= len(self._lines):
            return Strip.blank(width)
        strip = self._strips.get(row)
        if strip is None:
            strip = self._strips[row] = painter.strip(self._lines[row], width)
        return strip


def _refresh_changed(widget: Widget, old: Sequence[Line], new: Sequence[Line], offset: int, size: Size) -> None:
    """Mark the visible rows that differ as dirty."""
    for y in range(size.height):
        row = y + offset
        before = old[row] if row < len(old) else ()
        after = new[row] if row < len(new) else ()
        if before != after:
            widget.refresh(Region(0, y, size.width, 1))
