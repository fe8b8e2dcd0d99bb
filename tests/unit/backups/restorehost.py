"""This machine as a host that files are restored to: its records, jobs and rollbacks in a directory of the test."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from backends.backups.names import escaped
from backends.backups.placing import Placing
from backends.backups.placing_model import Placed, Scratch
from backends.backups.views import Conflict
from backends.execution import ExecResult, OnOutput
from backends.sources.local_exec import LocalExec

STAMP = "20261126T020000Z"
ROOT = os.geteuid() == 0


@pytest.fixture(name="field")
def restore_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Field]:
    """A destination, and a host that keeps its records in the test's directory."""
    monkeypatch.setenv("RESTOREROOT", str(tmp_path / "restores"))
    monkeypatch.setenv("JOBROOT", str(tmp_path / "jobs"))
    monkeypatch.setenv("SYSTEMDROOT", "/nonexistent")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")  # the python3 of these tests
    yield Field(tmp_path)


class Field:
    """A directory to restore to, and the program that does it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.there = folder / "there"
        self.there.mkdir()
        self.way = LocalExec("here")
        self.placing = Placing(self.way, "none")

    def prepare(self, run: str = "r1", *, make: bool = True) -> Scratch:
        return self.placing.prepare(run, ground=str(self.there), base=str(self.there), make=make, who="eve")

    def tree(self, files: dict[str, str], run: str = "r1") -> Path:
        """Prepare, and "extract" some files."""
        tree = Path(self.prepare(run).tree)
        plant(tree, files)
        return tree

    def place(self, choice: Conflict, *roots: str, run: str = "r1") -> Placed:
        names = roots or tuple(sorted(os.listdir(self.scratch(run) / "tree")))
        return self.placing.place(run, names, choice=choice, stamp=STAMP)

    def scratch(self, run: str = "r1") -> Path:
        return self.there / f".swarm-restore-{run}"

    def record(self, run: str = "r1") -> Path:
        return self.folder / "restores" / run

    def texts(self) -> dict[str, str]:
        """Every file at the destination, with what is in it."""
        return texts(self.there)


class Counting(LocalExec):
    """This machine; remembers how often it was asked, and lets a test answer instead."""

    def __init__(self, host: str = "here"):
        super().__init__(host)
        self.asked = 0

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
        self.asked += 1
        return super().run(
            argv,
            stdin=stdin,
            timeout_seconds=timeout_seconds,
            limit_bytes=limit_bytes,
            become=become,
            on_output=on_output,
        )


def plant(folder: Path, files: dict[str, str]) -> None:
    """Files with their texts; "-> x" makes a link to x, a name with a slash at the end an empty directory."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_text(text)


def texts(folder: Path) -> dict[str, str]:
    """What `plant` would make the directory from, scratch directories left out."""
    found: dict[str, str] = {}
    for path in sorted(_below(folder)):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = path.read_text(errors="replace")
        elif path.is_dir() and not any(path.iterdir()):
            found[name + "/"] = ""
    return found


def _below(folder: Path) -> Iterator[Path]:
    """Everything there but scratch directories, which may go at any moment (`os.walk` does not mind)."""
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".swarm-restore-")]
        yield from (Path(place) / name for name in (*folders, *files))


def facts(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything that a restore must bring back: kind, mode, owner, time, bytes, links, attributes, and which are one file."""
    inodes: dict[int, str] = {}
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted([folder, *folder.rglob("*")]):
        info, name = path.lstat(), escaped(str(path.relative_to(folder)))
        regular = stat.S_ISREG(info.st_mode)
        first = inodes.setdefault(info.st_ino, name)
        found[name] = (
            stat.S_IFMT(info.st_mode),
            stat.S_IMODE(info.st_mode),
            info.st_uid,
            info.st_gid,
            info.st_mtime_ns if not stat.S_ISLNK(info.st_mode) else 0,
            hashlib.sha256(path.read_bytes()).hexdigest() if regular else "",
            os.readlink(path) if stat.S_ISLNK(info.st_mode) else "",
            attributes(path) if regular else (),
            first if info.st_nlink > 1 and regular else name,
        )
    return found


def attributes(path: Path) -> tuple[tuple[str, bytes], ...]:
    """Extended attributes of users."""
    return tuple((name, os.getxattr(path, name)) for name in sorted(os.listxattr(path)) if name.startswith("user."))


def sleepers(field: Field) -> list[str]:
    """Processes that have this test's records in their environment."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdigit() and int(place.name) != os.getpid():
                environment = (place / "environ").read_bytes()
                if f"RESTOREROOT={field.folder}/restores".encode() in environment:
                    found.append(place.name)
        except OSError:
            continue
    return found
