"""How an occurrence goes on: each host at its moment, once; the whole at once; and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence

from backends.clock import Clock
from backends.errors import Stop, SwarmError
from backends.schedule.actions import ActionKind
from backends.schedule.book import WHOLE, Book, Claim, Occurrence, State
from backends.schedule.due import Turn, expired, turn
from backends.schedule.owners import Owners
from backends.schedule.schedule import Schedule
from backends.schedule.views import Going
from backends.schedule.work import Standing, Work

AT_ONCE = {
    ActionKind.CHECK: 64,
    ActionKind.REFRESH: 8,
    ActionKind.SECURITY: 8,
    ActionKind.BACKUP: 8,
    ActionKind.DRILL: 2,
}
"""Hosts of one schedule that are at work."""
BUSY_SECONDS = 2.0
"""Hosts at work are looked at again after so long."""
CONNECT_SECONDS = 120.0
"""A plan of the fleet waits so long for hosts that are being connected."""
GIVEN_UP_SECONDS = 4 * 3600.0
"""What another engine began and tells nothing of for so long is given up."""
NAMED = 5
AWAY = "could not be reached, or was in a maintenance run"
LEFT = "left to the next time"
Ended = Callable[[Schedule, State, str], None]


class Steps:
    """Moves occurrences on. One thread at a time, but for `going`.

    Args:
        owners: which engine this is, and which others live.
        spawn: runs a body on a named thread.
        on_end: is told how an occurrence ended.
    """

    def __init__(
        self,
        book: Book,
        work: Work,
        clock: Clock,
        *,
        owners: Owners,
        spawn: Callable[[str, Callable[[], None]], object],
        on_end: Ended,
        on_bug: Callable[[Exception], None],
    ):
        self._book, self._work, self._clock, self._owners = book, work, clock, owners
        self._spawn, self._on_end, self._on_bug = spawn, on_end, on_bug
        self._going: dict[tuple[str, float], Going] = {}
        self._hurried: set[tuple[str, float]] = set()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped.set()

    def hurry(self, one: Occurrence) -> None:
        """Let its hosts not wait for their moments."""
        self._hurried.add((one.name, one.time))

    def going(self) -> tuple[tuple[str, Going], ...]:
        """Name → how far it is, of those that go on."""
        return tuple((name, going) for (name, _), going in sorted(self._going.copy().items()))

    def advance(self, one: Occurrence, known: Sequence[Schedule], now: float, who: str = "") -> float | None:
        """Begin what can be begun; epoch seconds of when to look again, None: at the loop's pace. Raises SwarmError."""
        if self._stopped.is_set():
            return None
        schedule = next((each for each in known if each.name == one.name), None)
        if schedule is None or not (schedule.enabled or one.manual):
            self._close(one, schedule, State.MISSED, "the schedule was taken away")
            return None
        try:
            hosts = self._work.hosts(schedule)
        except SwarmError as error:
            self._close(one, schedule, State.FAILED, error.message)
            return None
        if schedule.action.whole:
            return self._whole(one, schedule, hosts, now, who or f"schedule {one.name}")
        return self._each(one, schedule, hosts, now)

    # Host by host ------------------------------------------------------------------------------------------------

    def _each(self, one: Occurrence, schedule: Schedule, hosts: tuple[str, ...], now: float) -> float | None:
        claims = {host: claim for host, claim in self._book.claims(one.name, one.time).items() if host in hosts}
        ours, theirs, lost = self._open(schedule, claims, now)
        stands = self._work.standing(schedule, one, ours)
        self._settle(one, schedule, ours, stands, now)
        late = not one.manual and self._gives_up(one, schedule, now)
        room = 0 if late else AT_ONCE[schedule.action.kind] - len(stands.working)
        begun, there = claims.keys() - lost.keys(), self._work.reachable(hosts)
        spread = not (one.manual or (one.name, one.time) in self._hurried)
        found = turn(schedule, one.time, hosts, begun, lambda host: host in there, room, now, spread=spread)
        begins = tuple(host for host in found.begin if self._claim(one, host, lost.get(host), now))
        if begins:
            self._begin(one, schedule, begins, now)
        coming = now - one.began < CONNECT_SECONDS and self._work.connecting(found.away)
        self._going[one.name, one.time] = Going(
            time=one.time,
            working=len(stands.working) + len(begins) + len(theirs),
            waiting=len(found.waiting) + (len(found.away) if coming else 0),
            away=() if coming else found.away,
        )
        if found.begin or stands.working or theirs or coming:
            return now + BUSY_SECONDS
        if late or not (found.waiting or (found.away and not one.manual)):
            self._end(one, schedule, hosts, stands, found)
            return None
        return found.next

    def _open(
        self, schedule: Schedule, claims: Mapping[str, Claim], now: float
    ) -> tuple[dict[str, Claim], dict[str, Claim], dict[str, Claim]]:
        """Hosts that are not over: those that we can tell of, those of another engine that lives, and those whose engine
        died before it knew. Jobs are written down elsewhere, so that every engine can tell of them."""
        ours = {host: claim for host, claim in claims.items() if claim.ended is None}
        if not schedule.action.looks:
            return ours, {}, {}
        others = {host: claim for host, claim in ours.items() if claim.owner != self._owners.me}
        theirs = {host: claim for host, claim in others.items() if self._lives(claim, now)}
        lost = {host: claim for host, claim in others.items() if host not in theirs}
        return {host: claim for host, claim in ours.items() if host not in others}, theirs, lost

    def _settle(
        self, one: Occurrence, schedule: Schedule, ours: Mapping[str, Claim], stands: Standing, now: float
    ) -> None:
        """Write down the hosts that are over: what comes later on them, and a restart, changes nothing of that."""
        over = [host for host in ours if schedule.action.looks and host not in stands.working]
        if over:
            self._book.settle(one.name, one.time, {host: stands.failed.get(host, "") for host in over}, now)

    def _claim(self, one: Occurrence, host: str, lost: Claim | None, now: float) -> bool:
        if lost is not None:
            return self._book.reclaim(one.name, one.time, lost, self._owners.me, now)
        return self._book.claim(one.name, one.time, host, self._owners.me, now)

    def _begin(self, one: Occurrence, schedule: Schedule, hosts: Sequence[str], now: float) -> None:
        try:
            self._work.begin(schedule, one, hosts)
        except Stop:
            raise
        except SwarmError as error:
            self._book.settle(one.name, one.time, dict.fromkeys(hosts, error.message), now)

    def _gives_up(self, one: Occurrence, schedule: Schedule, now: float) -> bool:
        """Whether hosts that were not begun are left to the next time."""
        following = schedule.rule.next(one.time)
        return expired(schedule, one.time, now) or (following is not None and following <= now)

    def _end(self, one: Occurrence, schedule: Schedule, hosts: Collection[str], stands: Standing, found: Turn) -> None:
        claims, undone = self._book.claims(one.name, one.time), {*found.away, *found.waiting}
        over = {host: claim for host, claim in claims.items() if host in hosts and host not in undone}
        failed = dict(stands.failed) | {host: claim.error for host, claim in over.items() if claim.error}
        failed |= dict.fromkeys(found.away, AWAY) | dict.fromkeys(found.waiting, LEFT)
        total = len(over) + len(found.away) + len(found.waiting)
        more = self._work.ended(schedule, tuple(over), f"schedule {one.name}") if over else ""
        state = State.DONE if not failed else State.FAILED if len(failed) >= total else State.PARTLY
        self._close(one, schedule, state, _result(total, failed, more, one.missed))

    # All at once -------------------------------------------------------------------------------------------------

    def _whole(self, one: Occurrence, schedule: Schedule, hosts: tuple[str, ...], now: float, who: str) -> float | None:
        claim = self._book.claims(one.name, one.time).get(WHOLE)
        if claim is not None:
            if not self._lives(claim, now):
                text = f"the engine ended meanwhile; what became of it is not known: swarm-tui schedule run {one.name}"
                self._close(one, schedule, State.FAILED, text)
            return None
        there = self._work.reachable(hosts)
        ready = tuple(host for host in hosts if host in there)
        if hosts and now - one.began < CONNECT_SECONDS and self._work.connecting(hosts):
            self._going[one.name, one.time] = Going(time=one.time, waiting=len(hosts))
            return now + BUSY_SECONDS
        if hosts and not ready:
            self._going[one.name, one.time] = Going(time=one.time, away=hosts)
            if one.manual or self._gives_up(one, schedule, now):
                self._close(one, schedule, State.FAILED, "no host can be reached")
            return None
        if self._book.claim(one.name, one.time, WHOLE, self._owners.me, now):
            self._going[one.name, one.time] = Going(time=one.time, working=max(1, len(ready)))
            self._spawn(f"schedule {one.name}", lambda: self._do(one, schedule, ready, who))
        return None

    def _do(self, one: Occurrence, schedule: Schedule, hosts: Sequence[str], who: str) -> None:
        try:
            state, text = State.DONE, self._work.whole(schedule, hosts, who)
        except SwarmError as error:
            state, text = State.FAILED, error.message
        except Exception as error:  # noqa: BLE001 - the boundary of one occurrence: told, and the others go on
            self._on_bug(error)
            state, text = State.FAILED, f"internal error: {error!r}"
        try:
            self._close(one, schedule, state, text)
        except SwarmError as error:
            self._on_bug(error)

    def _lives(self, claim: Claim, now: float) -> bool:
        mine = claim.owner == self._owners.me
        return mine or (now - claim.began <= GIVEN_UP_SECONDS and self._owners.lives(claim.owner))

    def _close(self, one: Occurrence, schedule: Schedule | None, state: State, text: str) -> None:
        self._going.pop((one.name, one.time), None)
        self._hurried.discard((one.name, one.time))
        if self._book.close(one.name, one.time, state, self._clock.now(), text) and schedule is not None:
            self._on_end(schedule, state, text)


def _result(total: int, failed: Mapping[str, str], more: str, missed: int) -> str:
    good = total - len(failed)
    hosts = f"{total} host{'' if total == 1 else 's'}"
    parts = [hosts if not failed else f"{good} of {hosts}"]
    if failed:
        shown = [f"{host}: {why}" for host, why in sorted(failed.items())[:NAMED]]
        rest = len(failed) - len(shown)
        parts.append("; ".join(shown) + (f" and {rest} more" if rest else ""))
    parts += [more] if more else []
    parts += [f"{missed} before it were missed"] if missed else []
    return "; ".join(parts)
