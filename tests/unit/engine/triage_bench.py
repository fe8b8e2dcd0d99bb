"""The service of triages over hosts that answer from memory; a host can be held until the test lets it go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from backends.clock import Clock, ManualClock
from backends.engine.triages import Triages
from backends.errors import RetryLater
from backends.execution import Exec, ExecResult
from backends.hostkit.travel import Become
from backends.states import HostState, Severity
from backends.triage.context import Context
from backends.triage.model import Bundle
from tests.unit.triage import samples

ILL = samples.bundle({"space": "/dev/sda1 ext4 100 100 0 100% /\n"})
WELL = samples.bundle()
HOSTS = ("gpu1", "gpu2", "gpu3")
PATIENCE_SECONDS = 10.0
Answer = Bundle | Exception


class Way:
    """The way to a host; how it is asked is the bench's matter."""

    def __init__(self, host: str):
        self.host = host

    def run(self, argv: object, **_: Any) -> ExecResult:
        raise AssertionError(argv)


class Bench:
    """Everything around the service."""

    def __init__(self, folder: Path | None = None, hosts: tuple[str, ...] = HOSTS, **hooks: Any):
        self.clock = ManualClock(samples.NOW)
        self.answers: dict[str, Answer] = {}
        """What hosts answer; the others are well."""
        self.held: dict[str, threading.Event] = {}
        self.asked: list[tuple[str, str]] = []
        """Hosts and reasons."""
        self.begun = threading.Semaphore(0)
        """Released for each host that is being asked."""
        self.contexts: dict[str, Context] = {}
        self.states: dict[str, HostState] = dict.fromkeys(hosts, HostState.UP)
        self.told: list[tuple[str, str, str, Severity]] = []
        """Text, host, actor, severity."""
        self.bugs: list[tuple[str, str]] = []
        self.triages = Triages(
            folder,
            Way,
            lambda host: "none",
            self.clock,
            **{
                "context": lambda host: Context(),
                "states": lambda: self.states,
                "peers": lambda host: [each for each in hosts if each != host],
                "tell": lambda kind, text, host, actor, severity: self.told.append((text, host, actor, severity)),
                "on_bug": lambda host, error: self.bugs.append((host, str(error))),
                "ask": self._ask,
                **hooks,
            },
        )

    def _ask(
        self, host: Exec, become: Become, clock: Clock, context: Context | None = None, *, reason: str = "asked"
    ) -> Bundle:
        self.asked.append((host.host, reason))
        self.contexts[host.host] = context or Context()
        asked = clock.now()
        self.begun.release()
        if host.host in self.held:
            assert self.held[host.host].wait(PATIENCE_SECONDS)
        answer = self.answers.get(host.host, WELL)
        if isinstance(answer, Exception):
            raise answer
        return replace(answer, host=host.host, time=asked, reason=reason)

    def hold(self, *hosts: str) -> Callable[[], None]:
        """These answer when the returned function is called."""
        gate = threading.Event()
        self.held |= dict.fromkeys(hosts, gate)
        return gate.set

    def until_asked(self, count: int = 1) -> None:
        """Wait until so many more hosts are being asked."""
        for _ in range(count):
            assert self.begun.acquire(timeout=PATIENCE_SECONDS)

    def until_quiet(self) -> None:
        """Wait until nothing goes on."""
        end = threading.Event()
        for _ in range(int(PATIENCE_SECONDS / 0.002)):
            if not self.triages.in_flight():
                return
            end.wait(0.002)
        raise AssertionError(self.triages.in_flight())

    def made(self, host: str, answer: Answer = WELL, later: float = 1.0) -> int:
        """Have a bundle made, some seconds after the last one; its number."""
        self.clock.advance(later)
        self.answers[host] = answer
        number = self.triages.run([host])[0].number
        assert number is not None
        return number


@contextmanager
def bench(folder: Path | None = None, **given: Any) -> Iterator[Bench]:
    """A bench that is stopped afterwards."""
    made = Bench(folder, **given)
    try:
        yield made
    finally:
        for gate in made.held.values():
            gate.set()
        made.triages.stop()


LOST = RetryLater("not connected: no answer to TCP connect within 8 s", hint="check power and network of the host")
