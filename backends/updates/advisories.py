"""Brings the advisories that the operator keeps on this machine: a folder of OSV files, one file, or the zip that osv.dev gives."""

from __future__ import annotations

import os
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from backends import paths
from backends.clock import Clock
from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.updates import osv

LOOK_SECONDS = 300.0
"""How long a look whether the files changed is good for: a fleet of thousands is asked at once."""
MOST_FILES = 200_000
"""PyPI's export holds about 20,000 of them."""
FILE_BYTES = 4 << 20
ACTION = "read the advisories"

_UNREADABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
"""A zip may be cut off, damaged inside, encrypted or compressed in an unknown way."""
Stamp = tuple[tuple[str, int, int], ...]
"""Path, size and nanoseconds of the last change of every file."""


class Known(Record, frozen=True, kw_only=True):
    """Every advisory about a Python package."""

    packages: dict[str, tuple[osv.Affected, ...]] = {}
    """Normalised name → what is said about it."""
    unread: int = 0
    """Files that are no advisory, or too large to be one."""


class Advisories:
    """The advisories at `path`, read when first asked for and again when they changed. For any thread."""

    def __init__(self, path: Callable[[], str], clock: Clock):
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._looked: tuple[str, float] | None = None
        self._stamp: Stamp = ()
        self._known = Known()

    def known(self) -> Known | None:
        """None when none are configured. Raises BadInput when they cannot be read or there is none at all."""
        path = self._path()
        if not path:
            return None
        with self._lock:
            now = self._clock.monotonic()
            if self._looked is None or self._looked[0] != path or now - self._looked[1] > LOOK_SECONDS:
                self._look(paths.expanded(path))
                self._looked = (path, now)
            return self._known

    def _look(self, path: Path) -> None:
        try:
            files = _files(path)
            stamp = tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files)
            if stamp != self._stamp:
                self._known, self._stamp = _read(files), stamp
        except _UNREADABLE as error:
            raise BadInput(f"{path}: {_reason(error)}", action=ACTION, hint=f"ls -l {path}") from error
        if not self._known.packages:
            raise BadInput(f"{path}: no advisory about a Python package", action=ACTION, hint="OSV files: *.json")


def _files(path: Path) -> list[Path]:
    """The files, in a fixed order. Raises OSError."""
    if not path.is_dir():
        path.stat()
        return [path]
    found: list[Path] = []
    for folder, _, names in os.walk(path, onerror=_fail):
        found += [Path(folder) / name for name in names if name.endswith(".json")]
        if len(found) > MOST_FILES:
            raise OSError(f"more than {MOST_FILES} files")
    return sorted(found)


def _fail(error: OSError) -> None:
    raise error


def _read(files: list[Path]) -> Known:
    packages: dict[str, list[osv.Affected]] = {}
    unread = 0
    for document in (each for file in files for each in _documents(file)):
        found = osv.parse(document) if document is not None else None
        unread += found is None
        for each in found or ():
            packages.setdefault(each.package, []).append(each)
    return Known(packages={name: tuple(said) for name, said in packages.items()}, unread=unread)


def _documents(file: Path) -> Iterator[bytes | None]:
    """The content of a file, or of each file in a zip; None for what is too large. Raises what `_UNREADABLE` names."""
    if file.suffix != ".zip":
        yield file.read_bytes() if file.stat().st_size <= FILE_BYTES else None
        return
    with zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if member.filename.endswith(".json")]
        if len(members) > MOST_FILES:
            raise OSError(f"more than {MOST_FILES} files")
        for member in members:
            yield archive.read(member) if member.file_size <= FILE_BYTES else None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
