"""What people do about alerts: acknowledge, snooze, silence, mute, escalate, end by hand. Each act is a line of the audit."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec.structs import replace

from backends.alerts import episodes, escalation, following, muting, silences, state
from backends.alerts.dependency import Fleet
from backends.alerts.memory import Memory
from backends.alerts.model import Ack, Alert, Edge, EdgeKind, Mute, Notice, Policy, RuleTimes, Silence, Turn
from backends.alerts.silences import Matcher, Preview
from backends.alerts.speaking import Voice
from backends.errors import BadInput
from backends.text import clean

LONGEST_ACK_SECONDS = 7 * 86_400.0
MOST_MUTES = 500


class Hands(ABC):
    """The acts of people; `by` is the operating system's user and `origin` where from (the SSH client's address).

    After each of them `Book.keep` takes the changes, and what it says is handed over like that of a step.
    """

    _lock: threading.RLock
    _memory: Memory
    _fleet: Fleet
    _policy: Policy
    _rules: Mapping[str, RuleTimes]
    _matchers: dict[str, Matcher]

    def ack(
        self,
        fingerprints: Iterable[str],
        now: float,
        *,
        by: str,
        origin: str = "",
        until: float | None = None,
        note: str = "",
        snooze: bool = False,
    ) -> Turn:
        """Take alerts in hand: repeats and escalation stop until `until` (by default four hours), or until it gets worse.

        Raises:
            BadInput: one of them is not there, or the end is not within seven days from now.
        """
        end = now + self._policy.ack_seconds if until is None else until
        if not now < end <= now + LONGEST_ACK_SECONDS:
            raise BadInput("an acknowledgement ends within seven days", action="acknowledge alerts", hint="--for 4h")
        kind = EdgeKind.SNOOZED if snooze else EdgeKind.ACKED
        with self._acting() as start:
            for alert in self._active(fingerprints, "acknowledge alerts"):
                ack = Ack(
                    by=clean(by, 100),
                    time=now,
                    until=end,
                    note=clean(note, 500),
                    severity=alert.severity,
                    snooze=snooze,
                )
                self._memory.put(replace(alert, ack=ack), now)
                self._audit(state.edge(alert, kind, now, ack.note or "no note", ack.by, clean(origin, 100)))
            return self._turn(start)

    def unack(self, fingerprints: Iterable[str], now: float, *, by: str, origin: str = "") -> Turn:
        """Give them back: repeats and escalation begin anew. Raises BadInput: one of them is not there."""
        with self._acting() as start:
            for alert in self._active(fingerprints, "give alerts back"):
                if alert.ack is not None:
                    climbing = None if alert.telling.climbing is None else now
                    telling = replace(alert.telling, climbing=climbing, steps=0)
                    self._memory.put(replace(alert, ack=None, telling=telling), now)
                    self._audit(
                        state.edge(alert, EdgeKind.ACK_ENDED, now, "given back", clean(by, 100), clean(origin, 100))
                    )
            return self._turn(start)

    def escalate(self, fingerprints: Iterable[str], now: float, *, by: str, origin: str = "") -> Turn:
        """Tell the next level of them at once, whatever hides them. Raises BadInput: one of them does not fire."""
        with self._acting() as start:
            voice = self._voice(now)
            for alert in self._active(fingerprints, "escalate alerts"):
                if not alert.firing:
                    raise BadInput("it does not fire", host=alert.host, action="escalate alerts")
                level = escalation.next_level(alert, self._policy)
                following.escalate(voice, [alert], level, clean(by, 100), clean(origin, 100))
            return self._turn(start, voice.notices)

    def resolve(self, fingerprint: str, now: float, *, by: str, origin: str = "") -> Turn:
        """End by hand what is about something that happened.

        Raises:
            BadInput: it is not there, does not fire, or is measured: then it ends by itself.
        """
        with self._acting() as start:
            (alert,) = self._active([fingerprint], "end an alert by hand")
            if not alert.firing or not self._times(alert.rule).event:
                raise BadInput(
                    "it ends by itself, once what it measures is well",
                    host=alert.host,
                    action="end an alert by hand",
                    hint="acknowledge or silence it",
                )
            done, edges = state.by_hand(alert, now, clean(by, 100), clean(origin, 100))
            self._memory.put(done, now)
            self._memory.changes.edges += edges
            return self._turn(start)

    def preview(self, silence: Silence, history: Iterable[Edge]) -> Preview:
        """What `silence` would hide now and would have hidden in `history`. Raises BadInput: it selects nothing that exists."""
        with self._lock:
            return silences.preview(silence, self._fleet.hosts, tuple(self._memory.alerts.values()), history)

    def silence(self, silence: Silence, now: float, *, origin: str = "") -> Turn:
        """Hide notices of what it matches, until its end.

        Raises:
            BadInput: no end within seven days, no comment, nothing to match, a selector that names nothing, too many.
        """
        good = silences.checked(silence, self._fleet.hosts, now)
        with self._acting() as start:
            if self._memory.silences.get(good.id) is None and len(self._memory.silences) >= silences.MOST:
                raise BadInput(f"there are {silences.MOST} silences already", action="silence alerts")
            self._memory.silences.put(good.id, good)
            self._matchers[good.id] = silences.matcher(good, self._fleet.hosts)
            text = f"{good.id}: {good.comment}"
            self._audit(
                Edge(time=now, kind=EdgeKind.SILENCED, rule=good.rule, text=text, by=good.by, origin=clean(origin, 100))
            )
            return self._turn(start)

    def unsilence(self, silence_id: str, now: float, *, by: str, origin: str = "") -> Turn:
        """End a silence early; what fires is then told as if it were new. Raises BadInput: there is none."""
        with self._acting() as start:
            found = self._memory.silences.get(silence_id)
            if found is None:
                raise BadInput(f"no such silence: {silence_id[:80]}", action="end a silence")
            self._end_silence(found, "ended by hand", clean(by, 100), clean(origin, 100), now)
            return self._turn(start)

    def silences(self) -> tuple[Silence, ...]:
        """All of them, also those that have not begun."""
        with self._lock:
            return tuple(self._memory.silences)

    def hints(self, now: float) -> tuple[str, ...]:
        """A sentence for each silence that matches nothing for an hour."""
        return tuple(filter(None, (silences.hint(silence, now) for silence in self.silences())))

    def mute(self, mute: Mute, now: float, *, origin: str = "") -> Turn:
        """Keep quiet about hosts during their maintenance. Raises BadInput: no hosts, no end within seven days, too many."""
        good = muting.checked(mute, now)
        with self._acting() as start:
            if self._memory.mutes.get(good.id) is None and len(self._memory.mutes) >= MOST_MUTES:
                raise BadInput(f"there are {MOST_MUTES} maintenances already", action="mute alerts")
            self._memory.mutes.put(good.id, good)
            text = f"{good.id}: {len(good.hosts)} hosts: {good.comment}"
            self._audit(Edge(time=now, kind=EdgeKind.MUTED, text=text, by=good.by, origin=clean(origin, 100)))
            return self._turn(start)

    def end_mute(self, mute_id: str, now: float, *, by: str, origin: str = "") -> Turn:
        """The maintenance is over; its digest follows once the hosts have settled. Raises BadInput: there is none."""
        with self._acting() as start:
            mute = self._memory.mutes.get(mute_id)
            if mute is None:
                raise BadInput(f"no such maintenance: {mute_id[:80]}", action="end a maintenance")
            self._memory.mutes.put(mute_id, replace(mute, end=min(mute.end, now)))
            text = f"{mute_id}: over, settling"
            self._audit(
                Edge(time=now, kind=EdgeKind.MUTE_ENDED, text=text, by=clean(by, 100), origin=clean(origin, 100))
            )
            return self._turn(start)

    def mutes(self) -> tuple[Mute, ...]:
        """All maintenances that are not over and settled."""
        with self._lock:
            return tuple(self._memory.mutes)

    def withdraw(self, keep: Callable[[Alert], bool], now: float, why: str) -> Turn:
        """End what nothing will judge any more (its rule or host is gone): whoever was told hears of the end."""
        with self._acting() as start:
            for alert in tuple(self._memory.alerts.values()):
                if not alert.active or keep(alert):
                    continue
                done = episodes.resolved(alert, now, now) if alert.firing else episodes.cleared(alert, now)
                self._memory.put(done, now)
                self._memory.changes.edges.append(state.edge(done, EdgeKind.WITHDRAWN, now, why))
            return self._turn(start)

    def record(self, kind: EdgeKind, now: float, text: str, *, by: str, origin: str = "", rule: str = "") -> Turn:
        """One line of the audit for what was done elsewhere: a test, a rule that was edited."""
        with self._acting() as start:
            self._audit(
                Edge(
                    time=now, kind=kind, rule=rule, text=clean(text, 500), by=clean(by, 100), origin=clean(origin, 100)
                )
            )
            return self._turn(start)

    @abstractmethod
    def _times(self, rule: str) -> RuleTimes:
        """Of one rule."""

    @abstractmethod
    def _voice(self, now: float) -> Voice:
        """Who speaks at `now`."""

    def _end_silence(self, silence: Silence, why: str, by: str, origin: str, now: float) -> None:
        self._memory.silences.drop(silence.id)
        self._matchers.pop(silence.id, None)
        text = f"{silence.id}: {why}: {silence.comment}"
        self._audit(Edge(time=now, kind=EdgeKind.SILENCE_ENDED, rule=silence.rule, text=text, by=by, origin=origin))

    def _active(self, fingerprints: Iterable[str], action: str) -> Sequence[Alert]:
        found = []
        for fingerprint in dict.fromkeys(fingerprints):
            alert = self._memory.find(fingerprint)
            if alert is None or not alert.active:
                raise BadInput(f"no such alert now: {fingerprint[:40]}", action=action, hint="swarm-tui alerts list")
            found.append(alert)
        return found

    def _audit(self, edge: Edge) -> None:
        self._memory.changes.edges.append(edge)

    @contextmanager
    def _acting(self) -> Iterator[int]:
        """Alone with the memory; gives where the edges of this act begin."""
        with self._lock:
            yield len(self._memory.changes.edges)

    def _turn(self, start: int, notices: Sequence[Notice] = ()) -> Turn:
        return Turn(edges=tuple(self._memory.changes.edges[start:]), notices=tuple(notices))
