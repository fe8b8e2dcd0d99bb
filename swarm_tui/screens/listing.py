"""The keys of every list that is a `PickList`: moving the cursor and scrolling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarm_tui.widgets.pick_list import PickList

if TYPE_CHECKING:
    from textual.screen import Screen

    _Base = Screen[None]
else:
    _Base = object


class Listing(_Base):
    """Gives a screen the actions of scope "list" over its `#main`."""

    @property
    def list(self) -> PickList:
        return self.query_one("#main", PickList)

    def action_cursor_down(self) -> None:
        self.list.move(1)

    def action_cursor_up(self) -> None:
        self.list.move(-1)

    def action_cursor_first(self) -> None:
        self.list.scroll_rows(-(10**6))
        self.list.move(-(10**6))

    def action_cursor_last(self) -> None:
        self.list.scroll_rows(10**6)
        self.list.move(10**6)

    def action_page_down(self) -> None:
        self.list.move(self.list.page)

    def action_page_up(self) -> None:
        self.list.move(-self.list.page)

    def action_scroll_half_down(self) -> None:
        self.list.scroll_rows(self.list.page // 2)

    def action_scroll_half_up(self) -> None:
        self.list.scroll_rows(-(self.list.page // 2))
