"""The kit's probe on one host: its stream in, its control lines out, without ever making a caller wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache

from backends.clock import Clock
from backends.hostkit.events import GpuFound, KitEvent
from backends.hostkit.gpu_bundle import gpu_payload
from backends.hostkit.reader import KitReader
from backends.hostkit.travel import Become, Launch, probe_launch
from backends.ssh.session import Command, Session

START_SECONDS = 15.0
FLOOD_BYTES_PER_SECOND = 2 << 20
"""A 64-core, 8-GPU host sends about 5 KB a second; what sends this much is not a probe."""
OUTBOX_BYTES = 1 << 20


@lru_cache(maxsize=8)
def _launch(interval_seconds: float, become: Become) -> Launch:
    """Packed once, not for every host: compressing takes 5 ms, twice what a login costs."""
    return probe_launch(interval_seconds=interval_seconds, become=become)


class Probe:
    """One run of the probe. `on_events` and `on_end` are called in the transport's thread."""

    def __init__(
        self,
        *,
        clock: Clock,
        on_events: Callable[[Sequence[KitEvent]], None],
        on_end: Callable[[], None],
        on_flood: Callable[[], None],
    ):
        self._clock = clock
        self._reader = KitReader(clock.now, clock.monotonic)
        self._on_events = on_events
        self._on_end = on_end
        self._on_flood = on_flood
        self._turn = threading.Lock()
        self._outbox = bytearray()
        self._command: Command | None = None
        self._interval = 1.0
        self._window_start = clock.monotonic()
        self._window_bytes = 0
        self._flooding = False

    def start(self, session: Session, interval_seconds: float, become: Become) -> None:
        """Send the program; returns when it is on its way. Raises RetryLater."""
        self._interval = interval_seconds
        launch = _launch(interval_seconds, become)
        self._command = session.start(
            launch.command,
            on_out=self._receive,
            on_err=self._receive,
            on_end=self._ended,
            timeout_seconds=START_SECONDS,
        )
        # a shell that ends at once (no python3) closes its input; its output says why
        try:
            self._command.send(launch.payload, START_SECONDS)
        except (OSError, EOFError):
            return

    @property
    def ready(self) -> bool:
        """True once the kit has spoken."""
        return self._reader.ready

    @property
    def waiting(self) -> bool:
        """Whether control lines wait to be written."""
        return bool(self._outbox)

    def interval(self, seconds: float) -> None:
        """Sample every `seconds` from now on."""
        self._interval = seconds
        self._post(self._reader.interval(seconds))

    def poll(self) -> None:
        """Sample now."""
        self._post(self._reader.poll())

    def focus(self, watched: bool) -> None:
        """Somebody looks at this host, or no longer."""
        self._post(self._reader.focus(watched))

    def ping(self) -> None:
        """Measure round trip and clock offset. Called by the watchdog only, right before `flush`."""
        if self._command and self._reader.ready and not self._outbox:
            with self._turn:
                line = self._reader.ping()
            self._command.try_send(line)

    def flush(self) -> None:
        """Write what waits, as far as that needs no waiting. Called by the watchdog only."""
        command = self._command
        while command and self._outbox:
            with self._turn:
                piece = bytes(self._outbox[:16384])
            taken = command.try_send(piece)
            with self._turn:
                del self._outbox[:taken]
            if not taken:
                return

    def close(self) -> None:
        """End it: the probe on the host ends when its input does."""
        if self._command:
            self._command.close()

    def _post(self, data: bytes) -> None:
        with self._turn:
            if len(self._outbox) + len(data) <= OUTBOX_BYTES:
                self._outbox += data

    def _receive(self, data: bytes) -> None:
        if self._flooded(len(data)):
            return
        with self._turn:
            events = self._reader.feed(data)
        for event in events:
            if isinstance(event, GpuFound):
                self._post(self._reader.gpu(gpu_payload(event.vendor, self._interval)))
        if events:
            self._on_events(events)

    def _flooded(self, size: int) -> bool:
        now = self._clock.monotonic()
        if now - self._window_start >= 1.0:
            self._window_start, self._window_bytes = now, 0
        self._window_bytes += size
        if self._window_bytes > FLOOD_BYTES_PER_SECOND and not self._flooding:
            self._flooding = True
            self._on_flood()
        return self._flooding

    def _ended(self) -> None:
        with self._turn:
            events = self._reader.closed()
        if events:
            self._on_events(events)
        self._on_end()
