"""How long a subcommand takes from the shell's point of view, beside what others cost to start.

An engine with simulated hosts runs beside it, in directories of its own; every figure is the median of whole processes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import peers
from benchmarks.cost import kept

BUDGET_SECONDS = 0.3
"""`swarm-tui status` with an engine running."""

PROGRAM = (sys.executable, "-m", "swarm_tui")
HOSTS = (40, 1000)


def run() -> list[str]:
    """The table."""
    rounds = 5 if os.environ.get("SWARM_BENCH_QUICK") else 15
    with tempfile.TemporaryDirectory(prefix="swarm-start-") as folder:
        environment = _own(Path(folder))
        rows = [(name, _median(argv, environment, rounds)) for name, argv in _bare()]
        for hosts in HOSTS:
            with _engine(hosts, environment):
                for name, words in (
                    ("status", ["status"]),
                    ("status --json", ["status", "--json"]),
                    ("status state:down", ["status", "state:down"]),
                ):
                    argv = [*PROGRAM, *_demo(hosts), *words, "--wait", "0"]
                    rows.append((f"`swarm-tui {name}`, {hosts} hosts", _median(argv, environment, rounds)))
    base = rows[0][1]
    verdict = _verdict(dict(rows)[f"`swarm-tui status`, {HOSTS[0]} hosts"])
    lines = [f"| {name} | {seconds * 1000:.0f} ms | {seconds / base:.1f}× |" for name, seconds in rows]
    return ["| whole process, median | time | against bare Python |", "|---|---:|---:|", *lines, "", verdict]


def _verdict(seconds: float) -> str:
    verdict = kept(seconds, BUDGET_SECONDS)
    return f"Budget: `swarm-tui status` with an engine running ≤ {BUDGET_SECONDS:g} s: {seconds:.2f} s, {verdict}."


def _bare() -> Iterator[tuple[str, Sequence[str]]]:
    """What needs no engine, and what it is compared with."""
    yield "`python -c pass`", (sys.executable, "-c", "pass")
    yield "`swarm-tui --help`", (*PROGRAM, "--help")
    yield "`swarm-tui config check`", (*PROGRAM, "config", "check")
    for module in ("textual.app", "paramiko", "apprise"):
        yield f"`import {module}` (not loaded by the above)", (sys.executable, "-c", f"import {module}")
    for peer in (("clush", "--version"), ("ansible", "--version")):
        if program := peers.program(peer[0]):
            yield f"`{' '.join(peer)}`", (program, *peer[1:])


def _median(argv: Sequence[str], environment: dict[str, str], rounds: int) -> float:
    """Seconds of one whole process; the first run only warms the file cache."""
    times = [_once(argv, environment) for _ in range(rounds + 1)][1:]
    return statistics.median(times)


def _once(argv: Sequence[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(argv, env=environment, capture_output=True, cwd="/", check=False)
    took = time.perf_counter() - began
    if done.returncode not in (0, 1, 2, 3):  # the simulated fleet has hosts in trouble, which is no failure of ours
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return took


def _own(folder: Path) -> dict[str, str]:
    """An environment whose directories nobody else uses."""
    places = {
        name: folder / name.lower()
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
    }
    for place in places.values():
        place.mkdir(mode=0o700)
    return {**os.environ, **{name: str(place) for name, place in places.items()}}


def _demo(hosts: int) -> list[str]:
    return ["--demo", "--demo-hosts", str(hosts)]


@contextmanager
def _engine(hosts: int, environment: dict[str, str]) -> Iterator[None]:
    """An engine with simulated hosts; it has all samples when the block begins."""
    subprocess.run([*PROGRAM, *_demo(hosts), "status"], env=environment, capture_output=True, cwd="/", check=False)
    time.sleep(
        11
    )  # status waits for an engine that is younger than ten seconds; what is measured here is the daily case
    try:
        yield
    finally:
        subprocess.run(
            [*PROGRAM, *_demo(hosts), "engine", "stop"], env=environment, capture_output=True, cwd="/", check=False
        )
