"""Parts of the engine that are made when somebody first asks for them: whoever opens the console waits for the fleet, not for
everything that looks after it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from backends.errors import Stop


class Part(Protocol):
    """What the engine wants of each of them."""

    def stop(self) -> None:
        """Begin nothing more."""

    def in_flight(self) -> tuple[str, ...]:
        """What goes on, one phrase each."""


P = TypeVar("P", bound=Part)


class Late(Generic[P]):
    """One part. Calls may come from any thread.

    Args:
        make: makes it; may ask for other parts.
        begin: what follows, when others find the part already, and may ask for it.
        stopping: set when the engine ends: then nothing is made any more.
        what: what somebody wanted who comes too late.
    """

    def __init__(self, make: Callable[[], P], begin: Callable[[P], None], *, stopping: threading.Event, what: str):
        self._make, self._begin, self._stopping, self._what = make, begin, stopping, what
        self._lock = threading.RLock()
        self.made: P | None = None
        """None: nobody has asked for it yet."""

    def get(self) -> P:
        """The part. Raises Stop: the engine ends."""
        with self._lock:
            if self.made is None:
                if self._stopping.is_set():
                    raise Stop("the engine ends", action=self._what)
                self.made = self._make()
                self._begin(self.made)
            return self.made

    def stop(self) -> None:
        """End it, if it was made."""
        with self._lock:
            if self.made is not None:
                self.made.stop()

    def in_flight(self) -> tuple[str, ...]:
        """What goes on there, one phrase each."""
        return self.made.in_flight() if self.made is not None else ()
