"""Where files live (XDG), and the one atomic writer."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from backends.errors import AskOperator

NAME = "swarm-tui"


def _home(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path.home() / fallback


def config_file() -> Path:
    """`~/.config/swarm-tui/config.toml`; need not exist."""
    return _home("XDG_CONFIG_HOME", ".config") / NAME / "config.toml"


def state_dir() -> Path:
    """`~/.local/state/swarm-tui`: history, events, logs. Made private (0700)."""
    return private_dir(_home("XDG_STATE_HOME", ".local/state") / NAME)


def cache_dir() -> Path:
    """`~/.cache/swarm-tui`: may be deleted at any time. Made private (0700)."""
    return private_dir(_home("XDG_CACHE_HOME", ".cache") / NAME)


def runtime_dir() -> Path:
    """`$XDG_RUNTIME_DIR/swarm-tui`, else `/tmp/swarm-tui-UID`: sockets and pid files. Made private (0700)."""
    value = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(value) / NAME if value.startswith("/") and Path(value).is_dir() else None
    return private_dir(base or Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid()}")


def socket_file() -> Path:
    """The engine's unix socket."""
    return runtime_dir() / "engine.sock"


def expanded(text: str | Path) -> Path:
    """`text` with the home directory for ~ and ~user; as it is where there is no such user (Path.expanduser raises then)."""
    return Path(os.path.expanduser(text))  # noqa: PTH111


def private_dir(path: Path) -> Path:
    """Make `path` a directory that only this user can enter; refuse one that somebody else owns.

    Raises:
        AskOperator: the directory exists and belongs to another user, or cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = path.lstat()
        if info.st_uid != os.getuid():
            raise AskOperator(
                f"{path} belongs to another user", hint=f"remove it or set XDG_RUNTIME_DIR: ls -ld {path}"
            )
        if info.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise AskOperator(f"cannot use {path}: {error.strerror}", hint="check its owner and mode") from error
    return path


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data`, whole or not at all, durably. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
