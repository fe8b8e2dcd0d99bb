"""Schedules over a fleet in memory: what they have done is written down with its time, nothing is done for real."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from backends.clock import ManualClock
from backends.config.schema import Config
from backends.engine.engine import Engine
from backends.engine.scheduling import Scheduling
from backends.errors import BadInput, SwarmError
from backends.schedule.book import Claim, Occurrence
from backends.schedule.schedule import Schedule
from backends.schedule.work import Standing
from backends.states import Severity


class Lives:
    """One engine among those of a desk. Implements `Owners`."""

    def __init__(self, me: str, living: set[str]):
        self.me, self._living = me, living
        living.add(me)

    def lives(self, owner: str) -> bool:
        return owner in self._living


class FakeWork:
    """Begins nothing; hosts are at work for as long as they are in `busy`."""

    def __init__(self, clock: ManualClock, *hosts: str):
        self.clock, self.names = clock, hosts
        self.done: list[tuple[float, str, float, str]] = []
        """Time, schedule, occurrence, host ("" for all together)."""
        self.away: set[str] = set()
        self.coming: set[str] = set()
        self.busy: set[str] = set()
        self.failed: dict[str, str] = {}
        self.refuses: dict[str, SwarmError] = {}
        """Action → why it cannot begin."""
        self.wrong: SwarmError | None = None

    def hosts(self, schedule: Schedule) -> tuple[str, ...]:
        if self.wrong is not None:
            raise self.wrong
        chosen = self.names if not schedule.hosts else (schedule.hosts,)
        return () if schedule.action.changes else chosen

    def reachable(self, hosts: Sequence[str]) -> Collection[str]:
        return set(hosts) - self.away - self.coming

    def connecting(self, hosts: Sequence[str]) -> bool:
        return any(host in self.coming for host in hosts)

    def begin(self, schedule: Schedule, occurrence: Occurrence, hosts: Sequence[str]) -> None:
        if (error := self.refuses.get(schedule.action.text)) is not None:
            raise error
        now = self.clock.now()
        self.done += [(now, schedule.name, occurrence.time, host) for host in hosts]

    def standing(self, schedule: Schedule, occurrence: Occurrence, begun: Mapping[str, Claim]) -> Standing:
        failed = {host: why for host, why in self.failed.items() if host in begun}
        return Standing(working=tuple(host for host in begun if host in self.busy), failed=failed)

    def whole(self, schedule: Schedule, hosts: Sequence[str], who: str) -> str:
        if (error := self.refuses.get(schedule.action.text)) is not None:
            raise error
        self.done.append((self.clock.now(), schedule.name, 0.0, ""))
        return f"did it for {len(hosts)} hosts as {who}"

    def ended(self, schedule: Schedule, hosts: Sequence[str], who: str) -> str:
        return ""

    def times(self, name: str, host: str | None = None) -> list[float]:
        """When a schedule began (on a host)."""
        return [at for at, which, _, whose in self.done if which == name and host in (None, whose)]


class ScheduleDesk:
    """An engine's schedules that can be killed and made anew on the same book."""

    def __init__(self, folder: Path | None, config: Config, start: float, *hosts: str):
        self.clock = ManualClock(start)
        self.work = FakeWork(self.clock, *(hosts or ("a", "b")))
        self.folder, self.config = folder, config
        self.told: list[tuple[str, Severity]] = []
        self.bugs: list[Exception] = []
        self.health = SimpleNamespace(by_schedule=dict)
        self.routine = SimpleNamespace(scheduled=None)
        self.living: set[str] = set()
        self._lives = itertools.count(1)
        self.scheduling = self.made()

    def made(self) -> Scheduling:
        """Another engine on the same folder."""
        engine = SimpleNamespace(
            clock=self.clock,
            config=self.config,
            select=self._select,
            has_backups=True,
            timeline=SimpleNamespace(add=self._tell),
            log=SimpleNamespace(failure=lambda kind, error: self.bugs.append(error)),
            duty=SimpleNamespace(health=self.health),
            backups=SimpleNamespace(routine=self.routine),
        )
        owners = Lives(f"life {next(self._lives)}", self.living)
        return Scheduling(cast("Engine", engine), self.folder, work=self.work, spawn=_now, owners=owners)

    def restart(self) -> None:
        """As if the engine had been killed."""
        self.living.discard(self.scheduling._steps._owners.me)
        self.scheduling.book.stop()
        self.scheduling = self.made()

    def go(self, seconds: float, step: float = 30.0, each: Callable[[], object] = lambda: None) -> None:
        """Tick for so long, as the loop does."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(step)
            self.scheduling.tick()
            each()

    def _select(self, text: str) -> list[str]:
        if text not in ("", *self.work.names):
            raise BadInput(f"no host {text}")
        return [host for host in self.work.names if text in ("", host)]

    def _tell(self, kind: str, text: str, *, actor: str = "", severity: Severity = Severity.OK, **more: Any) -> None:
        self.told.append((text, severity))


def _now(name: str, body: Callable[[], None]) -> None:
    thread = threading.Thread(target=body, name=name)
    thread.start()
    thread.join(30)
