"""The command line's root: global options, and subcommands that are imported only when they are used."""

from __future__ import annotations

import importlib
import shlex
from typing import Any

import click

from swarm_tui.options import ConsoleOptions

COMMANDS: dict[str, str] = {
    "status": "Show the hosts, worst first.",
    "exec": "Run a command on many hosts and group equal answers.",
    "ssh": "Open an interactive shell on a host.",
    "check": "Look at the health of hosts; take in hand, set healthy, compare.",
    "updates": "Plan and apply updates; hold, roll back, repair, restart, reboot.",
    "backup": "Back up with Borg; find, compare and restore; prove it.",
    "drift": "Compare configurations: a snapshot, a baseline, another host.",
    "alerts": "Show what fires; acknowledge, silence, test; hand over.",
    "run": "Plan maintenance runs; start, follow, pause, report.",
    "schedule": "What happens by itself, and when; do what is due.",
    "triage": "Ask a sick host everything at once; compare, save.",
    "hosts": "List the hosts, accept their keys.",
    "events": "Show what happened, or follow it.",
    "engine": "Run, stop or look at the background engine.",
    "config": "Check the configuration, print a sample, list the keys.",
    "record": "Record what the fleet does into a file.",
    "replay": "Open the console on a recording.",
}
"""Subcommand → first line of its help; the module `swarm_tui.cli.NAME` holds a click command `command`."""

DEMO_HOSTS = 40
"""Simulated hosts of `--demo`."""


class LazyGroup(click.Group):
    """Imports a subcommand's module when it is used; its line in `--help` needs no import."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"swarm_tui.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from backends.config.problem import nearest  # late: only for the slip

            near = nearest(args[0], COMMANDS) or f"there are: {', '.join(COMMANDS)}"
            raise click.UsageError(f'no subcommand "{args[0]}"; {near}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Subcommands (without one: the console)"):
            formatter.write_dl(list(COMMANDS.items()))


def _words(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(value or ""))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version  # late: reading package metadata takes milliseconds

        click.echo(f"swarm-tui {version('swarm-tui')}")
        ctx.exit()


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_path",
    metavar="FILE",
    default="",
    envvar="SWARM_TUI_CONFIG",
    help="Configuration file [default: ~/.config/swarm-tui/config.toml].",
)
@click.option(
    "--socket",
    "socket_path",
    metavar="PATH",
    default="",
    envvar="SWARM_TUI_SOCKET",
    help="The engine's socket [default: in $XDG_RUNTIME_DIR/swarm-tui].",
)
@click.option(
    "--attach",
    metavar="COMMAND",
    callback=_words,
    help="Use the engine that this command speaks with: 'ssh bastion swarm-tui engine --stdio'.",
)
@click.option("--read-only", is_flag=True, help="Remove every action that changes a host.")
@click.option("--demo", is_flag=True, help="Show a simulated fleet instead of real hosts.")
@click.option(
    "--demo-hosts",
    type=click.IntRange(1, 10_000),
    default=DEMO_HOSTS,
    show_default=True,
    metavar="N",
    help="Size of the simulated fleet.",
)
@click.option("--replay", metavar="FILE", default="", help="Show a recording instead of the live fleet.")
@click.option("--ascii", "ascii_only", is_flag=True, default=None, help="Draw with ASCII only.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.option("--theme", metavar="NAME", help="Colours: swarm-dark, swarm-light, high-contrast, colour-blind, ansi.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def swarm_tui(ctx: click.Context, /, **given: Any) -> int | None:
    """A console for the whole maintenance cycle of a GPU fleet, over plain SSH.

    Without a subcommand the console opens. Without a configuration the fleet is this machine.
    Hosts are named by selectors: gpu01 · gpu[001-016] · gpu* · tag:a100 · @group · state:down · ! not · & and · , or.

    Exit status: 0 ok, 1 warning, 2 critical or failed, 3 unknown, 64 usage.
    """
    ctx.obj = options_of(**given)
    if ctx.invoked_subcommand is None:
        from swarm_tui.cli.console import run  # late: the console is heavy

        return run(ctx.obj)
    return None


def options_of(
    *,
    config_path: str,
    socket_path: str,
    attach: tuple[str, ...],
    read_only: bool,
    demo: bool,
    demo_hosts: int,
    replay: str,
    ascii_only: bool | None,
    no_mouse: bool,
    theme: str | None,
) -> ConsoleOptions:
    """The global options as one value. Raises click.UsageError for what cannot go together."""
    chosen = [name for name, given in (("--attach", attach), ("--demo", demo), ("--replay", replay)) if given]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} cannot go together: each names another fleet")
    return ConsoleOptions(
        config_path=config_path,
        socket_path=socket_path,
        attach=attach,
        read_only=read_only,
        demo=demo_hosts if demo else 0,
        replay=replay,
        ascii=ascii_only or None,
        mouse=False if no_mouse else None,
        theme=theme,
    )
