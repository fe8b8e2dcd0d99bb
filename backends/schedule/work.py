"""What schedules need to have done: the seam to the services of an engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from backends.metrics.sample import Record
from backends.schedule.book import Claim, Occurrence
from backends.schedule.schedule import Schedule


class Standing(Record, frozen=True, kw_only=True):
    """How the hosts that were begun stand."""

    working: tuple[str, ...] = ()
    failed: Mapping[str, str] = {}
    """Host → why."""


class Work(Protocol):
    """Does what schedules say. Calls come from one thread at a time, but for `whole`, and do not wait for hosts."""

    def hosts(self, schedule: Schedule) -> tuple[str, ...]:
        """The hosts that it means. Raises BadInput."""

    def reachable(self, hosts: Sequence[str]) -> Collection[str]:
        """Those that can be asked now, and are in nobody's hands."""

    def connecting(self, hosts: Sequence[str]) -> bool:
        """Whether one of them is about to become reachable."""

    def begin(self, schedule: Schedule, occurrence: Occurrence, hosts: Sequence[str]) -> None:
        """Begin on these hosts. Raises SwarmError."""

    def standing(self, schedule: Schedule, occurrence: Occurrence, begun: Mapping[str, Claim]) -> Standing:
        """How these hosts stand. Raises SwarmError."""

    def whole(self, schedule: Schedule, hosts: Sequence[str], who: str) -> str:
        """Do it for all hosts at once, which may take minutes; what came of it in one sentence. Raises SwarmError."""

    def ended(self, schedule: Schedule, hosts: Sequence[str], who: str) -> str:
        """Called once all hosts are over; something to be added to the result, or ""."""
