"""What the alert rules look at: a `Subject` of each host, put together of everything that the engine knows. No I/O.

Samples and states come in on the threads of their sources; what changes slowly (updates, backups, health) is fetched by
`refresh`, which the engine calls now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from backends.alerts.subjects import Concern, Delivery, Expected, Health, KernelEvent, Look, Pending, Subject
from backends.alerts.trail import Trail
from backends.alerts.xid_lines import bus_of
from backends.engine.remembered import Remembered
from backends.engine.wire import HostRow
from backends.inventory.host import Host
from backends.metrics.sample import Gpu, HostFacts, Record, Sample
from backends.sources.base import StateChange
from backends.states import HostState

NO_REACH = (HostState.CONNECTING, "", 0)
Glimpse = tuple[str, HostRow, HostFacts | None, Sample | None]
"""Name, row, facts and newest sample of a host."""


class Slow(Record, frozen=True, kw_only=True):
    """What is known of one host besides samples and states; every part None: not known (yet)."""

    expected: Expected = Expected()
    concerns: tuple[Concern, ...] | None = None
    pending: Pending | None = None


class Kernel(Protocol):
    """Where kernel events come from."""

    def events(self, host: str) -> tuple[KernelEvent, ...]:
        """Of the last three days; the same tuple while nothing changed."""


class Checks(Protocol):
    """Where the verdicts of health checks come from."""

    def looks(self, host: str) -> tuple[Look, ...] | None:
        """None: not checked yet."""

    def health(self, host: str) -> Health | None:
        """None: not looked at yet."""


class Gathering:
    """The subjects of one evaluation."""

    def __init__(
        self,
        glimpses: Callable[[], Sequence[Glimpse]],
        remembered: Remembered,
        *,
        kernel: Kernel | None = None,
        checks: Checks | None = None,
        slow: Callable[[Sequence[str]], Mapping[str, Slow]],
    ):
        """
        Args:
            glimpses: what the fleet shows of all hosts.
            remembered: boots.
            slow: asks for what changes slowly; may take a while, never raises.
        """
        self._glimpses, self.remembered = glimpses, remembered
        self._kernel, self._checks, self._ask_slow = kernel, checks, slow
        self._trails: dict[str, Trail] = {}
        self._reach: dict[str, tuple[HostState, str, int]] = {}
        self._came_up: dict[str, str] = {}
        """Host → boot id that it said, until its next sample."""
        self._nameless: set[str] = set()
        """Hosts with a GPU that was lost before anybody could ask it who it is, as after a reconnect."""
        self._gpus: dict[str, tuple[tuple[Gpu, ...], Mapping[str, str]]] = {}
        self._slow: Mapping[str, Slow] = {}
        self.interval_seconds = 1.0

    # what sources tell

    def sample(self, host: str, sample: Sample) -> None:
        """Keep what only several samples tell. One host's samples come one after the other."""
        trail = self._trails.get(host)
        if trail is None:
            trail = self._trails.setdefault(host, Trail())
        trail.add(sample)
        if self._reach.get(host, NO_REACH)[0] is HostState.CONNECTING:
            self._reach[host] = (HostState.UP, "", 0)
        if host in self._came_up:
            self.remembered.booted(host, self._came_up.pop(host), sample.uptime_seconds)
        if sample.gpus:
            self._name_gpus(host, sample.gpus)

    def state(self, host: str, change: StateChange) -> None:
        """A try to connect is no state of its own: what it comes to is. Tries that fail in a row are counted."""
        before = self._reach.get(host, NO_REACH)
        if change.state is HostState.CONNECTING:
            return
        missed = before[2] + 1 if change.state is HostState.UNREACHABLE else 0
        self._reach[host] = (change.state, change.reason, missed)

    def facts(self, host: str, facts: HostFacts) -> None:
        """The host came up: is it the same boot? The next sample tells since when; the last one may be of the boot before."""
        self._came_up[host] = facts.boot_id

    def keep(self, hosts: Iterable[str]) -> None:
        """Forget every other host."""
        wanted = set(hosts)
        for known in (self._trails, self._reach, self._came_up, self._gpus):
            for name in [name for name in known if name not in wanted]:
                known.pop(name, None)
        self._nameless &= wanted
        self.remembered.keep(wanted)

    def forget(self) -> None:
        """A replay jumped."""
        self._trails.clear()

    # what rules look at

    def refresh(self, hosts: Sequence[Host]) -> None:
        """Fetch what changes slowly."""
        self._slow = self._ask_slow([host.name for host in hosts])

    def subjects(
        self,
        now: float,
        settled: Mapping[str, Mapping[tuple[str, str], float]],
        deliveries: tuple[Delivery, ...],
    ) -> list[Subject]:
        """One for each host, and one for the fleet itself.

        Args:
            now: epoch seconds.
            settled: host → (rule, object) → when its last alert ended, for what happened in the last three days.
            deliveries: how the targets of the alerts do.
        """
        found = [self._subject(glimpse, now, settled) for glimpse in self._glimpses()]
        found.append(Subject(host="", now=now, deliveries=deliveries))
        return found

    def _subject(self, glimpse: Glimpse, now: float, settled: Mapping[str, Mapping[tuple[str, str], float]]) -> Subject:
        name, row, facts, sample = glimpse
        state, reason, misses = self._reach.get(name, NO_REACH)
        slow = self._slow.get(name, _NOTHING)
        trail = self._trails.get(name)
        if sample is not None and name in self._nameless:
            sample = replace(sample, gpus=_named(sample.gpus, self._gpus[name][0]))
        return Subject(
            host=name,
            now=now,
            state=state,
            reason=reason,
            misses=misses,
            interval_seconds=self.interval_seconds,
            sample=sample,
            facts=facts,
            expected=slow.expected,
            health=self._checks.health(name) if self._checks is not None else None,
            recent=trail.recent if trail is not None else None,
            events=self._kernel.events(name) if self._kernel is not None else (),
            boots=self.remembered.boots(name),
            known_gpus=self._gpus[name][1] if name in self._gpus else {},
            settled=settled.get(name, {}),
            concerns=slow.concerns,
            looks=self._checks.looks(name) if self._checks is not None else None,
            pending=slow.pending,
            row=row,
        )

    def _name_gpus(self, host: str, gpus: tuple[Gpu, ...]) -> None:
        """PCI address → UUID; a GPU that fell off the bus keeps its name."""
        known = self._gpus.get(host)
        named = _named(gpus, known[0]) if known is not None else gpus
        (self._nameless.discard if named is gpus else self._nameless.add)(host)
        gpus = named
        if known is not None and _identities(known[0]) == _identities(gpus):
            return
        names = dict(known[1]) if known is not None else {}
        names.update({bus_of(gpu.bus_id): gpu.uuid for gpu in gpus if gpu.uuid and gpu.bus_id})
        self._gpus[host] = (gpus, names)


_NOTHING = Slow()


def _named(gpus: tuple[Gpu, ...], before: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """A lost GPU without a name is the one that stood there before; the same object where there is none."""
    if not any(gpu.lost and not gpu.uuid for gpu in gpus):
        return gpus
    seats = {gpu.index: gpu for gpu in before}
    return tuple(_as(gpu, seats[gpu.index]) if gpu.lost and gpu.index in seats else gpu for gpu in gpus)


def _as(gpu: Gpu, known: Gpu) -> Gpu:
    return gpu if gpu.uuid else replace(gpu, uuid=known.uuid, name=known.name, bus_id=known.bus_id)


def _identities(gpus: Sequence[Gpu]) -> list[tuple[str, str]]:
    return [(gpu.bus_id, gpu.uuid) for gpu in gpus]
