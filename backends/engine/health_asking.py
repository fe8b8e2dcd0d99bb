"""Looks at one host: asks it, puts what is known besides next to its answer, and has both judged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from backends.checks import health_site
from backends.checks.health_catalogue import HealthResult
from backends.checks.health_finding import Finding, unknown
from backends.checks.health_look import Expected, Look, XidPolicy
from backends.checks.health_merge import Asked
from backends.checks.health_site import SiteCheck
from backends.clock import Clock
from backends.engine.health_group import Groups
from backends.engine.health_host import Around, HostWatch, Outcome, Spans
from backends.engine.health_samples import Windows
from backends.errors import SkipHost, SwarmError
from backends.execution import Exec
from backends.hostkit import health_facts
from backends.hostkit.health_model import HealthFacts
from backends.hostkit.kernel_message import KernelEvent
from backends.hostkit.travel import Become
from backends.metrics.sample import HostFacts, Record, Sample

LIGHT_LASTS, LIGHT_LASTS_LEAST = 4.0, 240.0
"""Light looks that may fail in a row before what they brought is no data, and the seconds that this is at least."""
UNPLANNED_LASTS = 2 * 3600.0
"""What a full look brings counts for two periods, and for so long where none is planned."""
SITE_SECONDS = 300.0
"""For all of the site's checks of one host together; those that find no time left are unknown."""
NOT_READ, LOG_TRIES, LOG_STEP_SECONDS = "not read yet", 12, 0.25
"""What is said of a kernel log that was never read (`kernel_watch.NOT_READ`), and how long that is waited for."""
CLOCK_SECONDS = 5.0
"""A host's clock that is further away is taken into account in the times of its kernel log."""


class Kernel(Protocol):
    """Who follows the kernel logs."""

    def raw(self, host: str) -> tuple[KernelEvent, ...]:
        """Events of at least three days, oldest first."""

    def trouble(self, host: str) -> str:
        """Why the log is not known; "" when it is."""


class Settings(Protocol):
    """As `backends.config.schema.ChecksConfig`."""

    @property
    def every_minutes(self) -> float:
        """0: only when somebody asks."""

    @property
    def light_seconds(self) -> float: ...


class AskFull(Protocol):
    """As `health_facts.ask`."""

    def __call__(self, host: Exec, become: Become, clock: Clock, *, slow: bool = True) -> HealthFacts: ...


class Ways(Record, frozen=True, kw_only=True):
    """How hosts are reached and asked."""

    exec: Callable[[str], Exec]
    become: Callable[[str], Become]
    ask: AskFull = health_facts.ask
    ask_light: Callable[[Exec, Become, Clock], HealthFacts] = health_facts.ask_light


class Sources(Record, frozen=True, kw_only=True):
    """What is known of hosts without asking them."""

    facts: Callable[[str], HostFacts | None]
    """What a host said of itself when it was connected."""
    expected: Callable[[str], Expected]
    kernel: Kernel | None
    """None: nobody reads the kernel logs."""
    policy: XidPolicy | None
    site: Callable[[str], Sequence[SiteCheck]]
    """The site's own checks of a host."""


class Asking:
    """Carries looks out; at most one of a kind and host at a time."""

    def __init__(self, ways: Ways, sources: Sources, windows: Windows, clock: Clock, config: Callable[[], Settings]):
        self._ways, self._sources, self._windows = ways, sources, windows
        self._clock, self._config = clock, config
        self._groups = Groups(windows.newest)
        self.light_seconds = 0.0
        """Between two light looks at a host as it is now: in a large fleet longer than the settings say."""

    def spans(self) -> Spans:
        """How long what is seen counts."""
        settings = self._config()
        full = settings.every_minutes * 120.0 or UNPLANNED_LASTS
        light = max(settings.light_seconds, self.light_seconds)
        return Spans(full=full, light=max(LIGHT_LASTS_LEAST, LIGHT_LASTS * light))

    def keep(self, hosts: Sequence[str]) -> None:
        """Forget every other host."""
        self._groups.keep(hosts)

    def _await_log(self, host: str) -> None:
        """Give a kernel log that is being read for the first time a moment: without it half the checks are UNKNOWN."""
        kernel, never = self._sources.kernel, threading.Event()
        for _ in range(LOG_TRIES):
            if kernel is None or kernel.trouble(host) != NOT_READ:
                return
            self._clock.wait(never, LOG_STEP_SECONDS)

    def full(self, watch: HostWatch, what: Asked) -> HealthResult:
        """Everything about a host. Raises SwarmError: it could not be asked; what was seen last stays."""
        facts, refused = self._answer(watch.host, what)
        self._await_log(watch.host)
        if refused is not None and self._windows.newest(watch.host) is None:
            raise refused
        site = self._site(watch.host) if facts is not None else ()
        around = self.around(watch.host)
        result = watch.judge(facts, what, around, lambda look: self._more(look, site), self.spans())
        if refused is not None:
            watch.failed(refused)
        return result

    def light(self, watch: HostWatch) -> Outcome:
        """What changes from one minute to the next. Raises SwarmError."""
        facts = self._ways.ask_light(self._ways.exec(watch.host), self._ways.become(watch.host), self._clock)
        newest = self._windows.newest(watch.host)
        around = self.around(watch.host, () if newest is None else (newest,))
        return watch.judge_light(facts, around, self.spans())

    def around(self, host: str, samples: tuple[Sample, ...] | None = None) -> Around:
        """What is known of a host without asking it; `samples` instead of the last quarter of an hour."""
        known = self._windows.of(host) if samples is None else samples
        kernel = self._sources.kernel
        return Around(
            now=self._clock.now(),
            samples=known,
            identity=self._sources.facts(host),
            events=self._events(host, known[-1].clock_offset_seconds if known else None),
            log_trouble=kernel.trouble(host) if kernel is not None else "it is not followed here",
            expected=self._sources.expected(host),
            policy=self._sources.policy,
        )

    def _answer(self, host: str, what: Asked) -> tuple[HealthFacts | None, SkipHost | None]:
        """What the host answers; where it never can (no python3, a simulation), its samples still say something.

        Raises:
            RetryLater, AskOperator, BadInput: as `health_facts.ask`.
        """
        ways = self._ways
        try:
            return ways.ask(ways.exec(host), ways.become(host), self._clock, slow=what == "all"), None
        except SkipHost as error:
            return None, error

    def _more(self, look: Look, site: tuple[Finding, ...]) -> tuple[Finding, ...]:
        return (*site, *self._groups.findings(look))

    def _site(self, host: str) -> tuple[Finding, ...]:
        limit = self._clock.monotonic() + SITE_SECONDS
        return tuple(self._site_check(host, check, limit) for check in self._sources.site(host))

    def _site_check(self, host: str, check: SiteCheck, limit: float) -> Finding:
        left = limit - self._clock.monotonic()
        if left <= 1.0:
            return unknown(f"site:{check.name}", "not run: the site's other checks took all the time")
        bounded = msgspec.structs.replace(check, timeout_seconds=min(check.timeout_seconds, left))
        try:
            return health_site.ask(self._ways.exec(host), bounded).finding
        except SwarmError as error:
            return unknown(f"site:{check.name}", error.message)

    def _events(self, host: str, offset: float | None) -> tuple[KernelEvent, ...]:
        """In our time."""
        kernel = self._sources.kernel
        events = kernel.raw(host) if kernel is not None else ()
        if offset is None or abs(offset) < CLOCK_SECONDS:
            return events
        return tuple(msgspec.structs.replace(event, time=event.time - offset) for event in events)
