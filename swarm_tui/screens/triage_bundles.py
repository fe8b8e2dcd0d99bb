"""The bundles of a host that are kept, the newest first."""

from __future__ import annotations

from collections.abc import Sequence

from backends.triage.model import Bundle
from backends.triage.views import Kept
from swarm_tui.keymap import Key
from swarm_tui.present import triage_lists as shown
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.present.triage import Row, said_rows
from swarm_tui.screens.triage_base import TriageBase
from swarm_tui.screens.triage_difference import DifferenceScreen

MOST = 200


class BundlesScreen(TriageBase):
    """Enter shows one; `d` compares the one that this was opened from with it."""

    SCOPES = ("bundles", "list")

    def __init__(self, name: str, current: int | None):
        super().__init__()
        self._whose, self._current = name, current
        self.bundles: tuple[Kept, ...] = ()

    def crumbs(self) -> tuple[str, ...]:
        return (self._whose, "triage", "earlier bundles")

    def subject(self) -> tuple[str, ...]:
        return (self._whose,)

    def load(self) -> None:
        params = {"host": self._whose, "limit": MOST}
        self.fetch("list", params, dict[str, tuple[Kept, ...]], self._got)

    def _got(self, answer: dict[str, tuple[Kept, ...]]) -> None:
        self.bundles = answer.get("bundles", ())

    def rows(self, width: int) -> Sequence[Row]:
        return shown.kept_rows(self.bundles, self.now, self._current, width)

    def facts(self, width: int) -> list[Line]:
        return [line(Span(f" {self._whose}", "strong"), Span("  bundles that are kept", "dim")), shown.kept_head(width)]

    def empty(self, width: int) -> Sequence[Row]:
        return said_rows("No bundle of it is kept.", "strong", "t on the host makes one.", width)

    def told(self) -> str:
        good = sum(each.good for each in self.bundles)
        return f"{good} of {len(self.bundles)} show nothing wrong" if self.bundles else ""

    def refusal(self, key: Key) -> str:
        picked = self.list.cursor
        if key.scope == "bundles" and picked is None:
            return "nothing here"
        if key.id == "bundles.difference" and self._current is None:
            return "no bundle to compare with is open"
        return "it is the same one" if key.id == "bundles.difference" and picked == self._current else ""

    def action_open(self) -> None:
        from swarm_tui.screens.triage import TriageScreen  # late: it opens this one

        if isinstance(self.list.cursor, int):
            self.app.push_screen(TriageScreen(self._whose, number=self.list.cursor))

    def action_difference(self) -> None:
        """The open bundle is asked for first: its Markdown goes with the difference."""
        other = self.list.cursor
        if isinstance(other, int) and self._current is not None:
            self.fetch("get", {"number": self._current}, Bundle, lambda bundle: self._compare(bundle, other))

    def _compare(self, bundle: Bundle, other: int) -> None:
        if self.is_current and self._current is not None:
            self.app.push_screen(DifferenceScreen(bundle, self._current, str(other)))
