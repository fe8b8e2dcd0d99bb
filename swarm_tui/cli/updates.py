"""`swarm-tui updates`: what waits, what would be done, doing exactly that, and the truth about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from backends import units
from backends.clock import utc
from backends.errors import BadInput
from backends.updates.model import PackageClass, Plan, Selection, Stage
from backends.updates.pivots import HostSummary
from backends.updates.plan import encode, groups
from backends.updates.plans import SHORT_HASH
from backends.updates.records import ENDED
from backends.updates.runs import Board
from swarm_tui.cli import update_extras, update_reboot
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.cli.update_reboot import refuse_read_only
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import FAILED, OK, UNKNOWN, WARNING
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import update_text as text

POLL_SECONDS = 0.5
HEAD = ("HOST", "PENDING", "SECURITY", "HELD", "FETCH", "REBOOT", "LISTS", "WHAT")
GOOD = frozenset({Stage.DONE})


@click.group()
def command() -> None:
    """Plan and apply updates; hold, roll back, repair, restart, reboot."""


for each in update_reboot.COMMANDS:
    command.add_command(each)


F = TypeVar("F", bound=Callable[..., int])


def selecting(function: F) -> F:
    """The options that choose among what waits."""
    for option in reversed(
        [
            click.option("--security", "security_only", is_flag=True, help="Only security fixes."),
            click.option(
                "--class",
                "classes",
                multiple=True,
                type=click.Choice([each.value for each in PackageClass]),
                help="Only packages of this class (repeatable).",
            ),
            click.option("--package", "packages", multiple=True, metavar="GLOB", help="Only these (repeatable)."),
            click.option("--cve", "cves", multiple=True, metavar="CVE", help="Only fixes of these (repeatable)."),
            click.option("--exclude", multiple=True, metavar="GLOB", help="All but these (repeatable)."),
            click.option(
                "--older-than",
                metavar="TIME",
                default=None,
                help="Only what has been known for this long (3d): an approval delay.",
            ),
        ]
    ):
        function = option(function)
    return function


def chosen(
    security_only: bool,
    classes: tuple[str, ...],
    packages: tuple[str, ...],
    cves: tuple[str, ...],
    exclude: tuple[str, ...],
    older_than: str | None,
) -> Selection:
    """The options as a selection. Raises click.BadParameter."""
    try:
        age = units.parse_span(older_than) if older_than else 0.0
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--older-than") from error
    return Selection(
        security_only=security_only,
        classes=tuple(PackageClass(each) for each in classes),
        packages=packages,
        cves=cves,
        exclude=exclude,
        minimum_age_seconds=age,
    )


@command.command("list")
@click.argument("select", metavar="[SELECTOR]", default="")
@click.option("--refresh", is_flag=True, help="Ask the hosts anew first.")
@click.option("--lists", is_flag=True, help="Renew the hosts' package lists first (needs root there).")
@json_option
@pass_options
def list_updates(options: ConsoleOptions, select: str, refresh: bool, lists: bool, as_json: bool) -> int:
    """What waits on each host.

    Exit status: 0 nothing, 1 updates wait or something is wrong with the sources, 3 some host could not be asked.
    """
    if lists:
        refuse_read_only(options, "renew package lists")
    with open_engine(options) as client:
        view = client.updates.view(select)
        unknown = [row.host for row in view.hosts or () if row.pending is None]
        if refresh or lists or unknown:
            client.updates.refresh(select if refresh or lists else ",".join(unknown), lists, wait_seconds=600)
            view = client.updates.view(select)
        rows = view.hosts or ()
        beside = update_extras.extras(client, rows)
    if as_json:
        write_json({"hosts": rows, "sets": view.sets, "extras": beside})
    else:
        write_table(HEAD, [_cells(row) for row in rows], range(1, 5), lambda at: _colour(rows[at]))
        for line in update_extras.lines(beside, time.time()):
            click.echo(line)
    if any(row.pending is None for row in rows):
        return UNKNOWN
    return WARNING if any(row.pending or row.problems for row in rows) else OK


def _cells(row: HostSummary) -> tuple[str, ...]:
    return (
        row.host,
        text.count(row.pending),
        text.count(row.security),
        text.count(row.held),
        units.size(row.download_bytes),
        {True: "yes", False: "no", None: "?"}[row.reboot],
        units.span(row.lists_age_seconds),
        text.host_words(row),
    )


def _colour(row: HostSummary) -> str:
    return "red" if row.security else "yellow" if row.pending or row.pending is None else ""


@command.command("plan")
@click.argument("select", metavar="SELECTOR")
@selecting
@click.option("--out", "file", metavar="FILE", help="Write the plan as JSON too.")
@json_option
@pass_options
def make_plan(options: ConsoleOptions, /, select: str, file: str | None, as_json: bool, **given: object) -> int:
    """Simulate on every host what would be done, and write it down as a plan with a hash. Changes nothing."""
    with open_engine(options) as client:
        plan = client.updates.plan(select, chosen(**given))  # type: ignore[arg-type]
    if file:
        _written(plan, file)
    if as_json:
        write_json(plan)
    else:
        click.echo("\n".join(text.plan_lines(plan)))
        if groups(plan):
            click.echo(f"\nto do exactly this: swarm-tui updates apply {plan.id} --hash {plan.hash[:SHORT_HASH]}")
    return UNKNOWN if any(host.error for host in plan.hosts) else WARNING if groups(plan) else OK


def _written(plan: Plan, file: str) -> None:
    try:
        Path(file).write_bytes(encode(plan))
    except OSError as error:
        raise BadInput(f"cannot write {file}: {error.strerror}", action="keep the plan") from error


@command.command("show")
@click.argument("plan_or_run", metavar="PLAN|RUN")
@click.option("--log", "log_of", metavar="HOST", help="What this host of the run printed.")
@json_option
@pass_options
def show(options: ConsoleOptions, plan_or_run: str, log_of: str | None, as_json: bool) -> int:
    """Show a plan or a run again.

    Exit status for a run: 0 everything applied, 1 it goes on, 2 not everything was applied.
    """
    with open_engine(options) as client:
        if log_of:
            click.echo(client.updates.log(plan_or_run, log_of))
            return OK
        try:
            board = client.updates.run(plan_or_run)
        except BadInput:
            plan = client.updates.get_plan(plan_or_run)
            if as_json:
                write_json(plan)
            else:
                click.echo("\n".join(text.plan_lines(plan)))
            return OK
    return _told(board, as_json)


@command.command("apply")
@click.argument("plan", metavar="PLAN")
@click.option("--hash", "approved", required=True, metavar="HASH", help="The plan's hash: what is approved.")
@click.option("--fetch-only", is_flag=True, help="Only fetch the packages, ahead of a window; changes nothing.")
@click.option("--detach", is_flag=True, help="Do not wait; `updates show RUN` tells how it goes.")
@json_option
@pass_options
def apply(options: ConsoleOptions, plan: str, approved: str, fetch_only: bool, detach: bool, as_json: bool) -> int:
    """Do exactly what a plan says. Ctrl-C stops looking, not the hosts.

    Exit status: 0 everything applied, 2 not everything.
    """
    refuse_read_only(options, "update hosts")
    with open_engine(options) as client:
        board = client.updates.start(plan, approved, fetch_only)
        click.echo(f"run {board.id} began; it goes on without this terminal", err=True)
        if not detach:
            return _told(_followed(client, board), as_json)
    if as_json:
        write_json(board)
    return OK


def _followed(client: EngineClient, board: Board) -> Board:
    """Lines as hosts change, until the run is over."""
    said: dict[str, str] = {}
    while True:
        for host in board.hosts:
            words = text.progress_words(host)
            if said.get(host.host) != words:
                said[host.host] = words
                click.echo(f"{host.host}: {words}", err=True)
        if board.finished:
            return board
        time.sleep(POLL_SECONDS)
        board = client.updates.run(board.id)


def _told(board: Board, as_json: bool) -> int:
    if as_json:
        write_json(board)
    else:
        click.echo(text.board_words(board))
        for host in board.hosts:
            lines = text.outcome_lines(host.outcome) if host.outcome else [text.progress_words(host)]
            click.echo(f"{host.host}: " + "\n".join(lines))
    if any(host.stage in ENDED - GOOD for host in board.hosts):
        return FAILED
    return OK if board.finished else WARNING


@command.command("runs")
@json_option
@pass_options
def runs(options: ConsoleOptions, as_json: bool) -> int:
    """The newest runs."""
    with open_engine(options) as client:
        boards = client.updates.runs()
    if as_json:
        write_json(boards)
    else:
        click.echo("\n".join(text.board_words(board) for board in boards) or "no run yet")
    return OK


@command.command("cancel")
@click.argument("run")
@click.argument("hosts", nargs=-1)
@pass_options
def cancel(options: ConsoleOptions, run: str, hosts: tuple[str, ...]) -> int:
    """End a run, or some of its hosts, where that is safe: before anything is changed."""
    refuse_read_only(options, "cancel an update")
    with open_engine(options) as client:
        said = client.updates.cancel(run, hosts or None)
    click.echo("\n".join(f"{host}: {words}" for host, words in said.items()) or "nothing runs any more")
    return OK


@command.command("hold")
@click.argument("select", metavar="SELECTOR")
@click.argument("packages", metavar="PACKAGE…", nargs=-1, required=True)
@click.option("--release", is_flag=True, help="Release instead of hold.")
@json_option
@pass_options
def hold(options: ConsoleOptions, select: str, packages: tuple[str, ...], release: bool, as_json: bool) -> int:
    """Hold packages at their version, or release them; a GPU driver's packages always as a whole."""
    refuse_read_only(options, "hold packages")
    with open_engine(options) as client:
        said = client.updates.hold(select, packages, not release)
    if as_json:
        write_json(said)
    else:
        click.echo("\n".join(f"{host}: {words}" for host, words in said.items()))
    return OK if all(words.startswith(("held", "released")) for words in said.values()) else FAILED


