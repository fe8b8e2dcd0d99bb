"""How much time really passed: by the clock that never steps, as long as this process lives.

After a start the wall clock is all there is; it may have been changed meanwhile, so it never uses up the whole time of a step.
"""

from __future__ import annotations

from collections.abc import Iterable

from backends.clock import Clock
from backends.maintenance.model import HostRun, RunState, Stage

GRACE_SECONDS = 300.0
"""A step that was begun before this process has at least so much time left: its host must first be reached again."""
JUMP_SECONDS = 60.0
"""By so much the two clocks must part for somebody to have changed one."""
STEADY_SECONDS = 600.0
"""After a change of the clock nothing is given up for the time of day until it stood for so long."""


class Timers:
    """Of one run."""

    def __init__(self, clock: Clock, state: RunState):
        self._clock = clock
        self._steps: dict[str, tuple[str, float]] = {}
        self._unfit: dict[str, float] = {}
        self._soak: tuple[int, float | None, float] = (-1, None, 0.0)
        self._frozen = clock.monotonic()
        self._remember(state)

    def _remember(self, state: RunState) -> None:
        """What was going on when the former process ended."""
        now, moment = self._clock.now(), self._clock.monotonic()
        for host in state.hosts.values():
            if host.stage is Stage.WORKING and host.begun and host.step_began is not None:
                most = max(0.0, state.plan.steps[host.step].timeout_seconds - GRACE_SECONDS)
                spent = min(max(0.0, now - host.step_began), most)
                self._steps[host.host] = (host.key, moment - spent)
        if state.batch_ended is not None:
            self._soak = (state.batch, state.batch_ended, moment - max(0.0, now - state.batch_ended))

    def spent(self, host: HostRun) -> float:
        """Seconds that this attempt has taken so far."""
        moment = self._clock.monotonic()
        key, since = self._steps.get(host.host, ("", moment))
        if key != host.key:
            since = moment
            self._steps[host.host] = (host.key, since)
        return moment - since

    def freeze(self) -> None:
        """A pause begins: what could not begin yet is kept waiting from now on."""
        self._frozen = self._clock.monotonic()

    def thaw(self, hosts: Iterable[HostRun]) -> None:
        """It is over; the time of these hosts' steps did not pass in it."""
        paused = self._clock.monotonic() - self._frozen
        for host in hosts:
            key, since = self._steps.get(host.host, ("", 0.0))
            if key == host.key:
                self._steps[host.host] = (key, since + paused)

    def soaked(self, state: RunState) -> float | None:
        """Seconds since the batch was over; None: it is not."""
        if state.batch_ended is None:
            return None
        moment = self._clock.monotonic()
        if self._soak[:2] != (state.batch, state.batch_ended):
            self._soak = (state.batch, state.batch_ended, moment)
        return moment - self._soak[2]

    def unfit(self, hosts: Iterable[str]) -> dict[str, float]:
        """For how long each of these has been so without a break."""
        moment = self._clock.monotonic()
        self._unfit = {host: self._unfit.get(host, moment) for host in hosts}
        return {host: moment - since for host, since in self._unfit.items()}


class Drift:
    """Whether somebody changed the clock."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._offset = clock.now() - clock.monotonic()
        self._changed: float | None = None

    def jumped(self) -> float:
        """Seconds by which the clock was changed since the last call; 0 when it was not."""
        offset = self._clock.now() - self._clock.monotonic()
        jump, self._offset = offset - self._offset, offset
        if abs(jump) < JUMP_SECONDS:
            return 0.0
        self._changed = self._clock.monotonic()
        return jump

    @property
    def steady(self) -> bool:
        """The clock stood for a while."""
        return self._changed is None or self._clock.monotonic() - self._changed >= STEADY_SECONDS
