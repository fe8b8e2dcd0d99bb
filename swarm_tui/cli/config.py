"""`swarm-tui config`: checks the configuration without connecting to anything, prints a sample, lists the keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from backends.config.load import config_path, examine, located
from backends.config.problem import Problem
from backends.config.schema import Config
from backends.errors import BadInput
from backends.inventory.build import survey
from backends.inventory.host import Host
from swarm_tui.cli.output import json_option, pass_options, write_json, write_table
from swarm_tui.exits import FAILED, OK, WARNING
from swarm_tui.options import ConsoleOptions


@click.group()
def command() -> None:
    """Check the configuration, print a sample, list the keys."""


@command.command()
@json_option
@pass_options
def check(options: ConsoleOptions, as_json: bool) -> int:
    """Read the configuration and the inventories and tell every problem; connects to nothing.

    Exit status: 0 fine, 1 warnings, 2 errors.
    """
    hosts, problems = examined(options.config_path)
    if as_json:
        write_json(problems)
    else:
        for problem in problems:
            colour = "red" if problem.severity == "error" else "yellow"
            click.echo(f"{click.style(problem.severity, fg=colour)}: {problem}", err=True)
    errors = sum(problem.severity == "error" for problem in problems)
    if not errors and not as_json:
        file = config_path(options.config_path)
        fleet = f"{len(hosts)} {'host' if len(hosts) == 1 else 'hosts'}"
        click.echo(f"{file}: fine, {fleet}" if file.exists() else f"no {file}: the defaults hold, {fleet}")
    return FAILED if errors else WARNING if problems else OK


def examined(path: str) -> tuple[tuple[Host, ...], list[Problem]]:
    """The hosts and everything that is wrong with the configuration, its keys and its inventories."""
    config, problems = examine(path)
    if config is None:
        return (), problems
    file = config_path(path)
    found = survey(config, file)
    own = [*_keys(config.console.keys, str(file)), *_backups(config, found.hosts, str(file))]
    whole = not any(problem.severity == "error" for problem in found.problems)
    duty = located(_duty(config, found.hosts if whole else None), file)
    return found.hosts, [*problems, *found.problems, *own, *duty]


def _duty(config: Config, hosts: Sequence[Host] | None) -> list[Problem]:
    """Of health checks and alerts."""
    from backends.engine.settings import duty_problems  # late: see _backups

    return duty_problems(config, hosts, urls=True)


def _backups(config: Config, hosts: Sequence[Host], file: str) -> Iterator[Problem]:
    if not (config.backups.repositories or config.backups.sets or config.backups.config_hosts):
        return
    from backends.engine.settings import check_backups  # late: brings the types of backups

    try:
        check_backups(config, hosts)
    except BadInput as error:
        yield Problem(file=file, key="backups", message=error.message, hint=error.hint or "")


def _keys(overrides: Mapping[str, str], file: str) -> Iterator[Problem]:
    if not overrides:
        return
    from swarm_tui.keymap import Keymap  # late: only this needs the table of keys

    try:
        Keymap(overrides)
    except BadInput as error:
        yield Problem(file=file, key="console.keys", message=error.message, hint=error.hint or "")


@command.command()
@json_option
def sample(as_json: bool) -> None:
    """Print a commented configuration with every key and its default."""
    from backends.config import sample as manual  # late: reads the schema's source

    if as_json:
        write_json(manual.entries())
    else:
        click.echo(manual.sample(), nl=False)


@command.command()
@json_option
def keys(as_json: bool) -> None:
    """List the console's actions: their ids, for `[console.keys]`, and the keys that reach them."""
    from swarm_tui.keymap import KEYS  # late: see _keys

    if as_json:
        write_json([{"id": key.id, "keys": key.keys, "label": key.label, "help": key.help} for key in KEYS])
    else:
        write_table(
            ("ID", "KEYS", "ACTION", "HELP"), [(key.id, " ".join(key.keys), key.label, key.help) for key in KEYS]
        )
