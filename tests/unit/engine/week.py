"""A real engine with its real services, whose clock leaps from one moment to the next.

Health checks, inventories, plans, jobs, archives and the book of the schedules are the engine's own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import takewhile

from backends.backups.model import JobKind, JobState
from backends.engine.engine import Engine
from backends.engine.options import EngineOptions
from backends.schedule.due import jitter
from tests.unit.engine.parts import sample
from tests.unit.engine.week_home import HOUR, KEY, PATIENCE_SECONDS, Home, hours

LOOPS = ("health", "updates", "backups", "schedules")
"""Threads that do things by themselves."""
AFTER_SECONDS = 1.0
"""A moment is looked at so long after it."""
LOOKED_SECONDS = 110.0
"""An engine that was started has looked once at every host within so long."""
SAME_SECONDS = 10.0
"""The time of a result, and that of the end of the look that brought it."""


class Week:
    """One engine's life at a home, which keeps what its books said."""

    def __init__(self, home: Home):
        self.home, self.clock = home, home.clock
        home.leap(self.clock.now())
        options = EngineOptions(config_path=str(home.config), socket_path=str(home.folder / "s" / "engine.sock"))
        self.engine = Engine(options, clock=home.clock, state=home.folder / "state")
        self.engine.backups.depot.catalog.set_note(KEY, "frozen", "prunes are no matter here")
        self.engine.start()
        for seconds in (2.0, 2.0, LOOKED_SECONDS):  # its parts are made, its loops begin, it looks at everybody
            self._leap(self.clock.now() + seconds)

    def stop(self) -> None:
        self.engine.stop()
        until(lambda: not {each.name for each in threading.enumerate()} & {*LOOPS, "borg"}, "the engine's end")

    def go(self, to: float) -> None:
        """Leap from one moment to the next, as the schedules have them, and let what is due be done and end."""
        for moment in self._moments(to):
            self._leap(moment + AFTER_SECONDS)
        self._leap(to - 3.0)
        self._leap(to)  # what was begun then is found to be over

    def leap_to_next(self, name: str, host: str) -> None:
        """To the moment of a host in the next occurrence of a schedule, leaving out nothing before it, and wait for nothing."""
        now = self.clock.now()
        (schedule,) = [each for each in self.engine.schedules._schedules() if each.name == name]
        time = next(schedule.rule.after(now)) + jitter(name, host, schedule.spread_seconds)
        self.go(time - 5.0)
        self.home.leap(time + AFTER_SECONDS)

    def _leap(self, to: float) -> None:
        self.home.leap(to)
        for name in self.home.hosts:
            self.engine.intake.sample(name, sample(self.clock.now(), gpus=0))
        self._settle()
        self._read()

    def _read(self) -> None:
        """What the books say now."""
        for each in self.engine.schedules._schedules():
            for one in self.engine.schedules.book.newest(each.name, 3):
                self.home.occurrences[one.name, one.time] = one
        for health in self.engine.duty.health.view(None, tuple(self.home.hosts)).hosts:
            times = self.home.looked[health.host]
            if health.tried is not None and not (times and abs(health.tried - times[-1]) < SAME_SECONDS):
                times.append(health.tried)

    def _settle(self) -> None:
        """Until everybody has done what was due, and nothing of it goes on."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.clock.until_asleep(*LOOPS, seconds=PATIENCE_SECONDS)
            for job in self.engine.backups.board.in_flight():
                self.engine.backups.board.wait(job.id, PATIENCE_SECONDS)
            busy = self._busy()
            if not busy and self.clock.asleep(*LOOPS):
                return
            assert time.monotonic() < limit, f"{busy} goes on"
            time.sleep(0.003)  # services have no bell to ring

    def _busy(self) -> list[str]:
        engine, names = self.engine, tuple(self.home.hosts)
        return [
            *(row.host for row in engine.duty.health.view(None, names).hosts if row.busy),
            *engine.updates.inventories.busy(),
            *(job.id for job in engine.backups.board.in_flight()),
            *(each.name for each in threading.enumerate() if each.name.startswith("schedule ")),
        ]

    def _moments(self, to: float) -> list[float]:
        """When something comes: of each schedule, for each host."""
        now, found = self.clock.now(), set[float]()
        for each in self.engine.schedules._schedules():
            for came in takewhile(lambda came: came <= to, each.rule.after(now - 2 * HOUR)):
                hosts = () if each.action.whole else self.home.hosts
                found |= {came + jitter(each.name, host, each.spread_seconds) for host in hosts} or {came}
        return sorted(moment for moment in found if now < moment < to)

    # What came of it ---------------------------------------------------------------------------------------------

    def told(self, word: str) -> list[str]:
        """Events of the timeline with a word in them, the oldest first."""
        return [each.text for each in reversed(self.engine.timeline.page(limit=1000)) if word in each.text]

    def backups(self) -> list[tuple[str, str]]:
        """Who had each backup made, and when; all went well, and each has its archive in the repository as Borg lists it."""
        archives = {each.name: each.start for each in self.engine.backups.depot.catalog.archives(repository=KEY)}
        jobs = sorted(self.engine.backups.board.jobs(10_000), key=lambda job: job.created)
        made = [job for job in jobs if job.kind is JobKind.BACKUP]
        kept = [job.outcome.archive for job in made if job.outcome is not None and job.outcome.archive is not None]
        assert all(job.state is JobState.DONE for job in made), made
        assert {each.name for each in kept} == archives.keys() and len(kept) == len(made) == len(archives)
        assert all(abs(archives[each.name] - job.created) < HOUR for each, job in zip(kept, made, strict=True))
        return list(zip((job.who for job in made), hours(job.created for job in made), strict=True))

    def assert_unchanged(self) -> None:
        """Nobody has begun to change a host."""
        assert not self.engine.updates.known_runs().boards() and not self.engine.maintenance.list(10).runs
        for machine in self.home.machines.values():
            assert machine.starts == 0 and machine.installed != machine.offered


def until(true: Callable[[], object], what: str) -> None:
    """Wait for what other threads do."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < limit, f"waited {PATIENCE_SECONDS} s for {what} in vain"
        time.sleep(0.002)