@command.command("history")
@click.argument("host")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500))
@json_option
@pass_options
def history(options: ConsoleOptions, host: str, limit: int, as_json: bool) -> int:
    """What changed on a host, when, and by whom, from its package manager's own log."""
    with open_engine(options) as client:
        entries = client.updates.history(host, limit)
    if as_json:
        write_json(entries)
    else:
        rows = [(entry.id, f"{utc(entry.time):%Y-%m-%d %H:%M}", text.entry_words(entry)) for entry in entries]
        write_table(("ID", "WHEN (UTC)", "WHAT"), rows)
    return OK


@command.command("rollback")
@click.argument("host")
@click.argument("entry", metavar="ID")
@click.argument("packages", nargs=-1)
@json_option
@pass_options
def rollback(options: ConsoleOptions, host: str, entry: str, packages: tuple[str, ...], as_json: bool) -> int:
    """A plan that brings back the versions before a transaction; `updates apply` carries it out."""
    with open_engine(options) as client:
        plan = client.updates.rollback(host, entry, packages)
    if as_json:
        write_json(plan)
    else:
        click.echo("\n".join(text.plan_lines(plan)))
        if groups(plan):
            click.echo(f"\nto do exactly this: swarm-tui updates apply {plan.id} --hash {plan.hash[:SHORT_HASH]}")
    return OK if groups(plan) else FAILED


@command.command("repair")
@click.argument("host")
@click.argument("repair", metavar="[REPAIR]", default="")
@pass_options
def repair(options: ConsoleOptions, host: str, repair: str) -> int:
    """List a host's repair steps with their exact commands, or run one of them and tell how it ended.

    Exit status: 0 it went well, 2 it failed.
    """
    if repair:
        refuse_read_only(options, "repair a host")
    with open_engine(options) as client:
        if repair:
            return _repaired(client, host, repair)
        rows = [(each.id, each.text, " ".join(each.command)) for each in client.updates.repairs(host)]
    write_table(("REPAIR", "WHAT", "COMMAND"), rows)
    return OK


def _repaired(client: EngineClient, host: str, repair: str) -> int:
    run = client.updates.repair(host, repair)
    click.echo(f"started as job {run.run}; it goes on without this terminal", err=True)
    while run.state == "running":
        time.sleep(POLL_SECONDS)
        run = client.updates.repaired(run.run)
    click.echo("\n".join(line for line in (run.tail.rstrip(), f"{host}: {repair} {text.repair_words(run)}") if line))
    return OK if run.state == "done" else FAILED
