"""The Processes tab: sorting, filtering and drawing of the processes that the host told us about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from backends import units
from backends.engine.wire import HostDetail
from backends.metrics.sample import Process, ProcessTable
from swarm_tui.present import host_table
from swarm_tui.present.host_line import Span, line
from swarm_tui.present.host_table import Column
from swarm_tui.present.host_value import NOTHING, number
from swarm_tui.present.line import Line, crop

SortKey = Literal["cpu", "memory", "gpu", "pid", "user", "command"]
SORTS: tuple[SortKey, ...] = ("cpu", "memory", "gpu", "pid", "user", "command")
"""In the order in which < and > walk."""

Key = tuple[int, int]
"""What names a process for ever: pid and start time. The cursor holds on to it across every re-sort."""

_COLUMNS = (
    Column("pid", 8, "right"),
    Column("user", 9),
    Column("S", 1),
    Column("cpu%", 5, "right"),
    Column("memory", 6, "right"),
    Column("gpu mem", 7, "right"),
    Column("gpu", 7, wide=100),
    Column("nice", 4, "right", wide=100),
    Column("job", 14, wide=96),
    Column("command"),
)
_SORTED_BY: dict[SortKey, int] = {"pid": 0, "user": 1, "cpu": 3, "memory": 4, "gpu": 5, "command": 9}

STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "waiting in the kernel; no signal reaches it until that ends",
    "Z": "zombie: dead, its parent has not collected it",
    "T": "stopped",
    "t": "traced",
    "I": "idle kernel thread",
}
"""ps's letters in words."""


class Listing(NamedTuple):
    """What is asked of the table."""

    sort: SortKey = "cpu"
    reverse: bool = False
    needle: str = ""


def key(process: Process) -> Key:
    """The process's lasting name."""
    return process.pid, process.start_ticks


def listed(table: ProcessTable | None, listing: Listing) -> list[Process]:
    """The processes that match, sorted; numbers from high to low unless reversed."""
    if table is None:
        return []
    found = [process for process in table.top if matches(process, listing.needle)]
    return sorted(found, key=lambda process: _rank(process, listing.sort), reverse=listing.reverse)


def _rank(process: Process, sort: SortKey) -> tuple[bool, float | str, int]:
    if sort == "user":
        return (process.user == "", process.user, process.pid)
    if sort == "command":
        return (False, process.command or process.name, process.pid)
    if sort == "pid":
        return (False, float(process.pid), process.pid)
    value = {"cpu": process.cpu_percent, "memory": process.resident_bytes, "gpu": process.gpu_memory_bytes}[sort]
    return (value is None, -(value or 0.0), process.pid)


def matches(process: Process, needle: str) -> bool:
    """Whether every word is found in what identifies the process; !word excludes."""
    text = " ".join(
        (
            process.name,
            process.command,
            process.user,
            str(process.pid),
            process.container or "",
            process.slurm_job or "",
        )
    ).casefold()
    words = needle.casefold().split()
    return all((word[1:] not in text) if word.startswith("!") and len(word) > 1 else word in text for word in words)


def head(listing: Listing, width: int) -> Line:
    """The titles, with the sorted column marked."""
    marked = _SORTED_BY[listing.sort]
    arrow = "▴" if listing.reverse ^ (listing.sort in ("pid", "user", "command")) else "▾"
    columns = [
        column._replace(title=f"{column.title}{arrow}"[-column.width or None :]) if index == marked else column
        for index, column in enumerate(_COLUMNS)
    ]
    return host_table.head(columns, width)


def row(process: Process, width: int) -> Line:
    """One process."""
    return host_table.row(_COLUMNS, _cells(process), width)


def _cells(process: Process) -> Sequence[Span]:
    state_role = "bad" if process.state == "D" else "warn" if process.state in ("Z", "T") else "dim"
    return (
        Span(str(process.pid)),
        Span(process.user or "n/a", "text" if process.user else "dim"),
        Span(process.state or "?", state_role),  # type: ignore[arg-type]  # the literal is widened by the conditional
        Span(number(process.cpu_percent), "text"),
        Span(units.size(process.resident_bytes)),
        Span("—", "dim") if process.gpu_memory_bytes is None else Span(units.size(process.gpu_memory_bytes)),
        Span(",".join(map(str, process.gpus)), "dim"),
        NOTHING if process.nice is None else Span(str(process.nice), "dim"),
        Span(job(process), "dim"),
        Span(process.command or f"[{process.name}]"),
    )


def job(process: Process) -> str:
    """The Slurm job or the container that it belongs to."""
    return f"slurm {process.slurm_job}" if process.slurm_job else process.container or ""


def counts(table: ProcessTable | None, shown: int, listing: Listing, width: int) -> Line:
    """How many there are, and how many of them are in trouble."""
    if table is None:
        return ()
    parts: list[Span] = [
        Span(f"{number(table.total)} processes", "dim"),
        Span(f" · {number(table.running)} running", "dim"),
        Span(f" · {number(table.blocked)} blocked", "bad" if table.blocked else "dim"),
        Span(f" · {number(table.zombies)} zombies", "warn" if table.zombies else "dim"),
        Span(f" · {shown} shown" + (f" of {len(table.top)}" if listing.needle else " (the busiest)"), "dim"),
    ]
    if table.age_seconds >= 3:
        parts.append(Span(f" · {units.span(table.age_seconds)} old", "dim"))
    return crop(line(*parts, Span(f"  /{listing.needle}" if listing.needle else "", "chip")), width)


def nothing(detail: HostDetail, listing: Listing) -> Line:
    """Why the table is empty."""
    table = detail.sample.processes if detail.sample else None
    if table is None:
        reason = detail.sample.missing.get("processes", "") if detail.sample else ""
        return line(Span(f"n/a  {reason or 'the list of processes has not arrived yet'}", "dim"))
    if listing.needle:
        return line(
            Span(f"0 of {len(table.top)} match /{listing.needle}", "warn"), Span("  Esc clears the filter", "dim")
        )
    return line(Span("No process stands out.", "dim"))
