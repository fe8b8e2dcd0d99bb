"""What a host said in one step of a triage: all of it, to scroll and to search."""

from __future__ import annotations

from textual.app import ComposeResult

from backends.triage.model import Bundle
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present.line import Line
from swarm_tui.present.triage_sections import Found, next_hit, raw, section_lines, title
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.listing import Listing
from swarm_tui.widgets.pick_list import PickList, PickRow


class SectionsScreen(Listing, BaseScreen):
    """Nothing of it is asked of the host anew."""

    SCOPES = ("sections", "list")
    MODE = "fleet"

    def __init__(self, bundle: Bundle, step: int):
        super().__init__()
        self._bundle, self._step = bundle, step
        self.needle = ""
        self._found = Found([], [])
        self._drawn: tuple[int, str, int] | None = None
        """Step, needle and width of what is shown."""

    def body(self) -> ComposeResult:
        yield PickList(id="main")

    def crumbs(self) -> tuple[str, ...]:
        return (self._bundle.host, "triage", title(self._bundle, self._step))

    def subject(self) -> tuple[str, ...]:
        return (self._bundle.host,)

    def on_fleet(self, fleet: Fleet) -> None:
        self._draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def _draw(self, *, top: bool = False) -> None:
        wanted = (self._step, self.needle, self.list.room[0])
        if wanted == self._drawn:
            return
        self._drawn = wanted
        self._found = section_lines(self._bundle, self._step, self.needle, wanted[2])
        self.list.show([PickRow(None, each) for each in self._found.lines], top=top)

    def status(self) -> tuple[Line, Line]:
        count = len(self._found.hits)
        hits = f"{count} line{'' if count == 1 else 's'}" if count else "nothing"
        left: Line = ((f"/{self.needle}: {hits}", "chip" if count else "warn"),) if self.needle else ()
        last = self.list.scroll_offset.y + self.list.size.height
        total = len(self._found.lines)
        return left, ((f"{min(last, total)}/{total} lines", "dim"),)

    def refusal(self, key: Key) -> str:
        if key.id in ("sections.next_hit", "sections.previous_hit") and not self._found.hits:
            return "nothing is found" if self.needle else "/ searches"
        if key.id == "sections.next_step" and self._step >= len(self._bundle.steps):
            return "this is the last step"
        return "this is the first step" if key.id == "sections.previous_step" and self._step <= 1 else ""

    # Searching --------------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        before = self.needle
        self.ask("/", self.needle, self._submit, on_change=self._try, on_cancel=lambda: self._seek(before))

    def _submit(self, written: str) -> None:
        self._seek(written)

    def _try(self, written: str) -> str:
        self._seek(written)
        return ""

    def _seek(self, written: str) -> None:
        """Mark the text wherever it stands, and go to the first place from here on."""
        self.needle = written
        self._draw()
        if self._found.hits:
            self._go(next_hit(self._found.hits, self.list.scroll_offset.y - 1, 1))
        self.refresh_frame()

    def action_next_hit(self) -> None:
        self._go(next_hit(self._found.hits, self.list.scroll_offset.y, 1))

    def action_previous_hit(self) -> None:
        self._go(next_hit(self._found.hits, self.list.scroll_offset.y, -1))

    def _go(self, row: int | None) -> None:
        if row is not None:
            self.list.scroll_rows(row - self.list.scroll_offset.y)
            self.refresh_frame()

    # Elsewhere --------------------------------------------------------------------------------------------------

    def action_next_step(self) -> None:
        self._turn(self._step + 1)

    def action_previous_step(self) -> None:
        self._turn(self._step - 1)

    def _turn(self, step: int) -> None:
        self._step = step
        self._draw(top=True)
        self.refresh_frame()

    def action_yank(self) -> None:
        self.console.yank(raw(self._bundle, self._step), title(self._bundle, self._step))

    async def action_back(self) -> None:
        if self.needle:
            self._seek("")
        else:
            self.app.pop_screen()

    async def action_leave(self) -> None:
        self.app.pop_screen()
