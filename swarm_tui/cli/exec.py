"""`swarm-tui exec`: one command on many hosts, equal answers together."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from backends import units
from backends.engine.wire import ExecDone, ExecOutput
from backends.errors import BadInput, RetryLater
from backends.text import clean_lines
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.client import EngineClient, open_engine
from swarm_tui.exits import INTERRUPTED, OK
from swarm_tui.options import ConsoleOptions
from swarm_tui.present import gather
from swarm_tui.present.gather import Answer, Gathering

CANCEL_SECONDS = 3.0
"""After Ctrl-C hosts have this long to confirm."""

REFRESH_SECONDS = 0.1
"""Between two pictures of the counters."""


def seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """An option that takes 90, 90s or 5m."""
    try:
        number = float(value) if value.replace(".", "", 1).isdecimal() else units.parse_span(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if number <= 0:
        raise click.BadParameter("must be above 0")
    return number


class ExecCommand(click.Command):
    """Takes its own options on both sides of the selector when `--` follows it, and leaves the command's alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_interspersed_args = self._is_separated(ctx, args)
        return super().parse_args(ctx, args)

    def _is_separated(self, ctx: click.Context, args: list[str]) -> bool:
        """Whether the first `--` stands right behind the selector and our options, not somewhere in the command."""
        if "--" not in args:
            return False
        ctx.allow_interspersed_args = True
        found, _, _ = self.make_parser(ctx).parse_args(args[: args.index("--")])
        return not isinstance(found.get("words"), tuple)


@click.command(cls=ExecCommand)
@click.argument("select", metavar="SELECTOR")
@click.argument("words", metavar="-- COMMAND [ARGUMENT]…", nargs=-1, type=click.UNPROCESSED, required=True)
@click.option(
    "--timeout",
    default="60s",
    callback=seconds,
    show_default=True,
    metavar="TIME",
    help="Give up on a host after this time (30s, 5m).",
)
@click.option("--shell", is_flag=True, help="COMMAND is one line for the hosts' sh: pipes, globs and variables work.")
@click.option("--become/--no-become", default=None, help="Run as root, or not  [default: as configured].")
@click.option("--live", is_flag=True, help="Write lines as they come, each after its host's name, instead of grouping.")
@json_option
@pass_options
def command(
    options: ConsoleOptions,
    select: str,
    words: tuple[str, ...],
    timeout: float,
    shell: bool,
    become: bool | None,
    live: bool,
    as_json: bool,
) -> int:
    """Run a command on many hosts and group equal answers.

    \b
    swarm-tui exec 'gpu[001-016]' -- uname -r
    swarm-tui exec 'tag:a100&!state:down' --shell -- 'dmesg | tail -3'

    Exit status: 0 all went well, 2 the command failed somewhere, 3 it failed nowhere but a host could not be asked,
    1 output was cut, 130 interrupted.
    """
    if options.read_only:
        raise BadInput("commands are not run with --read-only", action="exec")
    argv = command_line(words, shell)
    with open_engine(options) as client:
        started = client.exec_start(select, argv, timeout, become)
        gathering = Gathering(started.id, started.hosts)
        if not started.hosts:
            click.echo("no host matches: nothing was run", err=True)
        echo = _live if live and not as_json else None
        interrupted = _interruptible(client, gathering, echo)
    answers = gathering.answers("interrupted" if interrupted else "the connection to the engine was lost")
    if as_json:
        write_json(answers)
    else:
        _write(answers, live)
    return INTERRUPTED if interrupted else gather.status(answers) if answers else OK


def command_line(words: tuple[str, ...], shell: bool) -> list[str]:
    """The argv for the hosts. Raises BadInput when a shell line was given without --shell."""
    if words[0].startswith("-"):
        raise BadInput(f"{words[0]!r} is no option of exec and no program", hint="swarm-tui exec --help")
    if shell:
        return ["sh", "-c", " ".join(words)]
    if len(words) == 1 and any(letter in words[0] for letter in " |;&<>$`*"):
        raise BadInput(
            f"{words[0]!r} is a line for a shell, not a program", hint="add --shell, or give the words one by one"
        )
    return list(words)


def _interruptible(client: EngineClient, gathering: Gathering, echo: Callable[[ExecOutput], None] | None) -> bool:
    """Collect until all have answered; True when Ctrl-C ended it."""
    try:
        if not _collect(client, gathering, echo, None):
            raise RetryLater(
                "the connection to the engine was lost; the command may go on", hint="swarm-tui engine status"
            )
    except KeyboardInterrupt:
        client.exec_cancel(gathering.number)
        _collect(client, gathering, echo, time.monotonic() + CANCEL_SECONDS)
        return True
    return False


def _collect(
    client: EngineClient, gathering: Gathering, echo: Callable[[ExecOutput], None] | None, deadline: float | None
) -> bool:
    """Take notifications until every host is done or the deadline has passed; False when the engine is lost."""
    counters = _Counters(gathering)
    try:
        while gathering.left and (deadline is None or time.monotonic() < deadline):
            counters.show()
            try:
                note = client.notifications.get(timeout=REFRESH_SECONDS)
            except queue.Empty:
                continue
            if note is None:
                return False
            _take(gathering, note, echo, counters)
    finally:
        counters.clear()
    return True


def _take(gathering: Gathering, note: Any, echo: Callable[[ExecOutput], None] | None, counters: _Counters) -> None:
    if note.method == "exec.output":
        piece = note.read(ExecOutput)
        if piece.id == gathering.number:
            gathering.output(piece)
            if echo is not None:
                counters.clear()
                echo(piece)
    elif note.method == "exec.done":
        end = note.read(ExecDone)
        if end.id == gathering.number:
            gathering.done(end)


def _live(piece: ExecOutput) -> None:
    """Pieces are whole lines as far as the engine could see them."""
    for line in clean_lines(piece.text).removesuffix("\n").split("\n"):
        click.echo(f"{piece.host}: {line}", err=piece.stream == "err")


def _write(answers: list[Answer], live: bool) -> None:
    groups = gather.grouped(answers)
    if live:
        groups = [gather.Group(group.names, _silent(group.answer)) for group in groups]
    for stream, line in gather.lines(groups):
        click.echo(line, err=stream == "err")


def _silent(answer: Answer) -> Answer:
    return Answer(
        name=answer.name,
        exit_status=answer.exit_status,
        signal=answer.signal,
        error=answer.error,
        truncated=answer.truncated,
    )


class _Counters:
    """The line on stderr that tells a person how far it is; nothing where stderr is no terminal."""

    def __init__(self, gathering: Gathering):
        self._gathering = gathering
        self._on = sys.stderr.isatty()
        self._next = time.monotonic() + 2 * REFRESH_SECONDS  # what is quick needs no counters
        self._shown = False

    def show(self) -> None:
        now = time.monotonic()
        if self._on and now >= self._next:
            sys.stderr.write(f"\r{self._gathering.progress()}\x1b[K")
            sys.stderr.flush()
            self._next, self._shown = now + REFRESH_SECONDS, True

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False
