"""Alarms that freeze the pruning of a repository until somebody says that all is well. Kept in the catalog."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Literal

import msgspec

from backends import decoding
from backends.backups.catalog import Catalog
from backends.clock import Clock
from backends.errors import BadInput, Stop
from backends.metrics.sample import Record
from backends.text import clean

MOST, TEXT_LIMIT = 15, 1000
"""Alarms that are kept for a repository (a later one of the same kind and set replaces the one before), and their length."""
_NOTE, _FROZEN = "alarms", "frozen"


class Alarm(Record, frozen=True, kw_only=True):
    """One reason why nothing is pruned."""

    code: Literal["anomaly", "canary"]
    set: str
    text: str
    """One sentence with the numbers."""
    since: float


class Alarms:
    """The alarms of every repository. May be used from any thread."""

    def __init__(self, catalog: Catalog, clock: Clock):
        self._catalog, self._clock = catalog, clock
        self._lock = threading.Lock()

    def of(self, repository: str) -> tuple[Alarm, ...]:
        """What is wrong, oldest first. Raises Stop when the catalog cannot be read."""
        said = self._catalog.note(repository, _NOTE)
        try:
            return decoding.json(said, type=tuple[Alarm, ...]) if said else ()
        except msgspec.DecodeError as error:
            raise Stop(
                f"the alarms of {repository} cannot be read: {error}",
                action="read the catalog of backups",
                hint="nothing is pruned; move the catalog's file aside, it is made anew from the repositories",
            ) from error

    def freeze(self, repository: str, alarms: Iterable[Alarm]) -> tuple[Alarm, ...]:
        """Nothing is pruned any more; what was known of the same kind and set keeps its time. Returns every alarm."""
        with self._lock:
            known = {(each.code, each.set): each for each in self.of(repository)}
            for alarm in alarms:
                before = known.get((alarm.code, alarm.set))
                since = before.since if before else alarm.since
                text = clean(alarm.text, TEXT_LIMIT)
                known[alarm.code, alarm.set] = msgspec.structs.replace(alarm, since=since, text=text)
            return self._keep(repository, tuple(known.values())[-MOST:])

    def release(self, repository: str, who: str) -> tuple[Alarm, ...]:
        """Somebody says that all is well; what was released. Raises BadInput when there is nothing."""
        with self._lock:
            known = self.of(repository)
            if not known:
                raise BadInput(f"nothing is frozen in {repository}", hint="swarm-tui backup list")
            self._keep(repository, ())
            self._catalog.set_note(repository, "released", f"{who} at {self._clock.now():.0f}")
            return known

    def _keep(self, repository: str, alarms: tuple[Alarm, ...]) -> tuple[Alarm, ...]:
        self._catalog.set_note(repository, _NOTE, msgspec.json.encode(alarms).decode() if alarms else "")
        self._catalog.set_note(repository, _FROZEN, "; ".join(alarm.text for alarm in alarms))
        return alarms
