"""Where everything that sources tell comes in: handed to the fleet, the archive and, while one is written, a recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from backends.engine.archive import Archive
from backends.engine.fleet import Fleet
from backends.engine.log import Log
from backends.engine.verdicts import Verdicts
from backends.metrics.sample import HostFacts, Sample
from backends.sources.base import LinkInfo, StateChange
from backends.sources.recording import Recorder

if TYPE_CHECKING:
    from backends.engine.duty import Duty


class Intake:
    """The sink that all sources get."""

    def __init__(
        self,
        fleet: Fleet,
        archive: Archive,
        verdicts: Verdicts,
        log: Log,
        duty: Callable[[], Duty | None] = lambda: None,
    ):
        """`duty` gives None until it is made; it is then told what the fleet knows."""
        self._fleet, self._archive, self._verdicts, self._log, self._duty = fleet, archive, verdicts, log, duty
        self.recorder: Recorder | None = None

    def facts(self, host: str, facts: HostFacts) -> None:
        self._fleet.facts(host, facts)
        if (duty := self._duty()) is not None:
            duty.facts(host, facts)
        if (recorder := self.recorder) is not None:
            recorder.facts(host, facts)

    def sample(self, host: str, sample: Sample) -> None:
        try:
            self._archive.sample(host, sample)
            self._verdicts.sample(host, sample)
            self._fleet.sample(host, sample)
            if (duty := self._duty()) is not None:
                duty.sample(host, sample)
        except Exception as error:  # noqa: BLE001 - a sink never raises: one host's odd sample must not end its source
            self._log.failure("sample-failed", error, host=host)
        if (recorder := self.recorder) is not None:
            recorder.sample(host, sample)

    def state(self, host: str, change: StateChange) -> None:
        self._fleet.state(host, change)
        if (duty := self._duty()) is not None:
            duty.state(host, change)
        self._log.event("state", host=host, state=change.state, reason=change.reason)
        if (recorder := self.recorder) is not None:
            recorder.state(host, change)

    def link(self, host: str, link: LinkInfo) -> None:
        self._fleet.link(host, link)
        if (recorder := self.recorder) is not None:
            recorder.link(host, link)

    def note(self, host: str, kind: str, text: str) -> None:
        self._fleet.note(host, kind, text)
        if (recorder := self.recorder) is not None:
            recorder.note(host, kind, text)
