"""The files of the alerts: opened where they belong, or in a place of their own when they cannot be kept."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from backends.alerts.book import Book
from backends.alerts.outbox import OnProblem, Outbox
from backends.alerts.outbox_store import OutboxStore
from backends.clock import Clock
from backends.errors import SwarmError


class AlertFiles:
    """Book and outbox. Without a folder, or where it cannot be used, they live in a temporary one that `close` removes."""

    def __init__(self, folder: Path | None, clock: Clock, on_problem: OnProblem):
        self.problem = ""
        """Why nothing here would survive the engine; "" when it would, or is not meant to."""
        self._temporary: Path | None = None
        self.folder = folder or self._own()
        try:
            self.book = Book(self.folder / "alerts.db")
        except SwarmError as error:
            self.problem = error.message
            self.folder = self._own()
            self.book = Book(self.folder / "alerts.db")
        self.outbox = Outbox(OutboxStore(self.folder / "outbox.db"), clock, on_problem=on_problem)

    def _own(self) -> Path:
        self._temporary = Path(tempfile.mkdtemp(prefix="swarm-alerts-"))
        return self._temporary

    def close(self) -> None:
        """Nothing works afterwards."""
        self.outbox.close()
        self.book.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
