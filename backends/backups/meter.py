"""Borg's events as progress that a person can read: counters, speed over the last seconds, and what is known of the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from backends.backups.borg.events import ArchiveProgress, Event, MessageProgress, PercentProgress
from backends.backups.model import Progress

WINDOW_SECONDS = 10.0
"""Speed is that of the last ten seconds: shorter jumps about with every large file, longer hides a stall."""

Forecast = Callable[[Progress, float], tuple[float | None, tuple[float, float] | None]]
"""(progress, seconds since the start) → (per cent, (soonest, latest) seconds to go), each None where it is not known."""


def unknown(progress: Progress, elapsed: float) -> tuple[float | None, tuple[float, float] | None]:
    """Without any history nothing is said about the end."""
    return None, None


class Meter:
    """Keeps the progress of one job. One thread."""

    def __init__(self, now: Callable[[], float], forecast: Forecast = unknown):
        self._now, self._forecast = now, forecast
        self._began = now()
        self._points: deque[tuple[float, int]] = deque()
        self.progress = Progress()

    def take(self, event: Event) -> bool:
        """Take an event; whether the progress changed."""
        match event:
            case ArchiveProgress(finished=False):
                self._counters(event)
            case PercentProgress(finished=False):
                self._percent(event)
            case MessageProgress(finished=False):
                self._set(phase=_phase(event.msgid) or event.message[:60])
            case _:
                return False
        return True

    def phase(self, phase: str) -> None:
        """Something begins of which Borg tells nothing."""
        self._set(phase=phase, path="", percent=None, eta_seconds=None)

    def bytes(self, count: int) -> None:
        """Original bytes so far, where Borg does not count (a stream that we feed)."""
        self._speed(count)

    def _counters(self, event: ArchiveProgress) -> None:
        self._set(
            phase=self.progress.phase if self.progress.phase == "extracting" else "reading",
            path=event.path,
            files=event.files,
            compressed_bytes=event.compressed_bytes,
            deduplicated_bytes=event.deduplicated_bytes,
        )
        if event.original_bytes is not None:
            self._speed(event.original_bytes)

    def _speed(self, count: int) -> None:
        now = self._now()
        self._points.append((now, count))
        while len(self._points) > 2 and now - self._points[0][0] > WINDOW_SECONDS:
            self._points.popleft()
        began, before = self._points[0]
        passed = now - began
        speed = (count - before) / passed if passed > 0 and count >= before else None
        self._set(original_bytes=count, bytes_per_second=speed if speed is not None else self.progress.bytes_per_second)
        percent, eta = self._forecast(self.progress, now - self._began)
        self._set(percent=percent, eta_seconds=eta)

    def _percent(self, event: PercentProgress) -> None:
        # `current` is printed before the step is done and counts from one
        done = None if event.current is None or not event.total else max(0, event.current - 1) / event.total
        percent = None if done is None else 100.0 * min(1.0, done)
        elapsed = self._now() - self._began
        eta = None if not percent or percent < 2 else (elapsed * (100 - percent) / percent,) * 2
        self._set(phase=_phase(event.msgid), percent=percent, eta_seconds=eta, path="")

    def _set(self, **values: object) -> None:
        self.progress = msgspec.structs.replace(self.progress, **values)


_PHASES = {
    "prune": "pruning",
    "repository.compact_segments": "compacting",
    "repository.check": "checking structure",
    "check.verify_data": "checking every byte",
    "check.rebuild_refcounts": "checking archives",
    "extract": "extracting",
    "extract.permissions": "setting modes",
    "cache.begin_transaction": "opening the cache",
    "cache.commit": "saving the cache",
    "cache.download_chunks": "reading the index",
    "cache.sync": "reading the index",
}


def _phase(msgid: str) -> str:
    return _PHASES.get(msgid, msgid.replace(".", " ").replace("_", " ")[:60])
