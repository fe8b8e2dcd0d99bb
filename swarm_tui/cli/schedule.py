"""`swarm-tui schedule`: what happens by itself and when; does what is due, for timers and cron."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import click

from backends.schedule.book import Occurrence, State
from backends.schedule.views import Came, SchedulesView, ScheduleView
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
Key = tuple[str, float]
"""Name and time of an occurrence."""
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
@click.option("--at-once", is_flag=True, help="Hosts do not wait for their own moments (spread_minutes).")
@wait_option
@minutes_option
@json_option
@pass_options
def due(options: ConsoleOptions, at_once: bool, no_wait: bool, minutes: float, as_json: bool) -> int:
    """Do what is due now, once, and wait for its end: for a systemd timer or cron.

    An engine that runs does it by itself; nothing is ever done twice. Without one an engine is started for it; --at-once is
    for that: else hosts wait for their own moments, with the default schedules for up to an hour.

    Exit status: 0 ok or nothing was due, 1 partly, missed or to be decided, 2 failed, 3 it goes on yet.
    """
    with open_engine(options) as client:
        found = client.schedules.due(at_once)
        going_on = [key for key, came in _known(found).items() if came.occurrence.state is State.OPEN]
        keys = list(dict.fromkeys([*going_on, *map(_key, found.began)]))
        return _follow(client, found, keys, 0.0 if no_wait else minutes, as_json)


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
        found = client.schedules.run(name)
        return _follow(client, found, [_key(one) for one in found.began], 0.0 if no_wait else minutes, as_json)


def _follow(client: EngineClient, found: SchedulesView, keys: Sequence[Key], minutes: float, as_json: bool) -> int:
    """Wait until none of these is at work or waits for its moment; hosts that are away are not waited for."""
    end, told = time.monotonic() + minutes * 60.0, False
    came = {_key(one): Came(occurrence=one) for one in found.began} | _known(found)
    while any(_busy(came[key]) for key in keys) and time.monotonic() < end:
        if not told and (text := _patience([came[key] for key in keys])):
            click.echo(text, err=True)
            told = True
        time.sleep(POLL_SECONDS)
        came |= _known(client.schedules.list())
    shown = [came[key].occurrence for key in keys]
    if as_json:
        write_json(shown)
    elif not shown:
        click.echo("nothing is due")
    else:
        click.echo("\n".join(_line(came[key]) for key in keys))
    return worst([STATUS[one.state] for one in shown])


def _key(one: Occurrence) -> Key:
    return one.name, one.time


def _known(found: SchedulesView) -> dict[Key, Came]:
    return {_key(came.occurrence): came for row in found.schedules for came in row.recent}


def _busy(came: Came) -> bool:
    how = came.going
    return came.occurrence.state is State.OPEN and (how is None or bool(how.working or how.waiting))


def _patience(came: Sequence[Came]) -> str:
    """What is waited for when no host is at work: this can take an hour."""
    going = [each.going for each in came if each.going is not None]
    waiting = sum(how.waiting for how in going)
    if not waiting or any(how.working for how in going):
        return ""
    hosts = f"{waiting} host{'' if waiting == 1 else 's'}"
    return f"waiting for the moments of {hosts}; --at-once does them now, --no-wait leaves them to the engine"


def _line(came: Came) -> str:
    how = came.going
    return text.began(came.occurrence) + (f": {text.going(how)}" if how is not None else "")


def worst(statuses: Sequence[int]) -> int:
    """The worst exit status; what goes on yet is less than any trouble."""
    return max(statuses, key=_WORST.index, default=OK)
