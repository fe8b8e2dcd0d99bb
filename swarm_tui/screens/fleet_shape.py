"""What shapes the list of the Fleet screen: the filter, the problems-only view, and the order."""

from __future__ import annotations

from backends.engine.wire import HostRow
from backends.inventory.filter import FilterError, parse
from swarm_tui.bridge import Fleet
from swarm_tui.present import columns, order
from swarm_tui.present.order import Sort
from swarm_tui.screens.fleet_base import EVERYTHING, LONG_AGO, FleetBase
from swarm_tui.widgets.fleet_table import FleetTable
from swarm_tui.widgets.prompt import Complaint

STILL_SECONDS = 3.0
"""How long the order stays as it is after the cursor was moved, so that a row cannot slip away under it."""
RESORT_SECONDS = 3.0
"""How often rows change places when they are sorted by a number that changes all the time."""


class FleetShape(FleetBase):
    """Filter and order."""

    def __init__(self) -> None:
        super().__init__()
        self._filter_before = EVERYTHING
        self._order: list[str] = []
        self._order_of: tuple[object, ...] = ()
        self._sorted_at = LONG_AGO

    def arranged(self, fleet: Fleet, now: float) -> list[str]:
        """The hosts that the filter lets through, in order; the order rests while somebody moves in it."""
        matching = [row for row in fleet.rows.values() if self._passes(row, now)]
        wanted = order.sorted_names(matching, self.sort)
        shape, moment = (self.sort, self.problems, self.filter.text), self.console.monotonic()
        if shape == self._order_of and self._rests(moment):
            wanted = order.keep(self._order, wanted)
        else:
            self._sorted_at = moment
        self._order, self._order_of = wanted, shape
        return wanted

    def _rests(self, moment: float) -> bool:
        if moment - self.moved_at < STILL_SECONDS:
            return True
        return self.sort.column not in order.STEADY and moment - self._sorted_at < RESORT_SECONDS

    def _passes(self, row: HostRow, now: float) -> bool:
        return (not self.problems or order.is_problem(row)) and self.filter.matches(row, now)

    # Filter -----------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        self._filter_before = self.filter
        text = self.filter.text
        self.ask("/", text, self._filter_submit, on_change=self.apply_filter, on_cancel=self._filter_cancel)

    def apply_filter(self, text: str) -> Complaint:
        """Filter by the text when it makes sense, else say where it does not and leave the last good one in force."""
        parsed = parse(text)
        if isinstance(parsed, FilterError):
            return parsed.column, parsed.text
        self.filter = parsed
        self.refresh_now()
        return ""

    def _filter_submit(self, text: str) -> None:
        wrong = self.apply_filter(text)
        if wrong:
            self.console.say(f"filter: {wrong[1]}; {self.filter.text or 'no filter'} stays in force", "warning")

    def _filter_cancel(self) -> None:
        self.filter = self._filter_before
        self.refresh_now()

    def action_problems(self) -> None:
        self.problems = not self.problems
        self.refresh_now()

    # Order ------------------------------------------------------------------------------------------------------

    def sort_by(self, column: str) -> None:
        """Sort by a column; the one that is sorted by already turns round."""
        if column == self.sort.column:
            self._set_sort(self.sort._replace(descending=not self.sort.descending))
        else:
            self._set_sort(Sort(column, columns.BY_ID[column].descending))

    def _set_sort(self, sort: Sort) -> None:
        self.sort, self.moved_at = sort, LONG_AGO
        self.refresh_now()

    def sort_by_letter(self, letter: str) -> None:
        """The second key after `o`."""
        column = next((column.id for column in self.shown_columns() if column.letter == letter), "")
        if column:
            self.sort_by(column)
        else:
            self.console.say(f"no column with the letter {letter}", "warning")

    def _sort_step(self, step: int) -> None:
        names = order.sortable([column.id for column in self.shown_columns()])
        at = names.index(self.sort.column) if self.sort.column in names else 0
        chosen = names[(at + step) % len(names)]
        self._set_sort(Sort(chosen, columns.BY_ID[chosen].descending))

    def action_sort_next(self) -> None:
        self._sort_step(1)

    def action_sort_previous(self) -> None:
        self._sort_step(-1)

    def action_sort_reverse(self) -> None:
        self.sort_by(self.sort.column)

    def action_sort_pick(self) -> None:
        self.pending = "sort"
        self.refresh_frame()

    def on_fleet_table_head_clicked(self, event: FleetTable.HeadClicked) -> None:
        if event.column in order.sortable([column.id for column in self.shown_columns()]):
            self.sort_by(event.column)
