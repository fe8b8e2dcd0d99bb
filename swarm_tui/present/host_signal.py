"""What can be sent to a process, in words, and the sentences of the confirmation."""

from __future__ import annotations

from typing import NamedTuple

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import Process
from swarm_tui.present.host_processes import STATES
from swarm_tui.present.host_value import clock_time, day

TICKS_PER_SECOND = 100
"""USER_HZ of every Linux that we meet; only used to show when a process started, never to identify it."""


class Choice(NamedTuple):
    """One signal."""

    key: str
    name: str
    meaning: str


SIGNALS: tuple[Choice, ...] = (
    Choice("t", "TERM", "ask it to end; it may clean up first"),
    Choice("i", "INT", "as Ctrl-C would"),
    Choice("h", "HUP", "many daemons read their configuration again"),
    Choice("s", "STOP", "hold it still; it keeps its memory"),
    Choice("c", "CONT", "let a stopped one go on"),
    Choice("k", "KILL", "end it at once; nothing is saved or cleaned up"),
)
"""The harmless first, KILL last and never the default."""


def started(process: Process, detail: HostDetail) -> str:
    """When the process started, as far as uptime and start ticks tell."""
    sample = detail.sample
    if sample is None or sample.uptime_seconds is None:
        return "start time n/a"
    running = sample.uptime_seconds - process.start_ticks / TICKS_PER_SECOND
    if running < 0:
        return "start time n/a"
    begun = sample.time - running
    return f"started {day(begun)} {clock_time(begun)} UTC, {units.span(running)} ago"


def describe(process: Process, detail: HostDetail) -> list[str]:
    """Who the process is, for a person who is about to stop it."""
    rows = [
        f"process  {process.pid} {process.name} of {process.user or 'n/a'} on {detail.row.name}",
        f"command  {process.command or 'n/a'}",
        f"time     {started(process, detail)}",
    ]
    if process.state in ("D", "Z"):
        rows.append(f"state    {process.state}: {STATES[process.state]}")
    if holds := _holds(process):
        rows.append(f"holds    {holds}")
    return rows


def _holds(process: Process) -> str:
    gpus = (
        f"GPU {', '.join(map(str, process.gpus))} with {units.size(process.gpu_memory_bytes)}" if process.gpus else ""
    )
    job = f"Slurm job {process.slurm_job} (better: scancel {process.slurm_job})" if process.slurm_job else ""
    return ", ".join(text for text in (job, gpus) if text)


CHECKED = "It is signalled only if both pid and start time still match."
"""Why a pid that was given to another process meanwhile is safe."""
