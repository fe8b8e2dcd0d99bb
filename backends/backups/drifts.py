"""Drift as it is asked for: takes what is needed from hosts and archives, remembers it for a while, compares.

Why something could not be compared is part of the answer (`DriftReport.problem`), so that one host never spoils a fleet's.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from backends.backups import drift
from backends.backups.drift_matrix import matrix, values
from backends.backups.model import CONFIG, SECRETS, Archive
from backends.backups.snapshot_model import Snapshot
from backends.backups.views import DriftMatrix, DriftReport
from backends.clock import Clock, utc
from backends.errors import AskOperator, BadInput, RetryLater, SkipHost, SwarmError

KEEP_SECONDS = 300.0
"""A snapshot of a host this old is taken anew."""
MOST_HELD = 32
"""Snapshots that are held with their texts, of hosts and of archives each …"""
MOST_BYTES = 192 << 20
"""… as long as their texts are not more than this; the newest one is always held."""
CONCURRENT_HOSTS = 12
MATRIX_SECONDS = 240.0
"""For the snapshots of all hosts of a matrix; who has not answered is told as unknown."""

Key = TypeVar("Key")

LAST, PINNED = "last", "pinned"
"""What a host can be compared with, besides another host's name."""

Take = Callable[[str, str], Snapshot]
"""Host, kind → its snapshot now. Raises RetryLater, SkipHost, AskOperator."""
Stored = Callable[[Archive], Snapshot]
"""The snapshot in an archive. Raises RetryLater, AskOperator."""


class Shelf(Protocol):
    """What is needed of the catalog."""

    def archives(self, repository: str = "", set: str = "", host: str = "", gone: bool = False) -> tuple[Archive, ...]:
        """Newest first."""

    def pinned(self, host: str) -> Archive | None:
        """The baseline of `host`."""


