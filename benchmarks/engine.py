"""What the engine costs with nobody but one busy console looking: CPU, memory and the API, on simulated fleets at 1 Hz.

The simulation runs inside the engine; its own share is measured alone and shown, so that the rest is the engine's.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from backends.clock import SystemClock
from backends.engine.archive import Archive
from backends.engine.fleet import Fleet
from backends.sources import demo_fleet, demo_motion

QUICK = bool(os.environ.get("SWARM_BENCH_QUICK"))
FLEETS = (200,) if QUICK else (200, 500, 1000)
SECONDS = 5 if QUICK else 20
HOMES = ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")


class Console:
    """Asks as a console does: what changed, twice a second."""

    def __init__(self, path: Path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")
        self.times: list[float] = []
        self.sizes: list[int] = []
        self.version: int | None = None

    def ask(self, *, full: bool = False) -> tuple[float, int]:
        """One fleet.view: milliseconds and bytes."""
        params = {} if full or self.version is None else {"since": self.version}
        request = {"jsonrpc": "2.0", "id": 1, "method": "fleet.view", "params": params}
        began = time.perf_counter()
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        line = self._file.readline()
        took = (time.perf_counter() - began) * 1000
        self.version = json.loads(line)["result"]["version"]
        return took, len(line)

    def watch(self, seconds: float) -> None:
        """Look at the fleet for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            took, size = self.ask()
            self.times.append(took)
            self.sizes.append(size)
            time.sleep(0.5)

    def close(self) -> None:
        """Leave."""
        self._file.close()
        self._socket.close()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def best(work: Callable[[], object], count: int, rounds: int = 5) -> float:
    """Microseconds for one of `count`, the best of some rounds."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times) / count * 1e6


def live(count: int) -> str:
    """One row: an engine with `count` simulated hosts and one console."""
    with tempfile.TemporaryDirectory() as directory:
        home = dict.fromkeys(HOMES, directory)
        path = Path(directory) / "run" / "engine.sock"
        command = [sys.executable, "-m", "backends.engine.daemon", "--demo", str(count), "--socket", str(path)]
        began = time.monotonic()
        engine = subprocess.Popen(command, env=os.environ | home)
        try:
            console = _connected(path)
            ready = time.monotonic() - began
            time.sleep(3)
            before, started = cpu_seconds(engine.pid), time.monotonic()
            console.watch(SECONDS)
            percent = 100 * (cpu_seconds(engine.pid) - before) / (time.monotonic() - started)
            full = [console.ask(full=True) for _ in range(20)]
            memory = resident_mib(engine.pid)
            console.close()
            began = time.monotonic()
            engine.terminate()
            engine.wait(10)
            stop = time.monotonic() - began
        finally:
            engine.kill()
            engine.wait()
    share = simulated(count) * count / 1e4
    return (
        f"| {count} | {ready:.2f} s | {percent:.0f} % | {share:.0f} % | {memory:.0f} MiB | "
        f"{statistics.median(console.times):.1f} / {max(console.times):.1f} ms | "
        f"{statistics.median(console.sizes) / 1024:.0f} KiB | {statistics.median(took for took, _ in full):.1f} ms | "
        f"{full[0][1] / 1024:.0f} KiB | {stop:.2f} s |"
    )


def _connected(path: Path) -> Console:
    deadline = time.monotonic() + 20
    while True:
        try:
            return Console(path)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def simulated(count: int) -> float:
    """What making up one sample costs, in microseconds."""
    hosts = demo_fleet.build(count)
    return best(lambda: [demo_motion.sample(host, 7, 33.0, 1.0, 1e9) for host in hosts], count)


def parts() -> list[str]:
    """What one sample of an average host of the simulated fleet costs in each part of the engine."""
    hosts = demo_fleet.build(400)
    rounds = [[demo_motion.sample(host, 7, float(n), 1.0, 1e9 + n) for host in hosts] for n in range(6)]
    clock = SystemClock()
    fleet = Fleet(now=clock.now, monotonic=clock.monotonic, on_event=lambda *told: None)
    fleet.set_hosts(demo_fleet.as_host(host) for host in hosts)
    archive = Archive(now=clock.now)
    names = [host.name for host in hosts]
    feeds = iter(rounds)

    def rows() -> None:
        for name, one in zip(names, rounds[0], strict=True):
            fleet.sample(name, one)

    def rings() -> None:
        for name, one in zip(names, next(feeds), strict=True):
            archive.sample(name, one)

    row, ring = best(rows, len(hosts)), best(rings, len(hosts))
    return [
        "| part | µs a sample | of a core at 1,000 a second |",
        "|---|---|---|",
        f"| row, severity, JSON | {row:.0f} | {row / 10:.1f} % |",
        f"| 15 minutes at full rate | {ring:.0f} | {ring / 10:.1f} % |",
        "",
        f"The rings of 1,000 such hosts hold {full_rings():.0f} MiB once 15 minutes are full.",
    ]


def full_rings() -> float:
    """MiB of the rings of a thousand hosts after 15 minutes, from 40 of them that are really filled."""
    hosts = demo_fleet.build(40)
    archive = Archive(now=lambda: 1e9)
    before = resident_mib(os.getpid())
    for host in hosts:
        one = demo_motion.sample(host, 7, 33.0, 1.0, 1e9)
        for second in range(900):
            archive.sample(host.name, msgspec.structs.replace(one, time=1e9 + second))
    return (resident_mib(os.getpid()) - before) * 25


def run() -> list[str]:
    """The tables."""
    head = [
        "| hosts | first answer | engine CPU, of one core | of it simulation | memory at first | what changed, median / max | size | whole fleet | size | quits in |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    return [*head, *(live(count) for count in FLEETS), "", *parts()]
