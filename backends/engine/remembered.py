"""What the alerts must know of hosts from before this engine: which boot it was, and since when a reboot is owed.

One small file, written whole whenever it changes, which is rarely: hosts reboot seldom.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from backends import decoding, paths
from backends.alerts.subjects import Boot
from backends.clock import Clock
from backends.errors import SwarmError
from backends.metrics.sample import Record

KEPT_SECONDS = 86_400.0
"""Boots are looked at for a day (`subjects.Subject.boots`)."""
MOST_BOOTS = 20

Planned = Callable[[str], bool]
"""Whether a reboot of a host is ours: ordered from here, or within its maintenance."""


class HostMemory(Record, frozen=True, kw_only=True):
    """One host."""

    boot_id: str = ""
    boots: tuple[Boot, ...] = ()
    reboot_since: float | None = None
    """When a reboot was first found to be required."""


class Remembered:
    """Calls may come from any thread."""

    def __init__(self, file: Path | None, clock: Clock, planned: Planned, on_problem: Callable[[str], None]):
        """`file` None: nothing outlives the engine. `on_problem` is told once when it cannot be written."""
        self._file, self._clock, self._planned, self._on_problem = file, clock, planned, on_problem
        self._lock = threading.Lock()
        self._hosts = _load(file)
        self._failed = False

    def booted(self, host: str, boot_id: str, uptime_seconds: float | None) -> None:
        """The host says which boot it is; another one than before is a reboot, even if nobody was looking."""
        with self._lock:
            known = self._hosts.get(host, HostMemory())
            if not boot_id or known.boot_id == boot_id:
                return
            boots = known.boots
            if known.boot_id:
                now = self._clock.now()
                time = now - uptime_seconds if uptime_seconds is not None else now
                boots = (*boots, Boot(time=time, boot_id=boot_id, planned=self._planned(host), noticed=now))
            self._hosts[host] = replace(known, boot_id=boot_id, boots=boots[-MOST_BOOTS:])
            self._save()

    def boots(self, host: str) -> tuple[Boot, ...]:
        """Of the last day."""
        known = self._hosts.get(host)
        if known is None or not known.boots:
            return ()
        oldest = self._clock.now() - KEPT_SECONDS
        return tuple(boot for boot in known.boots if max(boot.time, boot.noticed) > oldest)

    def owed(self, host: str, needed: bool | None) -> float | None:
        """Since when a reboot is required; None when it is not, or not known. `needed` None changes nothing."""
        with self._lock:
            known = self._hosts.get(host, HostMemory())
            if needed is None or needed == (known.reboot_since is not None):
                return known.reboot_since
            since = self._clock.now() if needed else None
            self._hosts[host] = replace(known, reboot_since=since)
            self._save()
            return since

    def keep(self, hosts: Iterable[str]) -> None:
        """Forget every other host."""
        wanted = set(hosts)
        with self._lock:
            gone = [name for name in self._hosts if name not in wanted]
            for name in gone:
                del self._hosts[name]
            if gone:
                self._save()

    def _save(self) -> None:
        if self._file is None:
            return
        try:
            paths.write_atomic(self._file, msgspec.json.encode(self._hosts))
            self._failed = False
        except (SwarmError, OSError) as error:
            if not self._failed:
                self._failed = True
                self._on_problem(f"which boot each host is in would not survive this engine: {error}")


def _load(file: Path | None) -> dict[str, HostMemory]:
    """A file that is missing or damaged means that nothing is known: no reboot is invented by it."""
    try:
        return decoding.json(file.read_bytes(), type=dict[str, HostMemory]) if file is not None else {}
    except (msgspec.MsgspecError, OSError):
        return {}
