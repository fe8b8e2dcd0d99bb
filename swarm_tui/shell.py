"""Hands the terminal to another program (an interactive ssh) and takes it back, whatever happens in between."""

from __future__ import annotations

import subprocess
import sys

from textual.app import App, SuspendNotSupported

from swarm_tui.options import ConsoleOptions


def argv(options: ConsoleOptions, host: str) -> list[str]:
    """`swarm-tui ssh HOST` with the options of this console, so that both reach a host in exactly the same way."""
    command = [sys.executable, "-m", "swarm_tui"]
    if options.config_path:
        command += ["--config", options.config_path]
    if options.socket_path:
        command += ["--socket", options.socket_path]
    if options.demo:
        command += ["--demo", "--demo-hosts", str(options.demo)]
    return [*command, "ssh", host]


def hand_over(app: App[int], command: list[str], title: str) -> str:
    """Run a program in the terminal and wait for it; returns what went wrong, or "".

    It waits blocking on purpose: awaiting inside `suspend` deadlocks once repaints pile up. Nothing may be raised inside,
    because Textual would then never resume.
    """
    outcome = ""
    try:
        with app.suspend():
            outcome = _run(command, title)
    except SuspendNotSupported:
        return "this terminal cannot be handed over"
    return outcome


def _run(command: list[str], title: str) -> str:
    try:
        if sys.__stdout__ is not None:
            sys.__stdout__.write(f"\x1b[0m{title}\r\n")
            sys.__stdout__.flush()
        status = subprocess.run(command, check=False).returncode
    except (OSError, ValueError, KeyboardInterrupt) as error:
        return f"{command[0]} did not run: {error}"
    return "" if status in (0, 130) else f"ended with status {status}"
