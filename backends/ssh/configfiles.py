"""Looks at ~/.ssh/config without interpreting it: which files it consists of and which Host lines could concern a host.

OpenSSH itself (`ssh -G`) says what the options are, at about 8 ms a host; two hosts that match the same Host lines get
the same answer, so a fleet of a thousand needs a handful of questions.
"""

from __future__ import annotations

import glob
import shlex
from pathlib import Path

from backends import paths
from backends.metrics.sample import Record
from backends.ssh.hostkeys import matches

MAX_DEPTH = 16
"""As OpenSSH: Include may nest this deep."""
SYSTEM_FILE = "/etc/ssh/ssh_config"


class Stamp(Record, frozen=True, kw_only=True):
    """A file as it was when it was read; a missing one has no time."""

    path: str
    mtime_ns: int | None = None
    size: int = 0


class Scan(Record, frozen=True, kw_only=True):
    """What was seen."""

    stamps: tuple[Stamp, ...] = ()
    hosts: tuple[tuple[str, ...], ...] = ()
    """The pattern list of each Host line."""
    personal: bool = False
    """Answers may differ between hosts that match the same Host lines (Match, %h in HostName, canonicalisation)."""
    volatile: bool = False
    """Answers may change while the files do not (Match exec, Match localnetwork)."""
    fallback_ignored: tuple[str, ...] = ()
    """Lines that the library's own reader would not honour, as "file:line: what"."""

    def alike(self, name: str) -> tuple[int, ...]:
        """Hosts with equal values match the same Host lines."""
        lowered = name.lower()
        return tuple(number for number, patterns in enumerate(self.hosts) if matches(patterns, lowered))


def scan(user_file: str | None) -> Scan:
    """Read `user_file` (None: ~/.ssh/config and the system's; "none": nothing) and what it includes. Never raises."""
    if user_file == "none":
        return Scan()
    reader = _Reader()
    if user_file is None:
        reader.read(Path.home() / ".ssh/config", 0, Path.home() / ".ssh")
        reader.read(Path(SYSTEM_FILE), 0, Path("/etc/ssh"))
    else:
        path = paths.expanded(user_file)
        reader.read(path, 0, Path.home() / ".ssh")
    return Scan(
        stamps=tuple(reader.stamps),
        hosts=tuple(reader.hosts),
        personal=reader.personal,
        volatile=reader.volatile,
        fallback_ignored=tuple(reader.ignored),
    )


def stamp(path: Path) -> Stamp:
    """The file's time and size now."""
    try:
        info = path.stat()
    except OSError:
        return Stamp(path=str(path))
    return Stamp(path=str(path), mtime_ns=info.st_mtime_ns, size=info.st_size)


class _Reader:
    def __init__(self) -> None:
        self.stamps: list[Stamp] = []
        self.hosts: list[tuple[str, ...]] = []
        self.ignored: list[str] = []
        self.personal = False
        self.volatile = False

    def read(self, path: Path, depth: int, base: Path) -> None:
        self.stamps.append(stamp(path))
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            return
        for number, line in enumerate(text.splitlines(), 1):
            words = split(line)
            if words:
                self._line(words[0].lower(), words[1:], f"{path}:{number}", depth, base)

    def _line(self, key: str, values: list[str], place: str, depth: int, base: Path) -> None:
        if key == "host":
            self.hosts.append(tuple(value.lower() for value in values))
        elif key == "match":
            self._match([value.lower() for value in values], place)
        elif key == "include":
            self.ignored.append(f"{place}: Include")
            self._include(values, depth, base)
        elif key == "hostname":
            self.personal = self.personal or any("%" in value for value in values)
        elif key == "canonicalizehostname":
            self.personal = self.personal or values[:1] != ["no"]

    def _match(self, values: list[str], place: str) -> None:
        if values == ["all"]:
            return
        self.personal = True
        self.volatile = self.volatile or bool({"exec", "localnetwork"} & set(values))
        if unknown := {"tagged", "localnetwork", "sessiontype", "command", "version"} & set(values):
            self.ignored.append(f"{place}: Match {' '.join(sorted(unknown))}")

    def _include(self, values: list[str], depth: int, base: Path) -> None:
        if depth >= MAX_DEPTH:
            return
        for value in values:
            pattern = paths.expanded(value)
            for found in sorted(glob.glob(str(pattern if pattern.is_absolute() else base / pattern))):  # noqa: PTH207
                self.read(Path(found), depth + 1, base)


def split(line: str) -> list[str]:
    """Keyword and values of one line; [] for a comment, an empty line or unbalanced quotes (OpenSSH refuses those)."""
    stripped = line.strip()
    if not stripped or stripped.startswith("#"):
        return []
    head, _, rest = stripped.replace("\t", " ").partition(" ")
    if "=" in head:
        head, _, tail = head.partition("=")
        rest = f"{tail} {rest}"
    rest = rest.strip().removeprefix("=")
    try:
        return [head, *shlex.split(rest, comments=True)]
    except ValueError:
        return []
