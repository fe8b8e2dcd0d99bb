"""Moving in the Fleet screen's list, and marking hosts in it."""

from __future__ import annotations

from swarm_tui.present import order
from swarm_tui.screens.fleet_base import FleetBase

FAR = 10**6


class FleetCursor(FleetBase):
    """Cursor and marks; both belong to names, so that no re-sort can swap them."""

    def _move(self, delta: int) -> None:
        self.moved_at = self.console.monotonic()
        self.table.move(delta)

    def action_cursor_down(self) -> None:
        self._move(1)

    def action_cursor_up(self) -> None:
        self._move(-1)

    def action_cursor_first(self) -> None:
        self._move(-FAR)

    def action_cursor_last(self) -> None:
        self._move(FAR)

    def action_page_down(self) -> None:
        self._move(self.table.page)

    def action_page_up(self) -> None:
        self._move(-self.table.page)

    def action_scroll_half_down(self) -> None:
        self.table.scroll_rows(self.table.page // 2)

    def action_scroll_half_up(self) -> None:
        self.table.scroll_rows(-(self.table.page // 2))

    def action_mark(self) -> None:
        self.table.marks ^= {self.table.cursor}
        self._move(1)
        self.refresh_now()

    def action_mark_range(self) -> None:
        table = self.table
        if table.range_start in table.names:
            table.marks |= set(table.range_names())
            table.range_start = ""
        else:
            table.range_start = table.cursor
        self.moved_at = self.console.monotonic()
        self.refresh_now()

    def action_mark_all(self) -> None:
        self.table.marks |= set(self.table.names)
        self.refresh_now()

    def subject(self) -> tuple[str, ...]:
        table = self.table
        if table.marks:
            return tuple(sorted(table.marks, key=order.natural))
        return (table.cursor,) if table.cursor else ()
