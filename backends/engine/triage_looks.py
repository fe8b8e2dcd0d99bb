"""Looks at hosts: never two at one host at a time, so that a stuck nvidia-smi is not asked a second time meanwhile.

Whoever wants a host that is being looked at already gets that look. A look that still waits for its turn behind captures
is begun at once when a person asks for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from backends.clock import Clock
from backends.errors import RetryLater, Stop, SwarmError
from backends.triage.model import Bundle
from backends.triage.views import Outcome, bare
from backends.updates.workers import Workers

Ask = Callable[[str, str], Bundle]
"""host, reason → its bundle; takes 15 s at most. Raises SwarmError."""
Keep = Callable[[Bundle], tuple[int, str]]
"""→ number, and why it is not on disk."""


class Look:
    """One triage of one host, under way or over."""

    def __init__(self, host: str, reason: str, actor: str, captured: bool = False):
        self.host, self.reason, self.actor, self.captured = host, reason, actor, captured
        self.ended = threading.Event()
        self._began: tuple[float, float] | None = None
        """Wall and monotonic time when the host was asked."""
        self._outcome: Outcome | None = None

    @property
    def waits(self) -> bool:
        """Whether nothing was asked of the host yet."""
        return self._began is None and self._outcome is None

    def begin(self, clock: Clock) -> None:
        """It is asked now."""
        self._began = clock.now(), clock.monotonic()

    def end(self, outcome: Outcome) -> None:
        """What came of it."""
        self._outcome = outcome
        self.ended.set()

    def outcome(self, clock: Clock) -> Outcome:
        """As it stands now."""
        if self._outcome is not None:
            return self._outcome
        if self._began is None:
            return Outcome(host=self.host)
        wall, began = self._began
        return Outcome(host=self.host, standing="asking", asked=wall, seconds=round(clock.monotonic() - began, 3))


class Looks:
    """All that go on. `on_end(look, outcome)` is told of each that ends, before whoever waits for it."""

    def __init__(
        self,
        ask: Ask,
        keep: Keep,
        clock: Clock,
        *,
        on_end: Callable[[Look, Outcome], None],
        on_bug: Callable[[str, Exception], None],
    ):
        self._ask, self._keep, self._clock = ask, keep, clock
        self._on_end, self._on_bug = on_end, on_bug
        self._lock = threading.Lock()
        self._going: dict[str, Look] = {}
        self._stopped = False

    def begin(self, look: Look, workers: Workers) -> Look:
        """Begin `look`, or give the one at that host that goes on already.

        Raises:
            RetryLater: the engine ends.
        """
        with self._lock:
            if self._stopped:
                raise RetryLater("the engine is ending", host=look.host, action="triage")
            known = self._going.setdefault(look.host, look)
        if known is look or known.waits:
            workers.do(lambda: self._work(known))
        return known

    def going(self) -> tuple[str, ...]:
        """Hosts that are looked at, or wait for it."""
        with self._lock:
            return tuple(self._going)

    def captures(self) -> int:
        """How many of them are captures."""
        with self._lock:
            return sum(look.captured for look in self._going.values())

    def stop(self) -> None:
        """Begin nothing more; whoever waits for one that was not begun is told."""
        with self._lock:
            self._stopped = True
            waiting = [look for look in self._going.values() if look.waits]
            for look in waiting:
                del self._going[look.host]
        for look in waiting:
            look.end(Outcome(host=look.host, standing="failed", error="the engine is ending"))

    def _work(self, look: Look) -> None:
        if not self._claim(look):
            return
        began = self._clock.monotonic()
        try:
            outcome = self._made(look)
        except SwarmError as error:
            outcome = self._failed(look, error, began)
        except Exception as error:  # noqa: BLE001 - the boundary of one host: told, and no other host's matter
            self._on_bug(look.host, error)
            bug = Stop(f"internal error: {error!r}", hint="the engine log has the traceback")
            outcome = self._failed(look, bug, began)
        with self._lock:
            self._going.pop(look.host, None)
            stopped = self._stopped
        try:
            if not stopped:
                self._on_end(look, outcome)
        finally:
            look.end(outcome)

    def _claim(self, look: Look) -> bool:
        """It may be in two queues, and is worked on once."""
        with self._lock:
            if self._stopped or not look.waits or self._going.get(look.host) is not look:
                return False
            look.begin(self._clock)
            return True

    def _made(self, look: Look) -> Outcome:
        asked = self._clock.now()
        bundle = self._ask(look.host, look.reason)
        number, why = self._keep(bundle)
        return Outcome(
            host=look.host,
            standing="done",
            asked=asked,
            seconds=bundle.seconds,
            number=number,
            bundle=bare(bundle),
            kept=why,
        )

    def _failed(self, look: Look, error: SwarmError, began: float) -> Outcome:
        return Outcome(
            host=look.host,
            standing="failed",
            asked=self._clock.now(),
            seconds=round(self._clock.monotonic() - began, 3),
            error=error.message,
            hint=error.hint or "",
        )
