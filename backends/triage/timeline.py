"""What happened around an alert, in lanes, and which change is likely to have caused it. Pure: events in, judgement out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from backends.metrics.sample import Record
from backends.units import span

AROUND_SECONDS = 6 * 3600.0
"""Shown before and after the alert."""
BEFORE_SECONDS = 2 * 3600.0
"""A change on the same host so shortly before is suspected first."""
BATCH_SECONDS = 24 * 3600.0
"""A change that many hosts share is looked for so far back."""
LEAST = 3
"""Hosts with both the change and the symptom, below which a count says nothing."""
MOST_EVENTS = 500
MOST_CAUSES = 10

Lane = Literal["alerts", "kernel", "reboots", "changes", "backups", "runs", "people", "other"]
LANES: dict[str, Lane] = {
    "alert": "alerts",
    "check": "alerts",
    "triage": "alerts",
    "state": "alerts",
    "reconnected": "alerts",
    "xid": "kernel",
    "kernel-log": "kernel",
    "oom": "kernel",
    "gpu-hung": "kernel",
    "gpu-back": "kernel",
    "gpu-ended": "kernel",
    "reboot": "reboots",
    "reboot-over": "reboots",
    "boot": "reboots",
    "package": "changes",
    "kernel": "changes",
    "driver": "changes",
    "config": "changes",
    "config-reloaded": "changes",
    "config-error": "changes",
    "facts-changed": "changes",
    "patch": "changes",
    "update": "changes",
    "drift": "changes",
    "backup": "backups",
    "restore": "backups",
    "drill": "backups",
    "run": "runs",
    "step": "runs",
    "job": "runs",
    "restart": "runs",
    "check-active": "runs",
    "ack": "people",
    "silence": "people",
    "snooze": "people",
    "mute": "people",
    "command": "people",
    "exec": "people",
    "sudo": "people",
    "login": "people",
    "action": "people",
    "key-accepted": "people",
    "check-ack": "people",
    "check-clear": "people",
    "record": "people",
}
"""First word of an event's kind → its lane."""
_ORDER: tuple[Lane, ...] = ("alerts", "kernel", "reboots", "changes", "runs", "backups", "people", "other")
_SUSPECT: dict[str, float] = {"driver": 1.0, "kernel": 0.9, "patch": 0.9, "update": 0.8, "package": 0.7, "reboot": 0.6, "boot": 0.6,
    "config": 0.6, "run": 0.5, "step": 0.5, "restart": 0.5, "exec": 0.4, "action": 0.4, "command": 0.4, "sudo": 0.4, "restore": 0.4, "job": 0.3}  # fmt: skip
"""Kinds that can be a cause → how likely one is, all else being equal."""


class TimedEvent(Record, frozen=True, kw_only=True):
    """One row of the timeline."""

    time: float
    """By our clock."""
    host: str
    """"" is everything."""
    kind: str
    """ "alert.fired", "package", "reboot", "backup.done" …; the first word decides the lane."""
    text: str
    ref: str = ""
    """What it has in common with the same event on other hosts: "linux-image 6.1.0-13", "batch 7"."""
    actor: str = ""


class Count(Record, frozen=True, kw_only=True):
    """Hosts with and without a change, with and without the symptom."""

    changed_ill: int
    changed: int
    others_ill: int
    others: int

    @property
    def text(self) -> str:
        """ "8 of 12 hosts with it show the same, 0 of 240 others"."""
        return f"{self.changed_ill} of {self.changed} hosts with it show the same, {self.others_ill} of {self.others} others"

    @property
    def contrast(self) -> float:
        """Share of the ill among the changed less that among the others, −1 … 1."""
        others = self.others_ill / self.others if self.others else 0.0
        return self.changed_ill / self.changed - others if self.changed else 0.0


class Cause(Record, frozen=True, kw_only=True):
    """A change that may have caused the alert."""

    event: TimedEvent
    seconds_before: float
    text: str
    """ "12 min before on this host: upgrade linux-image …"."""
    count: Count | None = None
    """Only where enough hosts have both."""
    score: float
    """Higher is likelier; for sorting only."""


