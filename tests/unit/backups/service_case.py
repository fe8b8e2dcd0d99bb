"""All of an engine's backups over a fleet of two: "here" is this machine, "gpu01" is one whose streams a test prepares.

Real Borg, real repositories. What the first backups leave is made once and copied: two archives of a set "data" of "here",
between which one file changed, indexed, with hashes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from backends.backups.depot import Fleet
from backends.backups.environment import host_id
from backends.backups.model import BackupSet, Job, Keep, Repository, Task
from backends.backups.service import Backups
from backends.backups.vault import plain_ssh
from backends.config.schema import BackupsConfig
from backends.errors import RetryLater
from backends.execution import Channels, Duplex, Exec, ExecResult, OnOutput
from backends.sources.local_channels import LocalChannels
from backends.sources.local_exec import LocalExec
from backends.states import Severity
from tests.borgs import BORG_12
from tests.unit.backups.fakehost import FakeDuplex, FakeHost
from tests.unit.backups.snapshot_case import tar_of

HERE, GPU, KEY, GPU_KEY = "here", "gpu01", "local/here", "local/gpu01"
DAY = 86400.0
SECONDS = 50.0
GREETING = b"\nswarm-kit 1 tar\n"
KEEP = Keep(daily=1, weekly=0, monthly=0)


class Later:
    """The machine's time, moved on by what a test says. Implements `Clock`."""

    def __init__(self) -> None:
        self.by = 0.0

    def now(self) -> float:
        return time.time() + self.by

    def monotonic(self) -> float:
        return time.monotonic() + self.by

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        self.by += seconds


class Gone(Exec):
    """A host that is not connected. Implements `Exec` and `Channels`."""

    @property
    def host(self) -> str:
        return GPU

    def run(self, *_: object, **__: object) -> ExecResult:
        raise RetryLater("not connected", host=GPU)

    def open(self, *_: object, **__: object) -> Duplex:
        raise RetryLater("not connected", host=GPU)


class Known(LocalExec):
    """This machine; which Borg it has is asked once for all tests."""

    _said: ClassVar[dict[tuple[str, ...], ExecResult]] = {}

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
        words = tuple(argv)
        if words in self._said:
            return self._said[words]
        result = super().run(
            argv, stdin=stdin, timeout_seconds=timeout_seconds, limit_bytes=limit_bytes, on_output=on_output
        )
        if words[-1] == "--version" or words[-2:] == ("debug", "info"):
            self._said[words] = result
        return result


class Borgless(LocalExec):
    """A machine without Borg."""

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
        if "borg" in argv:
            return ExecResult(exit_status=127, stderr=b"env: 'borg': No such file or directory")
        return super().run(
            argv, stdin=stdin, timeout_seconds=timeout_seconds, limit_bytes=limit_bytes, on_output=on_output
        )


