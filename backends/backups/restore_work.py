"""One restore on its way: what is wanted, how far it is, and what is to be told at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from backends.backups.borg.events import Event, PercentProgress
from backends.backups.meter import Meter
from backends.backups.model import BrowseEntry, Cause, JobState, Outcome, Progress, Repository
from backends.backups.placing_model import Counts
from backends.backups.runner import Cancel
from backends.backups.views import RestorePlan

Tell = Callable[[Progress], None]
Walk = Callable[[], Iterator[BrowseEntry]]
"""The entries that the plan was made from, once more."""


class Work:
    """One restore on its way."""

    def __init__(
        self,
        plan: RestorePlan,
        repository: Repository,
        who: str,
        tell: Tell,
        cancel: Cancel,
        walk: Walk | None,
        meter: Meter,
    ):
        self.plan, self.repository, self.who, self.cancel, self.walk = plan, repository, who, cancel, walk
        self._tell, self._meter = tell, meter
        self.expected = plan.files
        self.placing = False
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def say(self, phase: str) -> None:
        self._meter.phase(phase)
        self._tell(self._meter.progress)

    def hear(self, event: Event) -> None:
        """On a thread of the runner."""
        changed = self._meter.take(event)
        if isinstance(event, PercentProgress) and event.msgid == "extract" and event.current is not None:
            self._meter.bytes(event.current)
        if changed:
            self._tell(self._meter.progress)

    def bytes(self, count: int) -> None:
        """Of a tar stream."""
        self._meter.bytes(count)
        whole = self.plan.bytes
        percent = min(99.0, 100.0 * count / whole) if whole else None
        self._tell(msgspec.structs.replace(self._meter.progress, percent=percent))

    def count(self, counts: Counts) -> None:
        """While files go into place."""
        done = counts.placed + counts.same + counts.kept
        percent = min(99.0, 100.0 * done / self.plan.files) if self.plan.files else None
        self._tell(Progress(phase="placing", files=done, original_bytes=counts.bytes, percent=percent))

    def cancelled(self) -> Outcome:
        cause = Cause(code="cancelled", text=f"cancelled by {self.cancel.who or 'somebody'}; nothing was changed")
        return Outcome(state=JobState.CANCELLED, cause=cause, notes=tuple(self.notes))
