"""Snapshots for tests: taken for real of a planted tree, or put together in memory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from backends.backups.channels import Greeting
from backends.backups.snapshot_model import Entry, FactState, Meta, Snapshot
from backends.backups.snapshots import PARTS, Kind, arguments, read
from backends.hostkit.bundle import pack
from backends.hostkit.travel import command

SHELL = ("/bin/sh", "-c")
Facts = Sequence[Mapping[str, Any]] | Literal["all"]


def tar_of(kind: Kind = "config", *, facts: Facts = (), environment: Mapping[str, str] = {}, **more: Any) -> bytes:
    """The tar that a host sends, through the launch command and its loader; what it needs must be enough for it."""
    done = run(kind, facts=facts, environment=environment, **more)
    assert done.returncode == 0, done.stderr.decode()
    return Greeting("tar", "here", "test").feed(done.stdout)


def run(
    kind: Kind = "config",
    *,
    facts: Facts = (),
    environment: Mapping[str, str] = {},
    user: int | None = None,
    **more: Any,
) -> subprocess.CompletedProcess[bytes]:
    """The whole program, as a host runs it."""
    own = {} if facts == "all" else {"facts": list(facts), "lists": {}}
    told = arguments(kind) | own | more
    payload = pack("snapshot", PARTS, told)
    return subprocess.run(
        [*SHELL, command(len(payload), "none", apart=True)],
        input=payload,
        capture_output=True,
        env={**os.environ, "PATH": "/usr/bin:/bin", **environment},
        user=user,
        timeout=60,
        check=False,
    )


def taken(root: Path, kind: Kind = "config", **more: Any) -> Snapshot:
    """A snapshot of the tree below `root`, as if that were the host's /."""
    return read([tar_of(kind, top=str(root), **more)])


def pieces(data: bytes, size: int = 4093) -> Iterator[bytes]:
    """As they may come through a channel."""
    return (data[place : place + size] for place in range(0, len(data), size))


def entry(path: str, content: bytes | None = b"", **more: Any) -> Entry:
    """A file with that content; None: a directory."""
    kind: Literal["-", "d"] = "d" if content is None else "-"
    values: dict[str, Any] = {
        "mode": 0o755 if content is None else 0o644,
        "uid": 0,
        "gid": 0,
        "user": "root",
        "group": "root",
    }
    if content is not None:
        values |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return Entry(path=path, type=kind, **(values | more))


def snapshot(
    host: str = "gpu01",
    files: Mapping[str, str | bytes] = {},
    facts: Mapping[str, str] = {},
    *,
    entries: tuple[Entry, ...] = (),
    kind: Kind = "config",
    failed: Mapping[str, str] = {},
    left_out: tuple[tuple[str, str], ...] = (),
    time: float = 1_800_000_000.0,
) -> Snapshot:
    """One in memory: path → content, fact → text, fact that failed → why."""
    contents = {path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}
    states = {name: FactState(rc=0) for name in facts} | {name: FactState(error=why) for name, why in failed.items()}
    found = {path: entry(path, data) for path, data in contents.items()} | {each.path: each for each in entries}
    return Snapshot(
        meta=Meta(kind=kind, host=host, time=time, distribution="Debian GNU/Linux 12", facts=states, left_out=left_out),
        entries=found,
        facts=dict(facts),
        contents={} if kind == "secrets" else contents,
    )


def python_only(payload: bytes, code: str) -> subprocess.CompletedProcess[bytes]:
    """The program run by this very interpreter, after `code`."""
    program = f"{code}\nimport zlib,sys;exec(zlib.decompress(sys.stdin.buffer.read()))"
    return subprocess.run([sys.executable, "-I", "-S", "-c", program], input=payload, capture_output=True, timeout=60)
