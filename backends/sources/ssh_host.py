"""One host seen over SSH, as a state machine: connecting, sampling, silent, lost, waiting for the next try.

Three kinds of thread meet here: the host's attempt thread (may block), its transport's thread (samples, must be quick)
and the watchdog (never blocks). State changes happen under a lock that is never held during I/O.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from backends.clock import Clock
from backends.errors import SwarmError
from backends.hostkit.events import KitEvent, Pong, Trouble
from backends.inventory.host import Host
from backends.metrics.sample import HostFacts, Record, Sample
from backends.sources.base import Sink
from backends.sources.ssh_probe import Probe
from backends.sources.ssh_timing import Timing
from backends.sources.ssh_voice import Voice
from backends.ssh.backoff import Backoff
from backends.ssh.connect import Connector, Link
from backends.ssh.failures import KeyRefused, LoginRefused, ShownKey, state_of
from backends.ssh.session import Session
from backends.ssh.target import Target
from backends.states import HostState
from backends.text import clean

PING_SECONDS = 10.0
"""How often round trip and clock offset are measured."""


class Environment(Record, frozen=True, kw_only=True):
    """What all hosts of a source share."""

    sink: Sink
    clock: Clock
    connector: Connector
    resolve: Callable[[Host], Target]


class HostLink:
    """Keeps one host connected and sampled."""

    def __init__(self, host: Host, environment: Environment, timing: Timing, backoff: Backoff | None = None):
        self.host = host
        self.target: Target | None = None
        self.session: Session | None = None
        self.shown: ShownKey | None = None
        """The host key that waits for the operator's decision."""
        self._env = environment
        self.timing = timing
        self._calm_seconds = timing.calm_seconds
        self._backoff = backoff or Backoff()
        self._lock = threading.Lock()
        self._probe: Probe | None = None
        self._busy = False
        self._stopped = False
        self._due = environment.clock.monotonic()
        self._last_sample: float | None = None
        self._last_ping = 0.0
        self._probe_started = 0.0
        self._focus = False
        self._voice = Voice(host.name, environment.sink, environment.clock)
        self._trouble: Trouble | None = None

    @property
    def name(self) -> str:
        """The inventory's name."""
        return self.host.name

    # called by anybody

    def wake(self) -> None:
        """Try now: the operator asks, a key was accepted."""
        with self._lock:
            self._due = self._env.clock.monotonic()
            probe = self._probe
        if probe:
            probe.poll()

    def focus(self, watched: bool) -> None:
        """Somebody looks, or no longer."""
        self._focus = watched
        if self._probe:
            self._probe.focus(watched)

    def set_timing(self, timing: Timing) -> None:
        """New periods."""
        changed = timing.interval_seconds != self.timing.interval_seconds
        self.timing = timing
        self._calm_seconds = timing.calm_seconds
        if self._probe and changed:
            self._probe.interval(timing.interval_seconds)

    def stop(self) -> None:
        """Give up at once; nothing is reported any more."""
        with self._lock:
            self._stopped = True
            self._voice.silence()
            session, self.session, self._probe = self.session, None, None
        if session:
            session.link.kill("stopped")

    # the watchdog

    def due(self, now: float) -> bool:
        """Whether an attempt should begin; claims it."""
        with self._lock:
            if self._busy or self._stopped or now < self._due or (self.session and self._probe):
                return False
            self._busy = True
            return True

    def tick(self, now: float) -> None:
        """Look after a connected host; never waits."""
        try:
            self._look(now)
        except Exception as error:  # noqa: BLE001 - without the watchdog no hung host would be noticed any more
            self._broken(error)

    def _look(self, now: float) -> None:
        session, probe = self.session, self._probe
        if session is None or self._calm(now, probe):
            return
        transport = session.link.transport
        # the end of a connection is usually reported by its own thread; this is for what was missed
        if not transport.is_active():
            self._lost(session)
            return
        silent = transport.silent_seconds()
        if silent >= self.timing.dead_after:
            session.link.kill(f"timeout (ssh): no answer for {silent:.0f} s")
            self._lost(session)
            return
        if silent >= self.timing.silence_seconds and not transport.pings_open:
            transport.ping()
        if probe is None:
            return
        probe.flush()
        if now - self._last_ping >= PING_SECONDS and probe.ready:
            self._last_ping = now
            probe.ping()
        self._judge_age(now, session, probe)

    def _calm(self, now: float, probe: Probe | None) -> bool:
        """Nothing to do, as nearly always: this is asked four times a second for each of a thousand hosts."""
        last = self._last_sample
        return (
            last is not None
            and now - last < self._calm_seconds
            and now - self._last_ping < PING_SECONDS
            and probe is not None
            and not probe.waiting
        )

    def _judge_age(self, now: float, session: Session, probe: Probe) -> None:
        since = self._last_sample if self._last_sample is not None else self._probe_started
        age = now - since
        if self._last_sample is not None and age >= self.timing.stale_after:
            self._voice.once(HostState.STALE, f"connected, but no sample for {age:.0f} s")
        if age >= self.timing.restart_after:
            probe.close()
            self._probe_over(session, probe, "the probe said nothing any more")

    # the attempt thread

    def attempt(self) -> None:
        """Connect, or start the probe on the connection that there is. Blocks; every wait in it has a deadline."""
        try:
            self._try()
        except SwarmError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - a bug met with one host is shown there and stops no other
            self._broken(error)
        finally:
            with self._lock:
                self._busy = False

    def _try(self) -> None:
        session = self.session
        if session is None or not session.link.alive:
            session = self._connect()
        if session is None:
            return
        self._trouble = None
        probe = Probe(
            clock=self._env.clock,
            on_events=lambda events: self._events(probe, events),
            on_end=lambda: self._probe_over(session, probe, "the probe ended"),
            on_flood=lambda: self._flooded(session, probe),
        )
        with self._lock:
            self._probe = probe
            self._probe_started = self._env.clock.monotonic()
            self._last_sample = None
        try:
            probe.start(session, self.timing.interval_seconds, self.host.become)
        except SwarmError:
            with self._lock:
                self._probe = None
            raise
        if self._focus:
            probe.focus(True)

    def _connect(self) -> Session | None:
        target = self._env.resolve(self.host)
        self.target = target
        if not self._voice.spoken:
            self._voice.say(HostState.CONNECTING, f"connecting to {target.place}")
        link = self._env.connector.connect(target)
        session = Session(link)
        link.transport.ended = lambda: self._lost(session)
        with self._lock:
            self.shown = None
            if not self._stopped:
                self.session = session
        if self._stopped:
            link.kill("stopped")
            return None
        if not link.transport.is_active():
            self._lost(session)
            return None
        self._tell_link(link, None)
        return session

    def _broken(self, error: Exception) -> None:
        """A bug of ours: shown with its place, and everything about this host is started anew."""
        with self._lock:
            session, self.session, self._probe = self.session, None, None
        if session:
            session.link.kill("internal error")
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = clean(f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})", 300)
        self._voice.note("internal-error", text)
        self._retry(HostState.UNREACHABLE, f"internal error: {text}", "please report it", patient=True)

    def _failed(self, error: SwarmError) -> None:
        state = state_of(error)
        self.shown = error.shown if isinstance(error, KeyRefused) else None
        patient = isinstance(error, KeyRefused | LoginRefused)
        self._retry(state, error.message, error.hint or "", patient=patient)

    # the transport's thread

    def _events(self, probe: Probe, events: Sequence[KitEvent]) -> None:
        if probe is not self._probe:
            return
        for event in events:
            if isinstance(event, Sample):
                self._sampled(event)
            elif isinstance(event, HostFacts):
                self._voice.facts(event)
            elif isinstance(event, Pong):
                if self.session:
                    self._tell_link(self.session.link, event.round_trip_seconds)
            elif isinstance(event, Trouble):
                self._troubled(event)

    def _sampled(self, sample: Sample) -> None:
        self._last_sample = self._env.clock.monotonic()
        if self._voice.sample(sample):
            self._backoff.reset()

    def _troubled(self, trouble: Trouble) -> None:
        self._trouble = trouble
        if not trouble.fatal:
            self._voice.note(trouble.kind, trouble.text)

    def _flooded(self, session: Session, probe: Probe) -> None:
        self._trouble = Trouble(
            kind="flood",
            text="the host floods the connection instead of sending samples",
            hint="look at the login shell's start-up files (.bashrc, /etc/profile.d)",
        )
        session.link.kill("flood")
        self._lost(session)

    def _probe_over(self, session: Session, probe: Probe, why: str) -> None:
        """The probe is gone; the connection may live on."""
        with self._lock:
            if probe is not self._probe or self._stopped:
                return
            self._probe = None
        if not session.link.alive or not session.link.transport.is_active():
            self._lost(session)
            return
        trouble = self._trouble
        if trouble and trouble.fatal:
            state = HostState.NO_SUDO if trouble.kind == "no-sudo" else HostState.NO_PYTHON
            self._retry(state, trouble.text, trouble.hint, patient=True)
        else:
            text, hint = (trouble.text, trouble.hint) if trouble else (why, "")
            self._retry(HostState.STALE, text, hint)

    def _lost(self, session: Session) -> None:
        """The connection is over, whoever ended it. Reported once."""
        with self._lock:
            if session is not self.session or self._stopped:
                return
            self.session = None
            self._probe = None
        session.link.kill("connection lost")
        transport = session.link.transport
        trouble = self._trouble if self._trouble and self._trouble.kind == "flood" else None
        self._voice.lost()
        if trouble:
            self._retry(HostState.UNREACHABLE, trouble.text, trouble.hint, patient=True)
            return
        error = transport.get_exception()
        why = transport.why_killed if transport.why_killed != "connection lost" else ""
        why = why or (f"connection lost: {error}" if error and str(error) else "connection lost: closed by the host")
        self._retry(HostState.UNREACHABLE, why, "")

    # telling

    def _retry(self, state: HostState, reason: str, hint: str, *, patient: bool = False) -> None:
        delay = self._backoff.patient_delay() if patient else self._backoff.next_delay()
        with self._lock:
            self._due = self._env.clock.monotonic() + delay
        self._voice.say(state, reason, hint, retry_at=self._env.clock.now() + delay)

    def _tell_link(self, link: Link, round_trip_seconds: float | None) -> None:
        self._voice.link(link, round_trip_seconds, self._env.connector.warnings(link.target))
