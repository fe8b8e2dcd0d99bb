"""Sends to one target, each time in a daemon thread of its own and with an end: a peer that hangs delays nobody else.

Apprise is imported by the first thread that delivers, never at start-up. How it is used stands in `channel`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from backends.alerts.bounded import Bounded
from backends.alerts.channel import Channel, Sent
from backends.alerts.incidents import Action
from backends.alerts.redact import Secret, place
from backends.alerts.targets import Target, resolve
from backends.clock import Clock
from backends.errors import SwarmError
from backends.states import Severity

SEND_SECONDS = 45.0
"""For one notice in all, shorter than the lease of the outbox (60 s): a token may be fetched before, and peers may trickle."""

REOPEN_SECONDS = 60.0
"""After a failure the URL is asked for again, at most so often: its token may have been replaced."""


class Sender:
    """Sends to one target. One thread at a time.

    Args:
        storage: where apprise may keep the ids of open incidents over restarts (opsgenie); made private by the caller.
        find: gives the target's URL.
    """

    def __init__(
        self,
        target: Target,
        clock: Clock,
        *,
        storage: Path | None = None,
        find: Callable[[Target, Mapping[str, str]], Secret] = resolve,
        seconds: float = SEND_SECONDS,
    ):
        self.target = target
        self._clock, self._storage, self._find, self._seconds = clock, storage, find, seconds
        self._attempts: Bounded[Sent] = Bounded(f"alert-send {target.name}", clock)
        self._channel: Channel | None = None
        self._opened = 0.0
        self._place = ""

    def __repr__(self) -> str:
        return f"Sender({self.target.name!r})"

    @property
    def place(self) -> str:
        """Scheme and machine, once the URL is known; "" before."""
        return self._place

    def send(
        self,
        title: str,
        body: str,
        severity: Severity,
        dedup: str = "",
        action: Action = "",
        late: Callable[[Sent], None] | None = None,
    ) -> Sent:
        """Send one notice; returns within the Sender's `seconds`, whatever the peer does. Never raises.

        Args:
            title, body: plain text; cut to what the target takes.
            severity: OK is good news.
            dedup, action: the incident and what to do with it; see `incidents`.
            late: is told how an attempt ended that was given up.
        """
        began = self._clock.monotonic()
        channel, self._channel = self._channel, None  # whoever hangs keeps it; the next attempt makes another one

        def attempt() -> Sent:
            used = channel or self._open()
            found = used.send(title, body, severity, dedup, action)
            if found.ok or self._clock.monotonic() - self._opened < REOPEN_SECONDS:
                self._channel = used
            return found

        try:
            found = self._attempts.run(attempt, self._seconds, late)
        except SwarmError as error:  # of ours: it holds no part of the URL
            found = Sent(ok=False, reason=error.message)
        except Exception as error:  # noqa: BLE001  # a plugin's bug must not end the delivery to its target
            found = Sent(ok=False, reason=f"apprise failed: {type(error).__name__}")
        return Sent(ok=found.ok, reason=found.reason, seconds=self._clock.monotonic() - began)

    def examine(self) -> str:
        """Why nothing can be sent to it, or "". Sends nothing; loads apprise (0.3 s) and may run the URL's command."""
        try:
            self._attempts.run(lambda: (self._open(), Sent(ok=True))[1], self._seconds)
        except SwarmError as error:
            return error.message
        except Exception as error:  # noqa: BLE001  # as in `send`
            return f"apprise failed: {type(error).__name__}"
        return ""

    def _open(self) -> Channel:
        url = self._find(self.target, os.environ)
        self._place, self._opened = place(url.reveal()), self._clock.monotonic()
        return Channel(self.target, url, self._storage)