class Drifts:
    """May be used from any thread; one host is asked once at a time."""

    def __init__(self, take: Take, stored: Stored, catalog: Shelf, clock: Clock, *, keep_seconds: float = KEEP_SECONDS):
        self._take, self._stored = take, stored
        self._catalog, self._clock, self._keep = catalog, clock, keep_seconds
        self._lock = threading.Lock()
        self._turns: dict[tuple[str, str], threading.Lock] = {}
        self._live: Held[tuple[str, str]] = Held()
        self._archived: Held[str] = Held()

    def report(self, host: str, against: str = LAST, *, kind: str = CONFIG, fresh: bool = False) -> DriftReport:
        """How `host` differs now.

        Args:
            host: in the inventory.
            against: LAST (its newest snapshot in a repository), PINNED (its baseline), or another host's name.
            kind: "config" or "secrets" (these are only told to differ, never shown).
            fresh: ask the host even when its last answer is young.
        """
        try:
            taken, after = self._now(host, kind, fresh)
            before, words = self._other(host, against, kind, fresh)
        except SwarmError as error:
            hint = f"; {error.hint}" if error.hint else ""
            text = f"{error.message}{hint}"
            return DriftReport(host=host, against=against, time=self._clock.now(), entries=(), problem=text)
        return drift.compare(before, after, against=words, time=taken, host=host, peers=against not in (LAST, PINNED))

    def since(self, host: str, archive: Archive) -> DriftReport:
        """How `host` differs now from that snapshot of it; the host is asked anew. Raises SwarmError where a side is missing."""
        taken, after = self._now(host, archive.set, fresh=True)
        words = f"the snapshot of {_moment(archive)}"
        return drift.compare(self._of_archive(archive), after, against=words, time=taken, host=host)

    def diff(self, host: str, path: str, against: str = LAST, *, mask: bool = True) -> str:
        """The lines of one file or fact that differ, as `diff -u` shows them; "" when none does.

        Raises:
            BadInput: no such path, or its text was not kept.
            RetryLater, SkipHost, AskOperator: a side cannot be had.
        """
        _, after = self._now(host, CONFIG, fresh=False)
        before, _ = self._other(host, against, CONFIG, fresh=False)
        return drift.unified(before, after, path, mask=mask)

    def matrix(self, hosts: Sequence[str], *, fresh: bool = False) -> DriftMatrix:
        """Hosts × facts; hosts are asked side by side, and one that does not answer is told as unknown."""
        found: dict[str, Mapping[str, str] | str] = dict.fromkeys(hosts, "no answer in time")
        waiting = list(found)
        done, closed = threading.Event(), threading.Event()
        left = len(waiting)

        def work() -> None:
            nonlocal left
            while not closed.is_set():
                with self._lock:
                    host = waiting.pop(0) if waiting else None
                if host is None:
                    return
                answer = self._values(host, fresh)
                with self._lock:
                    if not closed.is_set():
                        found[host] = answer
                    left -= 1
                    if left == 0:
                        done.set()

        for index in range(min(CONCURRENT_HOSTS, left)):
            threading.Thread(target=work, name=f"drift-{index}", daemon=True).start()
        if left:
            done.wait(MATRIX_SECONDS)
        with self._lock:
            closed.set()
        return matrix(found)

    def forget(self, host: str) -> None:
        """Something on `host` was changed: ask it anew next time."""
        for kind in (CONFIG, SECRETS):
            self._live.drop((host, kind))

    def _values(self, host: str, fresh: bool) -> Mapping[str, str] | str:
        try:
            return values(self._now(host, CONFIG, fresh)[1])
        except SwarmError as error:
            return error.message
        except Exception as error:  # noqa: BLE001 - the boundary of one host's thread: told, and no other host's matter
            return f"internal error: {error!r}"

    def _now(self, host: str, kind: str, fresh: bool) -> tuple[float, Snapshot]:
        """(when, the snapshot) of a host; while it is being asked, others wait for the same answer."""
        key = (host, kind)
        asked = self._clock.monotonic()
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            known = self._known(key)
            if known is not None and (not fresh or known[0] >= asked):
                return self._wall(known[0]), known[1]
            began = self._clock.monotonic()
            snapshot = self._take(host, kind)
            self._live.put(key, snapshot, began)
            return self._wall(began), snapshot

    def _known(self, key: tuple[str, str]) -> tuple[float, Snapshot] | None:
        known = self._live.get(key)
        return known if known is not None and self._clock.monotonic() - known[0] < self._keep else None

    def _wall(self, monotonic: float) -> float:
        return self._clock.now() - (self._clock.monotonic() - monotonic)

    def _other(self, host: str, against: str, kind: str, fresh: bool) -> tuple[Snapshot, str]:
        """(what is compared with, in words)."""
        if against == PINNED:
            archive = self._catalog.pinned(host) if kind == CONFIG else None
            if archive is None:
                raise BadInput("no baseline is pinned", host=host, hint="pin a snapshot that is as it should be")
            return self._of_archive(archive), f"the pinned baseline of {_moment(archive)}"
        if against == LAST:
            return self._newest(host, kind)
        taken, snapshot = self._now(against, kind, fresh)
        return snapshot, f"{against} {utc(taken):%Y-%m-%d %H:%M} UTC"

    def _newest(self, host: str, kind: str) -> tuple[Snapshot, str]:
        """The newest snapshot of a repository that can be read, the repository with the newest one first."""
        newest: dict[str, Archive] = {}
        for archive in self._catalog.archives(set=kind, host=host):
            if not archive.name.endswith(".checkpoint"):
                newest.setdefault(archive.repository, archive)
        problem: SwarmError = BadInput(
            f"no snapshot of {kind} is in a repository yet", host=host, hint=f"back up the set {kind} first"
        )
        for archive in newest.values():
            try:
                return self._of_archive(archive), f"the snapshot of {_moment(archive)}"
            except (RetryLater, AskOperator, SkipHost) as error:
                problem = error
        raise problem

    def _of_archive(self, archive: Archive) -> Snapshot:
        known = self._archived.get(archive.id)
        if known is None:
            known = (0.0, self._stored(archive))
            self._archived.put(archive.id, known[1], 0.0)
        return known[1]


class Held(Generic[Key]):
    """Snapshots by key with a time, the newest few of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[float, Snapshot]] = OrderedDict()

    def get(self, key: Key) -> tuple[float, Snapshot] | None:
        with self._lock:
            return self._kept.get(key)

    def put(self, key: Key, snapshot: Snapshot, time: float) -> None:
        with self._lock:
            self._kept[key] = (time, snapshot)
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and (len(self._kept) > MOST_HELD or self._bytes() > MOST_BYTES):
                self._kept.popitem(last=False)

    def drop(self, key: Key) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def _bytes(self) -> int:
        return sum(snapshot.text_bytes for _, snapshot in self._kept.values())


def _moment(archive: Archive) -> str:
    return f"{utc(archive.start):%Y-%m-%d %H:%M} UTC"
