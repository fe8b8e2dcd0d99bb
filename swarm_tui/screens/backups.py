"""The Backups screen: sets, repositories, jobs and concerns, worst first; from here everything about backups is reached."""

from __future__ import annotations

from msgspec.structs import replace
from textual.app import ComposeResult

from backends.backups.model import ENDED
from backends.backups.views import BackupView
from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import backup_about as facts
from swarm_tui.present import backup_job, backups
from swarm_tui.present.backup_board import concern_key
from swarm_tui.present.backup_rows import Row, Sight, set_key
from swarm_tui.present.backups import SIDES
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_about import about
from swarm_tui.screens.backup_archives import ArchivesScreen
from swarm_tui.screens.backup_job import JobScreen
from swarm_tui.screens.backup_keeping import RepositoryActions
from swarm_tui.screens.backup_meant import NO_VIEW
from swarm_tui.widgets.lines import FixedLines, LinesView
from swarm_tui.widgets.pick_list import PickList, PickRow

ASK_SECONDS = 2.0
"""Between two questions to the engine; an unchanged answer is a few bytes."""
BUSY_SECONDS = 1.0
"""While jobs run."""
ROOMY_ROWS, ABOUT_ROWS, FRAME_ROWS = 30, 9, 7
"""Rows of a terminal from which on the facts of the row under the cursor stand below the list, however long that is; rows
that they take; rows of the frame."""
_NEEDS_ROW = frozenset(f"backups.{name}" for name in ("open", "mark", "about", "drift"))
_NEEDS_SETS = frozenset(f"backups.{name}" for name in ("backup", "drill", "check", "init", "yank"))
_ONE_REPOSITORY = frozenset(
    f"backups.{name}" for name in ("prune", "undo", "compact", "heal", "key", "lock", "release")
)


