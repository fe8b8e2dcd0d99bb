"""A tar stream that a host sends, as what goes to the stdin of `borg import-tar`.

The program there (`programs/tar_out.py` for data, the snapshot of the configuration) greets with "tar" on stdout, sends
the stream, and exits with 0 only when the stream is whole. A stream that breaks between two files looks whole to Borg, which
would make a complete archive of it. So the source *raises* instead of ending, and whoever runs Borg kills it before
closing its stdin.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from backends.backups.channels import Channels, Duplex, Greeting, Spool, begin, let_go
from backends.errors import RetryLater, SkipHost, SwarmError
from backends.hostkit.travel import Become, Launch, program_launch
from backends.text import clean, clean_lines

BUFFER_BYTES = 4 << 20
TEXT_CHARACTERS = 4000
BEGIN_SECONDS = 60.0
ACTION = "send its files"
NOTE = "extended attributes and access lists are not in a tar stream; modes, owners, times and links are"
"""Said of every archive that was made this way."""


class TarSource:
    """Implements `backends.backups.runner.Source`.

    Args:
        channels: of the host.
        launch: the program, made with `apart=True`.
        on_err: sees the program's stderr as it comes (events as Borg writes them, one JSON object a line).
        stall_seconds: without a byte for this long it is given up.
    """

    def __init__(
        self,
        channels: Channels,
        launch: Launch,
        *,
        on_err: Callable[[bytes], None] | None = None,
        stall_seconds: float = 600.0,
    ):
        self._channels, self._launch, self._stall = channels, launch, stall_seconds
        self._on_err = on_err
        self._greeting = Greeting("tar", channels.host, ACTION)
        self._spool = Spool(BUFFER_BYTES)
        self._errors = bytearray()
        self._lock = threading.Lock()
        self._duplex: Duplex | None = None
        self._begun = threading.Event()
        self._closed = False

    @property
    def text(self) -> str:
        """The last of what the program said on stderr, cleaned."""
        with self._lock:
            return clean_lines(self._errors.decode("utf-8", "replace")).strip()[-TEXT_CHARACTERS:]

    def open(self) -> None:
        """Begin on the host; done by the first call otherwise. Raises RetryLater, SkipHost."""
        if self._begun.is_set() or self._closed:
            return
        try:
            self._duplex = begin(self._channels, self._launch, on_out=self._out, on_err=self._err, on_end=self._end)
        finally:
            self._begun.set()

    def __call__(self) -> bytes:
        """The next piece; b"" when the stream is whole.

        Raises:
            RetryLater: the link was lost, or nothing came any more.
            SkipHost: the program failed, or cannot run there.
            AskOperator: sudo refused.
        """
        self.open()
        try:
            return self._spool.take(self._stall)
        except TimeoutError as error:
            self.close()
            raise RetryLater(str(error), host=self._channels.host, action=ACTION) from error

    def close(self) -> None:
        """Let go of the host; the program there ends when it cannot write any more."""
        self._closed = True
        self._spool.end(RetryLater("the stream was given up", host=self._channels.host, action=ACTION))
        self._spool.close()
        let_go(self._duplex)

    # on the channel's threads

    def _out(self, data: bytes) -> None:
        try:
            piece = self._greeting.feed(data)
        except SwarmError as error:
            self._spool.end(error)
            self._spool.close()
            let_go(self._duplex)
            return
        if piece:
            self._spool.put(piece)

    def _err(self, data: bytes) -> None:
        with self._lock:
            self._errors += data
            del self._errors[: -TEXT_CHARACTERS * 4]
        if self._on_err is not None:
            self._on_err(data)

    def _end(self) -> None:
        self._begun.wait(BEGIN_SECONDS)  # a short program may have ended before `open` returned
        self._spool.end(self._judged())

    def _judged(self) -> SwarmError | None:
        """Why the stream is not whole; None when it is."""
        host = self._channels.host
        status = self._duplex.exit_status if self._duplex is not None else None
        if not self._greeting.done:
            return self._greeting.missing(self.text)
        if status is None:
            return RetryLater("the link was lost before the stream was whole", host=host, action=ACTION)
        if status != 0:
            said = clean(self.text[-300:], 300)
            text = f"the program that sends ended with {status}"
            return SkipHost(f"{text}: {said}" if said else text, host=host, action=ACTION)
        return None


def tar_launch(
    paths: tuple[str, ...],
    *,
    exclude: tuple[str, ...] = (),
    one_file_system: bool = True,
    become: Become = "none",
) -> Launch:
    """The program that sends `paths` of a host as a tar stream.

    Args:
        paths: absolute.
        exclude: Borg patterns (fm:, sh:, pp:, pf:, re:; without a selector fm:).
        one_file_system: do not go into other filesystems.
        become: how to get root first.
    """
    arguments = {"paths": list(paths), "exclude": list(exclude), "one_file_system": one_file_system}
    return program_launch("tar_out", arguments, become, apart=True)
