"""The engine's own log: one event a line as key=value pairs, in a file that never grows beyond a bound.

It is for whoever looks into the engine itself; what happens in the fleet goes to the timeline.
"""

from __future__ import annotations

import json
import threading
import traceback
from pathlib import Path
from typing import IO

from backends.clock import Clock, utc
from backends.text import clean

MAX_BYTES = 4 << 20
"""Size at which the log is moved to `.1` (one old file is kept)."""


class Log:
    """Writes events; thread-safe. A disk that is full or gone costs log lines, never the engine."""

    def __init__(
        self, clock: Clock, path: Path | None = None, *, max_bytes: int = MAX_BYTES, echo: IO[str] | None = None
    ):
        self._clock, self._path, self._limit, self._echo = clock, path, max_bytes, echo
        self._lock = threading.Lock()
        self.dropped = 0
        """Lines that could not be written."""

    def event(self, kind: str, **values: object) -> None:
        """Write one event. Values are made safe and short; secrets must not be given."""
        pairs = "".join(f" {key}={_value(value)}" for key, value in values.items() if value not in (None, ""))
        line = f"{utc(self._clock.now()).isoformat(timespec='milliseconds')} {kind}{pairs}\n"
        with self._lock:
            try:
                self._write(line)
            except OSError:
                self.dropped += 1  # the log is the last place that could tell; `engine.info` callers see the rest

    def failure(self, kind: str, error: BaseException, **values: object) -> None:
        """Write an unexpected error with its traceback, as one line."""
        trace = "".join(traceback.format_exception(error))
        self.event(kind, error=repr(error), trace=trace[-4000:].replace("\n", " ⏎ "), **values)

    def _write(self, line: str) -> None:
        if self._echo is not None:
            self._echo.write(line)
            self._echo.flush()
        if self._path is None:
            return
        if self._path.exists() and self._path.stat().st_size + len(line) > self._limit:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)


def _value(value: object) -> str:
    text = clean(str(value), 8000)
    return json.dumps(text, ensure_ascii=False) if any(char in text for char in ' "=\\') or not text else text
