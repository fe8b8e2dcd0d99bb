"""The newest inventory of every host, refreshed side by side without changing a package; what was first seen when.

A host that hangs holds one thread of a bounded pool and nobody else. A failed refresh keeps the old inventory, with its age
and the reason, instead of showing nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from backends import decoding, paths
from backends.clock import Clock
from backends.errors import SwarmError
from backends.execution import Exec
from backends.metrics.sample import Record
from backends.updates.base import Manager
from backends.updates.model import Change, Inventory
from backends.updates.workers import Workers, wait

CONCURRENT_HOSTS = 32
REFRESH_SECONDS = 600.0
"""For the package lists of one host; mirrors are slow."""
MOST_SEEN = 200_000
"""Candidates whose first sighting is remembered; the oldest go first."""

FindManager = Callable[[Exec], Manager]


class HostUpdates(Record, frozen=True, kw_only=True):
    """What is known about one host's updates."""

    host: str
    inventory: Inventory | None = None
    error: str = ""
    """Why the newest try failed; the inventory is then the last good one."""
    hint: str = ""
    problems: tuple[str, ...] = ()
    """What went wrong while renewing the package lists (dead mirror, missing key …)."""
    tried: float | None = None
    """Epoch seconds of the newest try."""
    busy: bool = False


class Inventories:
    """The inventories of a fleet. Every method may be called from any thread."""

    def __init__(
        self,
        ways: Callable[[str], Exec],
        find: FindManager,
        clock: Clock,
        *,
        folder: Path | None,
        on_change: Callable[[str], None],
        on_bug: Callable[[str, Exception], None],
        add: Callable[[Exec, Inventory], Inventory],
    ):
        self._ways, self._find, self._clock = ways, find, clock
        self._on_change, self._on_bug, self._add = on_change, on_bug, add
        self._lock = threading.Lock()
        self._known: dict[str, HostUpdates] = {}
        self._versions: dict[str, int] = {}
        self._version = 0
        self._seen = FirstSeen(folder / "first-seen.json" if folder else None)
        self._workers = Workers(CONCURRENT_HOSTS, "updates")
        self._ends: dict[str, threading.Event] = {}
        self._again: dict[str, bool] = {}
        """Hosts that must be asked once more when the present answer is there → whether after renewing their lists."""
        self._renewing: set[str] = set()

    @property
    def version(self) -> int:
        """Rises with every change."""
        return self._version

    def of(self, host: str) -> HostUpdates:
        """What is known about `host`; an empty one when it was never asked."""
        with self._lock:
            return self._known.get(host) or HostUpdates(host=host)

    def all(self, hosts: Iterable[str]) -> tuple[HostUpdates, ...]:
        """As `of`, for many."""
        return tuple(self.of(host) for host in hosts)

    def busy(self) -> tuple[str, ...]:
        """Hosts being asked now."""
        with self._lock:
            return tuple(host for host, state in self._known.items() if state.busy)

    def keep(self, hosts: Iterable[str]) -> None:
        """Forget every other host."""
        wanted = set(hosts)
        with self._lock:
            for name in [name for name in self._known if name not in wanted]:
                del self._known[name]

    def refresh(self, hosts: Sequence[str], *, lists: bool) -> tuple[threading.Event, ...]:
        """Ask these hosts, each beside the others; `lists` renews their package lists first (needs root).

        Returns an event for each host, set when its answer is there. A host that is being asked is asked again only
        when its lists are to be renewed and are not being renewed already.
        """
        return tuple(self._begin(host, lists) for host in hosts)

    def renew(self, host: str) -> None:
        """Something was changed on `host`: ask it anew, and once more when an answer from before is under way."""
        self._begin(host, lists=False, changed=True)

    def _begin(self, host: str, lists: bool, *, changed: bool = False) -> threading.Event:
        with self._lock:
            running = self._ends.get(host)
            if running is not None and not running.is_set():
                if changed or (lists and host not in self._renewing):
                    self._again[host] = lists or self._again.get(host, False)
                return running
            ended = self._ends[host] = threading.Event()
            self._renewing |= {host} if lists else set()
        self._put(host, busy=True)
        self._workers.do(lambda: self._refresh(host, lists, ended))
        return ended

    def stop(self) -> None:
        """Begin nothing more; threads that wait for a host are left to their deadlines."""
        self._workers.stop()
        self._seen.save()

    def recent(self, host: str, age_seconds: float, wait_seconds: float) -> HostUpdates:
        """What is known about `host`, after the answer that is under way, or a new one where the last is older."""
        with self._lock:
            ended = self._ends.get(host)
        known = self.of(host).inventory
        old = known is None or self.of(host).error != "" or self._clock.now() - known.taken > age_seconds
        if ended is None or (ended.is_set() and old):
            (ended,) = self.refresh([host], lists=False)
        wait([ended], wait_seconds)
        return self.of(host)

    def _refresh(self, host: str, lists: bool, ended: threading.Event) -> None:
        self._try(host, lists)
        while (again := self._once_more(host, ended)) is not None:
            self._put(host, busy=True)
            self._try(host, again)

    def _once_more(self, host: str, ended: threading.Event) -> bool | None:
        """Whether with new lists; None: this was the end, for everybody who waits."""
        with self._lock:
            self._renewing.discard(host)
            again = self._again.pop(host, None)
            if again is None:
                ended.set()
            elif again:
                self._renewing.add(host)
            return again

    def _try(self, host: str, lists: bool) -> None:
        try:
            problems, inventory = self._ask(self._ways(host), lists)
            self._put(host, inventory=inventory, problems=problems, error="", hint="")
        except SwarmError as error:
            self._put(host, error=error.message, hint=error.hint or "")
        except Exception as error:  # noqa: BLE001 - the boundary of one host's refresh: told, and no other host's matter
            self._on_bug(host, error)
            self._put(host, error=f"internal error: {error!r}", hint="the engine log has the traceback")
        finally:
            self._put(host, busy=False, tried=self._clock.now())
            self._seen.save_soon()

    def _ask(self, host: Exec, lists: bool) -> tuple[tuple[str, ...], Inventory]:
        manager = self._find(host)
        problems: tuple[str, ...] = ()
        if lists:
            result = host.run(manager.refresh_argv(), timeout_seconds=REFRESH_SECONDS)
            problems = manager.judge_refresh(result)
        inventory = self._add(host, manager.inventory(host, self._clock.now()))
        return problems, msgspec.structs.replace(inventory, changes=self._dated(inventory))

    def _dated(self, inventory: Inventory) -> tuple[Change, ...]:
        """The changes with the time at which each candidate was first seen anywhere in the fleet."""
        return tuple(
            msgspec.structs.replace(change, first_seen=self._seen.of(inventory, change, inventory.taken))
            for change in inventory.changes
        )

    def _put(self, host: str, **values: object) -> None:
        with self._lock:
            before = self._known.get(host) or HostUpdates(host=host)
            self._known[host] = msgspec.structs.replace(before, **values)
            self._version += 1
        self._on_change(host)


