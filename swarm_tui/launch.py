"""Starts an engine in the background: in a session of its own, so that it outlives the terminal, with what it prints in a file."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backends import paths
from backends.clock import Clock
from backends.errors import RetryLater
from backends.text import clean_lines
from swarm_tui.options import ConsoleOptions


def argv(options: ConsoleOptions) -> list[str]:
    """The command that runs the engine which these options mean."""
    command = [sys.executable, "-m", "swarm_tui", "--socket", str(options.engine_socket)]
    if options.config_path:
        command += ["--config", str(Path(options.config_path).expanduser().resolve())]
    if options.demo:
        command += ["--demo", "--demo-hosts", str(options.demo)]
    if options.replay:
        command += ["--replay", str(Path(options.replay).expanduser().resolve())]
    if options.read_only:
        command += ["--read-only"]
    return [*command, "engine", "--foreground"]


def start_log(options: ConsoleOptions) -> Path:
    """Takes what the engine of these options prints while it starts, or when it dies; its own log is another file."""
    return paths.state_dir() / f"{options.engine_socket.stem}-start.log"


class Background:
    """An engine that was just started."""

    def __init__(self, options: ConsoleOptions):
        self.log = start_log(options)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                argv(options), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )
        # Reaps it should it end while this process lives; afterwards init does.
        threading.Thread(target=self._process.wait, name="engine-reaper", daemon=True).start()

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._process.returncode

    def said(self, limit: int = 2000) -> str:
        """The end of what it printed, safe to show."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - limit))
            return clean_lines(log.read().decode("utf-8", "replace")).strip()

    def failure(self, waited_seconds: float) -> RetryLater:
        """The error that tells why it does not answer."""
        what = (
            f"did not answer within {waited_seconds:g} s"
            if self.exit_status is None
            else f"ended with {self.exit_status}"
        )
        said = self.said()
        return RetryLater(f"the engine {what}" + (f":\n{said}" if said else ""), hint=f"its log: {self.log}")


@contextmanager
def only_one(options: ConsoleOptions, clock: Clock, wait_seconds: float) -> Iterator[None]:
    """Hold the right to start an engine; two consoles that start together must not start two.

    Raises:
        RetryLater: somebody else holds it for longer than `wait_seconds`.
    """
    file = options.engine_socket.with_suffix(".lock")
    deadline = clock.monotonic() + wait_seconds
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _locked(handle):
            if clock.monotonic() > deadline:
                raise RetryLater(
                    "another console is starting the engine and does not finish", hint=f"who holds {file}? lsof {file}"
                )
            clock.wait(threading.Event(), 0.02)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
