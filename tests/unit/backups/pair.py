"""Two repositories of the same host and set, a host whose files are a directory, and everything that looks after them.

The pair is made once with real Borg and copied: two archives of /srv in each, made at different times.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random

import msgspec

from backends.backups.alarms import Alarms
from backends.backups.borg import list_archives, list_files
from backends.backups.borg.dialect import Dialect
from backends.backups.catalog import Catalog
from backends.backups.checking import Checking
from backends.backups.damage import Damages
from backends.backups.drill_sample import Bounds
from backends.backups.drills import Drills
from backends.backups.heal_fetch import Fetch
from backends.backups.healing import Healing
from backends.backups.lines import Lines
from backends.backups.model import Archive, BackupSet, BrowseEntry, Repository, Task
from backends.backups.names import unescaped
from backends.backups.onsite import Onsite
from backends.backups.passphrases import Passphrases
from backends.backups.process import LocalRunner
from backends.backups.recording import Recording
from backends.clock import ManualClock, SystemClock
from backends.errors import RetryLater
from backends.execution import ExecResult, OnOutput
from backends.metrics.sample import Record
from backends.sources.local_exec import LocalExec
from tests.unit.backups.vaults import PASSPHRASE, borg

MODELS = BackupSet(name="models", paths=("/srv",))
BIG, SECOND = "srv/models/big.bin", "srv/models/second.bin"
FIRST_DAY, SECOND_DAY = "models.20261101T020000Z", "models.20261102T020000Z"
DIALECT = Dialect(major=1, minor=2, patch=4)


class Seen(Record, frozen=True, kw_only=True):
    """A file of the host now."""

    size: int | None = None
    mtime: float | None = None
    sha256: str | None = None


class Host:
    """A host whose root is a directory. Implements `Exec` for `cat`."""

    def __init__(self, root: Path, name: str = "gpu01"):
        self.root, self.host = root, name
        self.down = False

    def look(self, host: str, paths: Sequence[str]) -> Mapping[str, Seen]:
        """What `looks` would say, by escaped path."""
        assert host == self.host
        if self.down:
            raise RetryLater("not connected", host=host)
        return {path: self._seen(self.file(path)) for path in paths if self.file(path).is_file()}

    def file(self, path: str) -> Path:
        """Where a path of the host really is."""
        return self.root / unescaped(path).lstrip("/")

    def _seen(self, file: Path) -> Seen:
        info = file.stat()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return Seen(size=info.st_size, mtime=info.st_mtime_ns / 1e9, sha256=digest)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        assert list(argv[:2]) == ["cat", "--"]
        assert on_output is not None
        on_output("out", (self.root / argv[2].lstrip("/")).read_bytes())
        return ExecResult(exit_status=0)


@lru_cache(maxsize=1)
def template() -> Path:
    """The directory that is copied: "first" and "second" (repositories), "host"."""
    place = Path(tempfile.mkdtemp(prefix="swarm-pair-"))
    atexit.register(shutil.rmtree, place, True)
    models = place / "host/srv/models"
    (models / "notes").mkdir(parents=True)
    random = Random(7)
    (models / "big.bin").write_bytes(random.randbytes(300_000))
    (models / "second.bin").write_bytes(random.randbytes(120_000))
    for number in range(6):
        (models / f"notes/{number}.txt").write_text(f"note {number}\n" * 40)
    for number, name in enumerate(("first", "second")):
        base = place / f"base-{name}"
        borg("init", "-e", "repokey", "--append-only", str(place / name), base=base)
        for day in (1, 2):
            (models / "today").write_text(f"day {day} hour {number}")
            stamp = f"2026-11-0{day}T0{2 + number}:00:00"
            archive = f"models.2026110{day}T0{2 + number}0000Z"
            borg(
                "create", "-C", "none", "--timestamp", stamp, f"{place / name}::{archive}", "srv",
                base=base, cwd=place / "host",
            )  # fmt: skip
    return place


class Pair:
    """A copy of it below `folder`."""

    def __init__(self, folder: Path, *, program: str = "borg", dialect: Dialect = DIALECT):
        self.folder = folder
        for name in ("first", "second", "host"):
            shutil.copytree(template() / name, folder / name)
        self.first = Repository(name="first", host="gpu01", location=str(folder / "first"), reserve_bytes=0)
        self.second = msgspec.structs.replace(self.first, name="second", location=str(folder / "second"))
        self.both = {each.key: each for each in (self.first, self.second)}
        self.task = Task(set=MODELS, repository=self.first)
        self.clock = ManualClock()
        self.catalog = Catalog(folder / "catalog.db", self.clock)
        passphrases = Passphrases(folder / "passphrases")
        for repository in self.both.values():
            passphrases.set(repository, PASSPHRASE.encode())
        self.runner = LocalRunner(
            passphrases, folder / "borg", lambda _: ("ssh",), lambda: dialect, SystemClock(), program=program
        )
        self.host = Host(folder / "host")
        onsite = Onsite(lambda _: LocalExec("vault"), lambda repository: repository.location)
        self.onsite = onsite
        self.alarms = Alarms(self.catalog, self.clock)
        self.checking = Checking(self.runner, self.catalog, self.clock)
        self.damages = Damages(self.runner, self.catalog, self.host.look, self.clock)
        self.healing = Healing(
            self.runner,
            self.catalog,
            onsite,
            Fetch(self.runner, lambda _: self.host),
            self.clock,
            scratch=folder / "scratch",
        )
        self.drills = self.with_bounds(Bounds())
        self.recording = Recording(self.runner, self.catalog, self.host.look)
        for repository in self.both.values():
            self.catalog.put_archives(repository.key, self.archives(repository))

    def with_bounds(self, bounds: Bounds) -> Drills:
        """Drills within bounds."""
        return Drills(
            self.runner, self.catalog, self.host.look, self.clock, scratch=self.folder / "scratch", bounds=bounds
        )

    def archives(self, repository: Repository) -> tuple[Archive, ...]:
        """As Borg lists them."""
        result = self.runner.run(repository, lambda place: list_archives.argv(DIALECT, place))
        assert result.exit_status == 0, result
        return list_archives.parse(result.stdout, repository)

    def index(self, archive: Archive) -> None:
        """Put its files into the catalog."""
        repository = self.both[archive.repository]
        self.catalog.index(archive, self._entries(repository, archive.name))

    def _entries(self, repository: Repository, archive: str) -> Iterator[BrowseEntry]:
        found: list[BrowseEntry] = []

        def take(line: bytes) -> None:
            entry = list_files.decode(line)
            if entry is not None:
                found.append(entry)

        lines = Lines(take)
        self.runner.run(repository, lambda place: list_files.argv(DIALECT, place, archive), on_stdout=lines.feed)
        return iter(found)

    def sha256(self, path: str) -> str:
        """Of the host's file."""
        return hashlib.sha256(self.host.file(path).read_bytes()).hexdigest()

    def scratch(self) -> list[Path]:
        """What is left in the scratch directory."""
        return list((self.folder / "scratch").rglob("*"))


def flip(repository: Path, *, size: int = 300_000, forge: bool = False) -> None:
    """Change twenty bytes in the middle of the stored object that holds a chunk of about `size` bytes.

    With `forge` the checksum is made to fit, as a failing memory on the way to the disk would do: only reading and
    decrypting tells then.
    """
    for segment in sorted((repository / "data").rglob("*")):
        data = bytearray(segment.read_bytes() if segment.is_file() else b"")
        for at, length in _objects(bytes(data)):
            if size <= length < size + 1000:
                middle = at + length // 2
                data[middle : middle + 20] = bytes(byte ^ 255 for byte in data[middle : middle + 20])
                if forge:
                    struct.pack_into("<I", data, at, zlib.crc32(bytes(data[at + 4 : at + length])))
                segment.write_bytes(data)
                return
    raise AssertionError("no such object")


def _objects(data: bytes) -> Iterator[tuple[int, int]]:
    """(offset, length) of each object of a segment."""
    at = 8
    while at + 9 <= len(data):
        _, length, _ = struct.unpack_from("<IIB", data, at)
        yield at, length
        at += length
