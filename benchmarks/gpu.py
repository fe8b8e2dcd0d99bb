"""What reading eight GPUs once a second costs, beside nvitop and gpustat, all through the same simulated NVML library.

The library answers at once, so this is what the readers themselves cost; a real driver's own time comes on top for all.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from backends.hostkit.gpu_bundle import gpu_child_argv, gpu_payload
from backends.metrics.sample import Record
from benchmarks import peers, probe
from benchmarks.cost import MEBI
from benchmarks.sampling import HOST_PATH, Running, Sampler, Steady
from tests.nvml import build

QUICK = bool(os.environ.get("SWARM_BENCH_QUICK"))
GPUS = 8
WARM_SECONDS = 5.0
SECONDS = 10.0 if QUICK else 40.0
"""Several of the ten seconds after which ours reads the slow values."""
ONCE_ROUNDS = 3 if QUICK else 10


class Once(Record, frozen=True, kw_only=True):
    """A program that is started for every reading."""

    name: str
    cpu_seconds: float


def run() -> list[str]:
    """The tables."""
    if build.compiler() is None:
        return ["Not measured: needs gcc."]
    environment = simulated(build.build())
    there, absent = samplers(environment)
    rows = [_steady(one) for one in there]
    gpustat = peers.program("gpustat")
    once = [_once("gpustat --json, started each time", [gpustat, "--json"], environment)] if gpustat else []
    lines = [
        f"{GPUS} simulated H100s with a process each, once a second; measured for {SECONDS:.0f} s each. nvitop and gpustat draw on a terminal.",
        "The probe's row is among this machine's own processes.",
        *(["", f"Not installed: {', '.join(absent)}."] if absent else []),
    ]
    return [*lines, "", *table(rows, once), "", *_together(rows)]


def simulated(library: Path) -> dict[str, str]:
    """The environment in which a program sees the GPUs."""
    return {
        "LD_LIBRARY_PATH": str(library),
        "SIMULATED_NVML_CONTROL": "/dev/null",
        "SIMULATED_NVML_GPUS": str(GPUS),
        "SIMULATED_NVML_PID": str(os.getpid()),
        "TERM": "xterm-256color",
    }


def samplers(environment: dict[str, str]) -> tuple[list[Sampler], list[str]]:
    """Our reader, our whole kit with it, then the others that are there; and the names of those that are not."""
    payload, kit = gpu_payload("nvidia", 1.0), probe.ours()
    reader = Sampler(
        name="swarm-tui's GPU reader",
        argv=tuple(gpu_child_argv(payload)),
        environment=environment,
        feed=payload,
        mark=b'"f":',
    )
    whole = Sampler(
        name="swarm-tui's probe with it, a whole GPU host",
        argv=kit.argv,
        environment=environment,
        feed=kit.feed + b"gpu %d\n" % len(payload) + payload,
        mark=kit.mark,
    )
    rivals = [("nvitop", "--monitor", "full", "--interval", "1"), ("gpustat", "--interval", "1", "--no-color")]
    found = [(name, peers.program(name), arguments) for name, *arguments in rivals]
    there = [
        Sampler(name=name, argv=(program, *arguments), environment=environment, mark=b"%", terminal=True)
        for name, program, arguments in found
        if program
    ]
    return [reader, whole, *there], [name for name, program, _ in found if not program]


def _steady(sampler: Sampler) -> Steady:
    with Running(sampler) as running:
        return running.steady(WARM_SECONDS, SECONDS)


def _once(name: str, argv: Sequence[str], environment: dict[str, str]) -> Once:
    """The least CPU of some runs after one that only warms the file cache. Raises CalledProcessError when one fails."""
    with tempfile.TemporaryDirectory() as home:
        own = {"PATH": HOST_PATH, "HOME": home, "LANG": "C.UTF-8", **environment}
        used = [_children_seconds(argv, own) for _ in range(ONCE_ROUNDS + 1)][1:]
    return Once(name=name, cpu_seconds=min(used))


def _children_seconds(argv: Sequence[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(rows: Sequence[Steady], once: Sequence[Once]) -> list[str]:
    """The first row is our reader."""
    first = rows[0].milliseconds
    lines = [
        f"| {GPUS} GPUs | CPU a reading | against ours | RSS | PSS |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.name} | {row.milliseconds:.2f} ms | {row.milliseconds / first:.1f}× | "
        f"{row.memory.resident / MEBI:.1f} MiB | {row.memory.proportional / MEBI:.1f} MiB |"
        for row in rows
    ]
    return lines + [
        f"| {one.name} | {one.cpu_seconds * 1000:.0f} ms | {one.cpu_seconds * 1000 / first:.0f}× | | |" for one in once
    ]


def _together(rows: Sequence[Steady]) -> list[str]:
    """No budget holds for the GPU reader, so it is only said what both cost together."""
    reader, whole = rows[0], rows[1]
    return [
        f"The reader takes {reader.share:.2f} % of a core and {reader.memory.resident / 1e6:.0f} MB, most of it NVIDIA's own binding; "
        f"probe and reader together {whole.share:.2f} % and {whole.memory.resident / 1e6:.0f} MB. "
        "The budget of the probe is without the reader, which runs only where there are GPUs."
    ]
