"""Writes down that the operator trusts a host key: one line in known_hosts, whole or not at all, with a backup."""

from __future__ import annotations

import base64
import fcntl
import hmac
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from backends import paths
from backends.errors import AskOperator
from backends.paths import write_atomic
from backends.ssh.hostkeys import Index, blob_kind, parse_line


def hashed_name(name: str) -> str:
    """`name` as HashKnownHosts writes it: |1|salt|HMAC-SHA1."""
    salt = secrets.token_bytes(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def record(file: str, name: str, blob: bytes, *, hashed: bool, replace: bool, today: datetime) -> None:
    """Add the key `blob` for `name` to the known_hosts `file`; with `replace` the lines that contradict it go.

    What is replaced stays in the file as a comment, and the file as it was is kept beside it as FILE.old (as
    `ssh-keygen -R` does). Wildcard and marker lines are never touched: they speak for other hosts too.

    Raises:
        AskOperator: the file cannot be written.
    """
    try:
        _record(paths.expanded(file).resolve(), name, blob, hashed=hashed, replace=replace, today=today)
    except OSError as error:
        raise AskOperator(
            f"cannot write {file}: {error.strerror}",
            action="record the host key",
            hint=f"check its owner and mode: ls -l {file}",
        ) from error


def forget(file: str, name: str, *, today: datetime) -> None:
    """Comment out what `file` says about `name`; nothing happens when it does not exist. Raises AskOperator."""
    path = paths.expanded(file).resolve()
    try:
        if not path.exists():
            return
        with _exclusive(path):
            lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
            kept = [new for line in lines for new in without(line, name, today)]
            if kept != lines:
                shutil.copy2(path, path.with_name(path.name + ".old"))
                data = "\n".join(kept).encode("utf-8", "surrogateescape")
                write_atomic(path, data, path.stat().st_mode & 0o777)
    except OSError as error:
        raise AskOperator(
            f"cannot write {file}: {error.strerror}",
            action="forget a host key",
            hint=f"remove the line by hand: ssh-keygen -f {file} -R '{name}'",
        ) from error


def _record(path: Path, name: str, blob: bytes, *, hashed: bool, replace: bool, today: datetime) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _exclusive(path):
        data = path.read_bytes() if path.exists() else b""
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        lines = data.decode("utf-8", "surrogateescape").split("\n")
        if lines and not lines[-1]:
            lines.pop()
        if replace:
            if data:
                shutil.copy2(path, path.with_name(path.name + ".old"))
            lines = [new for line in lines for new in without(line, name, today)]
        shown = hashed_name(name) if hashed else name
        lines.append(f"{shown} {blob_kind(blob)} {base64.b64encode(blob).decode()}")
        write_atomic(path, ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"), mode)


def without(line: str, name: str, today: datetime) -> list[str]:
    """`line` of a known_hosts file as it reads once it says nothing about `name` any more."""
    stripped = line.strip()
    if not stripped or stripped.startswith(("#", "@")):
        return [line]
    entry = parse_line(stripped, "", 0)
    if isinstance(entry, str) or any(char in pattern for pattern in entry.patterns for char in "*?!"):
        return [line]
    if not Index("", stripped).find(name):
        return [line]
    comment = f"# replaced by swarm-tui on {today:%Y-%m-%d}: {stripped}"
    rest = [pattern for pattern in entry.patterns if pattern != name and not pattern.startswith("|1|")]
    return [comment, " ".join([",".join(rest), *stripped.split()[1:]])] if rest else [comment]


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Two consoles accepting keys at once must not lose one; ssh itself appends and is not in the way."""
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
