"""The way from the screen to the engine: own threads hold the connection, the screen only reads the newest picture.

Textual's loop never waits for a socket. One thread keeps the newest fleet view, two carry requests, two more those that
may take minutes, and what the engine pushes arrives at listeners. Everything handed to the screen is delivered through
`wake`, which puts a function on its loop.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeVar

from backends.engine.wire import EngineInfo, FleetSummary, FleetView, HostRow
from backends.errors import RetryLater, SwarmError
from swarm_tui import patience
from swarm_tui.client import open_engine
from swarm_tui.options import ConsoleOptions
from swarm_tui.rpc import Notification

T = TypeVar("T")
Listener = Callable[[Notification], None]
Wake = Callable[[Callable[[], None]], None]
OnError = Callable[[SwarmError], None]

INFO_SECONDS = 5.0
"""How often `engine.info` is asked for: label, configuration error, what is in flight."""
RECONNECT_SECONDS = (0.2, 0.5, 1.0, 2.0, 3.0)
"""Waits between attempts to reach a lost engine; the last one repeats."""


class Client(Protocol):
    """One connection to an engine; calls may come from any thread and overlap."""

    def call(self, method: str, params: Mapping[str, Any] | None, kind: type[T]) -> T:
        """Ask and wait for the answer; raises a SwarmError."""

    def close(self) -> None:
        """End the connection; waiting calls end with RetryLater."""


class Connect(Protocol):
    """Opens a connection (and starts an engine when none answers)."""

    def __call__(self, on_notification: Listener) -> Client:
        """Raises a SwarmError; `on_notification` runs on the connection's own thread."""


def connector(options: ConsoleOptions) -> Connect:
    """The way to the engine that the command line means."""

    def connect(on_notification: Listener) -> Client:
        return open_engine(options, on_notification=on_notification)

    return connect


class Fleet(NamedTuple):
    """The newest picture of the fleet, whole: what changed has been merged in."""

    version: int = -1
    now: float = 0.0
    """The engine's wall time when this was sent."""
    received: float = 0.0
    """Monotonic seconds of this machine when it arrived."""
    rows: Mapping[str, HostRow] = {}
    summary: FleetSummary = FleetSummary()

    def time(self, monotonic: float) -> float:
        """The engine's wall time at `monotonic`, so that ages go on between two pictures."""
        return self.now + max(0.0, monotonic - self.received)


class LinkStatus(NamedTuple):
    """Whether the engine can be reached."""

    connected: bool = False
    reason: str = ""
    since: float = 0.0
    """Monotonic seconds of the last change."""
    ever: bool = False
    """True once there was a connection."""


class _Request(NamedTuple):
    method: str
    params: Mapping[str, Any]
    kind: type[Any]
    on_result: Callable[[Any], None]
    on_error: OnError | None


def merge(old: Fleet, view: FleetView, received: float) -> Fleet:
    """The picture after `view` arrived; `old` is left as it is."""
    if not view.full and not view.rows and not view.removed:
        return Fleet(view.version, view.now, received, old.rows, view.summary)
    rows: dict[str, HostRow] = {} if view.full else dict(old.rows)
    for name in view.removed:
        rows.pop(name, None)
    for row in view.rows:
        rows[row.name] = row
    return Fleet(view.version, view.now, received, rows, view.summary)


