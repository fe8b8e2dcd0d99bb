"""Runs kit programs for real, as a host would: through the launch command and its loader."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from backends.hostkit.events import KitEvent
from backends.hostkit.reader import KitReader
from backends.hostkit.travel import Launch, probe_launch

T = TypeVar("T")
PATIENCE_SECONDS = 20.0


class RunningKit:
    """A probe on this machine; what it says is collected as events."""

    def __init__(
        self,
        *,
        interval_seconds: float = 0.2,
        proc: Path | None = None,
        sysfs: Path | None = None,
        env: dict[str, str] | None = None,
        argv: tuple[str, ...] = ("/bin/sh", "-c"),
        launch: Launch | None = None,
    ):
        self.launch = launch or probe_launch(interval_seconds=interval_seconds)
        roots = {"PROCROOT": str(proc or "/proc"), "SYSROOT": str(sysfs or "/sys"), "DEVROOT": "/nonexistent"}
        self.process = subprocess.Popen(
            [*argv, self.launch.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **roots, **(env or {})},
        )
        self.reader = KitReader(time.time)
        self.events: list[KitEvent] = []
        self.output = b""
        self.write(self.launch.payload)

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        view = memoryview(data)
        while view:
            view = view[os.write(self.process.stdin.fileno(), view) :]

    def pump(self, seconds: float) -> bool:
        """Read what has come; False at the end of the stream."""
        assert self.process.stdout is not None
        handle = self.process.stdout.fileno()
        if not select.select([handle], [], [], seconds)[0]:
            return True
        data = os.read(handle, 65536)
        self.output += data
        self.events += self.reader.feed(data)
        return bool(data)

    def until(self, kind: type[T], accept: Callable[[T], object] = bool) -> T:
        """The next event of `kind` that `accept` likes; earlier events count as well."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        seen = 0
        while time.monotonic() < deadline:
            for event in self.events[seen:]:
                seen += 1
                if isinstance(event, kind) and accept(event):
                    return event
            if not self.pump(0.5) and seen == len(self.events):
                break
        raise AssertionError(f"no such {kind.__name__}; the kit said: {self.output[-2000:]!r}")

    def end_input(self) -> float:
        """Close stdin and wait for the end; seconds that it took."""
        assert self.process.stdin is not None
        began = time.monotonic()
        self.process.stdin.close()
        self.process.wait(5)
        return time.monotonic() - began

    def __enter__(self) -> RunningKit:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def children_of(pid: int) -> list[int]:
    """Direct children of a process (zombies included)."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    """False for what has ended, zombies included."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def eventually(check: Callable[[], object], seconds: float = 5.0) -> bool:
    """True when `check` holds within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.02)
    return bool(check())
