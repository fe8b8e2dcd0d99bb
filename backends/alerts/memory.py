"""What the alerts are made of in memory, and which rows of it changed since they were last written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from backends.alerts.dependency import OwnLink
from backends.alerts.grouping import Group
from backends.alerts.model import Alert, Edge, Mute, Notice, Silence
from backends.alerts.storm import Storm
from backends.metrics.sample import Record

R = TypeVar("R", bound=Record)
Triple = tuple[str, str, str]
"""rule, host, object."""

VOLATILE_SECONDS = 30.0
"""What only a new sample changed (value, text, its time) is written at most this often: a second's rewriting of every
firing alert would wear a disk out and say nothing."""
MOST_EPISODES = 50_000
"""Forgotten alerts whose count of episodes is still known; notices have the time in their keys besides."""


class Last(Record, frozen=True, kw_only=True):
    """The last episode of an alert that was forgotten."""

    episode: int


class Meta(Record, frozen=True, kw_only=True):
    """What holds for all."""

    sequence: int = 0
    """Counts notices: part of every key."""
    now: float = 0.0
    """The last step."""


KINDS: Mapping[str, type[Record]] = {
    "alert": Alert,
    "silence": Silence,
    "mute": Mute,
    "group": Group,
    "storm": Storm,
    "link": OwnLink,
    "last": Last,
    "meta": Meta,
}
"""Kind of a row → its type."""


@dataclass
class Changes:
    """What is to be written down in one piece."""

    rows: dict[tuple[str, str], Record | None] = field(default_factory=dict)
    """(kind, key) → the row; None: it is gone."""
    edges: list[Edge] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    handed: list[str] = field(default_factory=list)
    """Keys of notices that the outbox has."""

    def __bool__(self) -> bool:
        return bool(self.rows or self.edges or self.notices or self.handed)

    def add(self, newer: Changes) -> None:
        """Take `newer` in, which holds where both say something."""
        self.rows.update(newer.rows)
        self.edges += newer.edges
        self.notices += newer.notices
        self.handed += newer.handed


class Shelf(Generic[R]):
    """Rows of one kind."""

    def __init__(self, kind: str, changes: Changes):
        self.kind, self._changes = kind, changes
        self._rows: dict[str, R] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[R]:
        return iter(tuple(self._rows.values()))

    def get(self, key: str) -> R | None:
        return self._rows.get(key)

    def items(self) -> tuple[tuple[str, R], ...]:
        return tuple(self._rows.items())

    def load(self, key: str, row: R) -> None:
        """Put it in as it was written down."""
        self._rows[key] = row

    def put(self, key: str, row: R) -> None:
        """Keep a row."""
        if self._rows.get(key) != row:
            self._rows[key] = row
            self._changes.rows[self.kind, key] = row

    def drop(self, key: str) -> None:
        """Forget a row."""
        if self._rows.pop(key, None) is not None:
            self._changes.rows[self.kind, key] = None


class Memory:
    """Everything that must outlive the engine."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.alerts: dict[Triple, Alert] = {}
        self.triples: dict[str, Triple] = {}
        self.silences: Shelf[Silence] = Shelf("silence", self.changes)
        self.mutes: Shelf[Mute] = Shelf("mute", self.changes)
        self.groups: Shelf[Group] = Shelf("group", self.changes)
        self.storms: Shelf[Storm] = Shelf("storm", self.changes)
        self.links: Shelf[OwnLink] = Shelf("link", self.changes)
        self.lasts: Shelf[Last] = Shelf("last", self.changes)
        self.metas: Shelf[Meta] = Shelf("meta", self.changes)
        self._written: dict[str, float] = {}
        self._late: set[str] = set()

    @property
    def meta(self) -> Meta:
        return self.metas.get("") or Meta()

    def load(self, rows: Mapping[tuple[str, str], Record]) -> None:
        """Begin with what was written down."""
        for (kind, key), row in rows.items():
            if isinstance(row, Alert):
                triple = (row.rule, row.host, row.object)
                self.alerts[triple], self.triples[row.fingerprint] = row, triple
            else:
                getattr(self, kind + "s").load(key, row)

    def put(self, alert: Alert, now: float) -> None:
        """Keep an alert; the forgotten one's count of episodes goes on."""
        triple = (alert.rule, alert.host, alert.object)
        old = self.alerts.get(triple)
        if old is alert:
            return
        if old is None:
            self.triples[alert.fingerprint] = triple
            self.lasts.drop(alert.fingerprint)
        self.alerts[triple] = alert
        self._note(old, alert, now)

    def find(self, fingerprint: str) -> Alert | None:
        triple = self.triples.get(fingerprint)
        return None if triple is None else self.alerts[triple]

    def forget(self, alert: Alert) -> None:
        """Drop an alert of which nothing counts any more, but for how many episodes it had."""
        self.alerts.pop((alert.rule, alert.host, alert.object), None)
        self.triples.pop(alert.fingerprint, None)
        self._written.pop(alert.fingerprint, None)
        self._late.discard(alert.fingerprint)
        self.changes.rows["alert", alert.fingerprint] = None
        if alert.episode:
            self.lasts.put(alert.fingerprint, Last(episode=alert.episode))
        if len(self.lasts) > MOST_EPISODES:
            self.lasts.drop(self.lasts.items()[0][0])

    def write_late(self) -> None:
        """Count what only samples changed as changed: the engine ends."""
        for fingerprint in self._late:
            alert = self.find(fingerprint)
            if alert is not None:
                self.changes.rows["alert", fingerprint] = alert
        self._late.clear()

    def everything(self) -> Changes:
        """All rows, for a file that was begun anew."""
        rows: dict[tuple[str, str], Record | None] = {
            ("alert", each.fingerprint): each for each in self.alerts.values()
        }
        shelves: tuple[Shelf[Any], ...] = (
            self.silences,
            self.mutes,
            self.groups,
            self.storms,
            self.links,
            self.lasts,
            self.metas,
        )
        for shelf in shelves:
            rows.update({(shelf.kind, key): row for key, row in shelf.items()})
        return Changes(rows)

    def drain(self) -> Changes:
        """What changed since the last call."""
        found = Changes(dict(self.changes.rows), list(self.changes.edges), list(self.changes.notices))
        self.changes.rows.clear()
        self.changes.edges.clear()
        self.changes.notices.clear()
        return found

    def _note(self, old: Alert | None, alert: Alert, now: float) -> None:
        fingerprint = alert.fingerprint
        recent = 0 <= now - self._written.get(fingerprint, -VOLATILE_SECONDS) < VOLATILE_SECONDS
        if old is not None and recent and _steady(alert) == _steady(old):
            self._late.add(fingerprint)
            return
        self._late.discard(fingerprint)
        self._written[fingerprint] = now
        self.changes.rows["alert", fingerprint] = alert


def _steady(alert: Alert) -> Alert:
    """The alert without what every sample changes."""
    clocks = replace(alert.clocks, changes=0)
    return replace(alert, value=None, text="", evidence=(), advice="", last_true=None, last_data=None, clocks=clocks)
