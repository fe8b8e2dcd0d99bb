"""The live list of hosts: one line a host, its cursor and marks tied to names, repainting only the cells that changed.

Textual's DataTable rewrites all of itself for one changed cell, and after a sort its cursor points at another host. This view
draws visible rows only, keeps one strip a row, and marks as dirty only the span between the first and the last changed cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from backends.engine.wire import HostRow
from swarm_tui.present.cells import Scene
from swarm_tui.present.columns import Layout, head, row_line
from swarm_tui.present.line import Line, changed_span
from swarm_tui.widgets.paint import Painter, painted

Shown = tuple[Line, Style | None]
"""What a screen row shows, and what is laid over it."""


class Content:
    """What the table shows, as one value that is replaced at each refresh."""

    def __init__(
        self,
        names: Sequence[str],
        rows: Mapping[str, HostRow],
        layout: Layout,
        scene: Scene,
        sort: tuple[str, bool],
        empty: Sequence[Line] = (),
        dim: bool = False,
    ):
        self.names = names
        self.rows = rows
        self.layout = layout
        self.scene = scene
        self.sort = sort
        self.empty = empty
        """Shown in place of rows when there are none: the one thing that helps."""
        self.dim = dim
        """Everything is the last known picture (engine lost)."""
        self.index = {name: index for index, name in enumerate(names)}


class FleetTable(ScrollView, can_focus=True, inherit_bindings=False):
    """The list. It has no keys of its own: the screen's key table calls the `cursor_…` methods."""

    DEFAULT_CSS = "FleetTable { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }"

    cursor: var[str] = var("")
    """The name of the host under the cursor; "" when there is none."""

    class Opened(Message):
        """A host was clicked twice."""

        def __init__(self, host: str):
            super().__init__()
            self.host = host

    class HeadClicked(Message):
        """A column title was clicked."""

        def __init__(self, column: str):
            super().__init__()
            self.column = column

    class CursorMoved(Message):
        """Another host is under the cursor."""

        def __init__(self, host: str):
            super().__init__()
            self.host = host

    def __init__(self, *, id: str | None = None):
        super().__init__(id=id)
        self.marks: set[str] = set()
        self.range_start = ""
        """Where a range of marks begins; "" when none was begun."""
        self._content: Content | None = None
        self._shown: list[Shown] = []
        self._strips: dict[int, Strip] = {}
        self._painter: Painter | None = None
        self._cursor_index = 0

    # Data -------------------------------------------------------------------------------------------------------

    def show(self, content: Content) -> None:
        """Show this picture; what does not differ from the last one is not painted again."""
        old, self._content = self._content, content
        self._place_cursor(content)
        height = len(content.names) + 1
        if old is None or len(old.names) != len(content.names) or self.virtual_size.height != height:
            self.virtual_size = Size(self.scrollable_content_region.width, height)
        self.marks &= content.rows.keys()
        self.repaint()

    def _place_cursor(self, content: Content) -> None:
        """Keep the cursor on its host; when that is gone, on its neighbour."""
        if self.cursor in content.index:
            self._cursor_index = content.index[self.cursor]
            return
        self._cursor_index = min(self._cursor_index, max(0, len(content.names) - 1))
        self.cursor = content.names[self._cursor_index] if content.names else ""
        self.post_message(self.CursorMoved(self.cursor))

    @property
    def names(self) -> Sequence[str]:
        """The hosts in the order shown."""
        return self._content.names if self._content else ()

    @property
    def room(self) -> int:
        """Cells that a row may take."""
        return self.scrollable_content_region.width

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
            if old is new or old == new:
                continue
            self._strips.pop(y, None)
            start, end = changed_span(old[0], new[0]) if old[1] == new[1] else (0, self.size.width)
            if start < end:
                self.refresh(Region(start, y, end - start, 1))
        self._shown = wanted

    def _line_at(self, y: int) -> Shown:
        content = self._content
        if content is None:
            return (), None
        if y == 0:
            return head(content.layout, *content.sort, content.scene), None
        index = y - 1 + self.scroll_offset.y
        if index >= len(content.names):
            return self._empty_line(content, y), None
        name = content.names[index]
        return self._row(content, name, content.rows[name])

    def _row(self, content: Content, name: str, row: HostRow) -> Shown:
        marked, cursor = name in self.marks, name == self.cursor
        line = row_line(row, content.layout, content.scene, marked=marked, cursor=cursor, dim=content.dim)
        painter = painted(self).painter
        over = painter.cursor if cursor else painter.marked if marked or self._in_range(content, name) else None
        return line, over

    def _in_range(self, content: Content, name: str) -> bool:
        if not self.range_start or self.range_start not in content.index:
            return False
        first, last = sorted((content.index[self.range_start], self._cursor_index))
        return first <= content.index[name] <= last

    def range_names(self) -> Sequence[str]:
        """The hosts from where the range began to the cursor."""
        index = self._content.index if self._content else {}
        first, last = sorted((index.get(self.range_start, self._cursor_index), self._cursor_index))
        return self.names[first : last + 1]

    def _empty_line(self, content: Content, y: int) -> Line:
        if content.names or y - 2 < 0 or y - 2 >= len(content.empty):
            return ()
        return content.empty[y - 2]

    def render_line(self, y: int) -> Strip:
        if painted(self).painter is not self._painter or y >= len(self._shown):
            return Strip.blank(self.size.width)
        strip = self._strips.get(y)
        if strip is None:
            line, over = self._shown[y]
            strip = self._strips[y] = painted(self).painter.strip(line, self.room, over)
        return strip

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = new_value
        if round(old_value) != round(new_value):
            self.repaint()

    def on_resize(self) -> None:
        self._strips.clear()
        self._shown = []
        self.repaint()

    # Cursor and marks -------------------------------------------------------------------------------------------

    def move(self, delta: int) -> None:
        """Move the cursor by so many rows."""
        self.move_to(self._cursor_index + delta)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row; beyond the ends it stops."""
        if not self.names:
            return
        self._cursor_index = min(len(self.names) - 1, max(0, index))
        self.cursor = self.names[self._cursor_index]
        self.reveal()
        self.repaint()
        self.post_message(self.CursorMoved(self.cursor))

    def move_to_name(self, name: str) -> bool:
        """Put the cursor on a host; False when it is not shown."""
        index = self._content.index.get(name) if self._content else None
        if index is None:
            return False
        self.move_to(index)
        return True

    def reveal(self) -> None:
        """Scroll so far that the cursor's row is visible."""
        top, page = self.scroll_offset.y, self.page
        if self._cursor_index < top:
            self.scroll_to(y=self._cursor_index, animate=False)
        elif self._cursor_index >= top + page:
            self.scroll_to(y=self._cursor_index - page + 1, animate=False)

    @property
    def page(self) -> int:
        """Rows that are visible at once."""
        return max(1, self.size.height - 1)

    @property
    def position(self) -> int:
        """Index of the cursor's row, from 0."""
        return self._cursor_index

    def scroll_rows(self, delta: int) -> None:
        """Scroll without moving the cursor."""
        self.scroll_to(y=max(0, self.scroll_offset.y + delta), animate=False)

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            column = self._content.layout.column_at(event.x) if self._content else None
            if column is not None:
                self.post_message(self.HeadClicked(column.id))
            return
        index = event.y - 1 + self.scroll_offset.y
        if index >= len(self.names):
            return
        self.move_to(index)
        if event.chain == 2:
            self.post_message(self.Opened(self.names[index]))
