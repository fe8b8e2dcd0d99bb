"""What is to be told to whom, until it is told: at least once, over restarts, in the order in which it happened.

    queued → leased (60 s) → sent
                           ↘ retry (5 s, 15 s, 45 s, 2 min, 5 min, then every 15 min) → … → dead
    held: its target is not configured any more · collapsed: told together with another one

All of it is kept in memory and written through. While the disk refuses, notices are delivered from memory all the same, and
`problem` says so; what could not be written is written as soon as possible. Source of all times: reference/alerts.md §3.13.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence

from msgspec.structs import replace

from backends.alerts.incidents import apart, episodes
from backends.alerts.model import Notice, NoticeKind
from backends.alerts.outbox_rules import LEASE_SECONDS, OPEN, after_failure, collapsed, is_due, lease_over
from backends.alerts.outbox_store import FINISHED, Delivery, OutboxStore
from backends.clock import Clock
from backends.errors import BadInput, SwarmError
from backends.states import Severity

KEPT_SECONDS = 90 * 86_400.0
"""How long the file remembers what became of a notice."""

OnProblem = Callable[[str, str, Severity], None]
"""Code, text and how bad it is; Severity.OK: it is well again."""


class Outbox:
    """Safe to use from many threads.

    Args:
        on_problem: told when the disk refuses, and when it takes everything again.
    """

    def __init__(
        self,
        store: OutboxStore,
        clock: Clock,
        *,
        on_problem: OnProblem | None = None,
    ):
        self._store, self._clock, self._on_problem = store, clock, on_problem
        self.wake: Callable[[str], None] = lambda name: None
        """Called when there is something new for a target, with its name."""
        self._lock = threading.RLock()
        self._rows: dict[tuple[str, str], Delivery] = {}
        self._dirty: dict[tuple[str, str], Delivery] = {}
        self._last, self._generation = 0, 0
        self._loaded = self._closed = False
        self._pruned = -KEPT_SECONDS
        self.problem = ""
        """Why what is here would not survive a restart; "" when it would."""
        self._load()

    # putting in

    def add(self, notice: Notice, targets: Sequence[str], separately: Collection[str] = ()) -> tuple[Delivery, ...]:
        """`put` for one notice."""
        return self.put([(notice, targets)], separately)

    def put(
        self, given: Iterable[tuple[Notice, Sequence[str]]], separately: Collection[str] = ()
    ) -> tuple[Delivery, ...]:
        """Put notices in for some targets each; durable when it returns, unless `problem` says otherwise.

        What was put in before under the same key for the same target is left as it is.

        Args:
            separately: targets that keep an incident for each alert (`incidents.keeps`).
        """
        with self._lock:
            made: list[Delivery] = []
            for notice, targets in given:
                for name in targets:
                    parts = apart(notice) if name in separately else (notice,)
                    made += [self._made(each, name) for each in parts if not self._known(each.key, name)]
            self._keep(made)
            self._collapse({each.target for each in made if each.notice.kind == NoticeKind.RESOLVED})
            found = tuple(self._rows.get((each.key, each.target), each) for each in made)
        for name in {each.target for each in made}:
            self.wake(name)
        return found

    def again(self, number: int, by: str) -> Delivery:
        """Send one that was given up, or that waits for its next attempt, at once. Raises BadInput: there is none of that number."""
        with self._lock:
            row = next((each for each in self._rows.values() if each.number == number), None)
            if row is None or row.state not in ("dead", "retry"):
                raise BadInput(f"nothing dead or waiting in the outbox has the number {number}", action="send it again")
            now = self._clock.now()
            row = replace(row, state="queued", due=now, created=now, attempts=0, by=by)
            self._keep([row])
        self.wake(row.target)
        return row

    # taking out

    def waiting(self, target: str) -> int:
        """How many notices could be told to a target now."""
        with self._lock:
            return len(self._ready(target))

    def take(self, target: str, most: int = 1) -> tuple[Delivery, ...]:
        """Lease what is to be told next, the worst first, but never an end before what it ends."""
        with self._lock:
            now = self._clock.now()
            chosen = self._ready(target)[:most]
            leased = [
                replace(each, state="leased", lease_until=now + LEASE_SECONDS, attempts=each.attempts + 1)
                for each in chosen
            ]
            self._keep(leased)
            return tuple(leased)

    def done(self, rows: Iterable[Delivery], seconds: float, note: str = "") -> None:
        """They were delivered; also when somebody finds out later than their lease lasted."""
        with self._lock:
            now = self._clock.now()
            told = [self._rows.get((each.key, each.target), each) for each in rows]
            into = told[0].key if len(told) > 1 else ""
            self._keep(
                replace(each, state="sent", sent=now, seconds=seconds, reason=note, into=into, lease_until=0.0)
                for each in told
                if each.state not in FINISHED
            )

    def failed(self, rows: Iterable[Delivery], seconds: float, reason: str) -> None:
        """They were not delivered, as far as anybody knows."""
        with self._lock:
            now = self._clock.now()
            still = [self._rows.get((each.key, each.target)) for each in rows]
            self._keep(after_failure(each, now, seconds, reason) for each in still if each and each.state == "leased")
            self._collapse({each.target for each in still if each})

    def seconds_to_next(self, target: str) -> float | None:
        """Until something may be told to a target; None when nothing waits."""
        with self._lock:
            now = self._clock.now()
            due = [each.due for each in self._rows.values() if each.target == target and each.state in OPEN]
            return max(0.0, min(due) - now) if due else None

    def tick(self) -> None:
        """To be called every few seconds: leases that have run out, and what could not be written yet."""
        with self._lock:
            now = self._clock.now()
            over = [each for each in self._rows.values() if each.state == "leased" and lease_over(each, now)]
            self._keep(
                after_failure(each, now, 0.0, "it is not known what became of the last attempt") for each in over
            )
            self._collapse({each.target for each in over})
            if not self._loaded:
                self._load()
            if self.problem or self._store.generation != self._generation:
                self._write()
            self._prune(now)

    def adopt(self, names: Collection[str]) -> None:
        """Say which targets there are: what waits for others is held, and goes on when they come back."""
        with self._lock:
            now = self._clock.now()
            gone = [
                each for each in self._rows.values() if each.target not in names and each.state in (*OPEN, "leased")
            ]
            back = [each for each in self._rows.values() if each.target in names and each.state == "held"]
            self._keep([replace(each, state="held", reason="its target is not configured any more") for each in gone])
            self._keep([replace(each, state="queued", due=now, reason="") for each in back])

    # looking

    def rows(self) -> tuple[Delivery, ...]:
        """What is not finished, oldest first."""
        with self._lock:
            return tuple(sorted(self._rows.values(), key=lambda each: each.number))

    def history(self, limit: int = 200, target: str = "") -> tuple[Delivery, ...]:
        """The newest, whatever became of them, newest first. Raises RetryLater: the disk does not give it."""
        with self._lock:
            return tuple(self._store.history(limit, target))

    def last_test(self, target: str) -> float | None:
        """When a target was last to be tested. Raises RetryLater."""
        prefix = f"test/{target}/"
        with self._lock:
            waiting = [each.created for place, each in self._dirty.items() if place[0].startswith(prefix)]
            return max([*waiting, *self._store.created(target, prefix)], default=None)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._write()

    # within the lock

    def _known(self, key: str, target: str) -> bool:
        if (key, target) in self._rows or (key, target) in self._dirty:
            return True
        try:
            return self._store.known(key, target)
        except SwarmError as error:  # rather told twice than not at all
            self._refused(error)
            return False

    def _made(self, notice: Notice, target: str) -> Delivery:
        now = self._clock.now()
        self._last = max(self._last + 1, int(now * 1e6))
        row = Delivery(number=self._last, key=notice.key, target=target, notice=notice, created=now, due=now)
        self._rows[(notice.key, target)] = row
        return row

    def _ready(self, target: str) -> list[Delivery]:
        now = self._clock.now()
        mine = sorted((each for each in self._rows.values() if each.target == target), key=lambda each: each.number)
        first: dict[tuple[str, int], int] = {}
        for each in mine:
            if each.state in (*OPEN, "leased"):
                for one in episodes(each.notice):
                    first.setdefault(one, each.number)
        ready = [
            each
            for each in mine
            if each.state in OPEN
            and is_due(each, now)
            and all(first[one] == each.number for one in episodes(each.notice))
        ]
        return sorted(ready, key=lambda each: (-each.notice.severity.rank, each.number))

    def _collapse(self, targets: Collection[str]) -> None:
        """Ends that wait together with what they end: both become one. All of them in one transaction."""
        changed: dict[tuple[str, str], Delivery] = {}
        for target in targets:
            waiting = [each for each in self._rows.values() if each.target == target and each.state in OPEN]
            for each in collapsed(waiting):
                changed[(each.key, each.target)] = each
        self._keep(changed.values())

    def _keep(self, changed: Iterable[Delivery]) -> None:
        """Take over changed rows, and write them with whatever could not be written before."""
        new = {(each.key, each.target): each for each in changed}
        self._dirty |= new
        self._rows |= new
        if self._dirty:
            self._write()
        for place, each in new.items():
            if each.state in FINISHED:
                del self._rows[place]

    def _write(self) -> None:
        try:
            self._store.save(self._dirty.values())
            if self._store.generation != self._generation:
                self._generation = self._store.generation
                self._say(
                    "outbox-damaged", f"the outbox was damaged; it was moved to {self._store.aside}", Severity.WARNING
                )
                self._store.save(self._rows.values())
        except SwarmError as error:
            self._refused(error)
            return
        finally:
            if self._closed:  # late news may come from a thread that was left behind
                self._store.close()
        self._dirty.clear()
        if self.problem and self._loaded:
            self.problem = ""
            self._say("outbox-recovered", "notices are written down again", Severity.OK)

    def _refused(self, error: SwarmError) -> None:
        if not self.problem:
            text = f"{error.message}; notices are delivered, but would not survive a restart"
            self._say("outbox-failed", text, Severity.CRITICAL)
        self.problem = error.message

    def _load(self) -> None:
        """Take over what the file holds; what came in meanwhile is newer."""
        try:
            found = self._store.unfinished()
            self._last = max(self._last, self._store.last_number())
        except SwarmError as error:
            self._refused(error)
            return
        self._rows = {**{(each.key, each.target): each for each in found}, **self._rows}
        self._loaded = True
        if self._store.unreadable:
            text = f"{self._store.unreadable} notices in the outbox cannot be read by this version"
            self._say("outbox-unreadable", text, Severity.WARNING)

    def _prune(self, now: float) -> None:
        if self._clock.monotonic() - self._pruned < 3600:
            return
        self._pruned = self._clock.monotonic()
        old = now - KEPT_SECONDS
        self._rows = {place: each for place, each in self._rows.items() if each.state != "dead" or each.created >= old}
        try:
            self._store.prune(old)
        except SwarmError as error:
            self._refused(error)

    def _say(self, code: str, text: str, severity: Severity) -> None:
        if self._on_problem is not None:
            self._on_problem(code, text, severity)
