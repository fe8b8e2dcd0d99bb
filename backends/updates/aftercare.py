"""What a host still needs after a change: its services restarted, its next boot judged, a reboot that is proven."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from backends.clock import Clock
from backends.errors import BadInput, Stop, SwarmError
from backends.execution import Exec
from backends.hostkit.job_plan import PACKAGES
from backends.hostkit.jobs import Jobs
from backends.hostkit.travel import Become
from backends.metrics.sample import Record
from backends.states import Severity
from backends.updates import gate, needs, preflight, restart, retention
from backends.updates.gate_finding import Finding
from backends.updates.model import RebootNeed
from backends.updates.preflight_model import Preflight
from backends.updates.reboot import SOAK_SECONDS
from backends.updates.reboots import RebootRecord, Reboots, Tell
from backends.updates.restart import RESTART, RestartRecord, Restarts, Services

JOBS = (PACKAGES, RESTART)
"""Jobs that must be over before a host goes down."""
Ask = Callable[[str, bool], Preflight]
"""host, whether to ask what wants a restart as well → its preflight facts. Raises SwarmError."""


class HostGate(Record, frozen=True, kw_only=True):
    """Whether a host would come back from a reboot, as far as can be told."""

    host: str
    taken: float
    """Epoch seconds."""
    severity: Severity
    """Of the worst finding."""
    red: bool
    """A reboot needs a typed reason."""
    findings: tuple[Finding, ...] = ()
    running_kernel: str = ""
    next_kernel: str = ""
    """ "" when it is decided elsewhere (a container, a kernel from outside)."""
    reboot: RebootNeed = RebootNeed()
    """By what is quickly told: the notice that packages leave, the kernels, the driver."""
    users: tuple[str, ...] = ()
    """Who is logged in, as `who` prints it."""


class Aftercare:
    """Services and reboots of a fleet. `folder` None: nothing is kept, so nothing is changed."""

    def __init__(
        self,
        ways: Callable[[str], Exec],
        jobs: Callable[[str], Jobs],
        ask: Ask,
        clock: Clock,
        *,
        folder: Path | None,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        on_change: Callable[[str], None],
        nudge: Callable[[str], None],
        updating: Callable[[], Sequence[str]],
        needed: retention.Ask = lambda: retention.NONE,
    ):
        self._ask, self._clock, self._tell, self._updating = ask, clock, tell, updating
        self._reboots = self._restarts = None
        if folder is not None:
            self._reboots = Reboots(
                folder / "reboots",
                ways,
                lambda host: ask(host, False),
                clock,
                tell=tell,
                on_bug=on_bug,
                on_back=on_change,
                nudge=nudge,
                needed=needed,
            )
            self._restarts = Restarts(
                folder / "restarts",
                ways,
                lambda host: ask(host, True),
                jobs,
                clock,
                tell=tell,
                on_bug=on_bug,
                on_done=on_change,
            )

    def resume(self) -> None:
        """Go on with what an earlier engine began."""
        for each in (self._restarts, self._reboots):
            if each is not None:
                each.chores.resume()
                for name in each.chores.damaged():
                    self._tell("engine", f"{name} is not understood and passed over", "", "", Severity.WARNING)

    def stop(self) -> None:
        """The engine ends: nothing is begun any more."""
        for each in (self._restarts, self._reboots):
            if each is not None:
                each.chores.stop()

    def in_flight(self) -> tuple[str, ...]:
        """What goes on, one phrase each."""
        counts = (
            ("restart of services on", self._restarts.chores.busy() if self._restarts else {}),
            ("reboot of", self._reboots.chores.busy() if self._reboots else {}),
        )
        return tuple(f"{word} {len(busy)} hosts" for word, busy in counts if busy)

    # Looking ----------------------------------------------------------------------------------------------------

    def services(self, host: str) -> Services:
        """Which units run old code, asked now. Raises SwarmError."""
        return restart.services(self._ask(host, True), self._clock.now())

    def gate(self, host: str) -> HostGate:
        """Whether it would come back from a reboot, asked now. Raises SwarmError."""
        facts = self._ask(host, False)
        judged = gate.judge(facts)
        return HostGate(
            host=host,
            taken=self._clock.now(),
            severity=judged.severity,
            red=bool(judged.red),
            findings=judged.findings,
            running_kernel=facts.kernel.running if facts.kernel else "",
            next_kernel=facts.next_kernel,
            reboot=needs.reboot_need(facts),
            users=facts.users or (),
        )

    # Acting -----------------------------------------------------------------------------------------------------

    def restart(self, hosts: Sequence[str], units: Sequence[str], who: str) -> tuple[RestartRecord, ...]:
        """Restart services; see `Restarts.start`."""
        if self._restarts is None:
            raise _stateless("restart services")
        self._refuse_busy(hosts, "restart services")
        return self._restarts.start(hosts, units, who)

    def restarts(self, limit: int) -> tuple[RestartRecord, ...]:
        """The newest first."""
        return self._restarts.chores.newest(limit) if self._restarts else ()

    def reboot(
        self,
        hosts: Sequence[str],
        who: str,
        *,
        override: str = "",
        soak_seconds: float = SOAK_SECONDS,
        batch: str = "",
    ) -> tuple[RebootRecord, ...]:
        """Reboot hosts; see `Reboots.start`. Raises BadInput also for hosts that are being updated.

        `batch`: names them together, where somebody must find them again; reboots of that name are only given back, when
        they were begun already.
        """
        if self._reboots is None:
            raise _stateless("reboot")
        if batch and (known := self.batch(batch)):
            return known
        self._refuse_busy(hosts, "reboot")
        return self._reboots.start(hosts, who, override=override, soak_seconds=soak_seconds, batch=batch)

    def batch(self, batch: str) -> tuple[RebootRecord, ...]:
        """The reboots that were asked for together under this name; () when there are none."""
        return self._reboots.chores.batch(batch) if self._reboots else ()

    def reboots(self, limit: int) -> tuple[RebootRecord, ...]:
        """The newest first."""
        return self._reboots.chores.newest(limit) if self._reboots else ()

    def rebooting(self) -> tuple[RebootRecord, ...]:
        """Those that go on."""
        return tuple(self._reboots.chores.busy().values()) if self._reboots else ()

    def refuse_rebooting(self, hosts: Sequence[str], action: str) -> None:
        """Raises BadInput when one of them is on its way down."""
        going = self._reboots.chores.busy() if self._reboots else {}
        for host in hosts:
            if host in going:
                who = going[host].who
                raise BadInput(f"is being rebooted, asked for by {who}", host=host, action=action, hint="wait for it")

    def _refuse_busy(self, hosts: Sequence[str], action: str) -> None:
        self.refuse_rebooting(hosts, action)
        updating = set(self._updating())
        for host in hosts:
            if host in updating:
                raise BadInput("is being updated", host=host, action=action, hint="wait for the end of that run")


def asker(ways: Callable[[str], Exec], become: Callable[[str], Become], clock: Clock) -> Ask:
    """Asks the hosts themselves."""

    def ask(host: str, with_needs: bool) -> Preflight:
        return preflight.ask(ways(host), become(host), clock, jobs=JOBS, needs=with_needs)

    return ask


def _stateless(action: str) -> SwarmError:
    return Stop(
        "this engine keeps no state, so it changes nothing on hosts",
        action=action,
        hint="a demo or a replay cannot do it; for the real fleet see the engine's log",
    )
