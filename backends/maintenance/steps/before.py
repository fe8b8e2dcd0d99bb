"""The look before: a host whose run ends in a health gate is looked at before its first step touches it.

When that was is written down for each run, so that the gate compares with that moment, whoever died in between.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

import msgspec

from backends import decoding, paths
from backends.checks.health_views import HostHealth
from backends.errors import RetryLater, Stop
from backends.maintenance.model import StepKind
from backends.maintenance.worker import Look, Place, Worker

PATIENCE_SECONDS = 60.0
"""A host that cannot be looked at within this is begun all the same; its gate then asks somebody."""
WRITTEN_SECONDS = 1.0
"""A look stands in the history a moment after it was taken; no step changes anything so soon."""


class Looking(Protocol):
    """The health checks of the engine, as far as this needs them."""

    def run(self, host: str) -> None:
        """Look at it now; nothing when somebody does already."""

    def row(self, host: str) -> HostHealth:
        """How it stands."""

    def now(self) -> float:
        """Epoch seconds."""


class Befores:
    """When each host of a run was looked at before it was touched: one small file a run. Any thread may call."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, float]] = {}

    def of(self, run: str, host: str) -> float | None:
        """Epoch seconds; None: it was not."""
        with self._lock:
            return self._loaded(run).get(host)

    def keep(self, run: str, host: str, time: float) -> None:
        """Write it down, unless it is. Raises RetryLater: the disk refuses."""
        with self._lock:
            known = self._loaded(run)
            if host in known:
                return
            try:
                paths.write_atomic(self._file(run), msgspec.json.encode({**known, host: time}))
            except OSError as error:
                raise RetryLater(f"the look before cannot be written down: {error.strerror}", host=host) from error
            known[host] = time

    def _loaded(self, run: str) -> dict[str, float]:
        if run not in self._known:
            self._known[run] = _read(self._file(run))
        return self._known[run]

    def _file(self, run: str) -> Path:
        if not run or not all(letter.isalnum() or letter in "-_" for letter in run):
            raise Stop(f"not a run id: {run[:80]!r}", action="write down the look before")
        return self._folder / f"{run}.before.json"


class BeforeWorker:
    """Does what another worker does, once the host was looked at."""

    def __init__(self, worker: Worker, looks: Looking, befores: Befores):
        self._worker, self._looks, self._befores = worker, looks, befores
        self._lock = threading.Lock()
        self._asked: dict[str, float] = {}

    def begin(self, place: Place) -> str:
        """As the other one. Raises RetryLater while the host is looked at."""
        if place.number == 0 and any(step.kind is StepKind.CHECK for step in place.run.steps):
            self._look_first(place)
        return self._worker.begin(place)

    def look(self, place: Place, token: str) -> Look:
        """As the other one."""
        return self._worker.look(place, token)

    def output(self, place: Place, token: str) -> str:
        """As the other one."""
        return self._worker.output(place, token)

    def _look_first(self, place: Place) -> None:
        host, now = place.host.host, self._looks.now()
        if self._befores.of(place.run.id, host) is not None:
            return
        with self._lock:
            asked = self._asked.setdefault(place.key, now)
        row = self._looks.row(host)
        if row.time is not None and row.time >= asked:
            self._befores.keep(place.run.id, host, row.time + WRITTEN_SECONDS)
            return
        if now - asked >= PATIENCE_SECONDS:
            return
        if not row.busy:
            self._looks.run(host)
        raise RetryLater("is looked at before it is touched", host=host, action=place.step.text)


def _read(file: Path) -> dict[str, float]:
    """What is there; nothing where it is missing or damaged: the gate then falls back on what the history says."""
    try:
        return decoding.json(file.read_bytes(), type=dict[str, float])
    except (OSError, msgspec.MsgspecError):
        return {}
