"""The one error tree. A branch says what the caller can do next, not which module failed.

    SwarmError
    ├── RetryLater      the same call may work later (link down, busy, lock held)
    ├── AskOperator     a person must decide or supply something (host key, passphrase, sudo)
    ├── SkipHost        this host cannot do it; the others go on (no python3, unsupported)
    ├── BadInput        what was given is wrong: configuration, selector, argument
    └── Stop            going on would be wrong for everybody (store damaged, bug)

Every error carries the place (host, or file and key), the attempted action and a hint: the next step in one sentence.
"""

from __future__ import annotations


class SwarmError(Exception):
    """Root of all errors that swarm-tui raises on purpose."""

    def __init__(self, message: str, *, host: str | None = None, action: str | None = None, hint: str | None = None):
        super().__init__(message)
        self.message = message
        """What is wrong, in one sentence, without the host's name."""
        self.host = host
        """The host concerned, or None."""
        self.action = action
        """What was being attempted, as a short phrase ("read ~/.ssh/config")."""
        self.hint = hint
        """The next step for a person, in one sentence."""

    def __str__(self) -> str:
        place = f"{self.host}: " if self.host else ""
        doing = f" (while: {self.action})" if self.action else ""
        hint = f"\n  → {self.hint}" if self.hint else ""
        return f"{place}{self.message}{doing}{hint}"


class RetryLater(SwarmError):
    """The same call may work later."""


class AskOperator(SwarmError):
    """A person must decide or supply something first."""


class SkipHost(SwarmError):
    """This host cannot do it; the others go on."""


class BadInput(SwarmError, ValueError):
    """What was given (configuration, selector, argument) is wrong."""


class Stop(SwarmError):
    """Going on would be wrong for everybody."""
