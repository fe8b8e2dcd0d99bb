"""What a host can be in, as far as reaching and reading it goes, and how bad each state is."""

from __future__ import annotations

from enum import StrEnum


class HostState(StrEnum):
    """The state of the way to a host. The values are a public contract (`status --json`)."""

    CONNECTING = "connecting"
    UP = "up"
    STALE = "stale"
    """Connected, but two or more samples are missing."""
    UNREACHABLE = "unreachable"
    AUTH_FAILED = "auth-failed"
    HOST_KEY_UNKNOWN = "host-key-unknown"
    HOST_KEY_CHANGED = "host-key-changed"
    NO_PYTHON = "no-python"
    NO_SUDO = "no-sudo"
    DRIVER_HUNG = "driver-hung"
    """Everything but the GPUs is live; the GPU driver does not answer."""


class Severity(StrEnum):
    """How bad something is. UNKNOWN never counts as OK."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (ok) … 3 (critical), for sorting and for taking the worst."""
        return _RANK[self]


_RANK = {Severity.OK: 0, Severity.UNKNOWN: 1, Severity.WARNING: 2, Severity.CRITICAL: 3}

STATE_SEVERITY: dict[HostState, Severity] = {
    HostState.UP: Severity.OK,
    HostState.CONNECTING: Severity.UNKNOWN,
    HostState.STALE: Severity.WARNING,
    HostState.NO_PYTHON: Severity.WARNING,
    HostState.NO_SUDO: Severity.WARNING,
    HostState.HOST_KEY_UNKNOWN: Severity.WARNING,
    HostState.AUTH_FAILED: Severity.CRITICAL,
    HostState.HOST_KEY_CHANGED: Severity.CRITICAL,
    HostState.UNREACHABLE: Severity.CRITICAL,
    HostState.DRIVER_HUNG: Severity.CRITICAL,
}
"""What each state means for the colour and the order of a host's row."""
