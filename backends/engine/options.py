"""What an engine is started with."""

from __future__ import annotations

from backends.metrics.sample import Record


class EngineOptions(Record, frozen=True, kw_only=True):
    """The choices of the command line; everything else stands in the configuration."""

    config_path: str = ""
    """The configuration file; "" means the usual place, which need not exist."""
    socket_path: str = ""
    """The unix socket to listen on; "" means the usual place."""
    demo: int = 0
    """Number of simulated hosts; 0 means the real fleet."""
    replay: str = ""
    """A recording to play instead of watching hosts."""
    stdio: bool = False
    """Speak the API on stdin and stdout instead of a socket; end with stdin."""
    read_only: bool = False
    """Refuse every action that changes a host."""
    idle_exit_minutes: float = 0.0
    """End when no client was connected for so long; 0 means never, since an engine is there to watch while nobody looks."""