class FirstSeen:
    """When each candidate version was first seen: the approval delay counts from there."""

    def __init__(self, file: Path | None):
        self._file, self._lock = file, threading.Lock()
        self._times: dict[str, float] = _load(file)
        self._dirty = 0

    def of(self, inventory: Inventory, change: Change, now: float) -> float:
        """Epoch seconds; `now` when it is new."""
        key = f"{inventory.manager} {change.name} {change.candidate}"
        with self._lock:
            if key not in self._times:
                self._times[key] = now
                self._dirty += 1
            return self._times[key]

    def save_soon(self) -> None:
        """Write when there is something new."""
        if self._dirty:
            self.save()

    def save(self) -> None:
        """Write what is known; without a file it lives as long as the engine."""
        with self._lock:
            newest = sorted(self._times.items(), key=lambda item: -item[1])[:MOST_SEEN]
            self._times, self._dirty = dict(newest), 0
            data = msgspec.json.encode(self._times)
        if self._file is not None and self._times:
            paths.write_atomic(self._file, data)


def _load(file: Path | None) -> dict[str, float]:
    """A file that is missing or damaged only makes candidates look new: a delay gets longer, never shorter."""
    if file is None or not file.exists():
        return {}
    try:
        return decoding.json(file.read_bytes(), type=dict[str, float])
    except (msgspec.MsgspecError, OSError):
        return {}
