"""A real repository in a directory of the test, with everything that works on it: real Borg, real files, our own clock.

The repository is made once and copied: two sets whose names begin alike, "a" (three archives) and "a-b" (two).
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec

from backends.backups.catalog import Catalog
from backends.backups.compaction import Compaction
from backends.backups.escrow import Escrows
from backends.backups.locking import Locks
from backends.backups.model import BackupSet, Keep, Repository
from backends.backups.onsite import Onsite, Speeds, understood
from backends.backups.passphrases import Passphrases
from backends.backups.process import LocalRunner
from backends.backups.repositories import Repositories
from backends.backups.retention import Retention
from backends.backups.undo import Client, Undo
from backends.backups.vanished import Listings
from backends.clock import ManualClock, SystemClock
from backends.errors import RetryLater
from backends.execution import Exec
from backends.metrics.sample import Record
from backends.sources.local_exec import LocalExec
from tests.borgs import BORG_12 as BORG
from tests.borgs import DIALECT_12, DIALECT_14
from tests.unit.hostkit.repository_program import run

PASSPHRASE = "correct horse"
HOLD_SECONDS = 86_400.0
A, A_B = (
    BackupSet(name="a", keep=Keep(daily=1, weekly=0, monthly=0)),
    BackupSet(name="a-b", keep=Keep(daily=1, weekly=0, monthly=0)),
)
FIRST, SECOND, THIRD = "a.20261101T020000Z", "a.20261102T020000Z", "a.20261103T020000Z"
OTHERS = ("a-b.20261101T030000Z", "a-b.20261102T030000Z")
MADE = (FIRST, OTHERS[0], SECOND, OTHERS[1], THIRD)


def borg(
    *argv: str, base: Path, environment: Mapping[str, str] = {}, cwd: Path | None = None, program: str = BORG
) -> bytes:
    """Run a Borg of somebody else, with a memory of its own; what it prints. Raises CalledProcessError."""
    surroundings = {"PATH": os.environ["PATH"], "BORG_BASE_DIR": str(base), "BORG_PASSPHRASE": PASSPHRASE}
    surroundings |= {"BORG_SELFTEST": "disabled", "TZ": "UTC"}
    base.mkdir(exist_ok=True)
    done = subprocess.run(
        [BORG, *argv],
        env=surroundings | dict(environment),
        cwd=cwd or base,
        capture_output=True,
        check=True,
        timeout=50,
    )
    return done.stdout


@lru_cache(maxsize=1)
def template() -> Path:
    """The directory that is copied: "repository", and "data" as the newest archive has it."""
    place = Path(tempfile.mkdtemp(prefix="swarm-vault-"))
    atexit.register(shutil.rmtree, place, True)
    base, data = place / "base", place / "data"
    data.mkdir()
    borg("init", "-e", "repokey", "--append-only", str(place / "repository"), base=base)
    for number, name in enumerate(MADE):
        (data / "file").write_text(f"content of {name}\n" * 50)
        (data / f"only-{number}").write_bytes(bytes([number]) * 3000)
        day = f"{name[-16:-12]}-{name[-12:-10]}-{name[-10:-8]}T{name[-7:-5]}:00:00"
        borg("create", "--timestamp", day, f"{place / 'repository'}::{name}", ".", base=base, cwd=data)
    return place


@lru_cache(maxsize=1)
def pruned_template() -> Path:
    """The same after set "a" was pruned to its newest archive, with the catalog that knows of it."""
    place = template() / "pruned"
    place.mkdir()
    vault = Vault(place)
    vault.prune(A)
    vault.catalog.close()
    return place


T = TypeVar("T", bound=Record)


class Nearby(Onsite):
    """Runs the program in this process, which is quicker than a Python of its own for each look."""

    def _ask(self, repository: Repository, kind: type[T], action: str, **given: object) -> T:
        answer = run(str(given.pop("do")), path=self.path(repository), **given)
        return understood(json.dumps(answer).encode(), kind, self.way(repository).host, action)


class Vault:
    """A copy of it below `folder`, and what works on it. Not `made`: nothing is there yet. `pruned`: by `prune(A)`."""

    def __init__(
        self, folder: Path, *, made: bool = True, pruned: bool = False, program: str = BORG, **settings: object
    ):
        self.program, self.dialect = program, DIALECT_12 if program == BORG else DIALECT_14
        self.folder, self.place = folder, folder / "vault" / "gpu01"
        if made:
            self.place.parent.mkdir()
            shutil.copytree(pruned_template() / "vault/gpu01" if pruned else template() / "repository", self.place)
        if pruned:
            shutil.copy2(pruned_template() / "catalog.db", folder / "catalog.db")
        self.repository = msgspec.structs.replace(
            Repository(name="vault", host="gpu01", location=str(self.place), reserve_bytes=0), **settings
        )
        self.clock = ManualClock()
        self.catalog = Catalog(folder / "catalog.db", self.clock)
        self.passphrases = Passphrases(folder / "passphrases")
        self.passphrases.set(self.repository, PASSPHRASE.encode())
        self.runner = self.new_runner(folder / "borg")
        self.others: list[Client] = []
        self.here: Exec = LocalExec("vault")
        self.onsite = Nearby(lambda _: self.here, lambda repository: repository.location)
        self.listings = Listings(self.runner, self.onsite, self.catalog, self.clock)
        self.retention = Retention(self.runner, self.onsite, self.catalog, self.listings, self.clock)
        self.undo = Undo(self.runner, self.onsite, self.catalog, self.listings, self.clock, self._clients)
        self.compaction = Compaction(self.runner, self.onsite, self.catalog, self.listings, self.clock, HOLD_SECONDS)
        self.repositories = Repositories(
            self.runner, self.onsite, self.catalog, self.clock, lambda _: Speeds(sha256=2e9, blake2b=1e9)
        )
        self.escrows = Escrows(self.runner, self.onsite, self.catalog, self.clock, self.passphrases.of, self.new_runner)
        self.locks = Locks(self.onsite, lambda _: None, lambda _: "")

    def new_runner(self, base: Path) -> LocalRunner:
        def rsh(_: Repository) -> tuple[str, ...]:
            return ("ssh",)

        return LocalRunner(self.passphrases, base, rsh, lambda: self.dialect, SystemClock(), program=self.program)

    def names(self) -> tuple[str, ...]:
        """What is listed now, the oldest first."""
        found = self.listings.take(self.repository).archives
        return tuple(each.name for each in sorted(found, key=lambda each: each.start))

    def content(self, name: str, path: str = "file") -> bytes:
        """A file of an archive, read by somebody else's Borg."""
        base = Path(tempfile.mkdtemp(dir=self.folder))
        return borg("extract", "--stdout", f"{self.place}::{name}", path, base=base, program=self.program)

    def add(self, name: str) -> None:
        """Make an archive as somebody else would."""
        data = Path(tempfile.mkdtemp(dir=self.folder))
        (data / "file").write_text(f"content of {name}\n")
        borg("create", f"{self.place}::{name}", ".", base=data.with_suffix(".base"), cwd=data, program=self.program)

    def remove(self, *names: str) -> None:
        """Remove archives as somebody on the repository's machine would."""
        for name in names:
            borg("delete", f"{self.place}::{name}", base=self.folder / "stranger")

    def remove_as_host(self, *names: str) -> None:
        """Remove archives as a host would that is given nothing but `borg serve --append-only`."""
        serve = self.folder / "serve"
        serve.write_text(f"#!/bin/sh\nexec {BORG} serve --append-only --restrict-to-repository {self.place}\n")
        serve.chmod(0o700)
        for name in names:
            location = f"ssh://vault{self.place}::{name}"
            borg("delete", location, base=self.folder / "host", environment={"BORG_RSH": str(serve)})

    def prune(self, wanted: BackupSet = A) -> None:
        """Preview and prune."""
        preview = self.retention.preview(self.repository, wanted)
        outcome = self.retention.apply(self.repository, wanted, preview.token, "root")
        assert outcome.cause is None, outcome

    def setting(self, name: str) -> str:
        """From the repository's config."""
        return self.onsite.look(self.repository).settings[name]

    def _clients(self, repository: Repository) -> Sequence[Client]:
        return (Client(LocalExec("engine"), (str(self.runner.base(repository)),)), *self.others)


class Unreachable(Exec):
    """A machine whose link is down."""

    @property
    def host(self) -> str:
        return "gpu01"

    def run(self, *_: object, **__: object) -> object:  # type: ignore[override]
        raise RetryLater("link down", host="gpu01")
