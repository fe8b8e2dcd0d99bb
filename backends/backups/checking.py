"""The ladder of checks of a repository: its structure daily, its archives weekly, every byte monthly.

A check answers by what Borg says before its exit status, where 1 means damaged and not "with warnings". A quick check
within a time limit goes on where the one before ended; only when it came to the end is it one that counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from backends.backups.borg import check, exits
from backends.backups.borg.check import Level as Level
from backends.backups.borg.events import Event, LogMessage
from backends.backups.borg.line import shown
from backends.backups.catalog import Catalog
from backends.backups.model import Cause, Check, JobState, Outcome, Repository
from backends.backups.runner import Runner
from backends.backups.watching import Unwatched, Watch
from backends.clock import Clock
from backends.metrics.sample import Record

DAY = 86400.0
MOST_PROBLEMS = 50
MOST_MESSAGES = 2000
DAMAGED = frozenset({"damaged", "check-needed", "no-manifest", "not-authentic"})
"""Causes that say something about the repository, and not about a lock, a link or a disk."""
_PARTIAL = re.compile(r"finished partial segment check, last segment checked is (\d+)", re.IGNORECASE)
_NOISE = re.compile(r"^ID: |^(committed|rebuilt) index:|^Finished |consistency check complete|^Traceback")


class Ladder(Record, frozen=True, kw_only=True):
    """Days between two checks of each level; 0: never by itself."""

    quick: float = 1.0
    archives: float = 7.0
    data: float = 30.0


class Due(Record, frozen=True, kw_only=True):
    """The check that is to be made next."""

    level: Level
    time: float


def due(last: Mapping[Level, Check | None], ladder: Ladder, since: float, now: float) -> Due | None:
    """Which check comes next: the most thorough one of those that are due now, else the one that is due first.

    Args:
        last: the newest check of exactly each level, good or bad.
        ladder: how often.
        since: when the repository's first archive was made.
        now: the time.

    Returns:
        a level and its time, which may lie ahead; None when nothing ever is due.
    """
    times: dict[Level, float] = {}
    newest = 0.0
    rungs: tuple[tuple[Level, float], ...] = (
        ("data", ladder.data),
        ("archives", ladder.archives),
        ("quick", ladder.quick),
    )
    for level, days in rungs:
        known = last.get(level)
        newest = max(newest, known.time if known else 0.0)  # a thorough one counts for those below
        if days > 0:
            times[level] = (newest + days * DAY) if newest else since + (0.0 if level == "quick" else days * DAY)
    if not times:
        return None
    first = min(times.values())
    level = next(level for level, time in times.items() if time <= max(first, now))
    return Due(level=level, time=times[level])


class Checking:
    """Checks repositories and keeps the results."""

    def __init__(self, runner: Runner, catalog: Catalog, clock: Clock):
        self._runner, self._catalog, self._clock = runner, catalog, clock

    def due(self, repository: Repository, ladder: Ladder) -> Due | None:
        """The check of a repository that comes next; None when it has no archive, or none is wanted. Raises Stop."""
        archives = self._catalog.archives(repository=repository.key)
        if not archives:
            return None
        levels: tuple[Level, ...] = ("quick", "archives", "data")
        last = {level: self._catalog.last_check(repository.key, (level,)) for level in levels}
        return due(last, ladder, min(archive.start for archive in archives), self._clock.now())

    def line(self, repository: Repository, level: Level) -> str:
        """The Borg command line, for reading."""
        return shown(check.argv(self._runner.dialect, repository.location, level))

    def run(
        self, repository: Repository, level: Level, *, max_seconds: int | None = None, watch: Watch | None = None
    ) -> Outcome:
        """Check, and keep what came of it.

        Args:
            repository: which.
            level: how thoroughly.
            max_seconds: of a quick one; the next goes on from there.
            watch: sees progress, cancels.

        Returns:
            FAILED with cause "damaged" when something is wrong with the repository, with another cause when it could not
            be checked, which says nothing about it.

        Raises:
            RetryLater, AskOperator, SkipHost: as the runner.
            Stop: the catalog.
        """
        watch = watch or Unwatched()
        said = _Said(watch)
        limit = max_seconds if level == "quick" else None
        result = self._runner.run(
            repository,
            lambda location: check.argv(self._runner.dialect, location, level, max_seconds=limit),
            on_event=said.take,
            cancel=watch.cancel,
        )
        state, cause = exits.judge("check", result, location=repository.location, repository=repository.key)
        found = check.parse(result, said.messages)
        if state is JobState.DONE and found.ok and said.partial:
            self._catalog.set_note(repository.key, "checked up to", f"{said.partial} at {self._clock.now():.0f}")
            return Outcome(state=JobState.DONE, notes=(f"good up to segment {said.partial}; the next check goes on",))
        if cause is not None and cause.code not in DAMAGED:
            return Outcome(state=state, cause=cause)
        problems = tuple(each for each in found.problems if not _NOISE.search(each))[:MOST_PROBLEMS]
        return self._kept(repository, level, found.ok and cause is None, problems, result.seconds)

    def _kept(
        self, repository: Repository, level: Level, ok: bool, problems: tuple[str, ...], seconds: float
    ) -> Outcome:
        now = self._clock.now()
        self._catalog.add_check(
            Check(repository=repository.key, level=level, time=now, ok=ok, seconds=seconds, problems=problems)
        )
        if ok:
            return Outcome(state=JobState.DONE, notes=(f"{level} check: no problems found in {seconds:.0f} s",))
        cause = Cause(
            code="damaged",
            text=f"{repository.key} is damaged",
            evidence=problems[:10],
            next_step=f"swarm-tui backup heal {repository.key} shows what is hit and how it can be healed",
        )
        return Outcome(state=JobState.FAILED, cause=cause, warnings=problems)


class _Said:
    """What Borg says during a check. On the runner's thread."""

    def __init__(self, watch: Watch):
        self._watch = watch
        self.messages: list[LogMessage] = []
        self.partial = ""
        """The last segment that a check within a time limit came to."""

    def take(self, event: Event) -> None:
        self._watch.event(event)
        if not isinstance(event, LogMessage):
            return
        if match := _PARTIAL.search(event.message):
            self.partial = match[1]
        if event.level not in ("DEBUG", "INFO") and len(self.messages) < MOST_MESSAGES:
            self.messages.append(event)
