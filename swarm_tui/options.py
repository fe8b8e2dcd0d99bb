"""What the operator chose on the command line, as the console and the engine client take it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from backends import paths


class ConsoleOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The global options. None means: as the configuration says."""

    config_path: str = ""
    """The configuration file; "" means the usual place, which need not exist."""
    socket_path: str = ""
    """The engine's unix socket; "" means the usual place."""
    attach: tuple[str, ...] = ()
    """A command that speaks the engine's API on stdin and stdout (`ssh bastion swarm-tui engine --stdio`)."""
    read_only: bool = False
    """Remove every action that changes a host."""
    demo: int = 0
    """Number of simulated hosts; 0 means the real fleet."""
    replay: str = ""
    """A recording to play instead of the live fleet."""
    ascii: bool | None = None
    mouse: bool | None = None
    theme: str | None = None

    @property
    def is_private(self) -> bool:
        """Whether the engine only serves this console (demo, replay) and shall end with it."""
        return bool(self.demo or self.replay)

    @property
    def engine_socket(self) -> Path:
        """The socket of the engine that these options mean; a demo or a replay never meets the real engine."""
        if self.socket_path:
            return Path(self.socket_path)
        if self.replay:
            digest = hashlib.sha256(str(Path(self.replay).resolve()).encode()).hexdigest()[:12]
            return paths.runtime_dir() / f"replay-{digest}.sock"
        if self.demo:
            return paths.runtime_dir() / f"demo-{self.demo}.sock"
        return paths.socket_file()
