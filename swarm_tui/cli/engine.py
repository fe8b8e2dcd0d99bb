"""`swarm-tui engine`: runs the engine in this process, or looks at and stops the one in the background."""

from __future__ import annotations

import time
from pathlib import Path

import click

from backends import units
from backends.engine.wire import EngineInfo
from backends.errors import BadInput, RetryLater
from swarm_tui.cli.output import json_option, pass_options, write_json
from swarm_tui.client import open_engine
from swarm_tui.exits import OK, WARNING
from swarm_tui.options import ConsoleOptions

STOP_SECONDS = 5.0
"""An engine that was told to stop is gone within this time."""


@click.group(invoke_without_command=True)
@click.option("--foreground", is_flag=True, help="Run in this process until stopped (the default; for systemd).")
@click.option(
    "--stdio", is_flag=True, help="Speak the API on stdin and stdout and end with them (for --attach over ssh)."
)
@click.pass_context
def command(ctx: click.Context, foreground: bool, stdio: bool) -> int:
    """Run, stop or look at the background engine.

    The console starts one by itself; run it as a service to be watched over around the clock.
    """
    if foreground and stdio:
        raise click.UsageError("--foreground and --stdio exclude each other")
    if ctx.invoked_subcommand is not None:
        return OK
    return serve_here(ctx.find_object(ConsoleOptions) or ConsoleOptions(), stdio)


def serve_here(options: ConsoleOptions, stdio: bool) -> int:
    """Become the engine."""
    if options.attach:
        raise click.UsageError("--attach uses an engine elsewhere; it cannot be run here")
    if not stdio:
        check_folder(options.engine_socket)
    from backends.engine.daemon import serve  # late: brings every source with it
    from backends.engine.options import EngineOptions

    return serve(
        EngineOptions(
            config_path=options.config_path,
            socket_path="" if stdio else str(options.engine_socket),
            demo=options.demo,
            replay=options.replay,
            stdio=stdio,
            read_only=options.read_only,
        )
    )


def check_folder(socket: Path) -> None:
    """A socket in /tmp could be taken away or watched by others, and making /tmp private would break the machine.

    Raises:
        BadInput: the socket's directory is open to other users.
    """
    folder = socket.parent
    if folder.is_dir() and folder.stat().st_mode & 0o077:
        raise BadInput(
            f"{folder} is open to other users; the engine's socket needs a directory of its own",
            hint="mkdir -m 700 DIRECTORY, then --socket DIRECTORY/engine.sock",
        )


@command.command()
@json_option
@pass_options
def status(options: ConsoleOptions, as_json: bool) -> int:
    """Show whether an engine runs, with its configuration and load. Exit status 3: none runs."""
    with open_engine(options, start=False) as client:
        info = client.info()
    if as_json:
        write_json(info)
    else:
        click.echo("\n".join(described(info, time.time())))
    return WARNING if info.config_error else OK


def described(info: EngineInfo, now: float) -> list[str]:
    """The engine in a few lines."""
    facts = {
        "engine": f"{info.version} (API {info.api_version}), pid {info.pid}, user {info.user or 'n/a'}",
        "running": units.span(now - info.started),
        "fleet": " ".join(
            filter(None, (info.label, info.fleet_name, f"{info.hosts} hosts", f"every {info.interval_seconds:g} s"))
        ),
        "config": info.config_path or "none (this machine only)",
        "error": info.config_error,
        "read-only": "yes" if info.read_only else "",
        "recording": info.recording,
        "in flight": ", ".join(info.in_flight),
    }
    return [f"{name:<10} {text}" for name, text in facts.items() if text]


@command.command()
@json_option
@pass_options
def stop(options: ConsoleOptions, as_json: bool) -> int:
    """End the engine in the background; what it runs on hosts goes on there."""
    try:
        client = open_engine(options, start=False, check_version=False)
    except RetryLater:
        return _stopped(as_json, stopped=False, text="no engine was running")
    with client:
        client.stop()
        deadline = time.monotonic() + STOP_SECONDS
        while client.is_open and time.monotonic() < deadline:
            time.sleep(0.02)
        if client.is_open:
            raise RetryLater(
                f"the engine has not ended within {STOP_SECONDS:g} s",
                hint="try again, or end it by its pid: swarm-tui engine status",
            )
    return _stopped(as_json, stopped=True, text="stopped")


def _stopped(as_json: bool, *, stopped: bool, text: str) -> int:
    if as_json:
        write_json({"stopped": stopped})
    else:
        click.echo(text)
    return OK
