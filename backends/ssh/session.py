"""What can be done over one link: one probe stream and a few work channels, with a queue beyond the budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import paramiko

from backends.errors import RetryLater
from backends.ssh.connect import Link
from backends.ssh.datapipe import hook
from backends.ssh.failures import ChannelRefused
from backends.text import clean

_T = TypeVar("_T")

WORK_CHANNELS = 6
"""sshd's MaxSessions is 10 by default; one is the probe's, the rest stays free for others (reference: §7)."""
REFUSED_WAIT_SECONDS = 0.5


class Command:
    """A command running in a channel of its own; its output is handed over in the transport's thread."""

    def __init__(self, channel: paramiko.Channel, link: Link):
        self._channel = channel
        self._link = link
        self.ended = threading.Event()

    @property
    def exit_status(self) -> int | None:
        """Known after `ended`; None when a signal or the loss of the link ended it."""
        status = self._channel.exit_status
        return status if status >= 0 else None

    @property
    def signal(self) -> str | None:
        """The signal that ended it, without SIG."""
        name = getattr(self._channel, "exit_signal", None)
        return clean(str(name), 16) if name else None

    def send(self, data: bytes, timeout_seconds: float) -> None:
        """Write to its standard input. Raises OSError (also TimeoutError) when it does not take it."""
        self._channel.settimeout(max(0.01, timeout_seconds))
        self._channel.sendall(data)

    def try_send(self, data: bytes) -> int:
        """Write what can be written without waiting; the number of bytes that were taken, possibly 0."""
        if self._channel.closed or not self._channel.send_ready() or not self._link.transport.wire.free():
            return 0
        try:
            self._channel.settimeout(0.0)
            return self._channel.send(data)
        except (OSError, EOFError):
            return 0

    def end_input(self) -> None:
        """End of file on its standard input."""
        self._channel.shutdown_write()

    def close(self) -> None:
        """Close the channel without waiting for a hung host."""
        self._link.transport.drop_channel(self._channel)


class Session:
    """The channels of one link; safe to use from many threads."""

    def __init__(self, link: Link, work_channels: int = WORK_CHANNELS):
        self.link = link
        self._limit = work_channels
        self._used = 0
        self._changed = threading.Condition()
        self._opening = threading.Lock()

    def start(
        self,
        command: str,
        *,
        on_out: Callable[[bytes], None],
        on_err: Callable[[bytes], None],
        on_end: Callable[[], None] | None = None,
        timeout_seconds: float = 10.0,
    ) -> Command:
        """Start `command` in a channel outside the work budget (the probe). All callbacks run in the transport's thread.

        Raises:
            ChannelRefused: sshd opens no further channel.
            RetryLater: the link is lost, or there was no answer in time.
        """
        running: list[Command] = []

        def end() -> None:
            running[0].ended.set()
            if on_end:
                on_end()

        def prepare(channel: paramiko.Channel) -> None:
            running.append(Command(channel, self.link))
            hook(channel, on_out=on_out, on_err=on_err, on_end=end)

        self._begin(command, prepare, timeout_seconds)
        return running[0]

    def hold(
        self, command: str, *, prepare: Callable[[paramiko.Channel], None], timeout_seconds: float
    ) -> paramiko.Channel:
        """Start `command` in a channel that is read by whoever holds it (a work place is held too).

        Args:
            command: for the login shell.
            prepare: sees the channel before anything can arrive in it.
            timeout_seconds: for sshd to open it; a refused channel is waited for.

        Raises:
            ChannelRefused, RetryLater: as `start`.
        """
        return self._patiently(lambda left: self._begin(command, prepare, left), timeout_seconds)

    def _begin(
        self, command: str, prepare: Callable[[paramiko.Channel], None], timeout_seconds: float
    ) -> paramiko.Channel:
        deadline = time.monotonic() + timeout_seconds
        channel = self._open(deadline)
        prepare(channel)
        if not self.link.transport.request_exec(channel, command, max(0.1, deadline - time.monotonic())):
            refused = channel.closed and self.link.alive
            self.link.transport.drop_channel(channel)
            raise self._lost("sshd refuses to run commands" if refused else f"no answer within {timeout_seconds:g} s")
        return channel

    @contextmanager
    def work(self, timeout_seconds: float) -> Iterator[None]:
        """Hold one of the work channels' places; waits for one. Raises RetryLater when none gets free in time."""
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while self._used >= self._limit:
                left = deadline - time.monotonic()
                if left <= 0 or not self.link.alive:
                    raise self._lost(f"all {self._limit} channels are busy")
                self._changed.wait(min(left, 1.0))
            self._used += 1
        try:
            yield
        finally:
            with self._changed:
                self._used -= 1
                self._changed.notify()

    def start_work(
        self, command: str, *, on_out: Callable[[bytes], None], on_err: Callable[[bytes], None], timeout_seconds: float
    ) -> Command:
        """Like `start`, for holders of a work place: a refused channel is waited for, not failed."""
        return self._patiently(
            lambda left: self.start(command, on_out=on_out, on_err=on_err, timeout_seconds=left), timeout_seconds
        )

    def _patiently(self, begin: Callable[[float], _T], timeout_seconds: float) -> _T:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                return begin(max(0.1, deadline - time.monotonic()))
            except ChannelRefused:
                if time.monotonic() + REFUSED_WAIT_SECONDS >= deadline:
                    raise
                with self._changed:
                    self._changed.wait(REFUSED_WAIT_SECONDS)

    def _open(self, deadline: float) -> paramiko.Channel:
        transport = self.link.transport
        left = max(0.1, deadline - time.monotonic())
        # one at a time: the library keeps the reason of a refusal per connection, not per channel
        if not self._opening.acquire(timeout=left):
            raise self._lost("no channel within the time given")
        try:
            return transport.open_command(max(0.1, deadline - time.monotonic()))
        except paramiko.ChannelException as error:
            raise ChannelRefused(
                "sshd opens no further channel",
                host=self.link.target.name,
                action="open a channel",
                hint="raise MaxSessions in the host's sshd_config (this program uses up to 7 at a time)",
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._lost("no channel within the time given" if transport.is_active() else "") from error
        finally:
            self._opening.release()

    def _lost(self, why: str) -> RetryLater:
        if not self.link.alive:
            why = self.link.transport.why_killed or "connection lost"
        return RetryLater(why or "connection lost", host=self.link.target.name, action="run a command")
