"""Who has begun something: the lives of engines, and whether one goes on."""

from __future__ import annotations

import os
import uuid
from typing import Protocol


class Owners(Protocol):
    """Knows the engines that may share a book."""

    @property
    def me(self) -> str:
        """This life of the engine."""

    def lives(self, owner: str) -> bool:
        """Whether that one goes on."""


class Processes:
    """Engines as processes of this machine: "PID-…". One with our own number is a former life, as in a container."""

    def __init__(self) -> None:
        self.me = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"

    def lives(self, owner: str) -> bool:
        if owner == self.me:
            return True
        pid = owner.partition("-")[0]
        if not pid.isdigit() or int(pid) == os.getpid():
            return False
        try:
            os.kill(int(pid), 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:
            return False  # somebody else's process now
        return True
