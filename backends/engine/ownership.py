"""The right to be the engine of a socket: an advisory lock that the kernel takes back when the process ends, however it ends.

Looking whether the old socket answers is not enough: two engines that start together would both see that it does not.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from backends.errors import AskOperator


class Ownership:
    """Holds the lock beside a socket."""

    def __init__(self, socket_path: Path):
        self._file = socket_path.with_name(socket_path.name + ".owner")
        self._handle: int | None = None

    def take(self) -> bool:
        """Take the lock; False when another process holds it. Raises AskOperator when it cannot be made."""
        while self._handle is None:
            handle = self._open()
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                return False
            if self._is_ours(handle):
                self._handle = handle
            else:
                os.close(handle)  # the one before removed its file just now: its lock protects nothing any more
        return True

    def release(self) -> None:
        """Give the lock back and remove its file."""
        if self._handle is not None:
            self._file.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int:
        try:
            return os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AskOperator(f"cannot make {self._file}: {error.strerror}", action="listen") from error

    def _is_ours(self, handle: int) -> bool:
        try:
            return os.fstat(handle).st_ino == self._file.stat().st_ino
        except FileNotFoundError:
            return False
