"""`swarm-tui ssh`: a shell on a host, reached in exactly the way in which the engine reaches it."""

from __future__ import annotations

import os

import click

from backends.config.load import load
from backends.config.schema import SshConfig
from backends.errors import AskOperator, BadInput
from backends.inventory import ranges
from backends.inventory.build import build
from backends.inventory.host import Host
from backends.inventory.select import select
from backends.text import clean
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.options import ConsoleOptions


@click.command()
@click.argument("host")
@json_option
@pass_options
def command(options: ConsoleOptions, host: str, as_json: bool) -> int:
    """Open an interactive shell on a host.

    The exit status is that of ssh. With --json the command is shown instead of run.
    """
    argv = command_for(options, host)
    if as_json:
        write_json({"argv": argv})
        return 0
    try:
        os.execvp(argv[0], argv)  # noqa: S606 — an argv list; no shell is in the way
    except FileNotFoundError as error:
        raise AskOperator(f"{argv[0]} is not installed here", hint="install the OpenSSH client") from error


def command_for(options: ConsoleOptions, name: str) -> list[str]:
    """The command that opens the shell. Raises BadInput for a host that is not in the inventory or not real."""
    if options.is_private:
        raise BadInput(f"{clean(name, 80)} is not a real host: this fleet is simulated or replayed", action="ssh")
    if options.attach:
        return _through(options.attach, name)
    config = load(options.config_path)
    host = _one(name, build(config, options.config_path or None))
    if host.source == "local":
        return [os.environ.get("SHELL") or "/bin/sh"]
    return _ssh(host, config.ssh)


def _one(name: str, hosts: tuple[Host, ...]) -> Host:
    chosen = select(name, hosts)
    if len(chosen) != 1:
        raise BadInput(
            f'"{clean(name, 80)}" means {len(chosen)} hosts; a shell needs one',
            hint="swarm-tui exec runs a command on many",
        )
    return chosen[0]


def _ssh(host: Host, ssh: SshConfig) -> list[str]:
    from backends.sources.ssh_command import login_argv  # late: only this reads ~/.ssh/config

    return login_argv(host, ssh)


def _through(attach: tuple[str, ...], name: str) -> list[str]:
    """The same subcommand on the machine where the engine runs, with a terminal."""
    if os.path.basename(attach[0]) != "ssh" or attach[-2:] != ("engine", "--stdio"):  # noqa: PTH119 — an argv word, no path
        raise BadInput("a shell through --attach needs a command of the form: ssh BASTION swarm-tui engine --stdio")
    if not ranges.NAME.fullmatch(name):
        raise BadInput(f'"{clean(name, 80)}" is not the name of one host')
    return [attach[0], "-t", *attach[1:-2], "ssh", name]