class Around(Record, frozen=True, kw_only=True):
    """The picture around one alert."""

    host: str
    time: float
    lanes: Mapping[Lane, tuple[TimedEvent, ...]]
    """In the order in which they are shown, oldest event first; lanes without an event are left out."""
    left_out: int = 0
    """Events beyond 500, the farthest from the alert."""
    causes: tuple[Cause, ...] = ()


def around(
    host: str,
    time: float,
    events: Iterable[TimedEvent],
    *,
    ill: Iterable[str] = (),
    fleet: Iterable[str] = (),
) -> Around:
    """Lanes ± 6 h around an alert of `host` at `time`, and its likely causes.

    Args:
        host: whose alert.
        time: when it fired (better: when it was first true).
        events: of the whole fleet, in any order, at least from 24 h before.
        ill: hosts that show the same symptom, `host` included or not.
        fleet: all hosts; hosts in events are added.
    """
    every = list(events)
    mine = [each for each in every if each.host in (host, "") and abs(each.time - time) <= AROUND_SECONDS]
    mine.sort(key=lambda each: abs(each.time - time))
    shown = sorted(mine[:MOST_EVENTS], key=lambda each: each.time)
    lanes = {name: tuple(each for each in shown if lane(each.kind) == name) for name in _ORDER}
    return Around(
        host=host,
        time=time,
        lanes={name: found for name, found in lanes.items() if found},
        left_out=len(mine) - len(shown),
        causes=causes(host, time, every, ill=ill, fleet=fleet),
    )


def causes(
    host: str, time: float, events: Sequence[TimedEvent], *, ill: Iterable[str] = (), fleet: Iterable[str] = ()
) -> tuple[Cause, ...]:
    """Likely causes, the likeliest first: what was changed on this host within two hours, then what the ill hosts share."""
    sick = {host, *ill}
    hosts = {*fleet, *sick, *(each.host for each in events if each.host)}
    changed = _changed(time, events)
    found: dict[tuple[str, str], Cause] = {}
    for event in events:
        before = time - event.time
        if event.host != host or not 0 <= before <= BATCH_SECONDS or _word(event.kind) not in _SUSPECT:
            continue
        cause = _cause(event, before, _count(changed.get(_batch(event), set()), sick, hosts))
        key = (_word(event.kind), event.ref or event.text)
        if cause is not None and (key not in found or found[key].score < cause.score):
            found[key] = cause
    ranked = sorted(found.values(), key=lambda each: (-each.score, each.seconds_before, each.text))
    return tuple(ranked[:MOST_CAUSES])


def lane(kind: str) -> Lane:
    """Where an event of that kind is shown."""
    return LANES.get(_word(kind), "other")


def _word(kind: str) -> str:
    return kind.partition(".")[0]


def _batch(event: TimedEvent) -> tuple[str, str]:
    return _word(event.kind), event.ref


def _changed(time: float, events: Sequence[TimedEvent]) -> dict[tuple[str, str], set[str]]:
    """Change → hosts that had it within a day before."""
    found: dict[tuple[str, str], set[str]] = {}
    for each in events:
        if each.ref and each.host and 0 <= time - each.time <= BATCH_SECONDS:
            found.setdefault(_batch(each), set()).add(each.host)
    return found


def _count(changed: set[str], sick: set[str], hosts: set[str]) -> Count | None:
    """The 2×2 count; None where too few hosts have both, or nothing speaks for the change."""
    others = hosts - changed
    count = Count(
        changed_ill=len(changed & sick), changed=len(changed), others_ill=len(others & sick), others=len(others)
    )
    return count if count.changed_ill >= LEAST and count.contrast > 0 else None


def _cause(event: TimedEvent, before: float, count: Count | None) -> Cause | None:
    """How likely `event` is; None when it is neither near in time nor shared."""
    near = before <= BEFORE_SECONDS
    if not near and count is None:
        return None
    score = _SUSPECT[_word(event.kind)] * (1.0 - before / (2 * BATCH_SECONDS))
    score += 10.0 if near else 0.0
    score += 2.0 * count.contrast if count is not None else 0.0
    text = f"{span(before)} before on this host: {event.text}" + (f"; {count.text}" if count is not None else "")
    return Cause(event=event, seconds_before=before, text=text, count=count, score=round(score, 6))
