"""The health checks of a fleet: when hosts are looked at, by whom they are asked, and who is told what came of it.

A full look (hourly, or when somebody asks) brings everything; a light one each minute what changes from one minute to the
next, so that a failed unit is an alert soon. Judging is pure and stands in `backends.checks`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from backends.alerts import subjects
from backends.checks.health_active import Test
from backends.checks.health_catalogue import HealthResult
from backends.checks.health_difference import difference
from backends.checks.health_finding import Finding
from backends.checks.health_look import Expected, XidPolicy
from backends.checks.health_merge import Asked
from backends.checks.health_site import SiteCheck
from backends.checks.health_views import CheckRow, DifferenceView, HealthView, HostChecks, catalogue
from backends.clock import Clock
from backends.engine.health_asking import AskFull, Asking, Kernel, Settings, Sources, Ways
from backends.engine.health_host import HostWatch
from backends.engine.health_known import KIND, Known, Tell
from backends.engine.health_samples import Windows
from backends.engine.health_trials import Trials
from backends.engine.health_turns import LIGHT_A_SECOND, Turns
from backends.errors import BadInput, Stop, SwarmError
from backends.execution import Exec
from backends.hostkit import health_facts
from backends.hostkit.health_model import HealthFacts
from backends.hostkit.travel import Become
from backends.metrics.sample import HostFacts, Sample
from backends.states import HostState, Severity
from backends.text import clean
from backends.updates.workers import Workers

AT_ONCE, ASKED_AT_ONCE, LIGHT_AT_ONCE = 8, 16, 24
"""Hosts in a full look by plan, in one that somebody asked for, in a light look."""
TICK_SECONDS = 1.0
PRUNE_SECONDS = 86_400.0
CAN_BE_ASKED = frozenset({HostState.UP, HostState.STALE, HostState.DRIVER_HUNG})


class HealthChecks:
    """The one owner of health checks in an engine. Any thread may call."""

    def __init__(
        self,
        folder: Path | None,
        exec: Callable[[str], Exec],
        become: Callable[[str], Become],
        clock: Clock,
        *,
        hosts: Callable[[], Sequence[str]],
        states: Callable[[], Mapping[str, HostState]],
        facts: Callable[[str], HostFacts | None],
        expected: Callable[[str], Expected],
        kernel: Kernel | None,
        config: Callable[[], Settings],
        policy: XidPolicy | None,
        tell: Tell,
        on_bug: Callable[[str, Exception], None],
        on_result: Callable[[str, HealthResult], None] = lambda host, result: None,
        site: Callable[[str], Sequence[SiteCheck]] = lambda host: (),
        ask: AskFull = health_facts.ask,
        ask_light: Callable[[Exec, Become, Clock], HealthFacts] = health_facts.ask_light,
    ):
        """
        Args:
            folder: for `health.db`; None: what is known lives as long as the engine.
            exec: the way to a host; raises BadInput, SkipHost.
            become: its way to root.
            clock: ours.
            hosts: the names in the inventory, in its order.
            states: of all hosts.
            facts: what a host said of itself when it was connected.
            expected: what the inventory says must be there.
            kernel: who follows the kernel logs; None: nobody.
            config: the settings now.
            policy: what XIDs mean at this site; None: each is a warning that is not known.
            tell: the timeline.
            on_bug: host, error: an internal error, for the log.
            on_result: host, result: called after each full look, and after a light one that found a change.
            site: the site's own checks of a host.
            ask, ask_light: how hosts are asked.
        """
        self._clock, self._hosts, self._states, self._config = clock, hosts, states, config
        self._site, self._tell, self._on_bug, self._on_result = site, tell, on_bug, on_result
        self._windows, self._turns = Windows(), Turns()
        ways = Ways(exec=exec, become=become, ask=ask, ask_light=ask_light)
        sources = Sources(facts=facts, expected=expected, kernel=kernel, policy=policy, site=site)
        self._asking = Asking(ways, sources, self._windows, clock, config)
        self._known = Known(folder, clock, self._lasts, tell)
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._asked: set[str] = set()
        self._in_light: set[str] = set()
        self._planned = Workers(AT_ONCE, "health check")
        self._wanted = Workers(ASKED_AT_ONCE, "health check now")
        self._light = Workers(LIGHT_AT_ONCE, "light check")
        self._trials = Trials(exec, self._tested, tell=tell, on_bug=on_bug)
        self.by_schedule: Callable[[], Mapping[str, float]] = dict
        """Hosts whose full looks a schedule begins (`look`), and epoch seconds of the next one."""

    # What sources tell ------------------------------------------------------------------------------------------

    def sample(self, host: str, sample: Sample) -> None:
        """A new sample; cheap."""
        self._windows.sample(host, sample)
        watch = self._known.find(host)
        if watch is not None:
            watch.see_ports(sample)

    def keep(self, hosts: Iterable[str]) -> None:
        """The inventory was read: forget every other host."""
        wanted = list(hosts)
        self._windows.keep(wanted)
        self._asking.keep(wanted)
        self._known.keep(wanted)

    # Life -------------------------------------------------------------------------------------------------------

    def loop(self, stopping: threading.Event) -> None:
        """Look at hosts in turn until `stopping`; the body of an own thread."""
        pruned = self._clock.monotonic()
        while not self._clock.wait(stopping, TICK_SECONDS):
            self.step()
            if self._clock.monotonic() - pruned >= PRUNE_SECONDS:
                pruned = self._clock.monotonic()
                self._known.prune()

    def step(self) -> None:
        """Begin what is due."""
        settings, states, names = self._config(), self._states(), self._hosts()
        connected = [host for host in names if states.get(host) in CAN_BE_ASKED]
        every, light = settings.every_minutes * 60.0, max(settings.light_seconds, len(connected) / LIGHT_A_SECOND)
        self._asking.light_seconds = light
        self._turns.keep(names)
        due = self._turns.due(connected, self._clock.monotonic(), self._clock.now(), every, light, self.by_schedule())
        for host in due.light:
            self._begin_light(host)
        for host in due.full:
            self._begin(host, "all", self._planned, asked=False)

    def stop(self) -> None:
        """Begin nothing more; looks that wait for a host end with their links."""
        for workers in (self._planned, self._wanted, self._light):
            workers.stop()
        self._trials.stop()
        self._known.close()

    def in_flight(self) -> tuple[str, ...]:
        """What somebody asked for and goes on, one phrase each."""
        with self._lock:
            asked = len(self._asked)
        checks = (f"health check of {asked} host{'s' if asked > 1 else ''}",) if asked else ()
        return (*checks, *self._trials.in_flight())

    # Looking ----------------------------------------------------------------------------------------------------

    def run(self, hosts: Sequence[str], slow: bool = True, actor: str = "") -> tuple[str, ...]:
        """Look at these hosts now, side by side; returns at once with those that were begun.

        Args:
            hosts: names; those that are being looked at already go on.
            slow: also ask nvidia-smi, the disks and the board, which takes seconds.
            actor: who asks; "" is nobody.
        """
        begun = tuple(host for host in hosts if self._begin(host, "all" if slow else "quick", self._wanted, asked=True))
        if actor and begun:
            one = begun[0] if len(begun) == 1 else ""
            self._tell(KIND, "health check" if one else f"health check of {len(begun)} hosts", one, actor, Severity.OK)
        return begun

    def look(self, hosts: Sequence[str]) -> tuple[str, ...]:
        """A schedule's look at these hosts, behind what somebody asked for; those that are being looked at already go on."""
        for host in hosts:
            self._turns.taken(host)
        return tuple(host for host in hosts if self._begin(host, "all", self._planned, asked=False))

    def _begin(self, host: str, what: Asked, workers: Workers, *, asked: bool) -> bool:
        """Who asks does not wait behind the plan: a planned look that still waits finds its turn taken, and is left out."""
        watch, turn = self._known.of(host), object()
        with self._lock:
            if host in self._running or host in self._asked or (watch.turn is not None and not asked):
                return False
            if asked:
                self._asked.add(host)
            watch.begin(turn)
        self._known.news(host)
        workers.do(lambda: self._work(watch, turn, what))
        return True

    def _work(self, watch: HostWatch, turn: object, what: Asked) -> None:
        with self._lock:
            if watch.turn is not turn:
                return
            self._running.add(watch.host)
        try:
            self._look_at(watch, what)
        except SwarmError as error:
            watch.failed(error)
        except Exception as error:  # noqa: BLE001 - the boundary of one host's look: told, and no other host's matter
            self._on_bug(watch.host, error)
            watch.failed(Stop(f"internal error: {error!r}", hint="the engine log has the traceback"))
        finally:
            with self._lock:
                self._running.discard(watch.host)
                self._asked.discard(watch.host)
            watch.end(self._clock.now())
            self._known.news(watch.host)

    def _look_at(self, watch: HostWatch, what: Asked) -> None:
        result = self._asking.full(watch, what)
        self._known.write(watch)
        self._on_result(watch.host, result)

    def _begin_light(self, host: str) -> None:
        watch = self._known.of(host)
        with self._lock:
            if host in self._in_light or host in self._running:
                return
            self._in_light.add(host)
        self._light.do(lambda: self._light_work(watch))

    def _light_work(self, watch: HostWatch) -> None:
        good = False
        try:
            self._look_lightly(watch)
            good = True
        except SwarmError:
            pass  # the way to the host tells of itself; what a light look brings is no data after some time
        except Exception as error:  # noqa: BLE001 - the boundary of one host's look: told, and no other host's matter
            self._on_bug(watch.host, error)
        finally:
            self._turns.answered(watch.host, good)
            with self._lock:
                self._in_light.discard(watch.host)

    def _look_lightly(self, watch: HostWatch) -> None:
        came = self._asking.light(watch)
        if came.rebooted:
            self._turns.soon(watch.host, self._clock.monotonic())
        if came.changed:
            self._changed(watch)

    def _changed(self, watch: HostWatch) -> None:
        self._known.news(watch.host)
        self._known.write(watch)
        result = watch.result
        if result is not None:
            self._on_result(watch.host, result)

    def _lasts(self) -> float:
        return self._asking.spans().full

    # What is known ----------------------------------------------------------------------------------------------

    def result(self, host: str) -> HealthResult | None:
        """The newest result; None before the first."""
        return self._known.of(host).result

    def looks(self, host: str) -> tuple[subjects.Look, ...] | None:
        """Findings as the alerts' rules want them; the same object while nothing changed. None: never looked at."""
        watch = self._known.find(host)
        return watch.looks if watch is not None else None

    def health(self, host: str) -> subjects.Health | None:
        """Facts as the alerts' rules want them; another object with each look. None: never looked at."""
        watch = self._known.find(host)
        return watch.health if watch is not None else None

    def view(self, since: int | None, hosts: Sequence[str]) -> HealthView:
        """Rows of the matrix for `hosts`: all, or those that changed since a version."""
        return self._known.view(since, hosts)

    def details(self, host: str) -> HostChecks:
        """Everything known of one host."""
        watch = self._known.of(host)
        return HostChecks(
            health=watch.row,
            result=watch.result,
            acknowledged=watch.history.acknowledged,
            due=self._due(host),
        )

    def _due(self, host: str) -> float | None:
        due = self._turns.next_full(host)
        if due is None:
            return self.by_schedule().get(host)
        return self._clock.now() + max(0.0, due - self._clock.monotonic())

    def catalogue(self) -> tuple[CheckRow, ...]:
        """Every check, with those of the site."""
        return catalogue(dict.fromkeys(check.name for host in self._hosts() for check in self._site(host)))

    def difference(self, host: str, before: float | None = None, *, rebooted: bool = False) -> DifferenceView:
        """What changed on a host: the gate after maintenance.

        Args:
            host: its name.
            before: epoch seconds of how it stood then; None: how it stood before it stood as now.
            rebooted: it was meant to be rebooted.

        Raises:
            BadInput: it was not looked at then, or never.
            RetryLater: what is written down cannot be read.
        """
        result, stand = self.result(host), self._known.stood(host, before)
        if result is None or stand is None:
            text = "it was never looked at" if result is None else "nothing is known from before"
            raise BadInput(text, host=host, action="compare health", hint=f"swarm-tui check {host} --now looks at it")
        found = difference(stand.result, result, rebooted=rebooted)
        booted = bool(stand.result.boot) and bool(result.boot) and stand.result.boot != result.boot
        time = stand.until if before is None else min(before, stand.until)
        return DifferenceView(
            host=host, before=time, after=result.time, rebooted=booted, passes=found.passes, difference=found
        )

    # Acting -----------------------------------------------------------------------------------------------------

    def ack(self, host: str, check: str, thing: str, actor: str, note: str = "") -> None:
        """Somebody has a finding in hand, until it is well again. Raises BadInput."""
        watch = self._known.of(host)
        watch.acknowledge(check, thing, actor, note, self._clock.now(), self._lasts())
        self._acted(watch, "check-ack", f"acknowledged {_named(check, thing, note)}", actor)

    def clear(self, host: str, check: str, thing: str, actor: str, note: str = "") -> None:
        """A finding is settled ("set healthy"); the host is looked at to see whether that is so. Raises BadInput."""
        watch = self._known.of(host)
        watch.clear(check, thing, actor, self._clock.now(), self._lasts())
        self._acted(watch, "check-clear", f"set healthy: {_named(check, thing, note)}", actor)
        if self._states().get(host) in CAN_BE_ASKED:
            self.run((host,), slow=False)

    def active(self, host: str, test: Test, drained: str, actor: str) -> None:
        """Begin a test that loads the hardware; what comes of it stands among the findings (G30, G31).

        Raises:
            BadInput: there is no such test, or one goes on there already.
            AskOperator: `drained` is not the host's name: nobody has said that nothing else runs there.
        """
        newest = self._windows.newest(host)
        self._trials.begin(host, test, drained, actor, newest.gpus if newest is not None else ())

    def _tested(self, host: str, test: str, findings: tuple[Finding, ...]) -> None:
        watch = self._known.of(host)
        watch.tested(test, findings, self._asking.around(host), self._lasts())
        self._changed(watch)

    def _acted(self, watch: HostWatch, kind: str, text: str, actor: str) -> None:
        self._tell(kind, text, watch.host, actor, Severity.OK)
        self._changed(watch)


def _named(check: str, thing: str, note: str) -> str:
    return clean(f"{check} {thing}".strip(), 160) + (f": {clean(note, 200)}" if note else "")
