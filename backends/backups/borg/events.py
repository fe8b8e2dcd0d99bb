"""What Borg says while it works: `--log-json` lines of its stderr, decoded, cleaned and bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.backups.borg.documents import count, load, raw, text
from backends.backups.names import escaped
from backends.metrics.sample import Record
from backends.text import clean
from backends.text import decode as decode_text

LINE_BYTES = 1 << 20
"""The longest line that is read as an event; of a longer one the beginning is shown as text."""
_PATH_LIMIT = 8192
_MESSAGE_LIMIT = 4096


class ArchiveProgress(Record, frozen=True, kw_only=True):
    """Counters of a running create, extract or export; about five a second."""

    original_bytes: int | None = None
    compressed_bytes: int | None = None
    deduplicated_bytes: int | None = None
    files: int | None = None
    path: str = ""
    """Escaped."""
    finished: bool = False
    """The last one, which has no counters."""


class PercentProgress(Record, frozen=True, kw_only=True):
    """Step `current` of `total` of an operation ("prune", "check.verify_data", "repository.check", "extract" …)."""

    msgid: str = ""
    message: str = ""
    current: int | None = None
    total: int | None = None
    finished: bool = False


class MessageProgress(Record, frozen=True, kw_only=True):
    """An operation without a measure ("cache.begin_transaction", "cache.commit" …)."""

    msgid: str = ""
    message: str = ""
    finished: bool = False


class FileStatus(Record, frozen=True, kw_only=True):
    """What create did with a file: A added, M modified, U unchanged, C changed while read, E error, d, s, x, -."""

    status: str
    path: str
    """Escaped."""


class LogMessage(Record, frozen=True, kw_only=True):
    """A sentence. 1.2 puts msgid on errors only."""

    level: str = ""
    """ "DEBUG" … "CRITICAL"."""
    name: str = ""
    """The logger: "borg.archiver", "borg.output.list" (text of lists), "borg.output.progress"."""
    message: str = ""
    msgid: str = ""


class Question(Record, frozen=True, kw_only=True):
    """Borg asks for a decision; `msgid` is the environment variable that answers it. With stdin at its end it says no."""

    kind: str = ""
    """ "question_prompt", "question_env_answer", "question_accepted_false" …"""
    msgid: str = ""
    message: str = ""


class Text(Record, frozen=True, kw_only=True):
    """A line that is no event: usage errors, warnings of Python, tracebacks."""

    text: str


Event = ArchiveProgress | PercentProgress | MessageProgress | FileStatus | LogMessage | Question | Text


def decode(line: bytes) -> Event | None:
    """One line of Borg's stderr, with or without its end. None: a blank one. Never raises."""
    line = line.strip()
    if not line:
        return None
    found = load(line) if line.startswith(b"{") and len(line) <= LINE_BYTES else None
    kind = found.get("type") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(kind, str):
        return Text(text=decode_text(line, _MESSAGE_LIMIT))
    made = _KINDS.get(kind)
    if made is not None:
        return made(found)
    return _question(found) if kind.startswith("question_") else Text(text=decode_text(line, _MESSAGE_LIMIT))


class EventReader:
    """Makes events of pieces of stderr as they arrive. Keeps at most `LINE_BYTES`."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False
        """In a line that was too long: up to its end everything is thrown away."""

    def feed(self, data: bytes) -> list[Event]:
        """What is complete now."""
        *lines, rest = data.split(b"\n")
        found: list[Event] = []
        for line in lines:
            self._take(line, found)
            self._end(found)
        self._take(rest, found)
        return found

    def close(self) -> list[Event]:
        """What was left without an end of line."""
        found: list[Event] = []
        self._end(found)
        return found

    def _take(self, piece: bytes, found: list[Event]) -> None:
        if self._skipping:
            return
        self._rest += piece
        if len(self._rest) > LINE_BYTES:
            self._end(found)
            self._skipping = True

    def _end(self, found: list[Event]) -> None:
        if not self._skipping and (event := decode(self._rest)) is not None:
            found.append(event)
        self._rest, self._skipping = b"", False


def _archive_progress(source: dict[str, Any]) -> Event:
    return ArchiveProgress(
        original_bytes=count(source, "original_size"),
        compressed_bytes=count(source, "compressed_size"),
        deduplicated_bytes=count(source, "deduplicated_size"),
        files=count(source, "nfiles"),
        path=_path(source),
        finished=source.get("finished") is True,
    )


def _percent(source: dict[str, Any]) -> Event:
    return PercentProgress(
        msgid=text(source, "msgid", 100),
        message=text(source, "message", _MESSAGE_LIMIT),
        current=count(source, "current"),
        total=count(source, "total"),
        finished=source.get("finished") is True,
    )


def _message(source: dict[str, Any]) -> Event:
    return MessageProgress(
        msgid=text(source, "msgid", 100),
        message=text(source, "message", _MESSAGE_LIMIT),
        finished=source.get("finished") is True,
    )


def _status(source: dict[str, Any]) -> Event:
    return FileStatus(status=text(source, "status", 8), path=_path(source))


def _log(source: dict[str, Any]) -> Event:
    return LogMessage(
        level=text(source, "levelname", 20),
        name=text(source, "name", 100),
        message=text(source, "message", _MESSAGE_LIMIT),
        msgid=text(source, "msgid", 100),
    )


def _question(source: dict[str, Any]) -> Event:
    return Question(
        kind=text(source, "type", 60), msgid=text(source, "msgid", 100), message=text(source, "message", _MESSAGE_LIMIT)
    )


def _path(source: dict[str, Any]) -> str:
    return clean(escaped(raw(source, "path")), _PATH_LIMIT)


_KINDS: dict[str, Callable[[dict[str, Any]], Event]] = {
    "archive_progress": _archive_progress,
    "progress_percent": _percent,
    "progress_message": _message,
    "file_status": _status,
    "log_message": _log,
}
