"""What the lists about backups share: rows that are asked for, a filter, an error with its hint, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from textual.app import ComposeResult

from backends.backups.views import RestoreRequest
from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.backups import said
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line, plain
from swarm_tui.screens.base import BaseScreen
from swarm_tui.screens.listing import Listing
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList, PickRow

T = TypeVar("T")


class BackupList(Listing, BaseScreen):
    """A list; subclasses say what is asked for (`load`) and how it is drawn (`made`)."""

    MODE = "backups"
    OWN_FILTER: ClassVar[bool] = False
    """`made` filters by itself, since some of its rows belong to others."""

    def __init__(self) -> None:
        super().__init__()
        self.needle = ""
        self._rows: list[Row] = []
        self._error: SwarmError | None = None
        self._waiting = 0

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")

    # What a list provides ---------------------------------------------------------------------------------------

    def load(self) -> None:
        """Ask the engine for what is shown."""

    def made(self, width: int) -> list[Row]:
        """Every row."""
        raise NotImplementedError

    def facts(self, width: int) -> list[Line]:
        """Two lines above the list: what it is, and the column titles."""
        return []

    def empty(self, width: int) -> list[Line]:
        """What stands where no row does."""
        return said("nothing here", "dim", "", width)

    # Data -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.load()

    def fetch(self, method: str, params: Mapping[str, Any], kind: type[T], got: Callable[[T], None]) -> None:
        """Ask `backups.<method>`; the list is drawn anew when the answer is there, and says so while it is not."""

        def done(answer: T) -> None:
            self._waiting, self._error = self._waiting - 1, None
            got(answer)
            self.draw_if_shown()

        def failed(error: SwarmError) -> None:
            self._waiting, self._error = self._waiting - 1, error
            self.draw_if_shown()

        self._waiting += 1
        self.console.link.request(f"backups.{method}", params, kind, done, failed)

    @property
    def now(self) -> float:
        """Epoch seconds, as the engine has them."""
        return self.console.fleet().time(self.console.monotonic())

    # Drawing ----------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        self.draw()

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def draw_if_shown(self) -> None:
        """News came in."""
        if self.is_current:
            self.draw()
            self.refresh_frame()

    def draw(self) -> None:
        """Bring the list up to date; unchanged cells cost nothing."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = self.list.room[0]
        self._rows = self.made(width) if self.OWN_FILTER or not self.needle else self._filtered(width)
        self.query_one("#facts", FixedLines).set_lines(self.facts(width))
        rows = [PickRow(row.key, row.text) for row in self._rows]
        self.list.show(rows or [PickRow(None, text) for text in self._instead(width)])

    def _filtered(self, width: int) -> list[Row]:
        wanted = self.needle.casefold()
        return [row for row in self.made(width) if wanted in f"{plain(row.text)} {row.words}".casefold()]

    def _instead(self, width: int) -> list[Line]:
        if self._error is not None:
            return said(self._error.message, "warn", self._error.hint or "", width)
        if self._waiting:
            return said("asking the engine…", "dim", "", width)
        if self.needle:
            return said(f"Nothing matches /{self.needle}", "warn", "Esc clears the filter.", width)
        return self.empty(width)

    def status(self) -> tuple[Line, Line]:
        error = self._error.message if self._error is not None and self._rows else ""
        left = line(
            *self.told(),
            Span(f"/{self.needle}  " if self.needle else "", "chip"),
            Span("asking…  " if self._waiting and not self._rows else "", "warn"),
            Span(error, "warn"),
        )
        picked = sum(row.key is not None for row in self._rows)
        return left, ((f"{picked:,} rows", "dim"),) if picked else ()

    def told(self) -> Line:
        """What the status line says first."""
        return ()

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        cursor = self.list.cursor
        return next((row for row in self._rows if row.key == cursor), None) if cursor is not None else None

    def subject(self) -> tuple[str, ...]:
        return self.current.hosts if self.current else ()

    # Keys -------------------------------------------------------------------------------------------------------

    def on_pick_list_moved(self) -> None:
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Enter, or two clicks."""

    def action_filter(self) -> None:
        before = self.needle
        self.ask("/", self.needle, self.filter_by, on_change=self._try, on_cancel=lambda: self.filter_by(before))

    def _try(self, text: str) -> str:
        self.filter_by(text)
        return ""

    def filter_by(self, text: str) -> None:
        """Only rows with this text."""
        self.needle = text.strip()
        self.draw_if_shown()

    def clear_last(self) -> bool:
        """Esc: take away what was set last; False when nothing was."""
        if not self.needle:
            return False
        self.filter_by("")
        return True

    async def action_back(self) -> None:
        if not self.clear_last():
            app: Any = self.app
            await app.action_back()

    def action_yank(self) -> None:
        if self._rows:
            self.console.yank("\n".join(plain(row.text).rstrip() for row in self._rows), "the list")

    def open_restore(self, request: RestoreRequest, archive: Any) -> None:
        """To the wizard that brings back what `request` means of `archive`."""
        from swarm_tui.screens.restore import RestoreScreen  # late: only when something is brought back

        self.app.push_screen(RestoreScreen(request, archive))

    def find(self, select: str) -> None:
        """Ask for a part of a path, and show where it is."""

        def wanted(text: str) -> None:
            from swarm_tui.screens.backup_hits import HitsScreen  # late, as above

            if text.strip():
                self.app.push_screen(HitsScreen(text.strip(), select))

        self.ask("find ", "", wanted)
