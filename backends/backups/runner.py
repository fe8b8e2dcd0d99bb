"""The protocol through which everything here runs Borg, wherever it runs: beside the engine or on a host."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.events import Event
from backends.backups.model import BorgResult, Repository

Build = Callable[[str], tuple[str, ...]]
"""Location of the repository as this runner reaches it → the whole argv, "borg" first."""
OnEvent = Callable[[Event], None]
"""Called with each event as it arrives, on the runner's thread; must return quickly and never raise."""
Source = Callable[[], bytes]
"""Gives the next piece of what goes to Borg's stdin, b"" at the end; called on a thread of the runner."""


class Cancel:
    """Asks a running Borg to end in two stages: first so that what it has is kept as a checkpoint, then for good."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        """End soon, keep the checkpoint."""
        self.forced = threading.Event()
        """End at once."""
        self.who = ""

    def ask(self, who: str, *, force: bool = False) -> None:
        """Ask. May be called from any thread, and again with `force`."""
        self.who = self.who or who
        if force:
            self.forced.set()
        self.asked.set()


class Runner(Protocol):
    """Runs one Borg command at a time and waits for it. May be used from many threads for different repositories."""

    @property
    def dialect(self) -> Dialect:
        """Of the Borg that it runs. Raises SkipHost when there is none."""

    def run(
        self,
        repository: Repository,
        build: Build,
        *,
        on_event: OnEvent | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        stdin: Source | None = None,
        cancel: Cancel | None = None,
        confirm: Mapping[str, str] = {},
        timeout_seconds: float | None = None,
        directory: str = "",
    ) -> BorgResult:
        """Run the command that `build` makes.

        Args:
            repository: gives location, passphrase and limits.
            build: the argv for the location as this runner reaches it.
            on_event: sees every decoded line of stderr.
            on_stdout: takes stdout as it comes, which is then not kept; by default up to 64 MiB are kept.
            stdin: fed to Borg; by default its stdin is empty.
            cancel: ends it early; the result then says `cancelled`.
            confirm: answers to Borg's questions for this one run: environment variable → "yes" or "YES".
            timeout_seconds: after this it is ended.
            directory: where it works ("" for a runner's own choice); extraction goes there.

        Returns:
            what is left; `exit_status` None with `lost` set when the link or the peer went away.

        Raises:
            SkipHost: no Borg, or no such program, there.
            AskOperator: no passphrase to be had.
            RetryLater: not connected.
        """
