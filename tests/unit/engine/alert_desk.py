"""The alerts of an engine with hosts, targets and a clock in the hands of the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backends.alerts.channel import Sent
from backends.alerts.subjects import KernelEvent
from backends.clock import ManualClock
from backends.config.schema import AlertsConfig, TargetConfig
from backends.engine.alerting import Alerting
from backends.engine.gathering import Gathering, Slow
from backends.engine.remembered import Remembered
from backends.engine.wire import HostRow
from backends.inventory.host import Host
from backends.metrics.sample import Filesystem, HostFacts, Sample
from backends.sources.base import StateChange
from backends.states import HostState, Severity
from tests.unit.alerts.receivers import eventually
from tests.unit.engine.parts import sample

BOOT = "0" * 31 + "1"
PATIENT_SECONDS = 5.0


class HeldClock(ManualClock):
    """Time moves only when the test says so; who waits is woken by what it waits for, never by time."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(PATIENT_SECONDS)


class Phone:
    """A target that takes everything, or fails as it is told to."""

    place = "fake://phone"

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.failing = ""

    def send(
        self,
        title: str,
        body: str,
        severity: Severity,
        dedup: str = "",
        action: str = "",
        late: Callable[[Sent], None] | None = None,
    ) -> Sent:
        if self.failing:
            return Sent(ok=False, reason=self.failing, seconds=1.0)
        self.sent.append((title, body))
        return Sent(ok=True, seconds=0.1)

    @property
    def titles(self) -> list[str]:
        return [title for title, _ in self.sent]


class Log:
    """Kernel events by hand."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[KernelEvent, ...]] = {}

    def events(self, host: str) -> tuple[KernelEvent, ...]:
        return self.known.get(host, ())


class AlertDesk:
    """One engine's alerts; `again` is another engine over the same files."""

    def __init__(self, folder: Path | None, names: Sequence[str] = ("a", "b"), **alerts: Any):
        self.clock, self.folder, self.alerts_config = HeldClock(), folder, alerts
        self.phones: dict[str, Phone] = {}
        self.hosts = tuple(Host(name=name) for name in names)
        self.samples: dict[str, Sample] = {}
        self.told: list[tuple[str, str, str]] = []
        self.counts: Mapping[str, int] = {}
        self.captured: list[tuple[str, str]] = []
        self.bugs: list[Exception] = []
        self.slow: dict[str, Slow] = {}
        self.log = Log()
        self.service = self._made()

    def _made(self) -> Alerting:
        file = self.folder / "boots.json" if self.folder else None
        self.remembered = Remembered(
            file, self.clock, lambda host: False, lambda text: self.told.append(("", text, ""))
        )
        self.gathering = Gathering(self._glimpses, self.remembered, kernel=self.log, slow=lambda names: {**self.slow})
        service = Alerting(
            self.folder,
            self.gathering,
            self.clock,
            now=self.clock.now,
            tell=lambda kind, text, host, actor, severity: self.told.append((kind, text, host)),
            on_counts=lambda counts: setattr(self, "counts", counts),
            on_critical=lambda host, reason: self.captured.append((host, reason)),
            on_bug=lambda host, error: self.bugs.append(error),
            bundle_of=lambda host, since: None,
            sender=lambda target: self.phones.setdefault(target.name, Phone()),
        )
        service.configure(self.config(), self.hosts, 1.0)
        return service

    def config(self) -> AlertsConfig:
        targets = (TargetConfig(name="oncall", url="json://127.0.0.1/hook", min_severity="info"),)
        return AlertsConfig(**{"targets": targets, "test_day": "none", **self.alerts_config})

    def again(self) -> AlertDesk:
        """The engine was killed: another one takes over, over the same files. Nothing was written at its end."""
        self.service.delivering.stop()
        eventually(lambda: not any(each.name.startswith("alert-courier") for each in threading.enumerate()))
        self.service.outbox._store.close()
        self.service.book.close()
        self.service = self._made()
        return self

    def close(self) -> None:
        self.service.stop()

    # the hosts

    def see(self, host: str = "a", *, used: float = 40.0, time: float | None = None) -> None:
        """A host is up and tells how full its disk is."""
        self.gathering.state(host, StateChange(state=HostState.UP))
        found = sample(self.clock.now() if time is None else time, gpus=0)
        disk = Filesystem(
            mount="/", used_percent=used, total_bytes=100 << 30, available_bytes=int((100 - used) * (1 << 30))
        )
        self.samples[host] = Sample(time=found.time, uptime_seconds=99_999.0, cpu=found.cpu, filesystems=(disk,))
        self.gathering.sample(host, self.samples[host])

    def away(self, host: str = "a", misses: int = 3) -> None:
        """Nobody reaches it."""
        for _ in range(misses):
            self.gathering.state(host, StateChange(state=HostState.UNREACHABLE, reason="timeout"))

    def run(self, seconds: float, *, step: float = 5.0, **disks: float) -> None:
        """Let time pass, with samples and evaluations; `a=97.0`: how full the disk of a host is all the while."""
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            self.clock.advance(step)
            for host, used in disks.items():
                self.see(host, used=used)
            self.service.cycle()
            for name in self.phones:
                self.service.outbox.wake(name)  # time has passed, which who waits for it cannot see

    def _glimpses(self) -> list[tuple[str, HostRow, HostFacts | None, Sample | None]]:
        return [
            (host.name, self._row(host.name), HostFacts(boot_id=BOOT), self.samples.get(host.name))
            for host in self.hosts
        ]

    def _row(self, name: str) -> HostRow:
        sample = self.samples.get(name)
        used = sample.filesystems[0].used_percent if sample is not None else None
        return HostRow(name=name, state=HostState.UP, disk_percent=used)

    # what came of it

    @property
    def phone(self) -> Phone:
        return self.phones["oncall"]

    def hears(self, count: int) -> list[str]:
        """The titles, once so many arrived."""
        eventually(lambda: len(self.phone.sent) >= count)
        return self.phone.titles

    def kinds(self) -> list[str]:
        """What is on the timeline."""
        return [kind for kind, _, _ in self.told]
