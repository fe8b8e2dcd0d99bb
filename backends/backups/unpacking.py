"""A tar stream into a host's scratch directory: for hosts without Borg, and for archives of other hosts.

The stream goes through one channel; what the host does not take is not sent, so nothing piles up here.
"""

from __future__ import annotations

import threading

from backends.backups.channels import begin, let_go
from backends.errors import RetryLater, SkipHost, SwarmError
from backends.execution import Channels, Duplex
from backends.hostkit.answer import refusal
from backends.hostkit.travel import MAGIC, Launch
from backends.text import clean, clean_lines

SEND_SECONDS = 600.0
"""For one piece to be taken; a disk that hangs longer than this is given up."""
FINISH_SECONDS = 3600.0
"""For tar to write what it has, and to set the times of directories."""
KEPT_BYTES = 8192
ACTION = "unpack files there"


class TarSink:
    """One stream. `write` may be called from a runner's thread; nothing else at the same time."""

    def __init__(self, channels: Channels, launch: Launch):
        self._host, self.bytes = channels.host, 0
        self._said = bytearray()
        self._lock = threading.Lock()
        self._duplex: Duplex | None = begin(channels, launch, on_out=self._hear, on_err=self._hear)

    def write(self, data: bytes) -> None:
        """The next piece; waits while the host takes none. Raises RetryLater, SkipHost, AskOperator."""
        duplex = self._open()
        try:
            duplex.send(data, SEND_SECONDS)
        except OSError as error:
            raise self._failed(duplex) from error
        self.bytes += len(data)

    def finish(self) -> None:
        """The stream is whole: wait until tar has written everything. Raises as `write`."""
        duplex = self._open()
        try:
            duplex.end_input()
        except OSError as error:
            raise self._failed(duplex) from error
        if not duplex.ended.wait(FINISH_SECONDS) or duplex.exit_status != 0:
            raise self._failed(duplex)
        self.close()

    def close(self) -> None:
        """Let go of the host; tar ends there."""
        duplex, self._duplex = self._duplex, None
        let_go(duplex)

    def _open(self) -> Duplex:
        if self._duplex is None:
            raise RetryLater("the stream is closed", host=self._host, action=ACTION)
        return self._duplex

    def _hear(self, data: bytes) -> None:
        with self._lock:
            self._said += data
            del self._said[:-KEPT_BYTES]

    def _failed(self, duplex: Duplex) -> SwarmError:
        """Why it ended."""
        duplex.ended.wait(1.0)
        status = duplex.exit_status if duplex.ended.is_set() else None
        self.close()
        with self._lock:
            said = bytes(self._said)
        place = said.find(MAGIC)
        if place >= 0 and not said[place + len(MAGIC) :].startswith(b"answer"):
            line = said[place + len(MAGIC) :].partition(b"\n")[0]
            return refusal(line.decode("utf-8", "replace"), host=self._host, action=ACTION)
        if status is None:
            return RetryLater("the link was lost before every file was there", host=self._host, action=ACTION)
        last = clean(clean_lines(said.decode("utf-8", "replace")).strip()[-400:], 400)
        return SkipHost(f"tar ended with {status}: {last or 'it said nothing'}", host=self._host, action=ACTION)
