"""Triage of hosts: asked by a person, or captured by itself when an alert becomes critical, before anybody reboots.

Nothing is changed on a host, so it is allowed to whoever may look. Bundles are masked when they are made and kept bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from backends.clock import Clock
from backends.engine.triage_looks import Look, Looks
from backends.engine.triage_others import Others
from backends.engine.triage_rounds import Rounds
from backends.engine.triage_store import TriageStore
from backends.errors import BadInput, RetryLater
from backends.execution import Exec
from backends.hostkit.travel import Become
from backends.states import HostState, Severity
from backends.triage import ask as asking
from backends.triage.context import Context
from backends.triage.difference import facts_of
from backends.triage.model import Bundle
from backends.triage.views import Compared, Kept, Outcome, Round
from backends.updates.workers import Workers, wait

KIND = "triage"
WAIT_SECONDS = 17.0
"""A host has answered by then, or was given up."""
SIDE_BY_SIDE = 16
MOST_HOSTS = 256
"""Of one round."""
MOST_CAPTURES = 64
CAPTURES_SIDE_BY_SIDE = 4
GAP_SECONDS = 600.0
"""Between two captures of one host."""
UNASKABLE = frozenset(
    {
        HostState.CONNECTING,
        HostState.UNREACHABLE,
        HostState.AUTH_FAILED,
        HostState.HOST_KEY_UNKNOWN,
        HostState.HOST_KEY_CHANGED,
        HostState.NO_PYTHON,
    }
)
"""States in which nothing can be captured: there is no way to the host, or nothing there to look with."""
Tell = Callable[[str, str, str, str, Severity], None]
"""kind, text, host, actor, severity: something for the timeline."""


class Ask(Protocol):
    """As `backends.triage.ask.triage`."""

    def __call__(
        self, host: Exec, become: Become, clock: Clock, context: Context | None = None, *, reason: str = "asked"
    ) -> Bundle:
        """Raises SwarmError."""


class Triages:
    """All triages of one engine; from any thread."""

    def __init__(
        self,
        folder: Path | None,
        exec: Callable[[str], Exec],
        become: Callable[[str], Become],
        clock: Clock,
        *,
        context: Callable[[str], Context],
        states: Callable[[], Mapping[str, HostState]],
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        peers: Callable[[str], Sequence[str]] = lambda host: (),
        why: Callable[[str], tuple[str, str]] = lambda host: ("", ""),
        ask: Ask = asking.triage,
    ):
        """
        Args:
            folder: for the kept bundles; None: the newest 50 are kept in memory.
            exec: the way to a host; raises BadInput, SkipHost.
            become: its way to root.
            clock: ours.
            context: what we know of a host beside what it says of itself.
            states: of all hosts.
            tell: the timeline.
            on_bug: host, error: an internal error, for the log.
            peers: hosts that are like a host (same GPU model or group), the best to compare with first.
            why: why there is no way to a host, and what helps; "" where there is one.
            ask: how a host is asked.
        """
        self._exec, self._become, self._clock = exec, become, clock
        self._context, self._states, self._tell, self._on_bug = context, states, tell, on_bug
        self._how, self._why = ask, why
        self._store = TriageStore(folder, lambda text: tell("engine", text, "", "", Severity.WARNING))
        self._looks = Looks(self._ask, self._store.put, clock, on_end=self._ended, on_bug=on_bug)
        self._rounds = Rounds(clock)
        self._people = Workers(SIDE_BY_SIDE, "triage")
        self._captures = Workers(CAPTURES_SIDE_BY_SIDE, "triage-capture")
        self._others = Others(self._store, peers, states, self._now, clock)
        self._lock = threading.Lock()
        self._captured: dict[str, float] = {}
        """Host → monotonic time of its last capture."""
        self._told_full = float("-inf")

    # Asking -----------------------------------------------------------------------------------------------------

    def start(self, hosts: Sequence[str], reason: str = "asked", actor: str = "") -> Round:
        """Ask hosts side by side; returns at once, `round` tells how it goes on.

        Raises:
            BadInput: no host, or too many.
            RetryLater: the engine ends.
        """
        return self._rounds.add(self._begin(hosts, reason, actor), reason, actor)

    def round(self, number: int) -> Round:
        """As it stands now. Raises BadInput."""
        return self._rounds.of(number)

    def wait(self, hosts: Sequence[str], reason: str = "asked", actor: str = "") -> Round:
        """Ask hosts side by side and wait for them, 17 s at most; those that go on then say so. Raises as `start`."""
        looks = self._begin(hosts, reason, actor)
        made = self._rounds.add(looks, reason, actor)
        wait((look.ended for look in looks), WAIT_SECONDS)
        return self._rounds.of(made.id)

    def run(self, hosts: Sequence[str], reason: str = "asked", actor: str = "") -> tuple[Outcome, ...]:
        """As `wait`: what each host gave."""
        return self.wait(hosts, reason, actor).outcomes

    def capture(self, host: str, reason: str) -> bool:
        """Take one soon, in the background; returns at once.

        Returns:
            Whether one was begun: not while one goes on, not twice within ten minutes, not where there is no way to the
            host, and not beyond 64 that wait (that is told on the timeline).
        """
        if self._states().get(host, HostState.UNREACHABLE) in UNASKABLE or host in self._looks.going():
            return False
        with self._lock:
            now = self._clock.monotonic()
            recent = now - self._captured.get(host, float("-inf")) < GAP_SECONDS
            if recent or (self._looks.captures() >= MOST_CAPTURES and self._refuse(host, reason, now)):
                return False
            self._captured = {name: at for name, at in self._captured.items() if now - at < GAP_SECONDS}
            self._captured[host] = now
        with suppress(RetryLater):  # the engine ends
            self._looks.begin(Look(host, reason, "", captured=True), self._captures)
            return True
        return False

    # Looking up -------------------------------------------------------------------------------------------------

    def bundle_for(self, host: str, since: float) -> int | None:
        """Number of the newest bundle of `host`, when it was made at or after a time (epoch seconds); cheap."""
        newest = self._store.newest(host)
        return newest[1] if newest is not None and newest[0] >= since else None

    def get(self, number: int) -> Bundle:
        """One bundle. Raises BadInput: there is none; Stop, RetryLater: the disk refuses."""
        return self._store.get(number)

    def list(self, host: str = "", limit: int = 100) -> tuple[Kept, ...]:
        """What is kept, the newest first, of one host when given."""
        return self._store.list(host, limit)

    def difference(self, number: int, against: str = "peer", actor: str = "") -> Compared:
        """What differs between a bundle and another one; see `triage_others.Others.compared`. Raises SwarmError."""
        return self._others.compared(number, against, actor)

    # Life -------------------------------------------------------------------------------------------------------

    def in_flight(self) -> tuple[str, ...]:
        """What goes on, one phrase."""
        going = self._looks.going()
        return (f"triage of {going[0] if len(going) == 1 else f'{len(going)} hosts'}",) if going else ()

    def stop(self) -> None:
        """Begin nothing more; what runs is left alone."""
        self._people.stop()
        self._captures.stop()
        self._looks.stop()
        self._store.close()

    # Inside -----------------------------------------------------------------------------------------------------

    def _begin(self, hosts: Sequence[str], reason: str, actor: str) -> tuple[Look, ...]:
        wanted = tuple(dict.fromkeys(hosts))
        if not wanted:
            raise BadInput("no host is meant", action="triage", hint="swarm-tui hosts list shows the names")
        if len(wanted) > MOST_HOSTS:
            raise BadInput(f"{len(wanted)} hosts at once are too many", action="triage", hint=f"at most {MOST_HOSTS}")
        return tuple(self._looks.begin(Look(host, reason, actor), self._people) for host in wanted)

    def _now(self, hosts: Sequence[str], reason: str, actor: str) -> dict[str, Outcome]:
        return {each.host: each for each in self.run(hosts, reason, actor)}

    def _ask(self, host: str, reason: str) -> Bundle:
        try:
            return self._how(self._exec(host), self._become(host), self._clock, self._known(host), reason=reason)
        except RetryLater as error:
            why, hint = self._why(host)
            if not why:
                raise
            raise RetryLater(
                f"{error.message}: {why}", host=host, action=error.action, hint=error.hint or hint
            ) from error

    def _known(self, host: str) -> Context:
        """Without what we know of a host it is looked at all the same."""
        try:
            known = self._context(host)
            if known.expected_gpus is not None:
                return known
            return Context(
                expected_gpus=self._seen_gpus(host),
                changes=known.changes,
                planned_reboot=known.planned_reboot,
                advise=known.advise,
            )
        except Exception as error:  # noqa: BLE001 - the boundary to the rest of the engine: told
            self._on_bug(host, error)
            return Context()

    def _seen_gpus(self, host: str) -> int | None:
        """How many there were on the bus when it was well."""
        kept = self._store.good(host)
        return len(facts_of(self._store.get(kept.id)).gpu_devices) or None if kept is not None else None

    def _ended(self, look: Look, outcome: Outcome) -> None:
        why = "" if look.reason in ("", "asked") else f" ({look.reason})"
        if outcome.bundle is None:
            text, severity = f"no triage{why}: {outcome.error}", Severity.WARNING
        else:
            text, severity = f"triage {outcome.number}{why}: {outcome.bundle.strip.text}", outcome.bundle.strip.severity
        self._tell(KIND, text, look.host, look.actor, severity)

    def _refuse(self, host: str, reason: str, now: float) -> bool:
        """Too many wait: said once in ten minutes."""
        if now - self._told_full >= GAP_SECONDS:
            self._told_full = now
            text = f"no triage ({reason}): {MOST_CAPTURES} captures wait already"
            self._tell(KIND, text, host, "", Severity.WARNING)
        return True
