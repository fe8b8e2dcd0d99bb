"""A host in memory that can be rebooted: it goes down, stays away for a while and comes back with another boot id."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backends.clock import Clock
from backends.errors import RetryLater
from backends.execution import Exec, ExecResult, OnOutput
from backends.updates import reboot_ask
from backends.updates.preflight_model import Kernel, Preflight
from tests.unit.updates.hosts import NEW, OLD
from tests.unit.updates.hosts import host as sound

OUTPUTS = Path(__file__).parents[2] / "outputs" / "systemctl"


def said(case: str) -> bytes:
    """What a real systemctl wrote."""
    return (OUTPUTS / f"{case}.err").read_bytes()


class RebootHost(Exec):
    """Time is the clock's: nothing happens unless somebody waits."""

    def __init__(self, name: str, clock: Clock):
        self.name, self.clock = name, clock
        self.boot_id = str(uuid.uuid4())
        self.kernel, self.next_kernel = OLD, NEW
        self.booted = clock.monotonic() - 86400.0
        self.shutdown_seconds, self.away_seconds = 5.0, 60.0
        """float("inf"): it never comes back."""
        self.boots = 1
        """Boots that a request brings; two: it reboots again by itself."""
        self.refusals: list[bytes] = []
        """What systemctl says, request by request, instead of rebooting."""
        self.deaf = False
        """The request is accepted and nothing happens."""
        self.lose_answer = False
        """The link breaks when the request is sent."""
        self.connected = True
        self.on_request: Callable[[], None] = lambda: None
        """Looks on when it is asked to reboot."""
        self.commands: list[tuple[str, ...]] = []
        self.changes: dict[str, Any] = {}
        """Of its preflight facts."""
        self._down: list[tuple[float, float]] = []

    @property
    def host(self) -> str:
        return self.name

    @property
    def requests(self) -> list[tuple[str, ...]]:
        """The commands that asked for a reboot."""
        return [argv for argv in self.commands if "reboot" in argv]

    def facts(self) -> Preflight:
        """What the preflight would bring now. Raises RetryLater."""
        self._live()
        kernel = Kernel(running=self.kernel, boot_id=self.boot_id, uptime=self.clock.monotonic() - self.booted)
        return sound(host=self.name, kernel=kernel, **self.changes)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self._live()
        words = tuple(argv)
        self.commands.append(words)
        if words == reboot_ask.LOOK:
            uptime = self.clock.monotonic() - self.booted
            return ExecResult(0, stdout=f"{self.boot_id}\n{uptime:.2f} 99.00\n{self.kernel}\n".encode())
        assert "reboot" in words, words
        self.on_request()
        return self._asked()

    def comes_back(self) -> None:
        """Its boot ends now."""
        self._down = [(start, self.clock.monotonic()) for start, _ in self._down[:1]]

    def _asked(self) -> ExecResult:
        if self.refusals:
            return ExecResult(1, stderr=self.refusals.pop(0))
        if not self.deaf:
            self._down = []
            start = self.clock.monotonic() + self.shutdown_seconds
            for _ in range(self.boots):
                self._down.append((start, start + self.away_seconds))
                start += self.away_seconds + 30.0
        if self.lose_answer:
            raise RetryLater("connection lost", host=self.name)
        return ExecResult(0)

    def _live(self) -> None:
        """Bring the host to the present; raises RetryLater while it is away."""
        now = self.clock.monotonic()
        while self._down and now >= self._down[0][1]:
            self.booted = self._down.pop(0)[1]
            self.boot_id, self.kernel = str(uuid.uuid4()), self.next_kernel
        if not self.connected or (self._down and now >= self._down[0][0]):
            raise RetryLater("not connected", host=self.name)
