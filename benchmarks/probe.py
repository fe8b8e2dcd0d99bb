"""What watching a host costs the host: the real kit through its real launch command, beside what others run there.

Every sampler has its turn among the same number of processes, sampling once a second; caches are as cold as on a host.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence

import msgspec

from backends.hostkit.travel import probe_launch
from benchmarks import crowd, peers
from benchmarks.cost import MEBI, kept
from benchmarks.sampling import Running, Sampler, Start, Steady, start

QUICK = bool(os.environ.get("SWARM_BENCH_QUICK"))
BESIDE = 3
"""The sampler, its helper and the first process of the namespace."""
OTHERS = (50 - BESIDE, 1000 - BESIDE)
CORE_PERCENT, MEMORY_BYTES = 0.2, 25_000_000
"""Budgets of the kit at 1 Hz among 1,000 processes; the GPU reader has a table of its own."""
WARM_SECONDS, PEER_WARM_SECONDS = 20.0, 5.0
"""Ours has found out after four scans of the process table who is idle."""
SECONDS = 20.0 if QUICK else 60.0
"""A whole turn of what ours does most seldom; the names are sent again and the disks looked up every minute."""
PEER_SECONDS = 10.0 if QUICK else 20.0
STARTS = 5 if QUICK else 20

PSUTIL_LOOP = """
import json, sys, time, psutil
fields = ["pid", "name", "username", "status", "cpu_percent", "memory_info", "cmdline"]
while True:
    mounts = [part.mountpoint for part in psutil.disk_partitions()]
    found = [process.info for process in psutil.process_iter(fields)]
    found.sort(key=lambda info: info["cpu_percent"] or 0, reverse=True)
    sample = [time.time(), psutil.cpu_percent(percpu=True), psutil.virtual_memory(), psutil.swap_memory(), psutil.getloadavg(),
              psutil.disk_io_counters(perdisk=True), psutil.net_io_counters(pernic=True), [psutil.disk_usage(m) for m in mounts],
              len(found), found[:20]]
    sys.stdout.write(json.dumps(sample, default=str) + "\\n")
    sys.stdout.flush()
    time.sleep(1)
"""
"""How programs that use psutil are usually written."""


def run() -> list[str]:
    """The tables."""
    if not crowd.available():
        return ["Not measured: needs gcc."]
    there, absent = samplers()
    found = {others: [_steady(one, others) for one in there] for others in OTHERS}
    starting = [one for one in there if one != watched()]
    starts = [start(one, STARTS if one == ours() else max(3, STARTS // 4)) for one in starting]
    lines = [*_notes(absent), ""]
    for others, rows in found.items():
        lines += [*steady_table(others + BESIDE, rows), ""]
    return [*lines, *start_table([one.name for one in starting], starts), "", *verdicts(found[OTHERS[-1]][0])]


def ours() -> Sampler:
    """The kit as the engine launches it over SSH."""
    launch = probe_launch(interval_seconds=1.0)
    argv = ("/bin/sh", "-c", launch.command)
    return Sampler(name="swarm-tui's probe", argv=argv, feed=launch.payload, mark=b'["s",')


def watched() -> Sampler:
    """The kit while somebody looks at this host: the process table every two seconds."""
    kit = ours()
    return msgspec.structs.replace(kit, name=f"{kit.name}, host on screen", feed=kit.feed + b"focus 1\n")


def samplers() -> tuple[list[Sampler], list[str]]:
    """Ours first, then the others that are there; and the names of those that are not."""
    rivals = [
        _psutil(),
        _named("top -b", "top", "-b", "-d", "1", mark=b"top - "),
        _named("prometheus-node-exporter, scraped", peers.EXPORTER, port=_free_port()),
        _named("glances", "glances", "--time", "1", "--disable-check-update", "--stdout-csv", "cpu.user,load,mem.used"),
    ]
    there = [ours(), watched(), *(one for one in rivals if one.argv[0])]
    return there, [one.name for one in rivals if not one.argv[0]]


def _psutil() -> Sampler:
    interpreter = peers.FOLDER / "bin" / "python"
    argv = (str(interpreter) if interpreter.exists() else sys.executable, "-c", PSUTIL_LOOP)
    return Sampler(name="psutil, the usual loop", argv=argv)


def _named(name: str, program: str, *arguments: str, mark: bytes = b"\n", port: int = 0) -> Sampler:
    """A peer; its argv begins with "" when it is not installed."""
    if port:
        arguments = (f"--web.listen-address=127.0.0.1:{port}",)
    return Sampler(name=name, argv=(peers.program(program) or "", *arguments), mark=mark, port=port)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _steady(sampler: Sampler, others: int) -> Steady:
    with Running(sampler, others) as running:
        if sampler == ours():
            return running.steady(WARM_SECONDS, SECONDS)
        return running.steady(PEER_WARM_SECONDS, PEER_SECONDS)


def _notes(absent: Sequence[str]) -> list[str]:
    lines = [
        f"Each in its turn, sampling once a second, among processes of which one in {crowd.ONE_WORKS_IN} works 4 ms a second.",
        *(() if crowd.namespace() else ("No pid namespace could be made: the machine's own processes come on top.",)),
        f"Ours runs for {WARM_SECONDS:.0f} s and is measured for {SECONDS:.0f} s, the others for {PEER_WARM_SECONDS:.0f} and "
        f"{PEER_SECONDS:.0f} s. Children are included. Ours reads the process table every 5 s, idle processes in turns, and every 2 s",
        "while somebody looks at the host; the others every second, but for the exporter, which has no process list.",
    ]
    return [*lines, *(["", f"Not installed: {', '.join(absent)}."] if absent else [])]


def steady_table(processes: int, rows: Sequence[Steady]) -> list[str]:
    """One table; the first row is ours."""
    first = rows[0]
    lines = [
        f"| {processes:,} processes | CPU a sample | of a core | against ours | RSS | PSS | bytes a sample |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    return lines + [
        f"| {row.name} | {row.milliseconds:.2f} ms | {row.share:.3g} % | {row.share / first.share:.1f}× | "
        f"{row.memory.resident / MEBI:.1f} MiB | {row.memory.proportional / MEBI:.1f} MiB | {row.sample_bytes:,.0f} |"
        for row in rows
    ]


def start_table(names: Sequence[str], rows: Sequence[Start]) -> list[str]:
    """From exec to the first sample; the first row is ours."""
    first = rows[0]
    lines = [
        "| exec to first sample | fastest | median | CPU, least | CPU against ours |",
        "|---|---:|---:|---:|---:|",
    ]
    return lines + [
        f"| {name} | {row.wall_fastest * 1000:.0f} ms | {row.wall_median * 1000:.0f} ms | {row.cpu_fastest * 1000:.0f} ms | "
        f"{row.cpu_fastest / first.cpu_fastest:.1f}× |"
        for name, row in zip(names, rows, strict=True)
    ]


def verdicts(row: Steady) -> list[str]:
    """The budgets, of the largest crowd."""
    resident = row.memory.resident
    return [
        f"Budget: the probe at 1 Hz among 1,000 processes ≤ {CORE_PERCENT:g} % of one core: {row.share:.3g} %, "
        f"{kept(row.share, CORE_PERCENT)}; ≤ {MEMORY_BYTES / 1e6:.0f} MB resident, helper included: "
        f"{resident / 1e6:.1f} MB, {kept(resident, MEMORY_BYTES)}. The GPU reader, where there are GPUs, comes on top: see there.",
    ]
