"""What watches over the fleet while nobody looks: kernel logs, health checks, alerts, triage; wired together and to the engine.

Made late (see `Duty.START_SECONDS` in the engine): whoever opens the console waits for the fleet first. What the fleet knew
before is told to it when it is made.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backends import paths
from backends.alerts import settings
from backends.alerts.own_rules import OwnRule
from backends.alerts.xid_policy import Policies
from backends.backups.model import Concern
from backends.checks import health_settings
from backends.checks.health_finding import Action
from backends.checks.health_look import XidNote
from backends.checks.health_site import SiteCheck
from backends.config.schema import Config
from backends.engine.alerting import Alerting
from backends.engine.feed import DemoFeed
from backends.engine.gathering import Gathering
from backends.engine.handing_over import markdown
from backends.engine.health import HealthChecks
from backends.engine.kernel_watch import KernelWatch
from backends.engine.owing import Owing
from backends.engine.remembered import Remembered
from backends.engine.surroundings import Surroundings
from backends.engine.triage_context import Surroundings as TriageContext
from backends.engine.triage_demo import DemoAsk
from backends.engine.triages import Triages
from backends.engine.trial import Trial
from backends.errors import SwarmError
from backends.hostkit.travel import Become
from backends.metrics.sample import HostFacts, Sample
from backends.sources.base import StateChange
from backends.states import HostState, Severity
from backends.store.history import History
from backends.triage.ask import triage
from backends.triage.model import Bundle

if TYPE_CHECKING:
    from backends.engine.engine import Engine

REBOOT_SECONDS = 1800.0
"""A reboot that was ordered from here explains another boot id for so long."""
MOST_REBOOTS = 200
EVENTS = 200
STOP_SECONDS = 0.4


class Duty:
    """One for each engine. Calls may come from any thread."""

    def __init__(self, engine: Engine, folder: Path | None):
        """`folder`: for everything that is kept; None: nothing is (a demo, a replay)."""
        self._engine = engine
        clock, fleet = engine.clock, engine.fleet
        self.now = fleet.now
        self.real = not engine.label
        """Whether there are hosts to ask."""
        self.kernel = KernelWatch(
            _private(folder),
            engine.sources.channels,
            self._become,
            clock,
            on_new=lambda host, messages: None,
            tell=self._tell,
            on_bug=self._bug,
        )
        self.health = HealthChecks(
            _private(folder),
            engine.sources.exec,
            self._become,
            clock,
            hosts=lambda: tuple(engine.hosts),
            states=self._states,
            facts=fleet.facts_of,
            expected=lambda host: health_settings.expected(engine.host(host)),
            kernel=self.kernel,
            config=lambda: engine.config.checks,
            policy=self._xid,
            tell=self._tell,
            on_bug=self._bug,
            site=self._site,
        )
        self.context = TriageContext(
            clock,
            hosts=lambda: engine.hosts,
            rows=fleet.rows,
            events=lambda host: engine.timeline.page(host=host, limit=EVENTS),
            reboots=lambda: engine.updates.aftercare.reboots(MOST_REBOOTS),
            overrides=lambda: settings.overrides(engine.config.alerts),
        )
        self.triages = Triages(
            _private(folder),
            engine.sources.exec,
            self._become,
            clock,
            context=self.context.context,
            states=self._states,
            tell=self._tell,
            on_bug=self._bug,
            peers=self.context.peers,
            why=self.context.why,
            ask=DemoAsk(engine.feed.source) if isinstance(engine.feed, DemoFeed) else triage,
        )
        self._remembered = Remembered(
            folder / "boots.json" if folder else None, clock, self._planned, lambda text: self._problem("boots", text)
        )
        self.gathering = Gathering(
            fleet.glimpses,
            self._remembered,
            kernel=self.kernel,
            checks=self.health,
            slow=Owing(lambda: engine.hosts, engine.updates.inventories.all, self._concerns, self._remembered),
        )
        self.alerting = Alerting(
            _private(folder),
            self.gathering,
            clock,
            now=fleet.now,
            tell=self._tell,
            on_counts=fleet.set_alerts,
            on_critical=self._capture,
            on_bug=self._bug,
            bundle_of=self.triages.bundle_for,
        )
        self.surroundings = Surroundings(
            engine.timeline,
            clock,
            bundle=self._newest_bundle,
            ill=self.alerting.ill,
            hosts=lambda: tuple(engine.hosts),
        )
        history = History(engine.store) if engine.store is not None else None
        self.trial = Trial(
            history,
            clock,
            rules=lambda: self.alerting.rules,
            own=self._own,
            expected=lambda host: settings.expected(engine.host(host)),
        )
        self._xids: tuple[object, Policies] | None = None

    # life

    def start(self, spawn: Callable[[str, Callable[[], None]], object]) -> None:
        """Begin. `spawn` starts a named thread."""
        self.configure(self._engine.config)
        for name, _, facts, sample in self._engine.fleet.glimpses():
            known = self._engine.fleet.entry(name)
            if facts is not None:
                self.facts(name, facts)
            if known is not None:
                self.state(name, known.change)
            if sample is not None:
                self.sample(name, sample)
        stopping = self._engine.stopping
        if self.real:
            self.kernel.start()
            spawn("health", lambda: self.health.loop(stopping))
        spawn("alerts", lambda: self.alerting.loop(stopping))

    def configure(self, config: Config) -> None:
        """Go on under a new configuration and inventory."""
        hosts = tuple(self._engine.hosts.values())
        names = [host.name for host in hosts]
        self.kernel.keep(names)
        self.health.keep(names)
        try:
            self.alerting.configure(config.alerts, hosts, self._engine.interval_seconds)
        except SwarmError as error:  # it was checked when it was read: only a race with the inventory can bring this
            self._problem("alerts", f"the new configuration of the alerts is not used: {error.message}")

    def stop(self) -> None:
        """End everything side by side, within half a second."""
        closers = (self.kernel.stop, self.health.stop, self.triages.stop, self.trial.stop, self.alerting.stop)
        threads = [threading.Thread(target=each, name="stop duty", daemon=True) for each in closers]
        for thread in threads:
            thread.start()
        end = time.monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def in_flight(self) -> tuple[str, ...]:
        """What goes on, one phrase each."""
        return (*self.health.in_flight(), *self.triages.in_flight())

    # what sources tell

    def sample(self, host: str, sample: Sample) -> None:
        self.gathering.sample(host, sample)
        self.health.sample(host, sample)

    def state(self, host: str, change: StateChange) -> None:
        self.gathering.state(host, change)
        if self.real:
            self.kernel.state(host, change.state)

    def facts(self, host: str, facts: HostFacts) -> None:
        self.gathering.facts(host, facts)

    def forget(self) -> None:
        """A replay jumped."""
        self.gathering.forget()

    # what people ask

    def handover(self, seconds: float, by: str) -> str:
        """The hand-over of a shift as Markdown."""
        return markdown(self._engine, self, seconds, by)

    # joints

    def _become(self, host: str) -> Become:
        return self._engine.host(host).become

    def _states(self) -> Mapping[str, HostState]:
        return {name: HostState(state) for name, state in self._engine.fleet.states().items()}

    def _tell(self, kind: str, text: str, host: str, actor: str, severity: Severity) -> None:
        self._engine.timeline.add(kind, text, host=host, actor=actor, severity=severity)

    def _bug(self, host: str, error: Exception) -> None:
        self._engine.log.failure("duty-failed", error, host=host)

    def _problem(self, what: str, text: str) -> None:
        self._engine.log.event(what, text=text)
        self._tell(f"{what}-failed", text, "", "", Severity.WARNING)

    def _xid(self, code: int) -> XidNote | None:
        overrides = settings.overrides(self._engine.config.alerts)
        if self._xids is None or self._xids[0] != overrides:
            self._xids = (overrides, Policies(overrides))
        found = self._xids[1].of(code)
        return XidNote(found.severity, Action(found.action), found.meaning)

    def _site(self, host: str) -> Sequence[SiteCheck]:
        return health_settings.site_checks(self._engine.config.checks, tuple(self._engine.hosts.values())).get(host, ())

    def _own(self) -> tuple[OwnRule, ...]:
        return settings.own_rules(self._engine.config.alerts)

    def _concerns(self, hosts: Sequence[str]) -> Sequence[Concern] | None:
        if not self._engine.has_backups:
            return None
        return self._engine.backups.concerns(hosts)

    def _planned(self, host: str) -> bool:
        if any(host in mute.hosts for mute in self.alerting.alerts.mutes()):
            return True
        now = self._engine.clock.now()
        for record in self._engine.updates.aftercare.reboots(MOST_REBOOTS):
            if record.host == host and record.sent and now - (record.ended or now) < REBOOT_SECONDS:
                return True
        return False

    def _capture(self, host: str, reason: str) -> None:
        if self.real and host in self._engine.hosts:
            self.triages.capture(host, reason)

    def _newest_bundle(self, host: str) -> Bundle | None:
        kept = self.triages.list(host, 1)
        return self.triages.get(kept[0].id) if kept else None


def _private(folder: Path | None) -> Path | None:
    return paths.private_dir(folder) if folder is not None else None
