"""The Host screen: one host in twelve tabs under a head that says who it is, in what state, and what holds it back."""

from __future__ import annotations

from typing import Any, cast

from textual.app import ComposeResult

from backends.engine.wire import HostDetail
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import (
    events,
    host_absent,
    host_details,
    host_graph,
    host_header,
    host_processes,
    host_tabs,
)
from swarm_tui.present.host_backups import backups_panel, told
from swarm_tui.present.host_health import health_panel
from swarm_tui.present.host_line import Frame, Span, line
from swarm_tui.present.host_tabs import Choice
from swarm_tui.present.host_updates import updates_panel
from swarm_tui.present.line import Line, crop, width
from swarm_tui.screens.host_access import HostAccess
from swarm_tui.screens.host_lists import HostLists
from swarm_tui.screens.host_process import ProcessActions
from swarm_tui.widgets.lines import FixedLines
from swarm_tui.widgets.pick_list import PickList, PickRow


class HostScreen(HostLists, HostAccess, ProcessActions):
    """One host. Lies over the Fleet (or Events) screen; Esc leads back."""

    SCOPES = ("host", "list")
    MODE = "fleet"
    DEFAULT_CSS = """
    HostScreen #host-head { height: 2; }
    HostScreen #host-tabs { height: 1; background: $surface; }
    HostScreen #host-columns { height: 1; display: none; }
    """

    def body(self) -> ComposeResult:
        yield FixedLines(id="host-head")
        yield FixedLines(id="host-tabs")
        yield FixedLines(id="host-columns")
        yield PickList(id="main")

    def crumbs(self) -> tuple[str, ...]:
        title = next(tab.title for tab in host_tabs.TABS if tab.id == self.choice.tab)
        gpu = (f"GPU {self.choice.gpu}",) if self.choice.zoomed else ()
        return (self.host, title, *gpu)

    # Data -------------------------------------------------------------------------------------------------------

    def on_fleet(self, fleet: Fleet) -> None:
        if self.console.frozen_since is not None and self.feed.detail is not None:
            return
        self.feed.tick(fleet.summary.interval_seconds, watch=self.choice.tab in ("overview", "processes"))
        self.feed.tick_runs()
        if self.choice.tab == "events":
            self.events.tick()
        if self.choice.tab == "updates":
            self.feed.tick_updates()
        if self.choice.tab == "backups":
            self.feed.tick_backups()
        if self.choice.tab == "health":
            self.feed.tick_checks()
        if self.feed.detail is None:
            self.draw()
        else:
            self._want_history(self.feed.detail)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.draw()

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.draw)

    # Drawing ----------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Bring everything up to date with what is known; unchanged cells cost nothing."""
        if not self.is_mounted or not self.query("#main"):
            return
        detail = self.feed.detail
        frame = Frame(self.list.room[0], self.list.room[1], self.window)
        wide = frame._replace(width=self.size.width)
        self._set("#host-tabs", [host_tabs.tab_bar(self.choice.tab, self.size.width)])
        self._set_head(self._head(detail, wide))
        self._set_columns(frame)
        self.list.show(self._rows(detail, frame))

    def _set(self, selector: str, lines: list[Line]) -> None:
        self.query_one(selector, FixedLines).set_lines(lines)

    def _head(self, detail: HostDetail | None, frame: Frame) -> list[Line]:
        if detail is None:
            return [line(Span(self.host, "title")), ()]
        rows = host_header.header(detail, frame)
        if self.alone:
            return rows[:1]
        room = 1 if self.size.height <= 24 else 3
        if self.feed.held is not None:
            from swarm_tui.present.run_text import held_words  # late: few hosts are in a run

            rows = [*rows, crop(line(Span(held_words(self.feed.held), "info")), frame.width)]
        return rows + host_header.verdict_lines(detail.verdicts, frame, limit=room)

    def _set_head(self, lines: list[Line]) -> None:
        if len(lines) != self._head_rows:
            self._head_rows = len(lines)
            self.query_one("#host-head").styles.height = len(lines)
        self._set("#host-head", lines)

    def _set_columns(self, frame: Frame) -> None:
        columns = self.query_one("#host-columns")
        shown = self.choice.tab == "processes" and not self.choice.details
        if columns.display != shown:
            columns.display = shown
        if shown:
            self._set("#host-columns", [host_processes.head(self.processes, frame.width)])

    def _rows(self, detail: HostDetail | None, frame: Frame) -> list[PickRow]:
        if detail is None:
            return self._unknown(frame)
        if self.choice.tab == "processes" and not self.choice.details:
            return self._process_rows(detail, frame)
        if self.choice.tab == "events" and not self.choice.details:
            return self._event_rows(frame)
        if self.choice.tab == "updates" and not self.choice.details:
            return [PickRow(None, text) for text in updates_panel(self.feed.updates, detail.now, frame)]
        if self.choice.tab == "backups" and not self.choice.details:
            shown = backups_panel(self.feed.backups, self.host, detail.now, frame)
            return [PickRow(None, text) for text in shown]
        if self.choice.tab == "health" and not self.choice.details:
            return self._health_rows(detail, frame)
        return [PickRow(key, text) for key, text in host_tabs.panel(detail, self.choice, frame, self.feed.tracks)]

    def _health_rows(self, detail: HostDetail, frame: Frame) -> list[PickRow]:
        from swarm_tui.present.host_checks import checks_panel  # late, as the feed

        checked = checks_panel(self.feed.checks, detail.now, frame.width)
        return [PickRow(None, crop(text, frame.width)) for text in health_panel(detail, frame, checked)]

    def _unknown(self, frame: Frame) -> list[PickRow]:
        error = self.feed.error
        if error is None:
            return [PickRow(None, ()), PickRow(None, line(Span("asking the engine…", "dim")))]
        return [PickRow(None, ()), *(PickRow(None, text) for text in host_absent.failed(error, frame))]

    def status(self) -> tuple[Line, Line]:
        right = self._right()
        return crop(self._left(), self.size.width - width(right) - 4), right

    def _left(self) -> Line:
        detail = self.feed.detail
        if self._pending_yank:
            return (("copy: h host  s ssh line  r row  j JSON", "accent"),)
        if detail and self.choice.tab == "processes":
            table = detail.sample.processes if detail.sample else None
            return host_processes.counts(table, len(self._found(detail)), self.processes, self.size.width)
        if self.choice.tab == "events":
            known = self.events
            shown = sum(row.key is not None for row in self.list.rows)
            return events.summary(shown, len(known.events), self.needle, follow=None, complete=known.complete)
        if self.choice.tab == "updates":
            return line(Span("r asks the host again; 3 plans, holds and repairs", "dim"))
        if self.choice.tab == "backups":
            return line(Span(told(self.feed.backups, self.host), "dim"))
        if self.choice.tab == "health":
            return line(Span("r checks the host now; Enter acknowledges and sets healthy", "dim"))
        return self._missing(detail)

    def _missing(self, detail: HostDetail | None) -> Line:
        names = host_details.absent(detail.sample) if detail else ()
        return line(Span(f"n/a: {', '.join(names)}; d says why" if names else "", "dim"))

    def _right(self) -> Line:
        error = self.feed.error
        if error is not None and self.feed.detail is not None:
            return line(Span(error.message, "warn"))
        graphs = self.choice.tab in host_tabs.GRAPHS and not self.choice.details
        return line(Span(f"window {host_graph.window_label(self.window)}" if graphs else "", "dim"))

    # Tabs and panes ---------------------------------------------------------------------------------------------

    def show_tab(self, tab: str) -> None:
        """Go to a tab, at its top."""
        self.choice = Choice(tab, self.choice.gpu)
        self.list.show([], top=True)
        self.refresh_now()
        self._changed()

    def _step_tab(self, step: int) -> None:
        at = host_tabs.IDS.index(self.choice.tab)
        self.show_tab(host_tabs.IDS[(at + step) % len(host_tabs.IDS)])

    def action_next_tab(self) -> None:
        self._step_tab(1)

    def action_previous_tab(self) -> None:
        self._step_tab(-1)

    def action_host_events(self) -> None:
        self.show_tab("events")

    def action_window(self) -> None:
        self.window = host_graph.next_window(self.window)
        self.refresh_now()
        self._changed()

    def action_zoom(self) -> None:
        self.alone = not self.alone
        self._changed()
        self.call_after_refresh(self._changed)

    def action_details(self) -> None:
        self._look(self.choice._replace(details=not self.choice.details))

    def action_open(self) -> None:
        if self.choice.tab == "overview":
            self.show_tab("gpu")
        elif self.choice.tab == "gpu":
            self._look(self.choice._replace(zoomed=not self.choice.zoomed))
        elif self.choice.tab == "health":
            from swarm_tui.screens.health_page import HealthPage  # late, as the feed

            self.app.push_screen(HealthPage(self.host, self.feed.checks))

    def _look(self, choice: Choice) -> None:
        self.choice = choice
        self.list.show([], top=True)
        self.refresh_now()
        self._changed()

    def on_pick_list_moved(self) -> None:
        if self.choice.tab == "gpu" and isinstance(self.list.cursor, int):
            self.choice = self.choice._replace(gpu=self.list.cursor)
            self.draw()
        if self.choice.tab == "events" and self.list.at_end:
            self.events.older()
        self.refresh_frame()

    def on_pick_list_opened(self) -> None:
        self.action_open()

    def on_click(self, event: Any) -> None:
        if getattr(event.widget, "id", "") == "host-tabs":
            tab = host_tabs.tab_at(self.choice.tab, self.size.width, event.x)
            if tab:
                self.show_tab(tab)

    def clear_last(self) -> bool:
        """Esc: close the details, the zoom, the filter; False when nothing was open."""
        if self._pending_yank:
            self._pending_yank = False
            self.refresh_frame()
        elif self.choice.details:
            self._look(self.choice._replace(details=False))
        elif self.choice.zoomed:
            self._look(self.choice._replace(zoomed=False))
        elif self._filter_text():
            self._filter_by("")
        elif self.alone:
            self.action_zoom()
        else:
            return False
        return True

    async def action_back(self) -> None:
        if self.clear_last():
            return
        leaving = cast("Any", self.app).action_back()
        if leaving is not None:
            await leaving

    def action_triage(self) -> None:
        from swarm_tui.screens.triage import open_triage  # late: only when it is asked for

        open_triage(self.console, self.subject())

    def action_ask_updates(self) -> None:
        if self.choice.tab == "health":
            self.feed.ask_checks(lambda: self.console.say(f"checking {self.host}"), self.console.failed)
            return
        done = f"asking {self.host} what waits there"
        self.feed.ask_updates(lambda: self.console.say(done), self.console.failed)

    # The host ---------------------------------------------------------------------------------------------------

    def subject(self) -> tuple[str, ...]:
        return (self.host,)

    def refusal(self, key: Key) -> str:
        name = key.action if key.scope == "host" else ""
        tab = self.choice.tab
        if name in ("signal", "renice") and (tab != "processes" or self.picked() is None):
            return "pick a process on the Processes tab" if tab != "processes" else "no process here"
        if name in ("signal", "renice") and self.feed.detail and not host_header.is_live(self.feed.detail):
            return "the host cannot be reached"
        if name.startswith("sort_") and tab != "processes":
            return "only the Processes tab is sorted"
        if name == "ask_updates" and tab not in ("updates", "health"):
            return "on the Updates and the Health tab"
        if name == "filter" and tab not in ("processes", "events"):
            return "only processes and events are filtered"
        if name == "accept_key" and (self.feed.detail is None or self.feed.detail.offered_key is None):
            return "no key waits for a decision"
        if name == "window" and tab not in host_tabs.GRAPHS:
            return "no graph on this tab"
        return ""
