"""The composition root: configuration → inventory → sources → fleet → store → API, and nothing but wiring.

One `Engine` per process. Everything that it owns is passed its collaborators here, so each part is tested alone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from backends import paths
from backends.checks.bottleneck import judge
from backends.clock import Clock, SystemClock
from backends.config.schema import Config
from backends.engine import feed as feeds
from backends.engine.actions import Actions
from backends.engine.archive import Archive
from backends.engine.attention import Attention
from backends.engine.fanout import Fanouts
from backends.engine.fleet import Fleet
from backends.engine.handlers_table import TABLE
from backends.engine.intake import Intake
from backends.engine.log import Log
from backends.engine.methods import Dispatcher
from backends.engine.options import EngineOptions
from backends.engine.parts import Parts
from backends.engine.recordings import Recordings
from backends.engine.server import Server
from backends.engine.timeline import Timeline
from backends.engine.verdicts import Verdicts
from backends.engine.watch import Sources
from backends.engine.wire import Event
from backends.errors import BadInput, SkipHost, SwarmError
from backends.inventory.host import Host
from backends.inventory.select import select_names
from backends.states import HostState, Severity
from backends.store.events import MAX_EVENTS, Events
from backends.store.history import History
from backends.store.writer import Writer
from backends.updates import background
from backends.updates.advisories import Advisories
from backends.updates.demo import DemoUpdates
from backends.updates.extras import Extras, environments
from backends.updates.facts import Facts
from backends.updates.managers import MANAGERS
from backends.updates.retention import NONE as NO_NEEDS
from backends.updates.retention import Needs
from backends.updates.service import Updates

if TYPE_CHECKING:
    from backends.backups.service import Backups
    from backends.engine.duty import Duty
    from backends.engine.maintenance import Maintenance
    from backends.engine.scheduling import Scheduling

AGE_CHECK_SECONDS = 0.5
STOP_SECONDS = 0.55
"""What sources, clients and a recording get to end, side by side; the process then ends whatever still hangs."""
STORE_STOP_SECONDS = 0.25
PRUNE_EVENTS_SECONDS = 3600.0
BYTES_PER_EVENT = 800
"""A quarter of the stored history may be events of about 200 bytes."""


class Engine:
    """Watches the fleet and serves the API until told to stop."""

    def __init__(
        self, options: EngineOptions, *, clock: Clock | None = None, log: Log | None = None, state: Path | None = None
    ):
        self.options = options
        self.clock = clock or SystemClock()
        self.log = log or Log(self.clock)
        self.started = self.clock.now()
        self.stopping = threading.Event()
        self.reload_asked = threading.Event()
        self._reloading = threading.Lock()
        self.feed = feeds.choose(options.demo, options.replay, options.config_path, self.clock, on_jump=self._forget)
        self.config, hosts = self.feed.config()
        self.config_error = ""
        self.interval_seconds = self.config.sources.interval_seconds
        self._store_problems: list[tuple[str, str, Severity]] = []
        self.store = self._open_store(state)
        self.events = Events(self.store) if self.store else None
        self.timeline = Timeline(self.clock, store=self.events, push=self._push)
        now = self._data_clock()
        self.fleet = Fleet(now=now[0], monotonic=now[1], interval_seconds=self.interval_seconds, on_event=self._event)
        self.archive = Archive(now=now[0], store=History(self.store) if self.store else None, limits=self.config.engine)
        self.verdicts = Verdicts(judge)
        self.intake = Intake(self.fleet, self.archive, self.verdicts, self.log, lambda: self.parts.duty.made)
        self.sources = Sources(self.log)
        self.attention = Attention(self.clock.monotonic, self.sources.focus)
        self.actions = Actions(self.sources, self.timeline, find=self.host, read_only=lambda: self.read_only)
        self.fanouts = Fanouts(self.sources.exec, self.log)
        self.updates = self._open_updates(state, hosts)
        self.hosts = {host.name: host for host in hosts}
        self.parts = Parts(self, state, self._spawn)
        self.recordings = Recordings(self.intake, self.fleet, self.timeline, self.clock)
        self.server = Server(
            Path(options.socket_path) if options.socket_path else paths.socket_file(),
            log=self.log,
            on_line=Dispatcher(TABLE, self, self.log),
        )
        self._adopt(hosts)

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take the socket (without --stdio), start the sources and serve. Raises AskOperator, BadInput."""
        if not self.options.stdio:
            self.server.bind()
        if self.store is not None:
            self.store.start()
        self._tell_store_problems()
        self.timeline.add(
            "engine", f"engine started, {len(self.hosts)} hosts" + (f", {self.label}" if self.label else "")
        )
        self.feed.apply(self.config, list(self.hosts.values()), self.sources, self.intake)
        if not self.options.stdio:
            self.server.start()
        self._spawn("ages", self._age_loop)
        self._spawn("roll-up", lambda: self.archive.loop(self.clock, self.stopping))
        self._spawn("verdicts", self._verdict_loop)
        self._spawn("events", self._event_loop)
        if isinstance(self.feed, feeds.ConfiguredFeed):
            self._spawn("updates", self._updates_loop)
        self.parts.start()
        if isinstance(self.feed, feeds.ConfiguredFeed):
            follow = self.feed.follow
            self._spawn("config", lambda: follow(self.stopping, self.reload_asked, self.reload))
        self.updates.resume()
        if isinstance(self.updates, DemoUpdates):
            self.updates.refresh(list(self.hosts), lists=False)
        if self.options.idle_exit_minutes > 0:
            self._spawn("idle", self._idle_loop)
        self.log.event("started", pid=os.getpid(), hosts=len(self.hosts), label=self.label, socket=self.server.path)

    def request_stop(self) -> None:
        """Ask for the end; returns at once."""
        self.stopping.set()

    def request_reload(self) -> None:
        """Ask for the configuration to be read again; returns at once."""
        self.reload_asked.set()

    def stop(self) -> None:
        """End everything within about a second."""
        self.stopping.set()
        self.reload_asked.set()
        began = self.clock.monotonic()
        closers: list[Callable[[], None]] = [
            self.updates.stop,
            *self.parts.closers(),
            self.sources.stop,
            self.server.stop,
            self.recordings.close,
        ]
        threads = [self._spawn("stop", closer) for closer in closers]
        for thread in threads:
            thread.join(max(0.05, STOP_SECONDS - (self.clock.monotonic() - began)))
        if self.store is not None:
            self.store.stop(STORE_STOP_SECONDS)
        self.log.event("stopped")

    def _spawn(self, name: str, body: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                body()
            except Exception as error:  # noqa: BLE001 - the boundary of a thread: told, never silent
                self.log.failure("thread-died", error, thread=name)
                text = f"internal error: thread {name} ended: {error!r}"
                self.timeline.add("engine", text, severity=Severity.CRITICAL)

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def _open_store(self, state: Path | None) -> Writer | None:
        """The store of the real fleet. A demo or a replay must not mix its numbers into it."""
        if self.label:
            return None
        try:
            file = (state or paths.state_dir()) / "history.db"
        except SwarmError as error:
            self._store_problems.append(("store-failed", f"no history is stored: {error.message}", Severity.WARNING))
            return None
        writer = Writer(file, clock=self.clock, on_problem=self._store_problem)
        writer.open()
        return writer

    def _open_updates(self, state: Path | None, hosts: tuple[Host, ...]) -> Updates:
        """A replay keeps nothing, and so changes nothing; a demo changes only what it made up."""
        if isinstance(self.feed, feeds.DemoFeed):
            return DemoUpdates(
                hosts,
                self.feed.source.unreachable,
                self.clock,
                tell=self.tell,
                on_bug=self.bug,
                on_pending=self.fleet.set_updates,
            )
        keeps = not self.label and self.store is not None
        return Updates(
            MANAGERS,
            self.sources.exec,
            lambda host: self.host(host).become,
            self.clock,
            folder=paths.private_dir((state or paths.state_dir()) / "updates") if keeps else None,
            facts=Facts(self.clock, self._extras()),
            tell=self.tell,
            on_bug=self.bug,
            on_pending=self.fleet.set_updates,
            log_in=self.sources.log_in,
            nudge=lambda host: self.sources.poll([host]),
            needed=self._needed_updates,
        )

    def _needed_updates(self) -> Needs | None:
        """What maintenance runs need of them; None while that part is still to be made."""
        if not self.has_maintenance:
            return NO_NEEDS
        made = self.parts.maintenance.made
        return made.needed_updates() if made is not None else None

    def _extras(self) -> Extras:
        """Follows the configuration, also when it is read again."""
        advisories = Advisories(lambda: self.config.updates.advisories or "", self.clock)
        return Extras(self.clock, lambda host: self.python.get(host, ()), advisories)

    def bug(self, host: str, error: Exception) -> None:
        self.log.failure("updates-failed", error, host=host)

    def tell(self, kind: str, text: str, host: str, actor: str, severity: Severity) -> None:
        self.timeline.add(kind, text, host=host, actor=actor, severity=severity)

    def _store_problem(self, kind: str, text: str, severity: Severity) -> None:
        self._store_problems.append((kind, text, severity))
        if hasattr(self, "timeline"):
            self._tell_store_problems()

    def _tell_store_problems(self) -> None:
        while self._store_problems:
            kind, text, severity = self._store_problems.pop(0)
            self.log.event(kind, text=text)
            self.timeline.add(kind, text, severity=severity)

    def _data_clock(self) -> tuple[Callable[[], float], Callable[[], float]]:
        """Wall and monotonic time of what is shown: a replay brings its own."""
        if isinstance(self.feed, feeds.ReplayFeed):
            return self.feed.source.now, self.feed.source.now
        return self.clock.now, self.clock.monotonic

    def _age_loop(self) -> None:
        while not self.clock.wait(self.stopping, AGE_CHECK_SECONDS):
            self.fleet.check_ages()
            self.attention.expire()
            self.recordings.check()

    def _verdict_loop(self) -> None:
        facts_of = self.fleet.facts_of
        self.verdicts.loop(self.clock, self.stopping, self.fleet.names, facts_of, self.fleet.set_verdict)

    def _event_loop(self) -> None:
        """Keep the stored events below their bound."""
        while self.events is not None:
            self.events.prune(min(MAX_EVENTS, self.config.engine.history_max_bytes // BYTES_PER_EVENT))
            if self.clock.wait(self.stopping, PRUNE_EVENTS_SECONDS):
                return

    def _updates_loop(self) -> None:
        """Ask hosts what waits there, rarely and a few at a time; nothing is changed."""
        seconds = background.FIRST_SECONDS
        while not self.clock.wait(self.stopping, seconds):
            seconds = background.STEP_SECONDS
            up = [name for name, state in self.fleet.states().items() if state is HostState.UP]
            every = self.config.updates.ask_hours * 3600.0
            hosts = background.due(self.updates.inventories.all(up), self.clock.now(), every)
            self.updates.refresh(hosts, lists=False)

    def _idle_loop(self) -> None:
        """End when nobody was connected for the time that the options name, unless something is in flight."""
        last_used = self.clock.monotonic()
        while not self.clock.wait(self.stopping, 1.0):
            now = self.clock.monotonic()
            if self.server.sessions() or self.in_flight():
                last_used = now
            elif now - last_used > self.options.idle_exit_minutes * 60:
                self.log.event("idle-exit", minutes=self.options.idle_exit_minutes)
                self.request_stop()

    def _forget(self) -> None:
        """A replay jumps: what was shown proves nothing about the new place."""
        self.archive.clear()
        self.verdicts.clear()
        self.fleet.forget_samples()
        if (duty := self.parts.duty.made) is not None:
            duty.forget()

    # -- events -------------------------------------------------------------------------------------------------

    def _event(self, host: str, kind: str, text: str, severity: Severity) -> None:
        self.timeline.add(kind, text, host=host, severity=severity)

    def _push(self, event: Event) -> None:
        for session in self.server.sessions():
            if session.subscribed:
                session.notify("event", event)

    # -- configuration ------------------------------------------------------------------------------------------

    def reload(self, actor: str = "") -> None:
        """Read the configuration again. A wrong one changes nothing but `config_error`."""
        with self._reloading:
            try:
                config, hosts = self.feed.config()
                self._apply(config, hosts)
            except SwarmError as error:
                if self.config_error != str(error):
                    self.config_error = str(error)
                    text = f"the new configuration is not used: {error.message}"
                    self.timeline.add("config-error", text, actor=actor, severity=Severity.WARNING)
                return
            self.config_error = ""
            self.timeline.add("config-reloaded", f"configuration read, {len(hosts)} hosts", actor=actor)

    def _apply(self, config: Config, hosts: tuple[Host, ...]) -> None:
        if isinstance(self.feed, feeds.ConfiguredFeed):
            before, self.config = self.config, config
            self._adopt(hosts)
            self.feed.apply(config, hosts, self.sources, self.intake)
            self.archive.limits = config.engine
            if before.sources.interval_seconds != config.sources.interval_seconds:
                self.set_interval(config.sources.interval_seconds)

    def _adopt(self, hosts: tuple[Host, ...]) -> None:
        self.hosts = {host.name: host for host in hosts}
        self.python = environments(self.config.updates, hosts)
        self.fleet.set_hosts(hosts)
        self.archive.keep(self.hosts)
        self.verdicts.keep(self.hosts)
        self.updates.inventories.keep(self.hosts)
        if (duty := self.parts.duty.made) is not None:
            duty.configure(self.config)

    # -- what handlers ask --------------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        return self.feed.label

    @property
    def backups(self) -> Backups:
        """Made when first asked for. Raises SkipHost where there are none, Stop: the engine ends."""
        if not self.has_backups:
            raise SkipHost(
                "there are no backups here",
                action="back up",
                hint="a demo and a replay have no data; else see the engine's log for why nothing is kept",
            )
        return self.parts.backups.get()

    @property
    def duty(self) -> Duty:
        """Alerts, health checks and triage. Made when first asked for. Raises Stop: the engine ends."""
        return self.parts.duty.get()

    @property
    def maintenance(self) -> Maintenance:
        """Maintenance runs. Made when first asked for. Raises SkipHost where there are none, Stop: the engine ends."""
        if not self.has_maintenance:
            raise SkipHost(
                "there are no maintenance runs here",
                action="look after maintenance runs",
                hint="a replay changes nothing; else see the engine's log for why nothing is kept",
            )
        return self.parts.maintenance.get()

    @property
    def schedules(self) -> Scheduling:
        """What happens by itself. Made when first asked for. Raises Stop: the engine ends."""
        return self.parts.schedules.get()

    @property
    def has_maintenance(self) -> bool:
        """Whether this engine carries out maintenance runs: a replay does not, nor one that keeps nothing; a demo plays them."""
        return isinstance(self.feed, feeds.DemoFeed) or (not self.label and self.store is not None)

    def refuse_held(self, hosts: Iterable[str], action: str) -> None:
        """Raises BadInput when a maintenance run has one of these hosts."""
        if self.has_maintenance:
            self.maintenance.refuse_held(hosts, action)

    @property
    def has_backups(self) -> bool:
        """Whether this engine backs up at all: a demo or a replay has nothing to, one that keeps nothing does not begin."""
        return not self.label and self.store is not None

    @property
    def read_only(self) -> bool:
        return self.options.read_only or self.config.engine.read_only

    def host(self, name: str) -> Host:
        """The host in the inventory. Raises BadInput."""
        host = self.hosts.get(name)
        if host is None:
            raise BadInput("no such host in the fleet", host=name, hint="swarm-tui hosts list shows the names")
        return host

    def select(self, text: str) -> list[str]:
        """The hosts that a selector means, in the order of the inventory. Raises BadInput."""
        chosen = select_names(text, list(self.hosts.values()), self.fleet.states().get)
        return [name for name in self.hosts if name in chosen]

    def in_flight(self) -> tuple[str, ...]:
        """What goes on when the console quits, one phrase each."""
        return (
            *self.fanouts.in_flight(),
            *self.recordings.in_flight(),
            *self.updates.in_flight(),
            *self.parts.in_flight(),
        )

    def set_interval(self, seconds: float) -> None:
        """Sample every host this often from now on."""
        self.interval_seconds = self.fleet.interval_seconds = seconds
        self.sources.set_interval(seconds)
