"""An operator who backs up: the real `swarm-tui backup …` and `drift …` against a real engine over real hosts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from backends.backups.model import Job, JobState
from backends.backups.views import BackupView
from backends.errors import RetryLater, SwarmError
from swarm_tui.client import EngineClient
from tests.e2e.enginerun import EngineRun
from tests.e2e.operating import Said

PROGRAM = Path(sys.executable).with_name("swarm-tui")
COMMAND_SECONDS = 240.0
GOOD = frozenset({JobState.DONE, JobState.WARNING})


@dataclass(frozen=True)
class Keeper:
    """One who types subcommands and reads the API of a running engine."""

    config: Path
    engine: EngineRun

    @property
    def folder(self) -> Path:
        """Where the engine keeps everything about backups."""
        return self.engine.state / "swarm-tui" / "backups"

    def does(self, *words: str) -> Said:
        """Run `swarm-tui WORDS` to its end."""
        done = subprocess.run(
            self.argv(*words), capture_output=True, text=True, timeout=COMMAND_SECONDS, env=self._environment()
        )
        assert "Traceback" not in done.stderr and "bug in" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def begins(self, *words: str) -> subprocess.Popen[str]:
        """Run it beside the test; its standard output is kept."""
        return subprocess.Popen(
            self.argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=self._environment()
        )

    def well(self, *words: str) -> Said:
        """The same, and it must go well."""
        said = self.does(*words)
        assert said.status in (0, 1), f"{words}: {said.status}\n{said.out}\n{said.err}"
        return said

    def jobs(self, *words: str) -> tuple[Job, ...]:
        """A subcommand that follows jobs, to their end."""
        said = self.does(*words, "--json")
        try:
            return tuple(said.json(tuple[Job, ...]))
        except msgspec.MsgspecError as error:
            raise AssertionError(f"{words}: {said}") from error

    def done(self, *words: str) -> tuple[Job, ...]:
        """The same, and every job must have gone well."""
        found = self.jobs(*words)
        assert found, words
        for job in found:
            assert job.state in GOOD, (words, job.state, job.text, job.outcome)
        return found

    def client(self) -> EngineClient:
        return EngineClient.connect(self.engine.socket)

    def view(self) -> BackupView:
        with self.client() as client:
            return client.backups.view()

    def patiently(self, ask: Any, seconds: float = 180.0) -> Any:
        """Ask until the files of an archive are listed. `ask` takes the calls about backups."""
        limit = time.monotonic() + seconds
        with self.client() as client:
            while True:
                try:
                    return ask(client.backups)
                except RetryLater as error:
                    assert time.monotonic() < limit, error
                    time.sleep(0.2)

    def refused(self, ask: Any) -> SwarmError:
        """The error that a call ends with."""
        with self.client() as client:
            try:
                ask(client.backups)
            except SwarmError as error:
                return error
        raise AssertionError("it was not refused")

    def argv(self, *words: str) -> list[str]:
        return [str(PROGRAM), "--config", str(self.config), "--socket", str(self.engine.socket), *words]

    def _environment(self) -> dict[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "SWARM_TUI_", "BORG_"))}
        return {**own, "HOME": str(self.engine.directory)}


def passphrases(folder: Path) -> list[bytes]:
    """Every passphrase that the engine made up."""
    return [file.read_bytes().strip() for file in sorted((folder / "passphrases").rglob("*")) if file.is_file()]


def listed(paths: Sequence[Path], root: Path) -> list[str]:
    """Kind, mode, owner, size and content of everything below, for comparing two trees."""
    rows = []
    for top in paths:
        for path in sorted([top, *top.rglob("*")]):
            info = path.lstat()
            what = os.readlink(path) if path.is_symlink() else str(hash(path.read_bytes())) if path.is_file() else ""
            size = info.st_size if path.is_file() and not path.is_symlink() else 0
            rows.append(f"{path.relative_to(root)} {info.st_mode:o} {info.st_uid}:{info.st_gid} {size} {what}")
    return rows
