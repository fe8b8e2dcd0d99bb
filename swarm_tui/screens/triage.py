"""Triage of one host: it is asked at once, says how it goes on, and shows verdict, steps and what was found.

`open_triage` is the way in from every place where hosts stand; `open_bundle` shows one that was made before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import ComposeResult

from backends.errors import RetryLater, SwarmError
from backends.triage.markdown import markdown
from backends.triage.model import Bundle
from backends.triage.views import Kept, Outcome, Round
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import triage as shown
from swarm_tui.present.line import Line
from swarm_tui.present.triage import Row
from swarm_tui.present.triage_sections import preview
from swarm_tui.screens.base import Console
from swarm_tui.screens.triage_base import TriageBase
from swarm_tui.screens.triage_ways import TriageWays
from swarm_tui.widgets.lines import LinesView
from swarm_tui.widgets.pick_list import PickList

POLL_SECONDS = 0.4
ROOMY = 34
"""Rows of the terminal from which what the host said stands below the steps."""
PREVIEW_LINES = 60


def open_triage(console: Console, hosts: Sequence[str]) -> None:
    """Have hosts looked at now: one in full, several as a matrix."""
    app: Any = console
    if not hosts:
        console.say("triage: no host here", "warning")
    elif len(hosts) == 1:
        app.push_screen(TriageScreen(hosts[0]))
    else:
        from swarm_tui.screens.triage_matrix import TriageMatrixScreen  # late: only for several hosts

        app.push_screen(TriageMatrixScreen(tuple(hosts)))


def open_bundle(console: Console, number: int, host: str) -> None:
    """Show a bundle that is kept."""
    app: Any = console
    app.push_screen(TriageScreen(host, number=number))


class TriageScreen(TriageWays, TriageBase):
    """One host. With a `number` that bundle is shown and nothing is asked of the host before `r`."""

    SCOPES = ("triage", "list")
    DEFAULT_CSS = """
    TriageScreen #preview { height: 40%; display: none; border-top: hkey $panel; }
    TriageScreen.-preview #preview { display: block; }
    .-ascii TriageScreen #preview { border-top: ascii $panel; }
    """

    def __init__(self, name: str, *, number: int | None = None, outcome: Outcome | None = None):
        """`outcome`: of a round that has ended, when this is opened from it."""
        super().__init__()
        self.target = name
        """The host."""
        self.bundle: Bundle | None = None
        self.number = number
        self.whole = False
        """The bundle has its sections."""
        self.outcome = outcome
        self.earlier: tuple[Kept, ...] = ()
        self._round: int | None = None
        self._heard = 0.0
        """Monotonic seconds when the engine last told how it stands."""
        self._polling = False
        self._placed = False
        """The cursor was put on the worst step."""

    def body(self) -> ComposeResult:
        yield PickList(id="main")
        yield LinesView(id="preview")

    def crumbs(self) -> tuple[str, ...]:
        return (self.target, "triage")

    def subject(self) -> tuple[str, ...]:
        return (self.target,)

    # Data -------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        if self.outcome is not None:
            self._settle(self.outcome)
        elif self.number is not None:
            self._get(self.number)
        else:
            self.begin()

    def begin(self) -> None:
        """Ask the host."""
        self.turn += 1
        self.bundle = self.number = self.outcome = self.error = self._round = None
        self.whole = self._polling = self._placed = False
        self.fetch("start", {"select": self.target}, Round, self._got_round)

    def _got_round(self, found: Round) -> None:
        self._round, self._heard, self._polling = found.id, self.console.monotonic(), False
        if found.outcomes:
            self._settle(found.outcomes[0])

    def _settle(self, outcome: Outcome) -> None:
        self.outcome = outcome
        if not outcome.ended:
            return
        self._round, self.bundle, self.number = None, outcome.bundle, outcome.number
        if outcome.number is not None:
            self._get(outcome.number)
        else:
            self._list()

    def _get(self, number: int) -> None:
        self.fetch("get", {"number": number}, Bundle, self._got_bundle)

    def _got_bundle(self, bundle: Bundle) -> None:
        self.bundle, self.whole = bundle, True

    def _list(self) -> None:
        """What there is from before."""
        self.fetch("list", {"host": self.target}, dict[str, tuple[Kept, ...]], self._got_list)

    def _got_list(self, answer: dict[str, tuple[Kept, ...]]) -> None:
        self.earlier = answer.get("bundles", ())

    def refused(self, error: SwarmError) -> None:
        """A lost connection comes back, and the round goes on meanwhile."""
        self._polling = False
        if self._round is None or not isinstance(error, RetryLater):
            self.error, self._round = error, None

    def on_fleet(self, fleet: Fleet) -> None:
        due = self.console.monotonic() - self._heard >= POLL_SECONDS
        if self._round is not None and due and not self._polling:
            self._polling = True
            self.fetch("round", {"id": self._round}, Round, self._got_round)
        self.draw()

    @property
    def goes_on(self) -> bool:
        """Whether the host is being asked, or waits for that."""
        return self._round is not None or (self.outcome is None and self.number is None and self.error is None)

    # Drawing ----------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        if not self.is_mounted or not self.query("#main"):
            return
        self.set_class(self.size.height >= ROOMY and self.whole, "-preview")
        super().draw()
        if self.bundle is not None and not self._placed:
            self._placed = True
            self.list.move_to(("step", shown.first_step(self.bundle)))
        self._draw_preview()

    def rows(self, width: int) -> Sequence[Row]:
        if self.bundle is not None:
            return shown.verdict_rows(self.bundle, self.number, self.now, width)
        if self.error is not None:
            return self._failed_rows(self.error.message, self.error.hint or "", width)
        outcome = self.outcome
        if outcome is not None and outcome.standing == "failed":
            return self._failed_rows(outcome.error, outcome.hint, width)
        if self.number is not None:
            return ()
        since = self.console.monotonic() - self._heard if self._round is not None else 0.0
        asked = outcome or Outcome(host=self.target)
        seconds = asked.seconds + since if asked.standing == "asking" else 0.0
        return shown.progress_rows(asked, seconds, width)

    def _failed_rows(self, error: str, hint: str, width: int) -> list[Row]:
        return shown.failed_rows(self.target, error, hint, self.earlier, self.now, width)

    def _draw_preview(self) -> None:
        pane, step = self.query_one("#preview", LinesView), self.step
        if self.bundle is not None and step is not None and pane.display:
            pane.set_lines(preview(self.bundle, step, max(20, self.size.width - 2), PREVIEW_LINES))

    @property
    def step(self) -> int | None:
        """The step under the cursor."""
        return shown.step_of(self.list.cursor, self.bundle) if self.bundle is not None else None

    def status(self) -> tuple[Line, Line]:
        left, right = super().status()
        kept = self.outcome.kept if self.outcome is not None else ""
        if kept:
            return ((f"kept in memory alone: {kept}", "warn"),), right
        return left, right

    def told(self) -> str:
        if self.goes_on:
            return "asking the host…"
        if self.bundle is None or self.whole:
            return ""
        return f"its sections: {self.error.message}" if self.error is not None else "its sections are on their way…"

    # Keys -------------------------------------------------------------------------------------------------------

    def on_pick_list_moved(self) -> None:
        self._draw_preview()
        self.refresh_frame()

    def refusal(self, key: Key) -> str:
        if key.scope != "triage":
            return ""
        if key.action in ("open", "difference", "yank", "save") and not self.whole:
            missing = "there is no bundle" if self.bundle is None else "its sections are not here"
            return "the host is still being asked" if self.goes_on else missing
        if key.action == "open" and self.step is None:
            return "no step here"
        return "it is being asked" if key.action == "again" and self.goes_on else ""

    def action_again(self) -> None:
        self.begin()
        self.draw_if_shown()

    def action_yank(self) -> None:
        if self.bundle is not None:
            self.console.yank(markdown(self.bundle), "the triage as Markdown")

    async def action_back(self) -> None:
        if self.goes_on:
            self.console.say(f"the triage of {self.target} goes on and is kept; t, then l shows it")
        await self.leave()