class BackupsScreen(RepositoryActions):
    """Mode 4."""

    SCOPES = ("backups", "list")

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")
        yield LinesView(id="about")

    def crumbs(self) -> tuple[str, ...]:
        return ("backups",)

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        busy = any(job.state not in ENDED for job in (self.view or NO_VIEW).jobs)
        if now - self._asked >= (BUSY_SECONDS if busy else ASK_SECONDS) and self.console.frozen_since is None:
            self._asked = now
            since = {"since": self.view.version} if self.view else {}
            self.console.link.request("backups.view", since, BackupView, self._got_view, self._failed)
        self.draw()

    def _got_view(self, view: BackupView) -> None:
        self._error = None
        if view.sets is None and self.view is not None:  # only how far jobs are can be news then
            view = replace(self.view, jobs=view.jobs) if view.jobs != self.view.jobs else self.view
        if view is not self.view:
            self.view = view
            self._forget_marks()
        self.draw_if_shown()

    def _forget_marks(self) -> None:
        """What is there no more is not acted upon."""
        sight = Sight(200, self.console.glyphs, self.now)
        for side in SIDES:
            if self.marks[side]:
                self.marks[side] &= {row.key for row in backups.rows(side, self.view or NO_VIEW, "", sight)}

    def _failed(self, error: SwarmError) -> None:
        self._error = error
        self.draw_if_shown()

    # Drawing ----------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Bring list and facts up to date."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = self.list.room[0]
        sight = Sight(width, self.console.glyphs, self.now, frozenset(self.marks[self.side]))
        self._rows = backups.rows(self.side, self.view or NO_VIEW, self.needle, sight)
        self.query_one("#facts", FixedLines).set_lines([backups.tabs(self.side), backups.head(self.side, width)])
        below = backups.teach(self.side, self.view, width) if self.view else []
        shown = [PickRow(row.key, row.text) for row in self._rows] or [
            PickRow(None, each) for each in self._none(width)
        ]
        self.list.show([*shown, *(PickRow(None, each) for each in below)])
        height = self.size.height
        roomy = height >= ROOMY_ROWS or len(self.list.rows) + ABOUT_ROWS + FRAME_ROWS <= height
        if roomy != self.has_class("-roomy"):
            self.set_class(roomy, "-roomy")
        if roomy:
            self.query_one("#about", LinesView).set_lines([((" ", "text"), *each) for each in self._about(width - 1)])

    def _none(self, width: int) -> list[Line]:
        if self._error is not None and self.view is None:
            return backups.said(self._error.message, "warn", self._error.hint or "", width)
        return backups.nothing(self.side, self.view, self.needle, width)

    def _about(self, width: int) -> list[Line]:
        """Everything about the row under the cursor."""
        view, row = self.view or NO_VIEW, self.current
        if row is None:
            return []
        for each in view.sets or ():
            if set_key(each) == row.key:
                return facts.set_lines(each, self.now, width)
        for place in view.repositories:
            if ("repository", place.key) == row.key:
                return facts.repository_lines(place, self.now, width)
        for job in view.jobs:
            if ("job", job.id) == row.key:
                return backup_job.job_lines(job, self.now, width, self.console.glyphs)
        found = [each for each in view.concerns if concern_key(each) == row.key]
        return facts.concern_lines(found[0], self.now, width) if found else []

    def status(self) -> tuple[Line, Line]:
        marked = len(self.marks[self.side])
        left = line(
            Span(f"{marked} marked  " if marked else "", "mark"),
            Span(f"/{self.needle}  " if self.needle else "", "chip"),
            Span(self._error.message if self._error is not None and self.view is not None else "", "warn"),
        )
        if not left and self.view is not None:
            return backups.summary(self.view), ()
        return left, ((f"{len(self._rows)} rows", "dim"),)

    def refusal(self, key: Key) -> str:
        if key.id in _NEEDS_ROW and self.current is None:
            return "nothing here"
        if key.id in _NEEDS_SETS and not self._yankable(key) and not self.sets():
            return "no set is meant here"
        if key.id in _ONE_REPOSITORY and self.repository() is None:
            return "for one repository" + ("; Esc takes the marks away" if self.marks[self.side] else "")
        if key.id in ("backups.cancel", "backups.log"):
            return self._against_job(key)
        if key.id == "backups.restore":
            here = self.one_set()
            return "for one set" if here is None else "" if here.last else "there is no archive yet"
        place = self.repository() if key.id == "backups.release" else None
        return "it is not frozen" if place is not None and not place.frozen else ""

    def _yankable(self, key: Key) -> bool:
        job = self.job() if key.id == "backups.yank" and self.side == "jobs" else None
        return job is not None and bool(job.command)

    def _against_job(self, key: Key) -> str:
        job = self.job()
        if job is None:
            return "no job here"
        return "it has ended" if key.id == "backups.cancel" and job.state in ENDED else ""

    # Moving about -----------------------------------------------------------------------------------------------

    def action_next_side(self) -> None:
        self._turn(1)

    def action_previous_side(self) -> None:
        self._turn(-1)

    def _turn(self, step: int) -> None:
        self.side = SIDES[(SIDES.index(self.side) + step) % len(SIDES)]
        self.list.show([], top=True)
        self.draw_if_shown()

    def on_pick_list_moved(self) -> None:
        self.draw()

    def action_open(self) -> None:
        row: Row | None = self.current
        if row is None:
            return
        job = self.job() if self.side == "jobs" else None
        if job is not None:
            self.app.push_screen(JobScreen(job.id))
        elif self.side == "concerns":
            self.action_about()
        else:
            self._open_archives(row)

    def _open_archives(self, row: Row) -> None:
        view = self.view or NO_VIEW
        for each in view.sets or ():
            if set_key(each) == row.key:
                where = self.location(each.repository)
                self.app.push_screen(ArchivesScreen(each.repository, each.host, each.set, where))
                return
        for place in view.repositories:
            if ("repository", place.key) == row.key:
                self.app.push_screen(ArchivesScreen(place.key, place.host, "", place.location))

    def action_about(self) -> None:
        if self.current is not None:
            about(self.app, " ".join(self.current.hosts), self._about)

    def action_mark(self) -> None:
        row = self.current
        if row is not None:
            self.marks[self.side] ^= {row.key}
            self.draw_if_shown()
            self.list.move(1)

    def action_mark_all(self) -> None:
        self.marks[self.side] |= {row.key for row in self._rows}
        self.draw_if_shown()

    def clear_last(self) -> bool:
        if self.marks[self.side]:
            self.marks[self.side] = set()
            self.draw_if_shown()
            return True
        return super().clear_last()
