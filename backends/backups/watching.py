"""How a long piece of work is followed and cancelled, as its own code sees that."""

from __future__ import annotations

from typing import Protocol

from backends.backups.borg.events import Event
from backends.backups.runner import Cancel


class Watch(Protocol):
    """Whoever looks at a piece of work while it runs. A job of the board is one."""

    @property
    def cancel(self) -> Cancel:
        """Asks the work to end."""

    def event(self, event: Event) -> None:
        """Borg said something."""

    def phase(self, phase: str) -> None:
        """Something begins of which Borg tells nothing."""

    def log(self, line: str) -> None:
        """A line for whoever looks into the work."""


class Unwatched:
    """Nobody looks."""

    def __init__(self) -> None:
        self.cancel = Cancel()

    def event(self, event: Event) -> None:
        """Not looked at."""

    def phase(self, phase: str) -> None:
        """Not looked at."""

    def log(self, line: str) -> None:
        """Not looked at."""
