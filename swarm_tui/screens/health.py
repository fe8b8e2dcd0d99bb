"""Health checks: hosts by checks, the worst host first; a cell says what is wrong, Enter all that was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import ComposeResult

from backends.checks.health_views import CheckRow, HealthView, HostChecks, HostHealth
from backends.errors import SwarmError
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import health as shown
from swarm_tui.present.check_text import summary
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.present.triage import Row, said_rows
from swarm_tui.screens.health_base import HealthBase
from swarm_tui.screens.health_page import HealthPage
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList, PickRow

ASK_SECONDS, DETAIL_SECONDS = 2.0, 5.0


class HealthScreen(HealthBase):
    """The matrix."""

    SCOPES = ("health", "finding", "list")
    DEFAULT_CSS = "HealthScreen #below { height: 3; background: $surface; } HealthScreen #facts { height: 2; }"

    def __init__(self) -> None:
        super().__init__()
        self.hosts: dict[str, HostHealth] = {}
        self.catalogue: tuple[CheckRow, ...] = ()
        self.check = ""
        """The column under the cursor."""
        self.first = 0
        self.needle, self.problems = "", False
        self.marks: set[object] = set()
        self.details: HostChecks | None = None
        self._version: int | None = None
        self._error: SwarmError | None = None
        self._asked = self._detail_asked = -1e9
        self._detail_of = ""
        self._shown: list[HostHealth] = []

    def body(self) -> ComposeResult:
        yield FixedLines(id="facts")
        yield PickList(id="main")
        yield FixedLines(id="below")

    def crumbs(self) -> tuple[str, ...]:
        return ("fleet", "health")

    # Data -------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        super().on_mount()
        kind = dict[str, tuple[CheckRow, ...]]
        self.console.link.request("checks.catalogue", {}, kind, self._got_catalogue, self._failed)

    def on_fleet(self, fleet: Fleet) -> None:
        now = self.console.monotonic()
        if now - self._asked >= ASK_SECONDS and self.console.frozen_since is None:
            self._asked = now
            since: dict[str, Any] = {} if self._version is None else {"since": self._version}
            self.console.link.request("checks.view", since, HealthView, self._got, self._failed)
        self._ask_details(now)
        self.draw()

    def _ask_details(self, now: float) -> None:
        host, still = self.host, self.console.frozen_since is not None
        if not host or (host == self._detail_of and (still or now - self._detail_asked < DETAIL_SECONDS)):
            return
        self._detail_of, self._detail_asked = host, now
        self.console.link.request("checks.host", {"host": host}, HostChecks, self._got_details, self._failed)

    def _got_catalogue(self, answer: dict[str, tuple[CheckRow, ...]]) -> None:
        self.catalogue = answer.get("checks", ())
        self.draw_if_shown()

    def _got(self, view: HealthView) -> None:
        self._error = None
        known = {} if view.full else self.hosts
        self.hosts = {**known, **{host.host: host for host in view.hosts}}
        if self._version != view.version:
            self._detail_asked = -1e9
        self._version = view.version
        self.draw_if_shown()

    def _got_details(self, details: HostChecks) -> None:
        self.details = details
        self.draw_if_shown()

    def _failed(self, error: SwarmError) -> None:
        self._error = error
        self.draw_if_shown()

    def look_again(self) -> None:
        self._asked = self._detail_asked = -1e9

    # What is meant ----------------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        cursor = self.list.cursor if self.is_mounted and self.query("#main") else None
        return cursor if isinstance(cursor, str) else ""

    def subject(self) -> tuple[str, ...]:
        marked = tuple(host for host in self.hosts if host in self.marks)
        return marked or ((self.host,) if self.host else ())

    def known(self) -> HostChecks | None:
        return self.details if self.details is not None and self.details.health.host == self.host else None

    def finding_key(self) -> str:
        known = self.known()
        found = shown.findings_of(known, self.check) if known is not None else []
        return found[0].key if found and found[0].bad else ""

    # Drawing ----------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Bring everything up to date; unchanged cells cost nothing."""
        if not self.is_mounted or not self.query("#main"):
            return
        width = self.list.room[0]
        self._shown = shown.chosen(list(self.hosts.values()), self.needle, self.problems)
        columns = self._columns(width)
        sight = shown.Sight(width, self.now, columns, self.check, self.marks)
        groups: dict[str, str] = {row.id: row.group for row in self.catalogue}
        rows = shown.rows(self._shown, sight)
        facts = shown.head(self._shown, sight, groups) if rows else []
        self.query_one("#facts", FixedLines).set_lines(facts)
        self.list.show([PickRow(row.key, row.text) for row in rows or self._none(width)])
        self._draw_below(width)

    def _columns(self, width: int) -> tuple[str, ...]:
        every, most = self._every(), shown.room(self._shown, width)
        if self.check not in every:
            self.check = shown.gravest(self._shown, every)
        at = every.index(self.check) if self.check else 0
        self.first = max(0, min(self.first, at, max(0, len(every) - most)), at - most + 1)
        return every[self.first : self.first + most]

    def _every(self) -> tuple[str, ...]:
        return shown.applicable(self._shown, self.catalogue, self.problems)

    def _draw_below(self, width: int) -> None:
        known = next((each for each in self.catalogue if each.id == self.check), None)
        row = known or (CheckRow(id=self.check, title="", group="site") if self.check else None)
        self.query_one("#below", FixedLines).set_lines(shown.below(self.known(), row, self.now, width))

    def _none(self, width: int) -> Sequence[Row]:
        if self._error is not None and not self.hosts:
            return said_rows(self._error.message, "bad", self._error.hint or "", width)
        if self._version is None:
            return said_rows("asking the engine…", "dim", "", width)
        if self.needle or self.problems:
            return said_rows("no host like that", "dim", "Esc shows all of them", width)
        return said_rows("there are no hosts", "dim", "", width)

    def status(self) -> tuple[Line, Line]:
        busy = sum(host.busy for host in self.hosts.values())
        left = line(
            Span(f"{len(self.marks)} marked  " if self.marks else "", "mark"),
            Span(f"/{self.needle}  " if self.needle else "", "chip"),
            Span("problems only  " if self.problems else "", "chip"),
            Span(f"checking {busy} hosts  " if busy > 1 else "checking a host  " if busy else "", "accent"),
            Span(self._error.message if self._error is not None and self.hosts else "", "warn"),
        )
        left = left or line(Span(summary(list(self.hosts.values())), "dim"))
        count = len(self._shown)
        return left, line(Span(f"{self._told_columns()}{count} host{'' if count == 1 else 's'}", "dim"))

    def _told_columns(self) -> str:
        """Which checks are shown, where there is no room for all."""
        every, most = len(self._every()), shown.room(self._shown, self.list.room[0])
        return f"checks {self.first + 1}–{min(every, self.first + most)} of {every}  " if every > most else ""

    # Keys -------------------------------------------------------------------------------------------------------

    def on_pick_list_moved(self) -> None:
        self._ask_details(self.console.monotonic())
        self.draw()
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def refusal(self, key: Key) -> str:
        if key.id in ("health.open", "finding.again", "health.mark", "health.yank") and not self.host:
            return "no host here"
        return super().refusal(key)

    def action_open(self) -> None:
        if self.host:
            self.app.push_screen(HealthPage(self.host, self.known()))

    def action_left(self) -> None:
        self._step(-1)

    def action_right(self) -> None:
        self._step(1)

    def _step(self, step: int) -> None:
        every = self._every()
        if self.check in every:
            self.check = every[max(0, min(len(every) - 1, every.index(self.check) + step))]
            self.draw_if_shown()

    def action_mark(self) -> None:
        self.marks ^= {self.host}
        self.draw_if_shown()
        self.list.move(1)

    def action_mark_all(self) -> None:
        self.marks |= {host.host for host in self._shown}
        self.draw_if_shown()

    def action_problems(self) -> None:
        self.problems = not self.problems
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

    def action_yank(self) -> None:
        known = self.known()
        if known is not None:
            self.console.yank(shown.markdown(known, self.now), "its health as Markdown")

    async def action_back(self) -> None:
        """Esc takes away what was set last, then leaves."""
        if self.marks:
            self.marks = set()
        elif self.needle or self.problems:
            self.needle, self.problems = "", False
        else:
            await self.leave()
            return
        self.draw_if_shown()
