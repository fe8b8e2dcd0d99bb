"""The console in a real pseudo-terminal: time to the first content, bytes a second, and how long a key takes to show.

An engine with simulated hosts runs beside it at 1 Hz, in directories of its own, so every row of a fleet changes every second.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.cost import kept
from benchmarks.start import _demo, _engine, _own

COLUMNS, ROWS = 140, 40
FIRST_SECONDS, BYTES_PER_SECOND, KEY_SECONDS = 0.5, 10_000, 0.040
"""Budgets: first content, bytes at 1,000 hosts, key to paint p90."""

_CURSOR = re.compile(rb"\x1b\[(\d+);1H(?:\x1b\[[\d;]*m)*\xe2\x96\x8c")
"""The cursor's glyph painted at the left edge: where the cursor is now."""


class Terminal:
    """A console on a pseudo-terminal that is always read."""

    def __init__(self, argv: list[str], environment: dict[str, str]):
        self.began = time.perf_counter()
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, environment)
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.output = bytearray()

    def read(self, seconds: float, until: Callable[[bytes], bool] = lambda data: False) -> bytes:
        """What arrives within so many seconds, or until it is enough."""
        end, got = time.perf_counter() + seconds, bytearray()
        while (left := end - time.perf_counter()) > 0 and not until(bytes(got)):
            if select.select([self.file], [], [], left)[0]:
                try:
                    got += os.read(self.file, 1 << 16)
                except OSError:  # the other side is gone
                    break
        self.output += got
        return bytes(got)

    def press(self, key: bytes) -> None:
        """Type."""
        os.write(self.file, key)

    def close(self) -> float:
        """Quit; the seconds it took."""
        began = time.perf_counter()
        self.press(b"q")
        self.read(5.0, lambda data: False) if not self._wait(5.0) else b""
        return time.perf_counter() - began

    def _wait(self, seconds: float) -> bool:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.read(0.01)
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return True
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return False


def run() -> list[str]:
    """The tables."""
    quick = bool(os.environ.get("SWARM_BENCH_QUICK"))
    seconds = 5.0 if quick else 20.0
    rows: list[str] = []
    keys: list[float] = []
    firsts: list[float] = []
    busy = 0.0
    with tempfile.TemporaryDirectory(prefix="swarm-console-") as folder:
        environment = _environment(_own(Path(folder)))
        for hosts in (0, 1, 40, 1000):
            with _fleet(hosts, environment, Path(folder)) as options:
                first = statistics.median(_first(options, environment) for _ in range(3 if quick else 7))
                with _console(options, environment) as terminal:
                    live = _rate(terminal, seconds)
                    terminal.press(b"p")
                    terminal.read(2.0)
                    frozen = _rate(terminal, seconds / 2)
                    terminal.press(b"p")
                    terminal.read(2.0)
                    if hosts == 1000:
                        keys, busy = _keys(terminal, 20 if quick else 60), live
                    gone = terminal.close()
            firsts.append(first)
            rows.append(f"| {hosts} | {first * 1000:.0f} ms | {live:.0f} | {frozen:.0f} | {gone * 1000:.0f} ms |")
    return [
        f"Terminal of {COLUMNS}×{ROWS} in truecolour; every host has a new sample every second.",
        "",
        "| hosts | first content | bytes/s live | bytes/s frozen | quit |",
        "|---:|---:|---:|---:|---:|",
        *rows,
        "",
        *_verdicts(firsts, busy, keys),
    ]


def _verdicts(firsts: list[float], busy: float, keys: list[float]) -> list[str]:
    ordered = sorted(keys)
    p50, p90 = statistics.median(ordered), ordered[int(len(ordered) * 0.9)]
    return [
        f"Key to paint at 1,000 hosts, {len(keys)} keys: p50 {p50 * 1000:.0f} ms, p90 {p90 * 1000:.0f} ms, "
        f"max {ordered[-1] * 1000:.0f} ms; budget p90 ≤ {KEY_SECONDS * 1000:.0f} ms: {kept(p90, KEY_SECONDS)}.",
        "",
        f"Budget: first content ≤ {FIRST_SECONDS:g} s: {max(firsts):.2f} s at worst, {kept(max(firsts), FIRST_SECONDS)}. "
        f"Bytes at 1,000 hosts ≤ {BYTES_PER_SECOND}/s: {busy:.0f}/s, {kept(busy, BYTES_PER_SECOND)}.",
    ]


def _environment(own: dict[str, str]) -> dict[str, str]:
    own.pop("NO_COLOR", None)
    return {**own, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


@contextmanager
def _fleet(hosts: int, environment: dict[str, str], folder: Path) -> Iterator[list[str]]:
    """A running engine, and the options that lead to it. No hosts at all means a configuration that selects none."""
    if hosts:
        with _engine(hosts, environment):
            yield _demo(hosts)
        return
    config = folder / "empty.toml"
    config.write_text("[groups.nobody]\nnodes = 'unused'\naddress = '127.0.0.254'\nport = 9\n")
    options = ["--config", str(config)]
    program = [sys.executable, "-m", "swarm_tui", *options]
    subprocess.run([*program, "status", "--wait", "0"], env=environment, capture_output=True, cwd="/", check=False)
    try:
        yield options
    finally:
        subprocess.run([*program, "engine", "stop"], env=environment, capture_output=True, cwd="/", check=False)


def _first(options: list[str], environment: dict[str, str]) -> float:
    """Seconds from the start of the process until the table's head and a host's row are on the terminal."""
    terminal = Terminal([sys.executable, "-m", "swarm_tui", *options], environment)
    terminal.read(10.0, lambda data: b"HOST" in terminal.output + data and b" up" in terminal.output + data)
    took = time.perf_counter() - terminal.began
    terminal.close()
    return took


@contextmanager
def _console(options: list[str], environment: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal([sys.executable, "-m", "swarm_tui", *options], environment)
    terminal.read(4.0)
    try:
        yield terminal
    finally:
        with suppress(ProcessLookupError):
            os.kill(terminal.pid, signal.SIGKILL)
        os.close(terminal.file)


def _rate(terminal: Terminal, seconds: float) -> float:
    return len(terminal.read(seconds)) / seconds


def _cursor_on(row: int) -> Callable[[bytes], bool]:
    """Whether some output draws the cursor's glyph on the terminal's row `row`."""
    return lambda data: any(int(found) == row for found in _CURSOR.findall(data))


def _keys(terminal: Terminal, count: int) -> list[float]:
    """Seconds from a key to the cursor's glyph on its new row, while all hosts change at 1 Hz."""
    terminal.press(b"g")
    terminal.read(1.0)
    row, step, times = 4, 1, []
    for number in range(count):
        if row + step in (3, ROWS - 4):
            step = -step
        row += step
        began = time.perf_counter()
        terminal.press(b"j" if step > 0 else b"k")
        terminal.read(2.0, _cursor_on(row))
        times.append(time.perf_counter() - began)
        time.sleep(0.05 + (number % 7) * 0.013)  # not in step with the refresh
        terminal.read(0.02)
    return times
