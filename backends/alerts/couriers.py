"""One thread for each target that carries what is in the outbox to it. None of them waits for another, and nobody for them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from backends.alerts import rate
from backends.alerts.body import Message, compose, digest
from backends.alerts.channel import Sent
from backends.alerts.incidents import Action, action_of, dedup_key, keeps
from backends.alerts.outbox import Outbox
from backends.alerts.outbox_store import Delivery
from backends.alerts.sending import Sender
from backends.alerts.target_health import TargetState, observed
from backends.alerts.targets import Target
from backends.clock import Clock
from backends.states import Severity

DIGEST_NOTICES = 200
"""Told together at most."""
IDLE_SECONDS = 5.0
"""How long a courier sleeps at most: leases run out meanwhile."""
_log = logging.getLogger(__name__)


class Sends(Protocol):
    """What carries one message. Implemented by `sending.Sender`."""

    @property
    def place(self) -> str:
        """Scheme and machine, once known."""

    def send(
        self,
        title: str,
        body: str,
        severity: Severity,
        dedup: str = "",
        action: Action = "",
        late: Callable[[Sent], None] | None = None,
    ) -> Sent:
        """See `Sender.send`. Never raises."""


class Courier:
    """Carries to one target. `step` is for one thread at a time, everything else for any."""

    def __init__(self, target: Target, sender: Sends, outbox: Outbox, clock: Clock):
        self.target = target
        self._sender, self._outbox, self._clock = sender, outbox, clock
        self._bucket = rate.Bucket(time=clock.monotonic())
        self._alone = keeps(target)
        self._guard = threading.Lock()
        self._state = TargetState(name=target.name, failing_since=_failing_since(outbox, target.name))

    @property
    def state(self) -> TargetState:
        rows = [each for each in self._outbox.rows() if each.target == self.target.name]
        return replace(
            self._state,
            place=self._sender.place,
            waiting=sum(each.state != "dead" for each in rows),
            dead=sum(each.state == "dead" for each in rows),
            tokens=rate.filled(self._bucket, self._clock.monotonic()).tokens,
        )

    def step(self) -> float:
        """Tell what may be told now, as one message; seconds until there may be more (0: at once)."""
        name, now = self.target.name, self._clock.monotonic()
        waiting = self._outbox.waiting(name)
        if not waiting:
            return self._idle()
        bucket = rate.taken(self._bucket, now)
        if bucket is None:
            return rate.wait_seconds(self._bucket, now)
        together = not self._alone and rate.together(self._bucket, waiting, now)
        self._bucket = bucket
        rows = self._outbox.take(name, DIGEST_NOTICES if together else 1)
        if rows:
            self._carry(rows)
        return 0.0

    def _idle(self) -> float:
        wait = self._outbox.seconds_to_next(self.target.name)
        return IDLE_SECONDS if wait is None else max(0.05, wait)

    def _carry(self, rows: Sequence[Delivery]) -> None:
        message = self._message(rows)
        worst = max((each.notice.severity for each in rows), key=lambda each: each.rank)
        dedup, action = (dedup_key(rows[0].notice), action_of(rows[0].notice)) if len(rows) == 1 else ("", "")

        def after_all(sent: Sent) -> None:
            if sent.ok:
                self._done(rows, sent)

        sent = self._sender.send(message.title, message.body, worst, dedup, _action(action), after_all)
        if sent.ok:
            self._done(rows, sent)
            return
        _log.warning("alerts target %s: %d not delivered: %s", self.target.name, len(rows), sent.reason)
        self._observe(sent)
        self._outbox.failed(rows, sent.seconds, sent.reason)

    def _message(self, rows: Sequence[Delivery]) -> Message:
        if len(rows) == 1:
            return compose(rows[0].notice, self.target)
        return digest([each.notice for each in rows], self.target)

    def _done(self, rows: Iterable[Delivery], sent: Sent) -> None:
        self._observe(sent)
        self._outbox.done(rows, sent.seconds, sent.reason)

    def _observe(self, sent: Sent) -> None:
        with self._guard:
            self._state = observed(self._state, sent.ok, sent.reason, sent.seconds, self._clock.now())


class Couriers:
    """The threads. They begin with `start` and are daemons: an engine that ends does not wait for them.

    Args:
        storage: see `Sender`.
        sender: makes what carries to a target.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        outbox: Outbox,
        clock: Clock,
        *,
        storage: Path | None = None,
        sender: Callable[[Target], Sends] | None = None,
    ):
        make = sender or (lambda target: Sender(target, clock, storage=storage))
        self._outbox, self._clock = outbox, clock
        self._couriers = {each.name: Courier(each, make(each), outbox, clock) for each in targets}
        self._wakes = {name: threading.Event() for name in self._couriers}
        self._stop = threading.Event()
        outbox.wake = self.wake
        outbox.adopt(self._couriers.keys())

    def start(self) -> None:
        """Begin to deliver."""
        for name, courier in self._couriers.items():
            threading.Thread(target=self._loop, args=(courier,), name=f"alert-courier {name}", daemon=True).start()

    def wake(self, name: str) -> None:
        """There is something new for a target; the outbox calls this."""
        if name in self._wakes:
            self._wakes[name].set()

    def states(self) -> tuple[TargetState, ...]:
        """How the targets do, in the order of the configuration."""
        return tuple(each.state for each in self._couriers.values())

    def stop(self) -> None:
        """Begin nothing new. Returns at once; what is under way is told again by the next engine if it was not done."""
        self._stop.set()
        for wake in self._wakes.values():
            wake.set()

    def _loop(self, courier: Courier) -> None:
        wake = self._wakes[courier.target.name]
        while not self._stop.is_set():
            wake.clear()
            try:
                self._outbox.tick()
                seconds = courier.step()
            except Exception:  # noqa: BLE001  # a bug with one notice must not silence a target for ever
                _log.exception("alerts target %s: the courier stumbled", courier.target.name)
                seconds = IDLE_SECONDS
            if seconds > 0:
                self._clock.wait(wake, min(seconds, IDLE_SECONDS))


def _action(word: str) -> Action:
    return "resolve" if word == "resolve" else "trigger" if word == "trigger" else ""


def _failing_since(outbox: Outbox, name: str) -> float | None:
    """What was failing before the engine was started is failing still, until something is delivered."""
    first = [each.first_failed for each in outbox.rows() if each.target == name and each.state == "retry"]
    return min((each for each in first if each is not None), default=None)
