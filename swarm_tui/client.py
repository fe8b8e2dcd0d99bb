"""The way into an engine for the console, the subcommands and tests: every method of its API as a typed call.

`open_engine` finds the engine that the command line means and starts one in the background when none answers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from backends.clock import Clock, SystemClock
from backends.engine.wire import (
    API_VERSION,
    EngineInfo,
    Event,
    ExecStarted,
    FleetView,
    History,
    HostDetail,
    ReplayPosition,
)
from backends.errors import AskOperator, BadInput, RetryLater, Stop
from backends.sources.base import OfferedKey
from backends.text import clean
from swarm_tui import launch
from swarm_tui.options import ConsoleOptions
from swarm_tui.rpc import Connection, Notification, Reply
from swarm_tui.wires import ProcessWire, SocketWire

if TYPE_CHECKING:
    from swarm_tui.client_alerts import AlertCalls
    from swarm_tui.client_backups import BackupCalls
    from swarm_tui.client_checks import CheckCalls
    from swarm_tui.client_runs import RunCalls
    from swarm_tui.client_schedules import ScheduleCalls
    from swarm_tui.client_triage import TriageCalls
    from swarm_tui.client_updates import UpdateCalls

T = TypeVar("T")

START_SECONDS = 10.0
"""A freshly started engine answers within this time or has failed."""


class Recording(msgspec.Struct, frozen=True):
    """Result of `record.stop`."""

    path: str
    frames: int = 0


class _Version(msgspec.Struct):
    api_version: int


class _Names(msgspec.Struct):
    hosts: tuple[str, ...] = ()


class _Keys(msgspec.Struct):
    keys: tuple[OfferedKey, ...] = ()


class _Events(msgspec.Struct):
    events: tuple[Event, ...] = ()


class _Text(msgspec.Struct):
    text: str = ""


class EngineClient(Connection):
    """One connection to an engine. Methods may be called from any thread and raise SwarmError."""

    @classmethod
    def connect(
        cls,
        target: str | Path | Sequence[str],
        timeout_seconds: float = 5.0,
        *,
        on_notification: Callable[[Notification], None] | None = None,
        on_close: Callable[[str], None] | None = None,
        check_version: bool = True,
    ) -> EngineClient:
        """Connect to the socket at a path, or to a command (a list of words) that speaks the API on its pipes.

        Args:
            target: the socket's path, or an argv.
            timeout_seconds: for connecting and for the first answer.
            on_notification: called on the reader thread; without it they queue up in `notifications`.
            on_close: called on the reader thread with the reason when the other side ends the connection.
            check_version: refuse an engine of another API version.

        Raises:
            RetryLater: nothing answers there.
            AskOperator: the engine is of another API version, or belongs to somebody else.
            BadInput: the command cannot be run.
        """
        wire = _socket(Path(target), timeout_seconds) if isinstance(target, (str, Path)) else _process(target)
        client = cls(wire, on_notification, on_close)
        try:
            client._greet(timeout_seconds, check_version)
        except BaseException:
            client.close()
            raise
        return client

    def __enter__(self) -> EngineClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _greet(self, timeout_seconds: float, check_version: bool) -> None:
        """Tell where the person sits, for the audit, and learn whether both sides speak the same API."""
        try:
            theirs = self.call("hello", _given(client=seat() or None), _Version, timeout_seconds).api_version
        except Stop:  # an engine so old, or so new, that it knows no greeting
            theirs = 0
        if check_version and theirs != API_VERSION:
            older = "older" if theirs < API_VERSION else "newer"
            raise AskOperator(
                f"the running engine is {older} than this program (API {theirs}, here {API_VERSION})",
                hint="swarm-tui engine stop, then start again; runs on hosts go on meanwhile",
            )

    # -- engine

    def info(self) -> EngineInfo:
        """Who the engine is and what it does."""
        return self.call("engine.info", {}, EngineInfo)

    def stop(self) -> None:
        """Ask the engine to end."""
        self._do("engine.stop")

    def reload(self) -> EngineInfo:
        """Read the configuration again; `config_error` tells what is wrong with it."""
        return self.call("engine.reload", {}, EngineInfo, 30.0)

    def set_interval(self, seconds: float) -> None:
        """Change the sampling interval of all hosts."""
        self._do("engine.set_interval", seconds=seconds)

    # -- fleet and hosts

    def fleet_view(self, since: int | None = None, select: str = "") -> FleetView:
        """The fleet, or what changed since a version."""
        return self.call("fleet.view", _given(since=since, select=select or None), FleetView)

    def poll(self, hosts: Sequence[str] | None = None) -> None:
        """Sample these hosts (or all) now."""
        self._do("fleet.poll", **_given(hosts=list(hosts) if hosts is not None else None))

    def host(self, host: str, watch: bool = False) -> HostDetail:
        """Everything known about one host."""
        return self.host_later(host, watch).result()

    def host_later(self, host: str, watch: bool = False) -> Reply[HostDetail]:
        """Like `host`, without waiting: for many hosts at once."""
        return self.submit("host.get", _given(host=host, watch=watch or None), HostDetail)

    def history(self, host: str, series: Sequence[str], seconds: float, points: int | None = None) -> History:
        """Numbers over the last `seconds`."""
        params = _given(host=host, series=list(series), seconds=seconds, points=points)
        return self.call("host.history", params, History)

    def signal(self, host: str, pid: int, start_ticks: int, signal: str) -> str:
        """Send a signal to exactly this process; the answer is a sentence."""
        params = {"host": host, "pid": pid, "start_ticks": start_ticks, "signal": signal}
        return self.call("host.signal", params, _Text, 30.0).text

    def renice(self, host: str, pid: int, start_ticks: int, nice: int) -> str:
        """Change the priority of exactly this process; the answer is a sentence."""
        params = {"host": host, "pid": pid, "start_ticks": start_ticks, "nice": nice}
        return self.call("host.renice", params, _Text, 30.0).text

    def select(self, select: str) -> tuple[str, ...]:
        """The names that a selector means."""
        return self.call("hosts.select", {"select": select}, _Names).hosts

    def offered_keys(self) -> tuple[OfferedKey, ...]:
        """Host keys that wait for a decision."""
        return self.call("hosts.keys", {}, _Keys).keys

    def accept_key(self, host: str, fingerprint: str) -> None:
        """Trust the offered key with this fingerprint."""
        self._do("hosts.accept_key", host=host, fingerprint=fingerprint)

    # -- events

    def events(
        self,
        *,
        since_id: int | None = None,
        before_id: int | None = None,
        host: str | None = None,
        limit: int | None = None,
    ) -> tuple[Event, ...]:
        """The timeline, newest first."""
        params = _given(since_id=since_id, before_id=before_id, host=host, limit=limit)
        return self.call("events.list", params, _Events).events

    def subscribe_events(self) -> None:
        """From now on notifications `event` come."""
        self._do("events.subscribe")

    # -- commands

    def exec_start(
        self, select: str, argv: Sequence[str], timeout_seconds: float | None = None, become: bool | None = None
    ) -> ExecStarted:
        """Run a command on hosts; `exec.output` and `exec.done` follow as notifications."""
        params = _given(select=select, argv=list(argv), timeout_seconds=timeout_seconds, become=become)
        return self.call("exec.start", params, ExecStarted)

    def exec_cancel(self, number: int) -> None:
        """End a command on all hosts that still run it."""
        self._do("exec.cancel", id=number)

    # -- updates and backups

    @property
    def updates(self) -> UpdateCalls:
        """The calls about updates."""
        from swarm_tui.client_updates import UpdateCalls  # late: it brings the types of all of updates

        return UpdateCalls(self)

    @property
    def backups(self) -> BackupCalls:
        """The calls about backups."""
        from swarm_tui.client_backups import BackupCalls  # late: it brings the types of all of backups

        return BackupCalls(self)

    @property
    def checks(self) -> CheckCalls:
        """The calls about health checks."""
        from swarm_tui.client_checks import CheckCalls  # late, as the others

        return CheckCalls(self)

    @property
    def alerts(self) -> AlertCalls:
        """The calls about alerts."""
        from swarm_tui.client_alerts import AlertCalls  # late, as the others

        return AlertCalls(self)

    @property
    def triage(self) -> TriageCalls:
        """The calls about triage."""
        from swarm_tui.client_triage import TriageCalls  # late, as the others

        return TriageCalls(self)

    @property
    def runs(self) -> RunCalls:
        """The calls about maintenance runs."""
        from swarm_tui.client_runs import RunCalls  # late, as the others

        return RunCalls(self)

    @property
    def schedules(self) -> ScheduleCalls:
        """The calls about schedules."""
        from swarm_tui.client_schedules import ScheduleCalls  # late, as the others

        return ScheduleCalls(self)

    # -- recordings

    def record_start(self, path: str) -> None:
        """Write what the fleet does into a file, on the engine's machine."""
        self._do("record.start", path=path)

    def record_stop(self) -> Recording:
        """End the recording."""
        return self.call("record.stop", {}, Recording, 30.0)

    def replay_seek(
        self, position: float | None = None, speed: float | None = None, paused: bool | None = None
    ) -> ReplayPosition:
        """Move in a replay; without arguments: where it stands."""
        return self.call("replay.seek", _given(position=position, speed=speed, paused=paused), ReplayPosition)

    def _do(self, method: str, **params: Any) -> None:
        self.call(method, params, msgspec.Raw)


