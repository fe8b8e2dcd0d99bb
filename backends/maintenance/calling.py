"""One call to the worker of a step, and what becomes of its answer: an edge, or another try after a while.

Whatever a worker raises is the matter of its host alone. What it answers counts only while the host is still at the step that
it was asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from backends.clock import Clock
from backends.errors import AskOperator, RetryLater, Stop, SwarmError
from backends.maintenance import facts as words
from backends.maintenance.live import Live
from backends.maintenance.model import Edge, EdgeKind, HostRun, RunStatus, Stage, StepKind
from backends.maintenance.places import place_of
from backends.maintenance.steps_text import late_step
from backends.maintenance.worker import Look, Place, Told, Worker
from backends.text import clean
from backends.units import span

WorkerOf = Callable[[StepKind], Worker]
TEXT = 500
FACT = 256 << 10
"""Letters of one fact."""
RETRY_SECONDS = (2.0, 5.0, 10.0, 20.0, 30.0)
SOON_SECONDS, LOOK_SECONDS = 0.2, 1.0
"""Between two looks at a host: at first, and when its step has gone on for a few seconds."""
LOOKS_PER_SECOND = 50.0
"""With more hosts in work than that each is looked at less often."""


class Calls:
    """Calls of all runs. Each runs on a thread of the crew."""

    def __init__(
        self, worker: WorkerOf, clock: Clock, stopped: threading.Event, on_bug: Callable[[str, Exception], None]
    ):
        self._worker, self._clock, self._stopped, self._on_bug = worker, clock, stopped, on_bug

    def begin(self, live: Live, host: str, key: str) -> None:
        """Tell the worker to begin what is written down as intended."""
        place = self._place(live, host, key, paused=False)
        if place is not None:
            self._answered(live, place, self._asked(place, lambda: self._begun(live, place)))

    def look(self, live: Live, host: str, key: str) -> None:
        """Ask how far it is."""
        place = self._place(live, host, key, paused=True)
        if place is None:
            return
        token = live.state.hosts[host].token
        if token:
            self._answered(live, place, self._asked(place, lambda: self._worker(place.step.kind).look(place, token)))

    def _begun(self, live: Live, place: Place) -> None:
        token = self._worker(place.step.kind).begin(place) or place.key
        with live.lock:
            if self._current(live, place.host.host, place.key) is not None:
                self._write(live, self._edge(place, EdgeKind.BEGUN, token=token))
                live.drop(place.host.host)

    def _place(self, live: Live, host: str, key: str, *, paused: bool) -> Place | None:
        """Where the host is; None when it is elsewhere by now, or the run was paused since this was decided."""
        with live.lock:
            now = self._current(live, host, key)
            if now is None or (live.state.status is RunStatus.PAUSED and not paused):
                return None
            return place_of(live.state, live.plans[host])

    def _current(self, live: Live, host: str, key: str) -> HostRun | None:
        run = live.state.hosts[host]
        going = run.stage is Stage.WORKING and run.begun and run.key == key
        return run if going and not self._stopped.is_set() else None

    def _asked(self, place: Place, ask: Callable[[], Look | None]) -> Look | SwarmError | None:
        try:
            return ask()
        except SwarmError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the boundary of one host: told, and no other host's matter
            self._on_bug(place.host.host, error)
            return Stop(f"internal error: {error!r}", hint="the engine log has the traceback; retry or skip the host")

    def _answered(self, live: Live, place: Place, answer: Look | SwarmError | None) -> None:
        with live.lock:
            host = self._current(live, place.host.host, place.key)
            if host is None or answer is None:
                return
            if isinstance(answer, RetryLater):
                self._later(live, place, host, answer)
            elif isinstance(answer, AskOperator):
                self._take(live, place, host, Look(told=Told.ASKING, text=answer.message, hint=answer.hint or ""))
            elif isinstance(answer, SwarmError):
                self._take(live, place, host, Look(told=Told.FAILED, text=answer.message, hint=answer.hint or ""))
            else:
                self._take(live, place, host, answer)

    def _take(self, live: Live, place: Place, host: HostRun, look: Look) -> None:
        """What a look says, as an edge where it is one."""
        look = replace(look, text=clean(look.text, TEXT), hint=clean(look.hint, TEXT), state=clean(look.state, 40))
        name = place.host.host
        live.tries.pop(name, None)
        if look.told is Told.GOING and (late := self._late(live, place, host)):
            text = f"{late}; last: {look.text}" if look.text else late
            look = replace(look, told=Told.FAILED, text=text, hint=look.hint or late_step(place.step.kind))
        if look.told is Told.GOING:
            live.looks[name] = look
            live.due[name] = self._clock.monotonic() + _cadence(live, live.timers.spent(host))
            if look.token and look.token != host.token:
                self._write(live, self._edge(place, EdgeKind.BEGUN, token=look.token))
        elif look.told is Told.ASKING:
            if self._write(live, self._edge(place, EdgeKind.ASKING, text=look.text, hint=look.hint)):
                live.looks[name] = look
        elif self._write(live, self._over(place, host, look)):
            live.drop(name)

    def _later(self, live: Live, place: Place, host: HostRun, error: RetryLater) -> None:
        """It cannot be asked now: shown, and no failure until the step's time is over."""
        name = place.host.host
        late = self._late(live, place, host)
        if late:
            text = f"{late}; last: {error.message}"
            self._take(live, place, host, Look(told=Told.FAILED, text=text, hint=error.hint or ""))
            return
        tries = live.tries.get(name, 0)
        live.tries[name] = tries + 1
        live.due[name] = self._clock.monotonic() + RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)]
        seen = live.looks.get(name)
        live.looks[name] = Look(
            told=Told.GOING,
            state="waiting",
            text=clean(error.message, TEXT),
            hint=clean(error.hint or "", TEXT),
            done=seen.done if seen else None,
        )

    def _late(self, live: Live, place: Place, host: HostRun) -> str:
        """That the step's time is over, in a sentence; "" while it is not."""
        limit = place.step.timeout_seconds
        if live.timers.spent(host) < limit:
            return ""
        goes_on = "; what runs on the host goes on" if host.token else ""
        return f"{'not done' if host.token else 'it could not begin'} after {span(limit)}{goes_on}"

    def _over(self, place: Place, host: HostRun, look: Look) -> Edge:
        found = {clean(name, 64): value[:FACT] for name, value in look.facts.items()}
        if host.reason:
            found = {words.ANSWER: host.reason, words.ANSWERED_BY: host.answered_by, **found}
        good = look.told is Told.DONE
        return self._edge(
            place, EdgeKind.STEP_OVER, good=good, text=look.text, hint=look.hint, token=look.token, facts=found
        )

    def _edge(
        self,
        place: Place,
        kind: EdgeKind,
        *,
        token: str = "",
        good: bool = True,
        text: str = "",
        hint: str = "",
        facts: Mapping[str, str] = {},
    ) -> Edge:
        return Edge(
            time=self._clock.now(),
            kind=kind,
            host=place.host.host,
            step=place.number,
            key=place.key,
            token=token,
            good=good,
            text=text,
            hint=hint,
            facts=facts,
        )

    def _write(self, live: Live, edge: Edge) -> bool:
        """False: the disk refuses; the worker is asked again when it takes it, and answers the same."""
        try:
            live.write(edge)
        except Stop as error:
            if not live.blocked:  # not the disk: an edge that cannot be, which is a bug of ours
                self._on_bug(edge.host, error)
                live.due[edge.host] = self._clock.monotonic() + RETRY_SECONDS[-1]
            return False
        return True


def _cadence(live: Live, spent: float) -> float:
    """Seconds until the next look: a step that has just begun may be a short one, and many hosts share the looks."""
    working = sum(host.stage is Stage.WORKING for host in live.state.hosts.values())
    return max(SOON_SECONDS, min(LOOK_SECONDS, spent / 4), working / LOOKS_PER_SECOND)
