"""Back-tests: a rule of the pack, of the site, or one that is being written, tried on what is stored or was recorded.

The rule goes through the evaluator and the state machine that the engine itself uses. One back-test at a time, on the
caller's thread; it makes room for the live threads, and what it did not reach in its time is said.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from msgspec.structs import replace

from backends import paths
from backends.alerts import kept
from backends.alerts.backtest import Backtest, backtest
from backends.alerts.backtest import Trial as Outcome
from backends.alerts.evaluation import Rules
from backends.alerts.kept import Kept
from backends.alerts.own_rules import MOST_SECONDS, OwnRule, compiled
from backends.alerts.pack import PAIRS, pack
from backends.alerts.rules import Rule
from backends.alerts.state import step
from backends.alerts.subjects import Expected
from backends.clock import Clock
from backends.config.problem import nearest
from backends.engine.trial_minutes import Minutes
from backends.engine.trial_pace import Pace
from backends.engine.trial_recording import Played
from backends.errors import BadInput, RetryLater, SkipHost
from backends.inventory.host import Host
from backends.inventory.select import select_names
from backends.sources.replay import Recording
from backends.store.history import MINUTE, History
from backends.text import clean
from backends.units import span

LONGEST_SECONDS = 400 * 86_400.0
_SHORT_SHARE = 0.95
"""History that covers less of what was asked for is worth a word."""
_ACTION = "back-test a rule"


class Chosen(NamedTuple):
    """What is tried."""

    rule: Rule
    expression: str = ""
    """Of a rule of the site."""


class Trial:
    """Tries rules; safe to call from any thread."""

    def __init__(
        self,
        history: History | None,
        clock: Clock,
        *,
        rules: Callable[[], Rules],
        own: Callable[[], Iterable[OwnRule]] = tuple,
        expected: Callable[[str], Expected] = lambda host: Expected(),
    ):
        """
        Args:
            history: None where nothing is stored (a demo, a replay).
            clock: the engine's.
            rules: what is evaluated now; a rule of the pack that is off can be tried all the same.
            own: the site's rules as they are written.
            expected: host → what the inventory says that it has.
        """
        self._history, self._clock = history, clock
        self._rules, self._own, self._expected = rules, own, expected
        self._busy = threading.Lock()
        self._stop = threading.Event()

    def stop(self) -> None:
        """End what goes on, at once; nothing begins any more."""
        self._stop.set()

    def backtest(
        self,
        hosts: Sequence[Host],
        seconds: float,
        *,
        rule: str = "",
        expression: str = "",
        for_seconds: float | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Backtest:
        """Try a rule on the stored minutes of the last `seconds`.

        Args:
            hosts: of the inventory.
            seconds: how far back.
            rule: id of one that exists; or
            expression: over the fields of the console's filter.
            for_seconds: instead of the rule's own wait.
            wanted: False ends it: whoever asked is gone.

        Raises:
            BadInput: neither or both of `rule` and `expression`, no such rule, a wrong expression, wait or time.
            SkipHost: this engine stores nothing.
            RetryLater: the store cannot be read, another back-test goes on, or nobody waits any more.
        """
        chosen = self._chosen(rule, expression, for_seconds)
        if not 0 < seconds <= LONGEST_SECONDS:
            raise BadInput(f"the time must be above 0 and at most {span(LONGEST_SECONDS)}", action=_ACTION)
        known = kept.in_history(chosen.rule, chosen.expression)
        if known.reason:
            return _untold(chosen.rule, known.reason)
        if self._history is None:
            raise SkipHost("this engine stores no history", action=_ACTION, hint="try it on a recording")
        with self._alone():
            return self._on_minutes(self._history, chosen, known, hosts, seconds, wanted)

    def _on_minutes(
        self,
        history: History,
        chosen: Chosen,
        known: Kept,
        hosts: Sequence[Host],
        seconds: float,
        wanted: Callable[[], bool],
    ) -> Backtest:
        rule = _timed(kept.without(chosen.rule, chosen.expression, known.unknown), MINUTE)
        minutes = Minutes(history, rule, known, Pace(self._clock, self._stop, wanted))
        end = int(self._clock.now())
        found = backtest(rule, minutes.of(hosts, int(end - seconds), end), step, pairs=PAIRS)
        cautions = [*known.cautions, "what is shorter than a minute does not show"]
        if len(minutes.looked) < len(hosts):
            cautions.append(f"the time was up after {len(minutes.looked)} of {len(hosts)} hosts")
        if found.start is not None and end - found.start < _SHORT_SHARE * seconds:
            cautions.append(f"the history of these hosts goes back {span(end - found.start)} only")
        reached = len(minutes.seen | set(minutes.looked))
        nothing = minutes.seen and not minutes.told
        return replace(
            found,
            hosts=reached,
            source="one-minute means",
            untold=reached - len(minutes.told),
            reason=_nothing_of(rule, known) if nothing else "",
            cautions=tuple(cautions),
        )

    def from_recording(
        self,
        path: str,
        *,
        rule: str = "",
        expression: str = "",
        for_seconds: float | None = None,
        hosts: str = "",
        seconds: float | None = None,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Backtest:
        """Try a rule on a recording, frame by frame.

        Args:
            path: absolute, on the engine's machine; ~ is its home directory.
            rule, expression, for_seconds, wanted: as in `backtest`.
            hosts: selector over those that the recording begins with; "" is all that come in it.
            seconds: only the last so many of it.

        Raises:
            BadInput: as `backtest`; no recording, or a selector that names nothing in it.
            RetryLater: another back-test goes on, or nobody waits any more.
        """
        chosen = self._chosen(rule, expression, for_seconds)
        known = kept.in_recording(chosen.rule, chosen.expression)
        if known.reason:
            return _untold(chosen.rule, known.reason)
        file = paths.expanded(path)
        if not file.is_absolute() or "\0" in path or not file.is_file():
            raise BadInput(f"{clean(path, 200)} is no file of the engine's machine", action=_ACTION)
        with self._alone():
            recording = Recording(file)
            try:
                return self._on_recording(recording, chosen, known, hosts, seconds, wanted)
            finally:
                recording.close()

    def _on_recording(
        self,
        recording: Recording,
        chosen: Chosen,
        known: Kept,
        hosts: str,
        seconds: float | None,
        wanted: Callable[[], bool],
    ) -> Backtest:
        rule = kept.without(chosen.rule, chosen.expression, known.unknown)
        names = select_names(hosts, [item.host for item in recording.first.known]) if hosts else None
        played = Played(
            recording,
            rule,
            Pace(self._clock, self._stop, wanted),
            chosen=lambda host: names is None or host.name in names,
            expected=self._expected,
            since=recording.start if seconds is None else recording.end - seconds,
        )
        found = backtest(_timed(rule, played.interval), played.moments(), step, pairs=PAIRS)
        nothing = played.hosts and not played.told
        return replace(
            found,
            hosts=len(played.hosts),
            source=clean(recording.path.name, 100),
            untold=len(played.hosts - played.told),
            reason="nothing that it looks at was recorded of these hosts" if nothing else "",
            cautions=(*known.cautions, *_limits_of(played, recording)),
        )

    # Choosing ---------------------------------------------------------------------------------------------------------

    def _chosen(self, rule: str, expression: str, for_seconds: float | None) -> Chosen:
        if bool(rule) == bool(expression):
            raise BadInput("either a rule or an expression is tried", action=_ACTION, hint="--rule disk.space")
        if for_seconds is not None and not 0 <= for_seconds <= MOST_SECONDS:
            raise BadInput(f"the wait must be from 0 to {span(MOST_SECONDS)}", action=_ACTION, hint="--for 5m")
        found = self._named(rule) if rule else _written(OwnRule(name="trial", expression=expression))
        if for_seconds is None:
            return found
        if found.rule.times.event:
            raise BadInput(f"{found.rule.id} is about something that happened: it does not wait", action=_ACTION)
        return found._replace(rule=replace(found.rule, times=replace(found.rule.times, for_seconds=for_seconds)))

    def _named(self, rule: str) -> Chosen:
        own = {f"own.{each.name}": each for each in self._own()}
        if rule in own:
            return _written(own[rule])
        known = {each.id: each for each in (*pack(), *self._rules()) if each.needs != "row"}
        if rule not in known:
            hint = nearest(rule, (*known, *own)) or "swarm-tui alerts rules lists them"
            raise BadInput(f'no rule is called "{clean(rule, 80)}"', action=_ACTION, hint=hint)
        return Chosen(known[rule])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise RetryLater("another back-test goes on", action=_ACTION, hint="try again when it has ended")
        try:
            yield
        finally:
            self._busy.release()


def _written(own: OwnRule) -> Chosen:
    (rule,) = compiled([own])
    return Chosen(rule, own.expression)


def _timed(rule: Rule, interval_seconds: float) -> Rule:
    return replace(rule, times=replace(rule.times, interval_seconds=interval_seconds))


def _untold(rule: Rule, reason: str) -> Backtest:
    nothing = Outcome(for_seconds=rule.times.for_seconds, count=0, brief=0, open=0)
    return Backtest(rule=rule.id, start=None, end=None, moments=0, hosts=0, trial=nothing, reason=reason)


def _nothing_of(rule: Rule, known: Kept) -> str:
    if rule.needs == "row":
        return "not enough of what it asks for is stored of these hosts"
    return f"the history of these hosts holds no {', '.join(known.series)}"


def _limits_of(played: Played, recording: Recording) -> Iterator[str]:
    if played.damaged_seconds:
        yield f"{span(played.damaged_seconds)} of the recording are damaged and left out"
    if played.until is not None:
        yield f"the time was up {span(recording.end - played.until)} before its end"
