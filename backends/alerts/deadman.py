"""The dead man's switch: somebody else's clock is told that an evaluation was completed, and raises the alarm when nobody says
so any more. It is the only alarm left when the engine itself is gone.

`completed` costs nothing and never waits; a thread of its own asks for the URL, at most once in `every` seconds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit, urlunsplit

from msgspec.structs import replace

from backends.alerts.bounded import Bounded
from backends.alerts.redact import Redactor, Secret, hushed, place, quieten
from backends.clock import Clock
from backends.errors import BadInput, RetryLater, SwarmError
from backends.metrics.sample import Record

EVERY_SECONDS = 60.0
CONNECT_SECONDS, ANSWER_SECONDS = 4.0, 4.0
IN_ALL_SECONDS = 20.0
"""For one ping, whatever the peer does."""
_log = logging.getLogger(__name__)

Get = Callable[[str], int]
"""Asks for an URL; the HTTP status. Raises SwarmError, OSError."""


class Pulse(Record, frozen=True, kw_only=True):
    """What is known of evaluations and pings. Times are epoch seconds."""

    completed: float | None = None
    """The last full evaluation."""
    run: str = ""
    """Its id."""
    seconds: float = 0.0
    """That it took."""
    count: int = 0
    place: str = ""
    """Scheme and machine of the URL; "": nobody is pinged."""
    pinged: float | None = None
    """The last ping that was answered well."""
    failing_since: float | None = None
    reason: str = ""


class Deadman:
    """Safe to use from many threads.

    Args:
        url: empty: evaluations are only remembered.
    """

    def __init__(self, url: Secret, clock: Clock, *, every: float = EVERY_SECONDS, get: Get | None = None):
        """Raises BadInput: the URL is none of HTTP."""
        self._url, self._clock, self._every, self._get = url, clock, every, get or ask
        self._redactor = Redactor(url)
        shown = place(url.reveal()) if url else ""
        if url and not shown.startswith(("http://", "https://")):
            raise BadInput("alerts.ping_url is no http:// or https:// URL", hint='ping_url = "https://HOST/PATH"')
        self._pulse = Pulse(place=shown)
        self._lock = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._attempts: Bounded[int] = Bounded("alert-ping", clock)
        self._last, self._counted = -every, 0

    @property
    def pulse(self) -> Pulse:
        return self._pulse

    def start(self) -> None:
        """Begin to ping."""
        if self._url:
            threading.Thread(target=self._loop, name="alert-deadman", daemon=True).start()

    def stop(self) -> None:
        """Ping no more. Returns at once."""
        self._stop.set()
        self._wake.set()

    def completed(self, run: str, seconds: float) -> None:
        """An evaluation of everything has ended.

        Args:
            run: its id; a UUID, where the receiver wants one.
            seconds: that it took.
        """
        with self._lock:
            pulse = self._pulse
            self._pulse = replace(pulse, completed=self._clock.now(), run=run, seconds=seconds, count=pulse.count + 1)
        self._wake.set()

    def step(self) -> bool:
        """Ping when it is time, for the newest evaluation; whether that was done."""
        now, pulse = self._clock.monotonic(), self._pulse
        if not self._url or pulse.completed is None or now - self._last < self._every:
            return False
        if pulse.count == self._counted:
            return False  # nothing was completed since: that is just what the receiver must notice
        self._last, self._counted = now, pulse.count
        self._told(self._ping(pulse))
        return True

    def _ping(self, pulse: Pulse) -> str:
        """Why it failed, or ""."""
        url = _asked(self._url.reveal(), pulse)
        try:
            status = self._attempts.run(lambda: self._get(url), IN_ALL_SECONDS)
        except SwarmError as error:
            return self._redactor.text(error.message)
        except OSError as error:
            return self._redactor.text(error.strerror or type(error).__name__)
        except Exception as error:  # noqa: BLE001  # a bug on the way must not end the pings
            return type(error).__name__
        return "" if 200 <= status < 300 else f"answered {status}"

    def _told(self, reason: str) -> None:
        with self._lock:
            before, now = self._pulse, self._clock.now()
            if reason:
                since = before.failing_since if before.failing_since is not None else now
                self._pulse = replace(before, failing_since=since, reason=reason)
            else:
                self._pulse = replace(before, pinged=now, failing_since=None, reason="")
        if reason and before.failing_since is None:
            _log.warning("the dead man's switch at %s cannot be told: %s", before.place, reason)

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            if not self.step():
                rest = self._every - (self._clock.monotonic() - self._last)
                self._clock.wait(self._wake, 3600.0 if rest <= 0 else rest)


def _asked(url: str, pulse: Pulse) -> str:
    """The URL with run id and duration, as healthchecks and its like take them."""
    parts = urlsplit(url)
    more = urlencode({"rid": pulse.run, "duration_ms": round(pulse.seconds * 1000)})
    return urlunsplit(parts._replace(query=f"{parts.query}&{more}" if parts.query else more))


def ask(url: str) -> int:
    """GET without following redirects and without reading the answer. Raises RetryLater."""
    quieten()
    import requests  # late: 100 ms, and only when there is somebody to ping

    with hushed():
        try:
            with requests.get(
                url, timeout=(CONNECT_SECONDS, ANSWER_SECONDS), allow_redirects=False, stream=True
            ) as answer:
                return answer.status_code
        except requests.RequestException as error:  # its text holds the URL
            raise RetryLater(_why(error), action="ping the dead man's switch") from None


def _why(error: Exception) -> str:
    """ "ConnectTimeout" → "connect timeout"."""
    name = type(error).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