def seat() -> str:
    """The address from which the person came in over SSH; "" for somebody who sits here."""
    return clean(os.environ.get("SSH_CONNECTION", "").partition(" ")[0], 64)


def _given(**params: Any) -> dict[str, Any]:
    """Only what was given: an absent parameter means the engine's default."""
    return {name: value for name, value in params.items() if value is not None}


def _socket(path: Path, timeout_seconds: float) -> SocketWire:
    try:
        return SocketWire(path, timeout_seconds)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise RetryLater(f"no engine answers at {path}", hint="start one: swarm-tui engine") from error
    except OSError as error:
        raise RetryLater(f"the engine at {path} does not answer: {error}", hint="swarm-tui engine status") from error


def _process(argv: Sequence[str]) -> ProcessWire:
    if not argv:
        raise BadInput("cannot attach through an empty command", hint="--attach 'ssh BASTION swarm-tui engine --stdio'")
    try:
        return ProcessWire(argv)
    except OSError as error:
        raise BadInput(f"cannot run {argv[0]}: {error.strerror}", hint="check --attach") from error


def open_engine(
    options: ConsoleOptions,
    *,
    start: bool = True,
    check_version: bool = True,
    on_notification: Callable[[Notification], None] | None = None,
    on_close: Callable[[str], None] | None = None,
    clock: Clock | None = None,
) -> EngineClient:
    """Connect to the engine that `options` mean; start it in the background when `start` and none answers.

    Raises:
        RetryLater: none answers and none may or could be started; the end of its log says why.
        AskOperator: see `EngineClient.connect`.
        BadInput: the running engine uses another configuration than the one that was asked for.
    """
    target: str | Path | tuple[str, ...] = options.attach or options.engine_socket

    def connect() -> EngineClient:
        seconds = 30.0 if options.attach else 5.0
        return EngineClient.connect(
            target, seconds, on_notification=on_notification, on_close=on_close, check_version=check_version
        )

    try:
        client = connect()
    except RetryLater as error:
        if options.attach or not start or not isinstance(error.__cause__, (FileNotFoundError, ConnectionRefusedError)):
            raise
        client = _start(options, connect, clock or SystemClock())
    if options.config_path and not options.attach and check_version:
        _check_config(client, options)
    return client