class Link:
    """The connection of one console. All attributes may be read from any thread; they are replaced, never changed."""

    def __init__(self, connect: Connect, *, hz: float = 2.0, monotonic: Callable[[], float] = time.monotonic):
        self._connect = connect
        self._period = 1.0 / min(4.0, max(0.2, hz))
        self._monotonic = monotonic
        self._wake: Wake = lambda call: None
        self._stop = threading.Event()
        self._requests: queue.Queue[_Request | None] = queue.Queue(maxsize=256)
        self._slow: queue.Queue[_Request | None] = queue.Queue(maxsize=64)
        self._threads: list[threading.Thread] = []
        self._client: Client | None = None
        self._listeners: list[Listener] = []
        self._on_first: Callable[[], None] | None = None
        self.fleet = Fleet()
        self.info: EngineInfo | None = None
        self.status = LinkStatus(since=monotonic())

    def start(self, wake: Wake, on_first: Callable[[], None] | None = None) -> None:
        """Begin. `wake` runs a function on the screen's loop and must not block; `on_first` runs there after each
        (re)connection as soon as there is a picture, so that nobody waits for the next refresh."""
        self._wake, self._on_first = wake, on_first
        for name, work in (
            ("link-view", self._watch),
            ("link-request-1", lambda: self._serve(self._requests)),
            ("link-request-2", lambda: self._serve(self._requests)),
            ("link-slow-1", lambda: self._serve(self._slow)),
            ("link-slow-2", lambda: self._serve(self._slow)),
        ):
            thread = threading.Thread(target=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End within a moment: the socket is closed under the threads, which are daemons."""
        self._stop.set()
        client = self._client
        if client is not None:
            client.close()
        for waiting in (self._requests, self._slow) * 2:  # one for each thread
            with suppress(queue.Full):
                waiting.put_nowait(None)
        for thread in self._threads:
            thread.join(timeout=0.2)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have `listener(notification)` called on the screen's loop for what the engine pushes; returns how to end it."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def request(
        self,
        method: str,
        params: Mapping[str, Any],
        kind: type[T],
        on_result: Callable[[T], None],
        on_error: OnError | None = None,
    ) -> None:
        """Ask the engine without waiting; one of the two callbacks runs later on the screen's loop."""
        try:
            waiting = self._slow if method in patience.SLOW else self._requests
            waiting.put_nowait(_Request(method, params, kind, on_result, on_error))
        except queue.Full:
            if on_error:
                on_error(RetryLater("the engine does not keep up with the requests", action=method))

    def _watch(self) -> None:
        """Thread: keep a connection, and the newest fleet view from it."""
        attempt = 0
        while not self._stop.is_set():
            try:
                self._client = self._connect(self._pushed)
                attempt = 0
                self._follow(self._client)
            except SwarmError as error:
                self._lost(error)
            client, self._client = self._client, None
            if client is not None:
                client.close()
            self._stop.wait(RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)])
            attempt += 1

    def _follow(self, client: Client) -> None:
        """Ask for news until the connection breaks or this ends."""
        since: int | None = None
        next_info = self._monotonic()
        client.call("events.subscribe", {}, dict)
        while not self._stop.is_set():
            if self._monotonic() >= next_info:
                self.info = client.call("engine.info", {}, EngineInfo)
                next_info = self._monotonic() + INFO_SECONDS
            since = self._pull(client, since)
            if not self.status.connected:
                self.status = LinkStatus(True, "", self._monotonic(), True)
                if self._on_first is not None:
                    self._wake(self._on_first)
            self._stop.wait(self._period)

    def _pull(self, client: Client, since: int | None) -> int:
        view = client.call("fleet.view", {} if since is None else {"since": since}, FleetView)
        self.fleet = merge(self.fleet, view, self._monotonic())
        return view.version

    def _lost(self, error: SwarmError) -> None:
        if self._stop.is_set():
            return
        reason = f"{error.message} — {error.hint}" if error.hint else error.message
        since = self._monotonic() if self.status.connected else self.status.since
        self.status = LinkStatus(False, reason, since, self.status.ever)

    def _pushed(self, notification: Notification) -> None:
        if self._listeners:
            self._wake(lambda: self._deliver(notification))

    def _deliver(self, notification: Notification) -> None:
        for listener in tuple(self._listeners):
            listener(notification)

    def _serve(self, requests: queue.Queue[_Request | None]) -> None:
        """Thread: carry requests, one at a time; calls overlap with those of the other threads."""
        while (request := requests.get()) is not None and not self._stop.is_set():
            client = self._client
            try:
                if client is None:
                    raise RetryLater("no connection to the engine", action=request.method)
                result = client.call(request.method, request.params, request.kind)
            except SwarmError as error:
                self._answer_error(request, error)
            else:
                self._answer(request, result)

    def _answer(self, request: _Request, result: object) -> None:
        self._wake(lambda: request.on_result(result))

    def _answer_error(self, request: _Request, error: SwarmError) -> None:
        on_error = request.on_error
        if on_error is not None and not self._stop.is_set():
            self._wake(lambda: on_error(error))
