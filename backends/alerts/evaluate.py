"""All alerts: batches of readings in, what changed and what is to be said out.

One cycle of the engine, in this order, so that nothing is lost or said twice wherever it is killed (a new engine begins
with the second half, for what the one before it did not hand over):

    turn = alerts.step(readings, clock.now())
    book.keep(alerts.changes())                     # the notices are written down with what they are about
    for notice in book.pending():                   # also those of a life before this one
        alerts.told(notice, outbox.add(notice))     # the outbox keeps one row for each key and target
        book.handed(notice.key, alerts.changes())
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from backends.alerts import dependency, episodes, following, grouping, muting, overlays, silences, state
from backends.alerts.dependency import DOWN, Fleet
from backends.alerts.hands import Hands
from backends.alerts.intake import MOST_OF_A_HOST, OVERFLOW, cleaned, overflow
from backends.alerts.memory import Changes, Memory
from backends.alerts.model import Alert, EdgeKind, Notice, NoticeKind, Policy, Reading, RuleTimes, Truth, Turn
from backends.alerts.quiet_hours import QuietHours, checked, is_quiet
from backends.alerts.silences import Matcher
from backends.alerts.speaking import Voice
from backends.metrics.sample import Record

BACKWARD_SECONDS = 1.0
"""A wall clock that went back by more was set; waits that lie in the future then would be too long."""
_DEFAULTS = {DOWN: RuleTimes(for_seconds=45.0, keep_seconds=60.0)}
"""45 s of misses, a minute of answers (the default rule pack)."""
_ENDS = (NoticeKind.RESOLVED, NoticeKind.NOTE, NoticeKind.TEST)


class Alerts(Hands):
    """Holds every alert that is not inactive. Calls may come from any thread."""

    def __init__(
        self,
        rules: Mapping[str, RuleTimes],
        fleet: Fleet,
        policy: Policy | None = None,
        quiet: QuietHours | None = None,
        rows: Mapping[tuple[str, str], Record] | None = None,
    ):
        """
        Args:
            rules: id → times; a rule that is not in it fires and ends at once.
            fleet: who hangs on whom.
            policy: how patient telling is.
            quiet: when warnings wait.
            rows: what `Book.load` gave.

        Raises:
            BadInput: no such quiet hours.
        """
        self._lock = threading.RLock()
        self._memory = Memory()
        self._memory.load(rows or {})
        self._now = self._memory.meta.now
        self._over: set[str] = set()
        self._held = Counter(alert.host for alert in self._memory.alerts.values())
        self.configure(rules, fleet, policy, quiet)

    def configure(
        self,
        rules: Mapping[str, RuleTimes],
        fleet: Fleet,
        policy: Policy | None = None,
        quiet: QuietHours | None = None,
    ) -> None:
        """Go on under another configuration. Raises BadInput: no such quiet hours."""
        hours = None if quiet is None else checked(quiet)
        with self._lock:
            self._rules, self._fleet, self._policy, self._quiet = dict(rules), fleet, policy or Policy(), hours
            self._matchers: dict[str, Matcher] = {
                each.id: silences.matcher(each, fleet.hosts) for each in self._memory.silences
            }

    def step(self, readings: Iterable[Reading], now: float) -> Turn:
        """Take one evaluation in and say what is due.

        Args:
            readings: FALSE and NODATA may be left out for what is in no `wanted` set; a rule's reading that is left out
                for what is counts as silence, never as FALSE.
            now: epoch seconds.
        """
        with self._acting() as start:
            self._set_clock(now)
            alerts, true = self._memory.alerts, Truth.TRUE
            for reading in readings:
                alert = alerts.get((reading.rule, reading.host, reading.object))
                if alert is not None or reading.truth is true or not reading.object.isprintable():
                    self._take(reading, now)
            self._overflowed(now)
            self._parents(now)
            self._ticks(now)
            return self._turn(start, self._speak(now))

    def told(self, notice: Notice, targets: Iterable[str]) -> None:
        """Remember who was told by `notice`: each of them gets the end of it.

        Args:
            notice: one of ours.
            targets: names that the outbox took it for.
        """
        if notice.kind in _ENDS:
            return
        with self._lock:
            for fingerprint, episode in zip(notice.fingerprints, notice.episodes, strict=True):
                alert = self._memory.find(fingerprint)
                if alert is None or alert.episode != episode or alert.telling.told is None:
                    continue
                names = tuple(dict.fromkeys((*alert.notified, *targets)))
                if names != alert.notified:
                    self._memory.put(replace(alert, notified=names), self._now)

    def changes(self) -> Changes:
        """What is to be written down since the last call."""
        with self._lock:
            return self._memory.drain()

    def everything(self) -> Changes:
        """All that is held, to be written into a file that was begun anew (`Book.begun_anew`)."""
        with self._lock:
            return self._memory.everything()

    def last_changes(self) -> Changes:
        """The same at the end of the engine: with what else only samples changed."""
        with self._lock:
            self._memory.write_late()
            return self._memory.drain()

    def wanted(self) -> frozenset[tuple[str, str, str]]:
        """(rule, host, object) of what is held: for everything else only TRUE readings mean anything."""
        with self._lock:
            return frozenset(self._memory.alerts)

    def get(self, fingerprint: str) -> Alert | None:
        """One alert; None when it is not held."""
        with self._lock:
            return self._memory.find(fingerprint)

    def all(self) -> tuple[Alert, ...]:
        """Everything that is held, the worst first; also what was resolved within the last hour."""
        with self._lock:
            alerts = [alert for alert in self._memory.alerts.values() if alert.active or alert.episode]
        return tuple(sorted(alerts, key=_worst_first))

    def _set_clock(self, now: float) -> None:
        if now < self._now - BACKWARD_SECONDS:
            for alert in tuple(self._memory.alerts.values()):
                self._memory.put(episodes.rebased(alert, now), now)
            for each in self._memory.storms:
                self._memory.storms.put(each.rule, replace(each, spoken=None if each.spoken is None else now))
        self._now = now

    def _times(self, rule: str) -> RuleTimes:
        return self._rules.get(rule) or _DEFAULTS.get(rule) or RuleTimes()

    def _take(self, reading: Reading, now: float) -> None:
        reading = cleaned(reading)
        alert = self._memory.alerts.get((reading.rule, reading.host, reading.object))
        if alert is None:
            if reading.truth is not Truth.TRUE:
                return
            if reading.rule != OVERFLOW and not self._room(reading.host):
                return
            alert = self._begin(reading)
        times = self._times(reading.rule)
        moved, edges = state.step(alert, reading, times, now)
        self._memory.changes.edges += edges
        self._memory.put(overlays.again_seen(moved, alert, times), now)

    def _room(self, host: str) -> bool:
        """Whether one more alert of `host` is held; what is over and told gives way first, once in a step."""
        if host not in self._over and self._held[host] >= MOST_OF_A_HOST:
            for alert in tuple(self._memory.alerts.values()):
                if alert.host == host and not alert.active and alert.telling.told is None:
                    self._drop(alert)
        if self._held[host] >= MOST_OF_A_HOST:
            self._over.add(host)
        return host not in self._over

    def _drop(self, alert: Alert) -> None:
        self._memory.forget(alert)
        self._held[alert.host] -= 1
        if self._held[alert.host] <= 0:
            del self._held[alert.host]

    def _begin(self, reading: Reading) -> Alert:
        self._held[reading.host] += 1
        alert = state.fresh(reading)
        last = self._memory.lasts.get(alert.fingerprint)
        if last is None:
            return alert
        return replace(alert, episode=last.episode)

    def _overflowed(self, now: float) -> None:
        for host in sorted(self._over):
            self._take(overflow(host, True, now), now)
        for host in [host for rule, host, _ in self._memory.alerts if rule == OVERFLOW]:
            if self._held[host] < MOST_OF_A_HOST:
                self._take(overflow(host, False, now), now)
        self._over.clear()

    def _parents(self, now: float) -> None:
        """Judge what only the hosts behind it tell of: this machine's own link, and parents that nobody watches."""
        gone = overlays.downs(self._memory.alerts.values())
        was = self._memory.links.get("")
        link = dependency.own_link(was, gone, self._fleet, now) if gone or was else None
        if link is not None:
            self._memory.links.put("", link)
        else:
            self._memory.links.drop("")
        self._take(dependency.link_reading(link, now), now)
        for reading in dependency.joint_readings(gone, self._fleet, link, now) if gone else ():
            self._take(reading, now)

    def _ticks(self, now: float) -> None:
        for alert in tuple(self._memory.alerts.values()):
            moved, edges = state.tick(alert, self._times(alert.rule), now)
            if edges:
                self._memory.changes.edges += edges
                self._memory.put(moved, now)

    def _speak(self, now: float) -> list[Notice]:
        held = muting.muted_hosts(self._memory.mutes, now, self._policy)
        matching = overlays.lay(self._memory, self._covers(held, now), now)
        voice = self._voice(now)
        following.flap(voice)
        for silence in self._memory.silences:
            if silence.end <= now:
                voice.silence_over(silence, self._matchers[silence.id])
            elif silences.spent(silence, silence.id in matching):
                self._end_silence(silence, "what it matched is over", "", "", now)
        for ended in muting.settled(self._memory.mutes, held, now, self._policy):
            voice.mute_over(ended)
        voice.quiet_over()
        self._acks(voice)
        voice.begun()
        following.follow(voice)
        self._forget(now)
        return voice.notices

    def _covers(self, held: dict[str, str], now: float) -> overlays.Covers:
        return overlays.Covers(
            silences=overlays.active(self._memory, self._matchers, now),
            muted=held,
            downs=overlays.downs(self._memory.alerts.values()),
            link=self._memory.links.get(""),
            fleet=self._fleet,
        )

    def _voice(self, now: float) -> Voice:
        return Voice(self._memory, self._fleet, self._policy, is_quiet(self._quiet, now), now)

    def _acks(self, voice: Voice) -> None:
        for alert in tuple(self._memory.alerts.values()):
            ack = alert.ack
            if ack is None or voice.now < ack.until:
                continue
            climbing = None if alert.telling.climbing is None else voice.now
            telling = replace(alert.telling, climbing=climbing, steps=0)
            bare = replace(alert, ack=None, telling=telling)
            self._memory.changes.edges.append(state.edge(bare, EdgeKind.ACK_ENDED, voice.now, f"{ack.by}'s ran out"))
            self._memory.put(bare, voice.now)
            following.ack_over(voice, bare, ack)

    def _forget(self, now: float) -> None:
        for alert in tuple(self._memory.alerts.values()):
            if episodes.forgettable(alert, now):
                self._drop(alert)
        for group in self._memory.groups:
            if grouping.stale(group, now, self._policy):
                self._memory.groups.drop(group.key)


def _worst_first(alert: Alert) -> tuple[bool, bool, int, float, str]:
    return (
        not alert.active,
        alert.ack is not None,
        -alert.severity.rank,
        -(alert.fired or alert.since),
        alert.fingerprint,
    )
