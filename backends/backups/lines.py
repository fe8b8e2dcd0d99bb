"""Lines out of a stream that comes in pieces, bounded."""

from __future__ import annotations

from collections.abc import Callable

LONGEST = 1 << 20


class Lines:
    """Gives whole lines to `take`. A line without end is thrown away: no peer may fill the memory."""

    def __init__(self, take: Callable[[bytes], None], longest: int = LONGEST):
        self._take, self._longest = take, longest
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """The next piece; an unfinished last line waits for more."""
        first, *more = data.split(b"\n")
        self._rest += first
        for piece in more:
            if not self._skipping and self._rest:
                self._take(self._rest)
            self._rest, self._skipping = piece, False
        if len(self._rest) > self._longest:
            self._rest, self._skipping = b"", True
