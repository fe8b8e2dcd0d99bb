"""A repository in a directory, made once and copied, and what a test needs to run the real Borg against it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import pytest

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.events import Event
from backends.backups.environment import host_id
from backends.backups.model import Repository
from backends.backups.passphrases import Passphrases
from backends.backups.process import LocalRunner
from backends.backups.runner import Build
from backends.clock import SystemClock

BORG = shutil.which("borg") or ""
PASSPHRASE = b"a passphrase that nobody else has"
needs_borg = pytest.mark.skipif(not BORG, reason="no borg on this machine")


@lru_cache(maxsize=1)
def dialect() -> Dialect:
    """Of the Borg here."""
    numbers = subprocess.run([BORG, "--version"], capture_output=True, check=True).stdout.decode().split()[1].split(".")
    return Dialect(major=int(numbers[0]), minor=int(numbers[1]), patch=int(numbers[2]))


class Field:
    """One test's folder: an empty repository with its passphrase, and runners."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.place = folder / "vault" / "gpu01"
        self.repository = Repository(name="vault", host="gpu01", location=str(self.place))
        self.passphrases = Passphrases(folder / "passphrases")
        self.passphrases.set(self.repository, PASSPHRASE)
        self.events: list[Event] = []
        self._init()

    def _init(self) -> None:
        """An empty repository takes a second to make, so it is made once for all tests."""
        template = self.folder.parent / "borg-template"
        if not template.exists():
            made = template.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            self.by_hand("init", "-e", "repokey", str(made), base=self.folder / "maker")
            try:
                made.rename(template)
            except OSError:
                shutil.rmtree(made)
        self.place.parent.mkdir()
        shutil.copytree(template, self.place)

    def by_hand(self, *argv: str, base: Path | None = None, stdin: bytes = b"") -> str:
        """What Borg prints when a person runs it. Raises CalledProcessError."""
        environment = {
            "PATH": os.environ["PATH"],
            "BORG_PASSPHRASE": PASSPHRASE.decode(),
            "BORG_BASE_DIR": str(base or self.folder / "by-hand"),
            "BORG_HOST_ID": host_id(),
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        }
        Path(environment["BORG_BASE_DIR"]).mkdir(exist_ok=True)
        done = subprocess.run(
            [BORG, *argv], env=environment, input=stdin, capture_output=True, check=True, cwd=self.folder
        )
        return done.stdout.decode()

    def archives(self, *more: str) -> list[str]:
        """Names of the archives, checkpoints with "--consider-checkpoints"."""
        return self.by_hand("list", "--short", *more, str(self.place)).split()

    def local(self) -> LocalRunner:
        """Borg beside the engine."""
        return LocalRunner(self.passphrases, self.folder / "borg", lambda _: (), dialect, SystemClock(), program=BORG)

    def locks(self) -> list[Path]:
        """Every lock that is held: the repository's, and those of caches."""
        return [path for path in self.folder.rglob("lock.exclusive") if path.exists()]


def create(archive: str, *paths: str | Path, options: Sequence[str] = ()) -> Build:
    """`borg create` of some paths."""
    words = ("--log-json", "--progress", "create", "--json", "--list", "--checkpoint-interval", "300", *options)
    return lambda location: ("borg", *words, f"{location}::{archive}", *map(str, paths))


def command(*words: str, archive: str = "", after: Sequence[str] = ()) -> Build:
    """Any other command on the repository, or on an archive of it."""
    return lambda location: ("borg", "--log-json", *words, f"{location}::{archive}" if archive else location, *after)


def until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def processes(word: str) -> list[int]:
    """Processes, ended ones aside, that have `word` in their command line or environment."""
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        try:
            said = (place / "cmdline").read_bytes() + b"\0" + (place / "environ").read_bytes()
            state = (place / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if word.encode() in said and state not in "ZX":
            found.append(int(place.name))
    return found


def gone(pid: str) -> bool:
    """Whether it has ended; who collects it is not our affair."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
