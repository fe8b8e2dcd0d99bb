"""Triage of several hosts: hosts × steps as they answer, the odd ones first."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from backends.errors import RetryLater, SwarmError
from backends.triage.views import Outcome, Round, worst
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import triage_lists as shown
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.present.triage import Row
from swarm_tui.present.triage_text import severity_word
from swarm_tui.screens.triage import POLL_SECONDS, TriageScreen
from swarm_tui.screens.triage_base import TriageBase
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList


class TriageMatrixScreen(TriageBase):
    """Enter goes on to one host."""

    SCOPES = ("triages", "list")
    DEFAULT_CSS = "TriageMatrixScreen #below { height: 2; background: $surface; }"

    def __init__(self, hosts: tuple[str, ...]):
        super().__init__()
        self._hosts = hosts
        self.round: Round | None = None
        self._heard = 0.0
        self._polling = False

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")
        yield FixedLines(id="below")

    def crumbs(self) -> tuple[str, ...]:
        return ("triage", f"{len(self._hosts)} hosts")

    def subject(self) -> tuple[str, ...]:
        picked = self.list.cursor
        return (picked,) if isinstance(picked, str) else ()

    # Data -------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        self.turn += 1
        self.round, self.error, self._polling = None, None, False
        self.fetch("start", {"select": ",".join(self._hosts)}, Round, self._got)

    def _got(self, found: Round) -> None:
        self.round, self._heard, self._polling = found, self.console.monotonic(), False

    def refused(self, error: SwarmError) -> None:
        """A lost connection comes back, and the round goes on meanwhile."""
        self._polling = False
        if self.round is None or not isinstance(error, RetryLater):
            self.error = error

    @property
    def goes_on(self) -> bool:
        return self.error is None and (self.round is None or not self.round.ended)

    def on_fleet(self, fleet: Fleet) -> None:
        due = self.console.monotonic() - self._heard >= POLL_SECONDS
        if self.round is not None and self.goes_on and due and not self._polling:
            self._polling = True
            self.fetch("round", {"id": self.round.id}, Round, self._got)
        self.draw()

    @property
    def picked(self) -> Outcome | None:
        """The host under the cursor."""
        found = self.round.outcomes if self.round is not None else ()
        return next((each for each in found if each.host == self.list.cursor), None)

    # Drawing ----------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        super().draw()
        self._draw_below()

    def _draw_below(self) -> None:
        if self.is_mounted and self.query("#below"):
            self.query_one("#below", FixedLines).set_lines(shown.below(self.picked, self.list.room[0]))

    def rows(self, width: int) -> Sequence[Row]:
        if self.round is None:
            return ()
        since = self.console.monotonic() - self._heard
        return shown.grid_rows(self.round, shown.grid_columns(self.round), since, width)

    def facts(self, width: int) -> list[Line]:
        if self.round is None:
            return []
        ended = sum(each.ended for each in self.round.outcomes)
        total = len(self.round.outcomes)
        left = f" {ended} of {total} have answered; Esc leaves, it goes on" if ended < total else f" {total} hosts"
        odd = Span("  the odd ones first", "dim") if ended == total else Span("")
        head = shown.grid_head(shown.grid_columns(self.round), self._hosts, width)
        return [line(Span(left, "accent" if ended < total else "strong"), odd), head]

    def told(self) -> str:
        if self.round is None or not self.round.ended:
            return "asking the hosts…"
        return f"the worst: {severity_word(worst(self.round.outcomes))}"

    # Keys -------------------------------------------------------------------------------------------------------

    def on_pick_list_moved(self) -> None:
        self._draw_below()
        self.refresh_frame()

    def refusal(self, key: Key) -> str:
        picked = self.picked
        if key.id == "triages.open" and (picked is None or not picked.ended):
            return "it is still being asked" if picked is not None else "nothing here"
        if key.id == "triages.again" and self.goes_on:
            return "they are being asked"
        return "nothing here" if key.id == "triages.yank" and self.round is None else ""

    def action_open(self) -> None:
        picked = self.picked
        if picked is not None and picked.ended:
            self.app.push_screen(TriageScreen(picked.host, outcome=picked))

    def action_again(self) -> None:
        self.load()
        self.draw_if_shown()

    def action_yank(self) -> None:
        if self.round is not None:
            self.console.yank(shown.grid_markdown(self.round), "the matrix as Markdown")

    async def action_back(self) -> None:
        if self.goes_on and self.round is not None:
            self.console.say("the triage goes on; every bundle is kept")
        await self.leave()
