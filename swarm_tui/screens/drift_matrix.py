"""Hosts by facts: driver, firmware, kernel, packages; who stands apart from most."""

from __future__ import annotations

from backends.backups.views import DriftMatrix, FactRow
from swarm_tui.bridge import Fleet
from swarm_tui.keymap import Key
from swarm_tui.present import backup_text as text
from swarm_tui.present import drift as shown
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.backups import said
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.line import Line
from swarm_tui.screens.backup_about import about
from swarm_tui.screens.backup_list import BackupList


class MatrixScreen(BackupList):
    """As many hosts as there is room for at once."""

    SCOPES = ("matrix", "list")

    def __init__(self, hosts: tuple[str, ...]):
        super().__init__()
        self._hosts = hosts
        self.matrix: DriftMatrix | None = None
        self._first = 0

    def crumbs(self) -> tuple[str, ...]:
        return ("backups", "drift", "matrix")

    def load(self) -> None:
        self.fetch("drift_matrix", {"select": ",".join(self._hosts)}, DriftMatrix, self._got)

    def _got(self, matrix: DriftMatrix) -> None:
        self.matrix = matrix

    def on_fleet(self, fleet: Fleet) -> None:
        if self.matrix is None:
            self.draw()

    def made(self, width: int) -> list[Row]:
        return shown.matrix_rows(self.matrix, self._first, width) if self.matrix else []

    def facts(self, width: int) -> list[Line]:
        if self.matrix is None:
            return []
        odd = sum(map(shown.odd, self.matrix.rows))
        said_ = f" {text.some(odd, 'fact')} not the same everywhere" if odd else " every fact is the same everywhere"
        return [line(Span(said_, "warn" if odd else "ok")), shown.matrix_head(self.matrix, self._first, width)]

    def empty(self, width: int) -> list[Line]:
        return said("No host has a snapshot yet.", "strong", "b on the Sets view takes the first one.", width)

    def told(self) -> Line:
        if self.matrix is None or not self.matrix.hosts:
            return ()
        last = self._first + shown.columns(self.matrix, self.list.room[0])
        return line(
            Span(f"hosts {self._first + 1}–{min(last, len(self.matrix.hosts))} of {len(self.matrix.hosts)}  ", "dim")
        )

    def subject(self) -> tuple[str, ...]:
        return self._hosts

    @property
    def fact(self) -> FactRow | None:
        """The one under the cursor."""
        rows = self.matrix.rows if self.matrix else ()
        return next((row for row in rows if ("fact", row.fact) == self.list.cursor), None)

    def refusal(self, key: Key) -> str:
        if key.id in ("matrix.open", "matrix.yank") and self.fact is None:
            return "nothing here"
        if key.id == "matrix.left" and not self._first:
            return "these are the first"
        return "these are the last" if key.id == "matrix.right" and self._at_end() else ""

    def _at_end(self) -> bool:
        if self.matrix is None:
            return True
        return self._first + shown.columns(self.matrix, self.list.room[0]) >= len(self.matrix.hosts)

    def action_left(self) -> None:
        self._step(-1)

    def action_right(self) -> None:
        self._step(1)

    def _step(self, direction: int) -> None:
        if self.matrix is not None:
            most = shown.columns(self.matrix, self.list.room[0])
            last = max(0, len(self.matrix.hosts) - most)
            self._first = max(0, min(last, self._first + direction * most))
            self.draw_if_shown()

    def action_open(self) -> None:
        fact = self.fact
        if fact is not None and self.matrix is not None:
            matrix = self.matrix
            about(self.app, fact.fact, lambda width: shown.fact_lines(matrix, fact, width))

    def action_yank(self) -> None:
        fact = self.fact
        if fact is not None and self.matrix is not None:
            values = [
                f"{host}: {value or 'absent'}" for host, value in zip(self.matrix.hosts, fact.values, strict=False)
            ]
            self.console.yank("\n".join([fact.fact, *values]), "the fact")
