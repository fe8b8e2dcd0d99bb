"""What the parts of the Fleet screen share: its state, and its table."""

from __future__ import annotations

from backends.inventory.filter import Filter, parse
from swarm_tui.present.columns import Column
from swarm_tui.present.order import Sort
from swarm_tui.screens.base import BaseScreen
from swarm_tui.widgets.fleet_table import FleetTable


def _everything() -> Filter:
    """The filter that lets every host through."""
    found = parse("")
    assert isinstance(found, Filter)  # noqa: S101 — the empty filter always parses
    return found


EVERYTHING = _everything()
LONG_AGO = -1e9


class FleetBase(BaseScreen):
    """State that filter, order, cursor, panes and actions work on."""

    def __init__(self) -> None:
        super().__init__()
        self.sort = Sort()
        self.filter: Filter = EVERYTHING
        self.problems = False
        self.show_details = True
        self.wide = False
        self.zoomed = ""
        """ "" or the pane that is alone: "list" or "details"."""
        self.pending = ""
        """The first half of a two-key action: "sort" or "yank"."""
        self.moved_at = LONG_AGO
        """Monotonic seconds of the last cursor movement."""

    @property
    def table(self) -> FleetTable:
        """The list."""
        return self.query_one("#main", FleetTable)

    def shown_columns(self) -> tuple[Column, ...]:
        """The columns that there is room for."""
        return ()

    def sort_by_letter(self, letter: str) -> None:
        """The second key after `o`; provided by the part that orders the list."""
