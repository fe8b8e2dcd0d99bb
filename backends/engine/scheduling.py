"""What happens by itself at its time: considers what is due, begins it host by host, and writes down what became of it.

Whatever a schedule does, nothing else in the engine does by itself: health checks and backups ask here what is left to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from backends.backups.model import JobKind
from backends.config.schema import Config
from backends.engine.schedule_work import EngineWork, StartRun, no_runs
from backends.errors import BadInput, RetryLater, SwarmError
from backends.schedule import due as dues
from backends.schedule.actions import ActionKind
from backends.schedule.blackout import blackout_at
from backends.schedule.book import Book, Occurrence, State
from backends.schedule.covering import covered
from backends.schedule.defaults import schedules
from backends.schedule.loop import loop
from backends.schedule.owners import Owners, Processes
from backends.schedule.schedule import Schedule
from backends.schedule.steps import Steps
from backends.schedule.views import Came, Going, SchedulesView, ScheduleView
from backends.schedule.window import moments
from backends.schedule.work import Work
from backends.states import Severity

if TYPE_CHECKING:
    from backends.engine.engine import Engine

KIND = "schedule"
NOTHING = "nothing happens by itself in a demo or a replay"
RECENT = 4
"""Occurrences of each schedule that are shown: that of the plan, one that somebody asked for, and those before them."""
_CLOSED = {
    dues.Verdict.MISSED: State.MISSED,
    dues.Verdict.ASK: State.ASKS,
    dues.Verdict.BLACKOUT: State.BLACKOUT,
}
_BAD = (State.PARTLY, State.FAILED, State.MISSED, State.ASKS, State.BLACKOUT)


class Scheduling:
    """One for each engine. Calls may come from any thread."""

    def __init__(
        self,
        engine: Engine,
        folder: Path | None,
        *,
        start_run: StartRun = no_runs,
        work: Work | None = None,
        spawn: Callable[[str, Callable[[], None]], object] | None = None,
        owners: Owners | None = None,
    ):
        """
        Args:
            engine: whose configuration is followed.
            folder: for the book; None: nothing is kept (a demo, a replay), and nothing happens by itself.
            start_run: begins a maintenance run by its name, for somebody; says what began.
            work: does what schedules say; default: the engine's services.
            spawn: runs what takes minutes on a named thread.
            owners: which engine this is, and which others live; default: by their processes.
        """
        self._engine, self._clock = engine, engine.clock
        self._alive = folder is not None
        self.book = Book(folder / "schedules.db" if folder is not None else None)
        self._work: Work = work or EngineWork(engine, start_run)
        self._steps = Steps(
            self.book,
            self._work,
            self._clock,
            owners=owners or Processes(),
            spawn=spawn or engine._spawn,
            on_end=self._ended,
            on_bug=self._bug,
        )
        self._lock = threading.Lock()
        self._known: tuple[Config | None, tuple[Schedule, ...]] = (None, ())
        self._looks: dict[str, float] = {}
        self._covered: Mapping[tuple[JobKind, str, str], Schedule] = {}
        self._told = ""

    # Life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take over what schedules do from those who did it by themselves."""
        self._follow(self._clock.now())
        self._engine.duty.health.by_schedule = lambda: self._looks
        if self._engine.has_backups:
            self._engine.backups.routine.scheduled = lambda kind, host, name: (kind, host, name) in self._covered

    def loop(self, stopping: threading.Event) -> None:
        """Do what is due until `stopping`; the body of an own thread."""
        loop(lambda: self.tick()[1], self._clock, stopping, on_problem=self._problem, on_bug=self._bug)

    def stop(self) -> None:
        """Begin nothing more; what goes on is found in the book by the next engine."""
        self._steps.stop()
        self.book.stop()

    def in_flight(self) -> tuple[str, ...]:
        """What would be lost with the engine, one phrase each. Looks at hosts come again; backups and runs tell of themselves."""
        whole = {each.name for each in self._known[1] if each.action.whole}
        going = self._steps.going()
        return tuple(f"schedule {name}" for name, how in going if name in whole and (how.working or how.waiting))

    # Doing -------------------------------------------------------------------------------------------------------

    def tick(self, *, at_once: bool = False) -> tuple[tuple[Occurrence, ...], float | None]:
        """Do what is due: what began, and when there is something to do next. Raises BadInput, RetryLater, Stop.

        `at_once`: hosts do not wait for their own moments in what goes on now.
        """
        with self._lock:
            now = self._clock.now()
            known = self._follow(now)
            began = tuple(one for each in known if each.enabled and (one := self._consider(each, now)) is not None)
            going_on = self.book.going_on()
            for one in going_on if at_once else ():
                self._steps.hurry(one)
            moments = [self._steps.advance(one, known, now) for one in going_on]
            moments += [each.rule.next(now) for each in known if each.enabled]
        return began, min((each for each in moments if each is not None), default=None)

    def due(self, *, at_once: bool = False) -> SchedulesView:
        """Do what is due now, and say what that was; `at_once` as in `tick`."""
        began, _ = self.tick(at_once=at_once) if self._alive else ((), None)
        return replace(self.view(), began=began)

    def run(self, name: str, actor: str) -> SchedulesView:
        """Do a schedule now, whatever its time is; its next time stays.

        Raises:
            BadInput: there is no such schedule, it means no host, or nothing is done here.
            RetryLater: it goes on already, as somebody asked for it or as it is done for all hosts together. One whose hosts
                still have their moments before them does not stand in the way.
        """
        schedule = self._named(name)
        if not self._alive:
            raise BadInput(NOTHING, action="run a schedule", hint="schedules are followed for the real fleet only")
        self._work.hosts(schedule)
        with self._lock:
            now = self._clock.now()
            going_on = [each for each in self.book.going_on() if each.name == name]
            if any(each.manual or schedule.action.whole for each in going_on):
                raise RetryLater(f"{name} goes on already", action="run a schedule", hint="swarm-tui schedule list")
            one = Occurrence(name=name, time=now, manual=True, began=now)
            self.book.open(one)
            self._engine.timeline.add(KIND, f"schedule {name} now: {schedule.action.text}", actor=actor)
            self._steps.advance(one, self._follow(now), now, who=actor)
        return replace(self.view(), began=(one,))

    def _consider(self, schedule: Schedule, now: float) -> Occurrence | None:
        """Settle what has come of a schedule; the occurrence if it is to be done, and is ours."""
        since = self.book.since(schedule.name, schedule.mark, now)
        if since > now:
            since = dues.from_when(since, now, schedule.rule.period(now))
            if since == now:
                self.book.consider(schedule.name, now)
                self._tell(f"schedule {schedule.name} goes on from now: the clock was wrong by days", Severity.WARNING)
        found = dues.due(schedule, since, now, self._engine.config.maintenance.blackouts)
        if found is None:
            return None
        state = _CLOSED.get(found.verdict, State.OPEN)
        one = Occurrence(
            name=schedule.name,
            time=found.occurrence,
            state=state,
            missed=found.missed,
            began=now,
            ended=None if state is State.OPEN else now,
            text=found.text,
        )
        if not self.book.open(one):
            return None
        if state is not State.OPEN:
            self._tell(f"schedule {schedule.name}: {found.text}", Severity.WARNING)
            return None
        return one

    def _ended(self, schedule: Schedule, state: State, text: str) -> None:
        """Told where somebody must know: a host that is away each hour is the alerts' matter."""
        often = schedule.action.kind is ActionKind.CHECK and state is State.PARTLY
        if state in _BAD and not often:
            self._tell(f"schedule {schedule.name} {state}: {text}", Severity.WARNING)

    # Following ---------------------------------------------------------------------------------------------------

    def _schedules(self) -> tuple[Schedule, ...]:
        config = self._engine.config
        if self._known[0] is not config:
            self._known = (config, schedules(config))
        return self._known[1]

    def _follow(self, now: float) -> tuple[Schedule, ...]:
        """The schedules now, and what is left to them."""
        known = self._schedules()
        self._covered = covered(known, self._engine.config.backups, self._engine.select)
        looks: dict[str, float] = {}
        for each in known:
            following = each.rule.next(now) if each.enabled and each.action.kind is ActionKind.CHECK else None
            if following is not None:
                for host in self._hosts(each):
                    at = following + dues.jitter(each.name, host, each.spread_seconds)
                    looks[host] = min(at, looks.get(host, at))
        self._looks = looks
        return known

    def _hosts(self, schedule: Schedule) -> tuple[str, ...]:
        try:
            return self._work.hosts(schedule)
        except BadInput:
            return ()  # the list says what is wrong with it

    def _named(self, name: str) -> Schedule:
        known = {each.name: each for each in self._schedules()}
        if name not in known:
            hint = f"there are: {', '.join(known) or 'none'}"
            raise BadInput(f'no schedule "{name[:60]}"', action="run a schedule", hint=hint)
        return known[name]

    # Looking -----------------------------------------------------------------------------------------------------

    def view(self) -> SchedulesView:
        """Every schedule, with its next times and what became of the last one. Raises BadInput, RetryLater, Stop."""
        now = self._clock.now()
        going = {(name, how.time): how for name, how in self._steps.going()}
        return SchedulesView(schedules=tuple(self._view(each, now, going) for each in self._schedules()))

    def _view(self, each: Schedule, now: float, going: Mapping[tuple[str, float], Going]) -> ScheduleView:
        recent = tuple(_came(one, going) for one in self.book.newest(each.name, RECENT))
        return ScheduleView(
            name=each.name,
            action=each.action.text,
            cron=each.rule.cron,
            timezone=each.rule.zone,
            hosts=each.hosts,
            spread_seconds=each.spread_seconds,
            enabled=each.enabled,
            built_in=each.built_in,
            next=moments(each.rule, now) if each.enabled else (),
            last=recent[0].occurrence if recent else None,
            going=recent[0].going if recent else None,
            recent=recent,
            problem=self._why_not(each),
        )

    def _why_not(self, schedule: Schedule) -> str:
        if not self._alive:
            return NOTHING
        try:
            self._work.hosts(schedule)
        except SwarmError as error:
            return error.message
        return ""

    def runs_ahead(self, seconds: float) -> tuple[tuple[str, str, float], ...]:
        """Runs that begin by themselves within so long: schedule, run, epoch seconds. Those in a blackout do not."""
        now, blackouts = self._clock.now(), self._engine.config.maintenance.blackouts
        found = []
        for each in self._schedules():
            if each.action.kind is not ActionKind.RUN or not each.enabled:
                continue
            time = each.rule.next(now)
            if time is not None and time - now <= seconds and not blackout_at(blackouts, time, each.rule.zone):
                found.append((each.name, each.action.argument, time))
        return tuple(found)

    # Telling -----------------------------------------------------------------------------------------------------

    def _tell(self, text: str, severity: Severity) -> None:
        self._engine.timeline.add(KIND, text, severity=severity)

    def _problem(self, error: SwarmError | None) -> None:
        """Told once, not with every tick."""
        text = error.message if error is not None else ""
        if text and text != self._told:
            self._tell(f"schedules cannot be followed: {text}", Severity.WARNING)
        self._told = text

    def _bug(self, error: Exception) -> None:
        self._engine.log.failure("schedules-failed", error)


def _came(one: Occurrence, going: Mapping[tuple[str, float], Going]) -> Came:
    how = going.get((one.name, one.time), Going(time=one.time)) if one.state is State.OPEN else None
    return Came(occurrence=one, going=how)
