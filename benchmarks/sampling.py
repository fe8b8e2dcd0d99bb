"""Runs a program that samples again and again, and tells what a sample costs and how long the first one takes.

Every program is left alone: this process only reads what it writes (or asks over HTTP once a second) and looks at the
kernel's accounts of it before and after.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import statistics
import struct
import subprocess
import termios
import threading
import time
import urllib.request
from types import TracebackType

from backends.metrics.sample import Record
from benchmarks import cost, crowd

FIRST_SAMPLE_SECONDS = 30.0
ROWS, COLUMNS = 50, 160
"""The terminal of programs that draw."""


class Sampler(Record, frozen=True, kw_only=True):
    """A program that samples about once a second."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = {}
    feed: bytes = b""
    """Goes to its stdin first."""
    mark: bytes = b"\n"
    """What its output holds once a sample."""
    terminal: bool = False
    """It wants a terminal, and nothing marks a sample: one a second is taken for granted."""
    port: int = 0
    """It samples when asked over HTTP here, which happens once a second."""


class Steady(Record, frozen=True, kw_only=True):
    """What a running sampler costs."""

    name: str
    seconds: float
    cpu_seconds: float
    samples: int
    output_bytes: int
    memory: cost.Memory

    @property
    def share(self) -> float:
        """Per cent of one core."""
        return 100 * self.cpu_seconds / self.seconds

    @property
    def milliseconds(self) -> float:
        """CPU of one sample."""
        return 1000 * self.cpu_seconds / max(1, self.samples)

    @property
    def sample_bytes(self) -> float:
        return self.output_bytes / max(1, self.samples)


class Start(Record, frozen=True, kw_only=True):
    """From exec to the first sample."""

    wall_fastest: float
    wall_median: float
    cpu_fastest: float


class Running:
    """A sampler at work, alone or among `others` other processes. Leave the `with` block to end it."""

    def __init__(self, sampler: Sampler, others: int | None = None):
        self.sampler = sampler
        self.samples = self.bytes = 0
        self._others = others
        self._first = threading.Event()
        self._stop = threading.Event()
        self.began = time.monotonic()
        self.first_at = 0.0
        self.process = self._launch()
        self._thread = threading.Thread(target=self._scrape if sampler.port else self._read, name=sampler.name)
        self._thread.start()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The sampler's process, as this machine sees it."""
        return self.process.pid if self._others is None else crowd.member(self.process.pid, self._others)

    def first(self) -> None:
        """Wait for the first sample. Raises RuntimeError when none comes."""
        if not self._first.wait(FIRST_SAMPLE_SECONDS):
            raise RuntimeError(f"{self.sampler.name} gave no sample within {FIRST_SAMPLE_SECONDS:.0f} s")

    def steady(self, warm_seconds: float, seconds: float) -> Steady:
        """What it costs over `seconds`, once it has run for `warm_seconds`."""
        self.first()
        time.sleep(warm_seconds)
        pid, samples, written = self.pid, self.samples, self.bytes
        before, began = cost.read(pid), time.monotonic()
        time.sleep(seconds)
        after, wall = cost.read(pid), time.monotonic() - began
        if not after.threads:
            raise RuntimeError(f"{self.sampler.name} ended while it was measured")
        return Steady(
            name=self.sampler.name,
            seconds=wall,
            cpu_seconds=cost.seconds_between(before, after),
            samples=round(wall) if self.sampler.terminal else self.samples - samples,
            output_bytes=self.bytes - written,
            memory=cost.memory(pid),
        )

    def kill(self) -> float:
        """End it; CPU seconds of it and of its children that ended before."""
        self._stop.set()
        os.kill(self.process.pid, signal.SIGKILL)
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self._thread.join()
        if self.process.stdin is not None:
            self.process.stdin.close()
        os.close(self._output)
        return used.ru_utime + used.ru_stime

    def _launch(self) -> subprocess.Popen[bytes]:
        sampler = self.sampler
        argv = [*(crowd.among(self._others) if self._others is not None else ()), *sampler.argv]
        self._output, theirs = _terminal() if sampler.terminal else os.pipe()
        process = subprocess.Popen(
            argv,
            env={"PATH": HOST_PATH, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", **sampler.environment},
            stdin=theirs if sampler.terminal else subprocess.PIPE,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=sampler.terminal,
        )
        os.close(theirs)
        if process.stdin is not None and sampler.feed:
            process.stdin.write(sampler.feed)
        return process

    def _read(self) -> None:
        """Count what it writes until it ends."""
        mark, tail = self.sampler.mark, b""
        while True:
            try:
                data = os.read(self._output, 1 << 16)
            except OSError:  # the other side of a terminal is gone
                return
            if not data:
                return
            self.bytes += len(data)
            self._count((tail + data).count(mark))
            tail = data[1 - len(mark) :] if len(mark) > 1 else b""

    def _scrape(self) -> None:
        """Ask it once a second until it is to end; at first as often as can be, until it answers."""
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"http://127.0.0.1:{self.sampler.port}/metrics", timeout=10) as answer:
                    self.bytes += len(answer.read())
                self._count(1)
            self._stop.wait(1.0 if self.samples else 0.002)

    def _count(self, samples: int) -> None:
        self.samples += samples
        if samples and not self._first.is_set():
            self.first_at = time.monotonic()
            self._first.set()


HOST_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
"""As a login over SSH has it, so that the python3 of the machine runs the kit."""


def start(sampler: Sampler, rounds: int) -> Start:
    """What its start costs, of `rounds` starts after one that only warms the file cache."""
    times = [_start_once(sampler) for _ in range(rounds + 1)][1:]
    return Start(
        wall_fastest=min(wall for wall, _ in times),
        wall_median=statistics.median(wall for wall, _ in times),
        cpu_fastest=min(used for _, used in times),
    )


def _start_once(sampler: Sampler) -> tuple[float, float]:
    running = Running(sampler)
    try:
        running.first()
    finally:
        used = running.kill()
    return running.first_at - running.began, used


def _terminal() -> tuple[int, int]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    return ours, theirs