def ensure_engine(config_path: str = "", socket_path: str = "", **given: Any) -> EngineClient:
    """Connect to the engine for a configuration, starting it when none answers; see `open_engine`."""
    return open_engine(ConsoleOptions(config_path=config_path, socket_path=socket_path, **given))


def _start(options: ConsoleOptions, connect: Callable[[], EngineClient], clock: Clock) -> EngineClient:
    with launch.only_one(options, clock, START_SECONDS + 1):
        if (client := _try(connect)) is not None:
            return client  # another console was quicker
        engine = launch.Background(options)
        deadline = clock.monotonic() + START_SECONDS
        while clock.monotonic() < deadline and engine.exit_status is None:
            clock.wait(threading.Event(), 0.02)
            if (client := _try(connect)) is not None:
                return client
        raise engine.failure(START_SECONDS)


def _try(connect: Callable[[], EngineClient]) -> EngineClient | None:
    try:
        return connect()
    except RetryLater:
        return None


def _check_config(client: EngineClient, options: ConsoleOptions) -> None:
    theirs = client.info().config_path
    if theirs and Path(theirs).resolve() != Path(options.config_path).expanduser().resolve():
        client.close()
        raise BadInput(
            f"the running engine uses {theirs}, not {options.config_path}",
            hint="swarm-tui engine stop, or give this one a socket of its own: --socket PATH",
        )