class Case:
    """One engine's backups, in a folder."""

    def __init__(self, folder: Path, data: Path, *, local: Exec | None = None):
        self.folder, self.data, self.clock = folder, data, Later()
        self.before: list[tuple[str, ...]] = []
        """Events of the engine that made what was copied."""
        self.repository = Repository(
            name="local", host=HERE, location=str(folder / "repositories" / HERE), encryption="repokey", reserve_bytes=0
        )
        self.gpu = replace(self.repository, host=GPU, location=str(folder / "repositories" / GPU))
        self.set = BackupSet(name="data", paths=(str(self.data),), keep=KEEP)
        self.every = [
            Task(set=self.set, repository=self.repository),
            Task(set=BackupSet(name="config", kind="config", keep=KEEP), repository=self.gpu),
        ]
        self.config = BackupsConfig()
        self.execs: dict[str, Exec] = {HERE: LocalExec(HERE), GPU: Gone()}
        self.channels: dict[str, Channels] = {HERE: LocalChannels(HERE), GPU: Gone()}
        self.events: list[tuple[str, str, str, str, Severity]] = []
        self.bugs: list[Exception] = []
        self.read_only = False
        self.backups = Backups(
            folder,
            Fleet(
                hosts=lambda: (HERE, GPU),
                execs=self.execs.__getitem__,
                channels=self.channels.__getitem__,
                become=lambda _: "none",
                here=lambda host: host == HERE,
                local=local or Known("engine"),
                ssh_argv=plain_ssh,
            ),
            self.clock,
            tasks=lambda: tuple(self.every),
            config=lambda: self.config,
            tell=lambda *event: self.events.append(event),
            on_bug=lambda _, error: self.bugs.append(error),
            log_in=lambda _: "password",
            read_only=lambda: self.read_only,
        )

    def close(self) -> None:
        """End every job, then what they use."""
        self.backups.stop()
        for job in self.backups.board.in_flight():
            self.backups.board.cancel(job.id, "the test", force=True)
            self.wait(job)
        self.backups.depot.close()
        assert self.bugs == []

    def set_data(self, **values: object) -> None:
        """Change the set "data"."""
        self.set = replace(self.set, **values)
        self.every[0] = Task(set=self.set, repository=self.repository)

    def sends(self, root: Path) -> None:
        """From now on a snapshot of "gpu01" is one of the tree below `root`."""
        data = GREETING + tar_of(top=str(root), facts=[{"name": "kernel", "argv": ["echo", "6.1"]}])

        def act(duplex: FakeDuplex) -> None:
            duplex.out(data)
            duplex.end(0)

        self.channels[GPU] = FakeHost(act)

    def wait(self, job: Job) -> Job:
        """Its end."""
        ended = self.backups.board.wait(job.id, SECONDS)
        assert ended.ended is not None, ended
        return ended

    def settle(self) -> list[Job]:
        """Wait until nothing goes on any more, also what jobs began at their end; every job."""
        while flying := self.backups.board.in_flight():
            for job in flying:
                self.wait(job)
        return list(self.backups.board.jobs())

    def back_up(self, host: str = HERE) -> Job:
        """One backup with what follows from it."""
        (job,) = self.backups.start("backup", [host], (), (), "quick", "ann")
        ended = self.wait(job)
        self.settle()
        return ended

    def archives(self, key: str = KEY) -> list[str]:
        """Names that the catalog knows, the newest first."""
        return [each.name for each in self.backups.depot.catalog.archives(repository=key)]

    def inside(self, name: str) -> str:
        """A path of the data as archives have it."""
        return f"{self.data}/{name}".lstrip("/")

    def told(self, word: str) -> list[str]:
        """Events with this word in them."""
        return [text for _, text, *_ in self.events if word in text]

    def borg(self, *argv: str) -> bytes:
        """What somebody else's Borg says who has the passphrase."""
        passphrase = self.backups.depot.passphrases.of(self.repository).decode()
        environment = {
            "PATH": os.environ["PATH"],
            "BORG_PASSPHRASE": passphrase,
            "BORG_BASE_DIR": str(self.folder / "stranger"),
            "BORG_HOST_ID": host_id(),
            "BORG_SELFTEST": "disabled",
            "TZ": "UTC",
        }
        (self.folder / "stranger").mkdir(exist_ok=True)
        return subprocess.run([BORG_12, *argv], env=environment, capture_output=True, check=True, timeout=50).stdout


def template(folder: Path) -> Path:
    """The folder that is copied: made once for all tests of a run. `folder` is the test's own."""
    shared = folder.parent if not folder.parent.name.startswith("popen-") else folder.parent.parent
    place = shared / "service"
    with (shared / "service.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other workers wait for whoever came first
        if not (place / "events.json").exists():
            _make(place)
    return place


def _make(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    data = place / "data"
    (data / "notes").mkdir(parents=True)
    today = data / "notes" / "today.txt"
    today.write_text("monday\npassword = hunter2\n")
    (data / "weights.bin").write_bytes(bytes(range(256)) * 400)
    (data / "odd\nname").write_text("odd")
    case = Case(place / "state", data)
    case.back_up()
    case.clock.advance(60.0)
    today.write_text("tuesday\npassword = hunter3\n")
    case.back_up()
    case.close()
    (place / "events.json").write_bytes(msgspec.json.encode(case.events))


def copied(folder: Path, **more: Exec) -> Case:
    """A case that goes on from there. Borg's memory stays behind: it would notice that the repositories have moved."""
    made = template(folder)
    shutil.copytree(made / "state", folder / "state", ignore=shutil.ignore_patterns("borg"))
    case = Case(folder / "state", made / "data", **more)
    case.before = [tuple(each) for each in msgspec.json.decode((made / "events.json").read_bytes())]
    return case
