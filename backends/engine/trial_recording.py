"""A recording as moments that a rule can be tried on: frame by frame, with what only several samples tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import msgspec

from backends.alerts.model import Truth
from backends.alerts.rules import Rule
from backends.alerts.subjects import NOT_HELD, STALE_INTERVALS, STALE_SECONDS, Boot, Expected, Recent, Subject
from backends.alerts.trail import Trail
from backends.checks.glance import worst
from backends.engine import row
from backends.engine.trial_pace import Pace
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Sample
from backends.sources import frames
from backends.sources.base import LinkInfo, StateChange
from backends.sources.frames import Entry, Frame, Known, Mark
from backends.sources.replay import Recording
from backends.states import HostState

REST_ENTRIES = 200
"""Entries between two rests."""
MOST_GAP_SECONDS = 900.0
"""Nobody is judged every second of a longer time that holds nothing."""
_BOOT_SECONDS, _MOST_BOOTS = 86_400.0, 50
_SLOWEST, _QUICKEST = 60.0, 1.0
"""Bounds of the time between two looks, which is that between two samples."""


class Past:
    """One recorded host, as far as the recording was played."""

    def __init__(self, host: Host, expected: Expected, now: float):
        self.host, self._expected = host, expected
        self._change = StateChange(state=HostState.CONNECTING)
        self._state, self._reason, self._since = HostState.CONNECTING, "", now
        self._facts: HostFacts | None = None
        self._link: LinkInfo | None = None
        self._boots: tuple[Boot, ...] = ()
        self._trail = Trail()
        self._recent: Recent | None = None
        self._previous: Sample | None = None
        self.sample: Sample | None = None

    def introduce(self, known: Known, now: float) -> None:
        """What was known of it when a frame began."""
        self.host = known.host
        if known.state is not None:
            self._turn(known.state, now)
        if known.facts is not None:
            self._learn(known.facts, now)
        self._link = known.link or self._link

    def take(self, entry: Entry) -> None:
        """What a source told of it."""
        if entry.sample is not None:
            if not math.isfinite(entry.sample.time):
                return
            self._previous, self.sample = self.sample, entry.sample
            self._recent = self._trail.add(entry.sample)
            if self._change.state is HostState.CONNECTING:  # a sample proves that the host answers
                self._turn(StateChange(state=HostState.UP), entry.time)
        elif entry.state is not None:
            self._turn(entry.state, entry.time)
        elif entry.facts is not None:
            self._learn(entry.facts, entry.time)
        elif entry.link is not None:
            self._link = entry.link

    def _turn(self, change: StateChange, now: float) -> None:
        self._change = change
        if change.state is not HostState.CONNECTING and change.state is not self._state:
            self._state, self._reason, self._since = change.state, change.reason, now

    def _learn(self, facts: HostFacts, now: float) -> None:
        before = self._facts
        if before is not None and before.boot_id and facts.boot_id and before.boot_id != facts.boot_id:
            boot = Boot(time=now, boot_id=facts.boot_id, planned=False)
            self._boots = (*self._boots, boot)[-_MOST_BOOTS:]
        self._facts = facts

    def restless(self, now: float, interval: float) -> bool:
        """Whether time alone may make something true of it: it is not reached, or its samples stopped."""
        if self._state is HostState.CONNECTING:
            return False
        return self._state is not HostState.UP or self._stopped(now, interval)

    def _stopped(self, now: float, interval: float) -> bool:
        return self.sample is not None and now - self.sample.time > max(STALE_SECONDS, STALE_INTERVALS * interval)

    def subject(self, now: float, interval: float, *, with_row: bool) -> Subject:
        """The host at `now`."""
        stale = "samples stopped" if self._stopped(now, interval) else ""
        shown = row.effective(StateChange(state=self._state, reason=self._reason), self.sample, stale)
        if self._boots and self._boots[0].time < now - _BOOT_SECONDS:
            self._boots = tuple(boot for boot in self._boots if boot.time >= now - _BOOT_SECONDS)
        return Subject(
            host=self.host.name,
            now=now,
            state=shown.state,
            reason=shown.reason,
            interval_seconds=interval,
            sample=self.sample,
            facts=self._facts,
            expected=self._expected,
            recent=self._recent,
            boots=self._boots,
            row=self._row(shown) if with_row else None,
        )

    def _row(self, shown: StateChange) -> object:
        severity, text = worst(self.sample, shown.state, self._facts, self._previous)
        return row.build(
            self.host,
            shown,
            version=0,
            since=self._since,
            sample=self.sample,
            facts=self._facts,
            link=self._link,
            severity=severity,
            worst=text,
            verdict="",
        )


class Played:
    """The moments of a recording; iterate once."""

    def __init__(
        self,
        recording: Recording,
        rule: Rule,
        pace: Pace,
        *,
        chosen: Callable[[Host], bool],
        expected: Callable[[str], Expected],
        since: float,
    ):
        self._recording, self._rule, self._pace = recording, rule, pace
        self._chosen, self._expected, self._since = chosen, expected, since
        self._hosts: dict[str, Past] = {}
        self._fresh: dict[str, Past] = {}
        self._played = 0
        self.interval = interval_of(recording.first)
        self._now = 0.0
        self.told: set[str] = set()
        """Hosts of which something is known that the rule looks at."""
        self.until: float | None = None
        """How far it was played, when the time was up before its end."""
        self.damaged_seconds = 0.0
        """Stretches that could not be read."""

    @property
    def hosts(self) -> frozenset[str]:
        """Those that were chosen and met."""
        return frozenset(self._hosts)

    def moments(self) -> Iterator[tuple[float, tuple[Subject, ...]]]:
        """One for each interval in which something was told, or time alone may tell something.

        Raises:
            RetryLater: nobody waits any more.
        """
        first = self._recording.index_at(self._since)
        self._now = self._recording.marks[first].start
        for index in range(first, len(self._recording.marks)):
            mark = self._recording.marks[index]
            frame = self._frame(index, mark)
            if frame is None:
                continue
            for known in frame.known:
                self._introduce(known, mark.start)
            for raw in frame.entries:
                if self._out_of_time():
                    return
                entry = _decoded(raw)
                if entry is not None and mark.start - 1.0 <= entry.time <= mark.end + 1.0:
                    yield from self._up_to(entry.time)
                    self._take(entry)
            yield from self._up_to(mark.end)

    def _frame(self, index: int, mark: Mark) -> Frame | None:
        """None for one that is damaged: it costs its stretch of time, not the rest."""
        try:
            return self._recording.frame(index)
        except BadInput:
            self.damaged_seconds += mark.end - mark.start
            return None

    def _out_of_time(self) -> bool:
        self._played += 1
        if self._played % REST_ENTRIES or self._pace.rest():
            return False
        self.until = self._now
        return True

    def _introduce(self, known: Known, now: float) -> None:
        past = self._past(known.host, now)
        if past is not None:
            past.introduce(known, now)
            self._fresh[known.host.name] = past

    def _take(self, entry: Entry) -> None:
        past = self._hosts.get(entry.host) or self._past(Host(name=entry.host), entry.time)
        if past is not None:
            past.take(entry)
            self._fresh[entry.host] = past

    def _past(self, host: Host, now: float) -> Past | None:
        found = self._hosts.get(host.name)
        if found is None and self._chosen(host):
            found = self._hosts[host.name] = Past(host, self._expected(host.name), now)
        return found

    def _up_to(self, time: float) -> Iterator[tuple[float, tuple[Subject, ...]]]:
        """Every look that is due before `time`."""
        if time - self._now > MOST_GAP_SECONDS:
            self._now = time - MOST_GAP_SECONDS
        while self._now + self.interval <= time:
            self._now += self.interval
            subjects = tuple(self._subjects())
            self._fresh.clear()
            if subjects:
                yield self._now, subjects

    def _subjects(self) -> Iterator[Subject]:
        own = self._rule.needs == "row"
        for name, past in self._hosts.items():
            if name in self._fresh or past.restless(self._now, self.interval):
                subject = past.subject(self._now, self.interval, with_row=own)
                self._note(name, past, subject)
                yield subject

    def _note(self, host: str, past: Past, subject: Subject) -> None:
        if host in self.told:
            return
        known = past.sample is not None or self._rule.needs == "reach"
        if self._rule.needs == "row":
            known = self._rule.judge(subject, "", NOT_HELD).truth is not Truth.NODATA
        if known and subject.state is not HostState.CONNECTING:
            self.told.add(host)


def interval_of(frame: Frame) -> float:
    """Seconds between two samples of a host, as the first of them say it."""
    for raw in frame.entries[:REST_ENTRIES]:
        entry = _decoded(raw)
        seconds = entry.sample.interval_seconds if entry is not None and entry.sample is not None else None
        if seconds is not None and math.isfinite(seconds) and seconds > 0:
            return min(_SLOWEST, max(_QUICKEST, seconds))
    return _QUICKEST


def _decoded(raw: msgspec.Raw) -> Entry | None:
    """The entry, or None for one that this version cannot read."""
    try:
        return frames.decode_entry(raw)
    except msgspec.MsgspecError:
        return None
