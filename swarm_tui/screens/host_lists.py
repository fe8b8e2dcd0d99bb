"""The Host screen's tabs that are lists with a cursor: processes and events, with their filter and order."""

from __future__ import annotations

from backends.engine.wire import HostDetail
from backends.metrics.sample import Process
from swarm_tui.present import events, host_absent, host_header, host_processes
from swarm_tui.present.host_gpu_panel import unkeyed
from swarm_tui.present.host_line import Frame, dimmed
from swarm_tui.present.host_processes import SORTS
from swarm_tui.screens.host_base import HostBase
from swarm_tui.widgets.pick_list import PickRow


class HostLists(HostBase):
    """Gives the Host screen the rows of both lists, `filter` and the sort keys."""

    def _process_rows(self, detail: HostDetail, frame: Frame) -> list[PickRow]:
        found = self._found(detail)
        lines = [host_processes.row(process, frame.width) for process in found]
        keys = [host_processes.key(process) for process in found]
        if not found:
            return [PickRow(None, host_processes.nothing(detail, self.processes))]
        if host_header.is_live(detail):
            return [PickRow(*pair) for pair in zip(keys, lines, strict=True)]
        above = unkeyed(host_absent.last_known(detail, frame))
        return [PickRow(*pair) for pair in (*above, *zip(keys, dimmed(lines), strict=True))]

    def _found(self, detail: HostDetail) -> list[Process]:
        return host_processes.listed(detail.sample.processes if detail.sample else None, self.processes)

    def _event_rows(self, frame: Frame) -> list[PickRow]:
        known = self.events.events
        selected = events.select(known, self.needle)
        if not selected:
            return [PickRow(None, text) for text in events.nothing(len(known), self.needle, loaded=self.events.loaded)]
        made = events.rows(selected, frame.width, with_host=False)
        return [PickRow(row.event.id if row.event else None, row.text) for row in made]

    def _filter_text(self) -> str:
        return (
            self.processes.needle
            if self.choice.tab == "processes"
            else self.needle
            if self.choice.tab == "events"
            else ""
        )

    def _filter_by(self, text: str) -> None:
        if self.choice.tab == "processes":
            self.processes = self.processes._replace(needle=text)
        else:
            self.needle = text
        self._changed()

    def action_filter(self) -> None:
        before = self._filter_text()
        self.ask("/", before, self._submit, on_change=self._try, on_cancel=lambda: self._filter_by(before))

    def _try(self, text: str) -> str:
        wrong = events.check(text) if self.choice.tab == "events" else ""
        if not wrong:
            self._filter_by(text.strip())
        return wrong

    def _submit(self, text: str) -> None:
        if wrong := self._try(text):
            self.console.say(f"filter: {wrong}", "warning")

    def _sort_step(self, step: int) -> None:
        sort = SORTS[(SORTS.index(self.processes.sort) + step) % len(SORTS)]
        self.processes = self.processes._replace(sort=sort, reverse=False)
        self._changed()

    def action_sort_next(self) -> None:
        self._sort_step(1)

    def action_sort_previous(self) -> None:
        self._sort_step(-1)

    def action_sort_reverse(self) -> None:
        self.processes = self.processes._replace(reverse=not self.processes.reverse)
        self._changed()

    def picked(self) -> tuple[Process, HostDetail] | None:
        detail = self.feed.detail
        if detail is None or self.choice.tab != "processes":
            return None
        found = (process for process in self._found(detail) if host_processes.key(process) == self.list.cursor)
        process = next(found, None)
        return None if process is None else (process, detail)
