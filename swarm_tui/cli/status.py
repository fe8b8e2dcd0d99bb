"""`swarm-tui status`: the hosts, worst first; the exit status is the worst host's."""

from __future__ import annotations

import time

import click

from backends import units
from backends.engine.wire import FleetView, HostRow
from backends.metrics.sample import Record, Sample
from backends.states import STATE_SEVERITY, HostState, Severity
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import STATUS_OF
from swarm_tui.options import ConsoleOptions

YOUNG_SECONDS = 10.0
"""Only an engine younger than this is given time for its first samples; later "connecting" is an answer."""

COLOURS = {Severity.OK: "", Severity.UNKNOWN: "cyan", Severity.WARNING: "yellow", Severity.CRITICAL: "red"}

HEAD = ("HOST", "STATE", "GPU", "VRAM", "TEMP", "CPU", "MEM", "DISK", "RX", "TX", "AGE", "WHAT")


class HostStatus(Record, frozen=True, kw_only=True):
    """One host of `status --json`; a public contract."""

    name: str
    state: HostState
    reason: str = ""
    age_seconds: float | None = None
    sample: Sample | None = None
    run: str = ""
    """The maintenance run that has it: id and name."""
    run_stage: str = ""


@click.command()
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for a fresh engine's first samples.",
)
@json_option
@pass_options
def command(options: ConsoleOptions, select: str, wait: float, as_json: bool) -> int:
    """Show the hosts, worst first.

    The exit status is that of the worst host: 0 ok, 1 warning, 2 critical, 3 unknown.
    """
    with open_engine(options) as client:
        view = settled(client, select, wait)
        rows = sorted(view.rows, key=badness)
        if as_json:
            write_json(details(client, rows))
        else:
            write_table(
                HEAD, [cells(row, view.now) for row in rows], range(2, 11), lambda at: COLOURS[severity(rows[at])]
            )
    worst = max((severity(row) for row in rows), key=lambda level: level.rank, default=Severity.OK)
    return STATUS_OF[worst]


def settled(client: EngineClient, select: str, wait_seconds: float) -> FleetView:
    """The fleet, after a fresh engine had the chance to reach its hosts."""
    deadline = time.monotonic() + wait_seconds
    view = client.fleet_view(select=select)
    if not any(map(is_starting, view.rows)):
        return view
    young = view.now - client.info().started < YOUNG_SECONDS
    while young and any(map(is_starting, view.rows)) and time.monotonic() < deadline:
        time.sleep(0.05)
        view = client.fleet_view(select=select)
    return view


def is_starting(row: HostRow) -> bool:
    """Whether the first full answer about a host is still to come; rates need two samples."""
    return row.state == HostState.CONNECTING or (row.state == HostState.UP and row.cpu_percent is None)


def severity(row: HostRow) -> Severity:
    """The worse of the way to the host and of what was seen on it; unknown is never ok."""
    return max(row.severity, STATE_SEVERITY[row.state], key=lambda level: level.rank)


def badness(row: HostRow) -> tuple[int, str, str]:
    """Sorts worst first, then by state and name."""
    return -severity(row).rank, row.state.value, row.name


def age(row: HostRow, now: float) -> float | None:
    """Seconds since the newest sample."""
    return None if row.sample_time is None else max(0.0, now - row.sample_time)


def cells(row: HostRow, now: float) -> tuple[str, ...]:
    """One line of the table."""
    temperature = row.gpu_temperature_celsius
    return (
        row.name,
        row.state.value,
        units.percent(row.gpu_percent) if row.gpus else "",
        units.percent(row.gpu_memory_percent) if row.gpus else "",
        ("n/a" if temperature is None else f"{temperature:.0f}°C") if row.gpus else "",
        units.percent(row.cpu_percent),
        units.percent(row.memory_percent),
        units.percent(row.disk_percent),
        units.rate(row.net_rx_bytes_per_second),
        units.rate(row.net_tx_bytes_per_second),
        units.span(age(row, now)),
        what(row),
    )


def what(row: HostRow) -> str:
    """What a person should know about the host, once each: who has it, why, the worst, the next step while it is not up."""
    hint = row.hint if row.state != HostState.UP else ""
    run = f"in run {row.run}: {row.run_stage}" if row.run else ""
    parts = (part for part in (run, row.reason, row.worst, hint) if part and part != row.state)
    return " · ".join(dict.fromkeys(parts))


def details(client: EngineClient, rows: list[HostRow]) -> list[HostStatus]:
    """All samples, asked for at once."""
    replies = [client.host_later(row.name) for row in rows]
    found = []
    for reply in replies:
        detail = reply.result()
        row = detail.row
        found.append(
            HostStatus(
                name=row.name,
                state=row.state,
                reason=row.reason,
                age_seconds=age(row, detail.now),
                sample=detail.sample,
                run=row.run,
                run_stage=row.run_stage,
            )
        )
    return found
