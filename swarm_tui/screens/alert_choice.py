"""Which alerts are shown and marked: the views, the filter, marks and ranges."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from backends.alerts.views import AlertRow, AlertView
from swarm_tui.present import alert_copy
from swarm_tui.present.alerts import SIDES, Row, Side
from swarm_tui.screens.alert_actions import AlertActions
from swarm_tui.screens.listing import Listing


class AlertChoice(Listing, AlertActions):
    """The rows and the marks; the screen asks and draws."""

    def __init__(self) -> None:
        super().__init__()
        self.side: Side = "open"
        self.needle = ""
        self.marks: set[Hashable] = set()
        """Fingerprints: a mark stays on its alert in every view."""
        self.range_start: Hashable = None
        """The first end of a range; None when none was begun."""
        self.view: AlertView | None = None
        self.rows: dict[Hashable, Row] = {}
        """What is listed, from the top."""

    def draw_if_shown(self) -> None:
        """Bring the screen up to date; provided by the screen."""

    @property
    def alerts(self) -> Sequence[AlertRow]:
        """All that the engine told of."""
        return (self.view.alerts if self.view else None) or ()

    def newest(self) -> AlertView | None:
        return self.view

    @property
    def here(self) -> Row | None:
        """The line under the cursor."""
        return self.rows.get(self.list.cursor)

    @property
    def current(self) -> AlertRow | None:
        """The alert under the cursor; None where several stand behind the line."""
        return self.here.alert if self.here is not None and not self.here.group else None

    def picked(self) -> list[AlertRow]:
        marked = [each for each in self.alerts if each.fingerprint in self.marks] if self.marks else []
        return marked or (list(self.here.alerts) if self.here is not None else [])

    def known(self, fingerprints: Sequence[str]) -> list[AlertRow]:
        wanted = set(fingerprints)
        return [each for each in self.alerts if each.fingerprint in wanted]

    # Views ------------------------------------------------------------------------------------------------------

    def action_next_side(self) -> None:
        self._turn(1)

    def action_previous_side(self) -> None:
        self._turn(-1)

    def _turn(self, step: int) -> None:
        self.show_side(SIDES[(SIDES.index(self.side) + step) % len(SIDES)])

    def show_side(self, side: Side) -> None:
        """Another view; where the line under the cursor is not in it, the cursor is at its top."""
        self.side, self.range_start = side, None
        self.draw_if_shown()

    # Marks and filter -------------------------------------------------------------------------------------------

    def _behind(self, keys: Iterable[Hashable]) -> set[Hashable]:
        """The fingerprints behind lines."""
        return {alert.fingerprint for key in keys for alert in self.rows[key].alerts}

    def action_mark(self) -> None:
        """All behind the line; once all are marked, none."""
        behind = self._behind((self.list.cursor,))
        self.marks = self.marks - behind if behind <= self.marks else self.marks | behind
        self.draw_if_shown()
        self.list.move(1)

    def action_mark_range(self) -> None:
        keys, here = list(self.rows), self.list.cursor
        if self.range_start in keys and here in keys:
            ends = sorted((keys.index(self.range_start), keys.index(here)))
            self.marks |= self._behind(keys[ends[0] : ends[1] + 1])
            self.range_start = None
        else:
            self.range_start = here
        self.draw_if_shown()

    def action_mark_all(self) -> None:
        self.marks |= self._behind(self.rows)
        self.draw_if_shown()

    def action_filter(self) -> None:
        before = self.needle
        self.ask("/", self.needle, self._filter_by, on_change=self._try, on_cancel=lambda: self._filter_by(before))

    def _try(self, words: str) -> str:
        self._filter_by(words)
        return ""

    def _filter_by(self, words: str) -> None:
        self.needle = words.strip()
        self.draw_if_shown()

    def apply_filter(self, text: str) -> None:
        """Set the filter from the command line; the screen may not be composed yet."""
        self.needle = text.strip()
        self.refresh_now()

    def action_back(self) -> None:
        """Esc takes away what was set last."""
        if self.range_start is not None:
            self.range_start = None
        elif self.marks:
            self.marks = set()
        else:
            self.needle = ""
        self.draw_if_shown()

    def action_yank(self) -> None:
        rows = self.picked()
        what = "the alert" if len(rows) == 1 else f"{len(rows)} alerts"
        self.console.yank(alert_copy.markdown(rows, self.now), what)
