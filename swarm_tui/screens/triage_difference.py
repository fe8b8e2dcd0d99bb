"""What differs between a bundle and that of a healthy peer, or of the same host at another time."""

from __future__ import annotations

from collections.abc import Sequence

from backends.triage.markdown import markdown
from backends.triage.model import Bundle
from backends.triage.views import Compared
from backends.units import span
from swarm_tui.keymap import Key
from swarm_tui.present import triage_lists as shown
from swarm_tui.present.line import Line
from swarm_tui.present.triage import Row, said_rows
from swarm_tui.screens.triage_base import TriageBase

_WORDS = {"peer": "a healthy peer", "peer-now": "a healthy peer now", "last-good": "its last good bundle"}


class DifferenceScreen(TriageBase):
    """Subjects with both sides, the likeliest to matter first."""

    SCOPES = ("differences", "list")

    def __init__(self, bundle: Bundle, number: int, against: str):
        super().__init__()
        self._bundle, self._number, self._against = bundle, number, against
        self.compared: Compared | None = None
        self.needle = ""
        self._asked = 0.0

    def crumbs(self) -> tuple[str, ...]:
        return (self._bundle.host, "triage", f"against {_WORDS.get(self._against, f'bundle {self._against}')}")

    def subject(self) -> tuple[str, ...]:
        return (self._bundle.host,)

    def load(self) -> None:
        self._asked = self.console.monotonic()
        params = {"number": self._number, "against": self._against}
        self.fetch("difference", params, Compared, self._got)

    def _got(self, found: Compared) -> None:
        self.compared = found

    def rows(self, width: int) -> Sequence[Row]:
        if self.compared is None:
            return self._waiting_rows(width)
        return shown.difference_rows(self.compared, self.needle, width)

    def _waiting_rows(self, width: int) -> Sequence[Row]:
        """A peer is asked: with the seconds, since that takes some."""
        if self._against != "peer-now" or self.error is not None:
            return ()
        seconds = self.console.monotonic() - self._asked
        return said_rows(f"asking a healthy peer for {span(seconds)}, 17 s at most…", "accent", "Esc leaves.", width)

    def facts(self, width: int) -> list[Line]:
        return shown.difference_facts(self.compared, self.now, width) if self.compared is not None else []

    def empty(self, width: int) -> Sequence[Row]:
        if self.needle:
            return said_rows(f"Nothing matches /{self.needle}", "warn", "Esc clears the filter.", width)
        why = "Kernel, driver, GPUs, mounts, links, units and packages are the same."
        return said_rows("Nothing differs.", "ok", why, width)

    def told(self) -> str:
        return f"/{self.needle}" if self.needle else ""

    def refusal(self, key: Key) -> str:
        if key.scope == "differences" and self.compared is None:
            return "nothing here"
        return ""

    def action_filter(self) -> None:
        before = self.needle
        self.ask("/", self.needle, self._filter_by, on_change=self._try, on_cancel=lambda: self._filter_by(before))

    def _try(self, written: str) -> str:
        self._filter_by(written)
        return ""

    def _filter_by(self, written: str) -> None:
        self.needle = written.strip()
        self.draw_if_shown()

    def action_yank(self) -> None:
        found = self.compared
        if found is not None:
            self.console.yank(markdown(self._bundle, found.differences, found.title), "triage and difference")

    async def action_back(self) -> None:
        if self.needle:
            self._filter_by("")
        else:
            await self.leave()
