"""An engine in memory at the console's own protocols, and the console's link without its threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from backends.engine.wire import API_VERSION, EngineInfo, Event, ExecStarted, FleetView, History, HostDetail, HostRow
from backends.errors import RetryLater, SkipHost, Stop, SwarmError
from swarm_tui.bridge import Connect, Link, LinkStatus, Listener, OnError, Wake
from swarm_tui.rpc import Notification
from tests.unit.present.fleet_rows import NOW, summary
from tests.unit.present.host_samples import sample

T = TypeVar("T")
Params = Mapping[str, Any]
Handler = Callable[[Params], object]

INFO = EngineInfo(api_version=API_VERSION, version="0.1.0", pid=1, started=0.0, user="ops", fleet_name="lab")


class MemoryEngine:
    """Answers from plain values, and remembers what it was asked. What is in `refuse` is answered with that error."""

    def __init__(self, rows: Iterable[HostRow] = ()):
        self.info = INFO
        self.now = NOW
        self.rows: dict[str, HostRow] = {}
        self.details: dict[str, HostDetail] = {}
        self.events: tuple[Event, ...] = ()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuse: dict[str, SwarmError] = {}
        self.gone: SwarmError | None = None
        """Why nothing can be asked, and no connection opened; None while it lives."""
        self.interval_seconds = 1.0
        self.handlers: dict[str, Handler] = {
            "engine.info": lambda _: self.info,
            "engine.reload": lambda _: self.info,
            "engine.set_interval": self._set_interval,
            "fleet.view": self._view,
            "host.get": self._detail,
            "host.history": lambda params: History(host=params["host"], start=0.0, interval_seconds=5.0),
            "events.list": lambda _: {"events": self.events},
            "exec.start": self._start,
        }
        self._version = 0
        self._changed: dict[str, int] = {}
        self._removed: dict[str, int] = {}
        self._listener: Listener = lambda notification: None
        self._exec = 0
        self.put(*rows)

    def put(self, *rows: HostRow) -> None:
        """These hosts look like this now."""
        self._version += 1
        for row in rows:
            self.rows[row.name] = row
            self._changed[row.name] = self._version

    def remove(self, name: str) -> None:
        """This host is no longer of the fleet."""
        self._version += 1
        del self.rows[name]
        self._removed[name] = self._version

    def push(self, method: str, params: object) -> None:
        """Say something unasked."""
        self._listener(Notification(method, msgspec.Raw(msgspec.json.encode(params))))

    def asked(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of a method."""
        return [params for name, params in self.calls if name == method]

    # The protocols ----------------------------------------------------------------------------------------------

    def __call__(self, on_notification: Listener) -> MemoryEngine:
        if self.gone is not None:
            raise self.gone
        self._listener = on_notification
        return self

    def call(self, method: str, params: Params | None, kind: type[T]) -> T:
        self.calls.append((method, dict(params or {})))
        if error := self.gone or self.refuse.get(method):
            raise error
        if method not in self.handlers and method not in QUIET:
            raise Stop(f"the engine does not know {method}")
        result = self.handlers[method](params or {}) if method in self.handlers else {}
        return msgspec.json.decode(msgspec.json.encode(result), type=kind)

    def close(self) -> None:
        self._listener = lambda notification: None

    # Answers ----------------------------------------------------------------------------------------------------

    def _view(self, params: Params) -> FleetView:
        since, full = params.get("since", -1), "since" not in params
        return FleetView(
            version=self._version,
            now=self.now,
            full=full,
            rows=tuple(row for name, row in self.rows.items() if self._changed[name] > since),
            removed=() if full else tuple(name for name, at in self._removed.items() if at > since),
            summary=msgspec.structs.replace(summary(self.rows.values()), interval_seconds=self.interval_seconds),
        )

    def _set_interval(self, params: Params) -> object:
        self.interval_seconds = params["seconds"]
        return {}

    def _detail(self, params: Params) -> HostDetail:
        name = params["host"]
        if name not in self.rows:
            raise SkipHost(f"no host is called {name}", host=name)
        return self.details.get(name) or HostDetail(row=self.rows[name], now=self.now, sample=sample())

    def _start(self, params: Params) -> ExecStarted:
        self._exec += 1
        return ExecStarted(id=self._exec, hosts=tuple(params["select"].split(",")))


QUIET = frozenset(
    ["events.subscribe", "fleet.poll", "hosts.accept_key", "host.signal", "host.renice", "exec.cancel", "replay.seek"]
)
"""Methods that have no result to speak of."""


class StillLink(Link):
    """The console's link without threads: it asks for news when it is told to, and carries requests at once."""

    def __init__(self, connect: Connect, monotonic: Callable[[], float], *, held: bool = False):
        super().__init__(connect, monotonic=monotonic)
        self.held = held
        """True: it does not even try to connect."""
        self._since: int | None = None

    def start(self, wake: Wake, on_first: Callable[[], None] | None = None) -> None:
        self._wake, self._on_first = wake, on_first
        self.step()

    def step(self) -> None:
        """What the view thread would do next."""
        if self.held:
            return
        try:
            self._ask()
        except SwarmError as error:
            self._lost(error)
            self._client = None

    def _ask(self) -> None:
        if self._client is None:
            self._client, self._since = self._connect(self._pushed), None
        self.info = self._client.call("engine.info", {}, EngineInfo)
        self._since = self._pull(self._client, self._since)
        if not self.status.connected:
            self.status = LinkStatus(True, "", self._monotonic(), True)
            if self._on_first is not None:
                self._wake(self._on_first)

    def request(
        self,
        method: str,
        params: Params,
        kind: type[T],
        on_result: Callable[[T], None],
        on_error: OnError | None = None,
    ) -> None:
        client = self._client
        try:
            if client is None:
                raise RetryLater("no connection to the engine", action=method)
            result = client.call(method, params, kind)
        except SwarmError as error:
            if on_error is not None:
                reason = error
                self._wake(lambda: on_error(reason))
        else:
            self._wake(lambda: on_result(result))
