"""`swarm-tui schedule`: what happens by itself and when; does what is due, for timers and cron."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import click

from backends.schedule.book import Occurrence, State
from backends.schedule.views import SchedulesView, ScheduleView
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import FAILED, OK, UNKNOWN, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import schedule_text as text

POLL_SECONDS = 2.0
STATUS: Mapping[State, int] = {
    State.DONE: OK,
    State.BLACKOUT: OK,
    State.OPEN: UNKNOWN,
    State.PARTLY: WARNING,
    State.MISSED: WARNING,
    State.ASKS: WARNING,
    State.FAILED: FAILED,
}
_WORST = (OK, UNKNOWN, WARNING, FAILED)

wait_option = click.option("--no-wait", is_flag=True, help="Begin only, and do not wait for the end.")
minutes_option = click.option(
    "--minutes",
    type=click.FloatRange(0.0, 1440.0),
    default=240.0,
    show_default=True,
    help="Wait so long; what goes on then goes on.",
)


@click.group()
def command() -> None:
    """What happens by itself, and when; do what is due."""


@command.command("list")
@click.argument("name", required=False, default="")
@json_option
@pass_options
def list_(options: ConsoleOptions, name: str, as_json: bool) -> int:
    """Show the schedules, or one of them with its next five times.

    Times are in the schedule's zone, in that of this terminal and in UTC; "clocks go back 1h" stands where they do.

    Exit status: the worst of the last results: 0 ok, 1 partly, missed or to be decided, 2 failed, 3 no such schedule.
    """
    with open_engine(options) as client:
        found = client.schedules.list()
    rows = [row for row in found.schedules if name in ("", row.name)]
    if as_json:
        write_json(rows)
    elif name:
        click.echo("\n".join(line for row in rows for line in text.details(row)))
    else:
        write_table(text.HEAD, [text.cells(row) for row in rows])
        click.echo("\n" + "\n".join(line for row in rows for line in text.details(row)))
    if name and not rows:
        click.echo(f'no schedule "{name}"; there are: {", ".join(row.name for row in found.schedules)}', err=True)
        return UNKNOWN
    return worst([WARNING if row.problem else _status(row) for row in rows])


def _status(row: ScheduleView) -> int:
    return OK if row.last is None or row.last.state is State.OPEN else STATUS[row.last.state]


@command.command()
@wait_option
@minutes_option
@json_option
@pass_options
def due(options: ConsoleOptions, no_wait: bool, minutes: float, as_json: bool) -> int:
    """Do what is due now, once, and wait for its end: for a systemd timer or cron.

    An engine that runs does it by itself; nothing is ever done twice. Without one an engine is started for it.

    Exit status: 0 ok or nothing was due, 1 partly, missed or to be decided, 2 failed, 3 it goes on yet.
    """
    with open_engine(options) as client:
        found = client.schedules.due()
        names = [row.name for row in found.schedules if row.last is not None and row.last.state is State.OPEN]
        names += [one.name for one in found.began if one.name not in names]
        return _follow(client, found, names, 0.0 if no_wait else minutes, as_json)


@command.command()
@click.argument("name")
@wait_option
@minutes_option
@json_option
@pass_options
def run(options: ConsoleOptions, name: str, no_wait: bool, minutes: float, as_json: bool) -> int:
    """Do a schedule now, whatever its time is.

    Exit status: 0 ok, 1 partly, 2 failed, 3 it goes on yet.
    """
    with open_engine(options) as client:
        return _follow(client, client.schedules.run(name), [name], 0.0 if no_wait else minutes, as_json)


def _follow(client: EngineClient, found: SchedulesView, names: Sequence[str], minutes: float, as_json: bool) -> int:
    """Wait until nothing of it is at work or waits for its moment; hosts that are away are not waited for."""
    end = time.monotonic() + minutes * 60.0
    while _busy(found, names) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
        found = client.schedules.list()
    last = {row.name: row.last for row in found.schedules if row.last is not None}
    shown: list[Occurrence] = [last[name] for name in names if name in last]
    if as_json:
        write_json(shown)
    elif not shown:
        click.echo("nothing is due")
    else:
        click.echo("\n".join(_line(found, one) for one in shown))
    return worst([STATUS[one.state] for one in shown])


def _busy(found: SchedulesView, names: Sequence[str]) -> bool:
    rows = [row for row in found.schedules if row.name in names and row.last is not None]
    return any(
        row.last is not None
        and row.last.state is State.OPEN
        and (row.going is None or bool(row.going.working or row.going.waiting))
        for row in rows
    )


def _line(found: SchedulesView, one: Occurrence) -> str:
    how = next((row.going for row in found.schedules if row.name == one.name), None)
    return text.began(one) + (f": {text.going(how)}" if how is not None and one.state is State.OPEN else "")


def worst(statuses: Sequence[int]) -> int:
    """The worst exit status; what goes on yet is less than any trouble."""
    return max(statuses, key=_WORST.index, default=OK)
