"""The health checks of an engine, over hosts that answer from memory as the test wants them to."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from backends.checks.health_catalogue import HealthResult
from backends.checks.health_finding import Action, Finding
from backends.checks.health_look import Expected, XidNote
from backends.checks.health_site import SiteCheck
from backends.clock import Clock, ManualClock
from backends.config.schema import ChecksConfig
from backends.engine.health import HealthChecks
from backends.errors import RetryLater
from backends.execution import Exec, ExecResult
from backends.hostkit.health_model import HealthFacts, Unit
from backends.hostkit.kernel_message import KernelEvent
from backends.states import HostState, Severity
from tests.unit.alerts.receivers import eventually
from tests.unit.checks import health_cases as cases
from tests.unit.engine.parts import FakeExec


class Log:
    """Kernel logs that hold nothing, or what the test puts in."""

    def __init__(self) -> None:
        self.events: dict[str, tuple[KernelEvent, ...]] = {}

    def raw(self, host: str) -> tuple[KernelEvent, ...]:
        return self.events.get(host, ())

    def trouble(self, host: str) -> str:
        return ""


class Ward:
    """Hosts "a", "b", …; `again` is another engine over the same file."""

    def __init__(self, folder: Path | None, names: Sequence[str] = ("a",), **config: float):
        self.folder, self.names, self.clock = folder, tuple(names), ManualClock(cases.NOW)
        self.config = ChecksConfig(**config)  # type: ignore[arg-type]
        self.units: dict[str, tuple[Unit, ...]] = {}
        self.boots: dict[str, str] = {}
        self.states = dict.fromkeys(self.names, HostState.UP)
        self.failing: dict[str, Exception] = {}
        self.gates: dict[str, threading.Event] = {}
        """Hosts that answer only once this is set."""
        self.asked: list[str] = []
        self.lightly: list[str] = []
        self.at_once = self.most_at_once = 0
        self._counting = threading.Lock()
        self.told: list[tuple[str, str, str]] = []
        self.bugs: list[Exception] = []
        self.results: list[HealthResult] = []
        self.site: tuple[SiteCheck, ...] = ()
        self.execs = {name: FakeExec(name) for name in self.names}
        self.log = Log()
        self.checks = self._made()

    def _made(self) -> HealthChecks:
        return HealthChecks(
            self.folder,
            self._exec,
            lambda host: "none",
            self.clock,
            hosts=lambda: self.names,
            states=lambda: self.states,
            facts=lambda host: None,
            expected=lambda host: Expected(),
            kernel=self.log,
            config=lambda: self.config,
            policy=lambda code: XidNote(Severity.CRITICAL, Action.REBOOT, "fell off the bus") if code == 79 else None,
            tell=lambda kind, text, host, actor, severity: self.told.append((kind, text, actor)),
            on_bug=lambda host, error: self.bugs.append(error),
            on_result=lambda host, result: self.results.append(result),
            site=lambda host: self.site,
            ask=self._ask,
            ask_light=self._ask_light,
        )

    def again(self) -> HealthChecks:
        self.checks.stop()
        self.checks = self._made()
        return self.checks

    # hosts

    def _exec(self, host: str) -> Exec:
        return self.execs[host]

    def _ask(self, host: Exec, become: str, clock: Clock, *, slow: bool = True) -> HealthFacts:
        with self._counting:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.asked.append(host.host)
        try:
            return self._answer(host.host)
        finally:
            with self._counting:
                self.at_once -= 1

    def _ask_light(self, host: Exec, become: str, clock: Clock) -> HealthFacts:
        self.lightly.append(host.host)
        return self._answer(host.host)

    def _answer(self, host: str) -> HealthFacts:
        if host in self.gates:
            self.gates[host].wait(10.0)
        if host in self.failing:
            raise self.failing[host]
        found = cases.facts(at=self.clock.now(), boot=self.boots.get(host, cases.BOOT), units=self.units.get(host, ()))
        return replace(found, root=True)

    def breaks(self, host: str, unit: str = "backup.service") -> None:
        """A unit of the host fails."""
        self.units[host] = (Unit(unit=unit, active="failed", sub="failed", result="exit-code"),)

    def mends(self, host: str) -> None:
        self.units.pop(host, None)

    # time

    def look(self, *hosts: str) -> None:
        """A full look of these hosts, to its end."""
        self.checks.run(hosts or self.names)
        eventually(lambda: not self.checks.in_flight())

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass, and what is due begin and end."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.clock.advance(step)
            self.checks.step()
            self.settle()

    def settle(self) -> None:
        eventually(lambda: not (self.checks._running or self.checks._in_light or self._waiting()))

    def _waiting(self) -> list[str]:
        watches = [(name, self.checks._known.find(name)) for name in self.names]
        return [name for name, watch in watches if watch is not None and watch.turn is not None]

    # what came of it

    def finding(self, host: str, check: str) -> Finding:
        result = self.checks.result(host)
        assert result is not None
        return next(each for each in result.problems if each.check == check)

    def problems(self, host: str) -> list[str]:
        result = self.checks.result(host)
        return [each.check for each in result.problems if each.bad] if result is not None else []


def refused() -> RetryLater:
    return RetryLater("not connected", action="ask", hint="wait")


def answered(status: int, text: str) -> ExecResult:
    return ExecResult(status, text.encode())
