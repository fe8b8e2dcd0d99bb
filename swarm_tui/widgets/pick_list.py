"""Lines of which some can be picked: the body of the Host screen (GPUs, processes, plain panels) and the timeline.

The cursor is tied to a key, never to a position, so that a re-sort cannot put another process under it. Only the cells
between the first and the last change of a row are painted again.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from swarm_tui.present.line import Line, changed_span
from swarm_tui.widgets.paint import Painter, painted


class PickRow(NamedTuple):
    """One line; `key` None cannot be picked."""

    key: Hashable
    text: Line


_Shown = tuple[Line, Style | None]


class PickList(ScrollView, can_focus=True, inherit_bindings=False):
    """The list. It has no keys of its own: the screen's key table calls its methods."""

    DEFAULT_CSS = "PickList { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; } .-ascii PickList { scrollbar-size-vertical: 0; }"

    class Moved(Message):
        """Another row is under the cursor."""

    class Opened(Message):
        """The row under the cursor was clicked twice."""

    def __init__(self, *, id: str | None = None):
        super().__init__(id=id)
        self.cursor: Hashable = None
        """The key under the cursor; None when nothing can be picked."""
        self._rows: Sequence[PickRow] = ()
        self._index: dict[Hashable, int] = {}
        self._shown: list[_Shown] = []
        self._strips: dict[int, Strip] = {}
        self._painter: Painter | None = None

    # Data -------------------------------------------------------------------------------------------------------

    def show(self, rows: Sequence[PickRow], *, top: bool = False) -> None:
        """Show these rows; the cursor stays on its key, or near its place when that is gone. `top`: go to the first."""
        place = self._index.get(self.cursor, 0)
        self._rows = rows
        self._index = {row.key: index for index, row in enumerate(rows) if row.key is not None}
        if top or self.cursor not in self._index:
            self.cursor = self._nearest(0 if top else place)
        if self.virtual_size.height != len(rows):
            self.virtual_size = Size(self.scrollable_content_region.width, len(rows))
        if top and self.scroll_y:
            self.scroll_to(y=0, animate=False)
        self.repaint()

    def _nearest(self, place: int) -> Hashable:
        return min(self._index, key=lambda key: abs(self._index[key] - place), default=None)

    @property
    def rows(self) -> Sequence[PickRow]:
        """What is shown."""
        return self._rows

    @property
    def room(self) -> tuple[int, int]:
        """Cells and rows that there are to draw in; a column is kept free for the scroll bar."""
        return max(20, self.size.width - 1), max(1, self.size.height)

    @property
    def at_end(self) -> bool:
        """Whether the last row is in view."""
        return self.scroll_offset.y + self.size.height >= len(self._rows)

    # Painting ---------------------------------------------------------------------------------------------------

    def repaint(self) -> None:
        """Compare what should be on screen with what is, and mark the differences as dirty."""
        wanted = [self._line_at(y) for y in range(self.size.height)]
        painter = painted(self).painter
        if painter is not self._painter or len(wanted) != len(self._shown):
            self._painter, self._shown = painter, wanted
            self._strips.clear()
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(self._shown, wanted, strict=True)):
            if old == new:
                continue
            self._strips.pop(y, None)
            start, end = changed_span(old[0], new[0]) if old[1] == new[1] else (0, self.size.width)
            self.refresh(Region(start, y, max(1, end - start), 1))
        self._shown = wanted

    def _line_at(self, y: int) -> _Shown:
        index = y + self.scroll_offset.y
        if index >= len(self._rows):
            return (), None
        row = self._rows[index]
        picked = row.key is not None and row.key == self.cursor
        return row.text, painted(self).painter.cursor if picked else None

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        strip = self._strips.get(y)
        if strip is None or strip.cell_length != width:
            text, over = self._shown[y] if y < len(self._shown) else ((), None)
            strip = self._strips[y] = painted(self).painter.strip(text, width, over)
        return strip

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._strips.clear()
            self._shown = [self._line_at(y) for y in range(self.size.height)]
            self.refresh()

    def on_resize(self) -> None:
        self._strips.clear()
        self._shown = []
        self.repaint()

    # Moving -----------------------------------------------------------------------------------------------------

    def move(self, delta: int) -> None:
        """Move the cursor over rows that can be picked; where none is left, scroll."""
        keys = list(self._index)
        if not keys:
            self.scroll_rows(delta)
            return
        at = keys.index(self.cursor) if self.cursor in self._index else 0
        target = max(0, min(len(keys) - 1, at + delta))
        if target == at:
            self.scroll_rows(delta)
            return
        self.move_to(keys[target])

    def move_to(self, key: Hashable) -> None:
        """Put the cursor on a key and bring it into view."""
        if key not in self._index:
            return
        self.cursor = key
        self.reveal()
        self.repaint()
        self.post_message(self.Moved())

    def reveal(self) -> None:
        """Scroll just enough to see the cursor."""
        row, top, height = self._index.get(self.cursor, 0), self.scroll_offset.y, max(1, self.size.height)
        if row < top:
            self.scroll_to(y=max(0, row - 1 if row == min(self._index.values()) else row), animate=False)
        elif row >= top + height:
            self.scroll_to(y=row - height + 1, animate=False)

    def scroll_rows(self, delta: int) -> None:
        """Scroll without moving the cursor."""
        last = max(0, len(self._rows) - self.size.height)
        self.scroll_to(y=max(0, min(last, self.scroll_offset.y + delta)), animate=False)

    @property
    def page(self) -> int:
        """Rows of a page."""
        return max(1, self.size.height - 1)

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index >= len(self._rows) or self._rows[index].key is None:
            return
        self.move_to(self._rows[index].key)
        if event.chain == 2:
            self.post_message(self.Opened())
