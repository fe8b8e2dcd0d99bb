"""What the health checks are given: everything that is known of one host at one moment, and what was remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from backends.checks.health_finding import Action
from backends.checks.health_history import History
from backends.hostkit.health_model import HealthFacts
from backends.hostkit.kernel_message import KernelEvent
from backends.metrics.sample import Gpu, HostFacts, Record, Sample
from backends.states import Severity


class Expected(Record, frozen=True, kw_only=True):
    """What the inventory says must be there; None: it does not say."""

    gpus: int | None = None
    memory_bytes: int | None = None
    infiniband_ports: int | None = None
    infiniband_bits_per_second: float | None = None
    nvme_disks: int | None = None


class XidNote(NamedTuple):
    """What a site's policy makes of an XID."""

    severity: Severity
    action: Action
    meaning: str


XidPolicy = Callable[[int], XidNote | None]


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One host, as the checks see it."""

    host: str
    now: float
    """Epoch seconds."""
    samples: tuple[Sample, ...] = ()
    """Of the last 15 minutes or so, oldest first, at any spacing; the last is the newest."""
    facts: HealthFacts | None = None
    before: HealthFacts | None = None
    """The look before, for what counts up."""
    identity: HostFacts | None = None
    events: tuple[KernelEvent, ...] = ()
    """Of the kernel log, at least of three days, as far as it was read."""
    log_trouble: str = "it was not read"
    """Why the kernel log is not known ("no permission: dmesg"); "" when it is."""
    expected: Expected = Expected()
    history: History = History()
    policy: XidPolicy | None = None
    """None: every XID is a warning whose meaning is not known."""

    @property
    def sample(self) -> Sample | None:
        """The newest."""
        return self.samples[-1] if self.samples else None

    @property
    def span(self) -> float:
        """Seconds between the first and the last sample."""
        return self.samples[-1].time - self.samples[0].time if len(self.samples) > 1 else 0.0

    @property
    def gpus(self) -> tuple[Gpu, ...]:
        return self.samples[-1].gpus if self.samples else ()

    @property
    def pair(self) -> tuple[HealthFacts, HealthFacts, float] | None:
        """(before, now, seconds between) of the same boot, where counters can be compared."""
        if self.facts is None or self.before is None or self.facts.boot is None or self.before.boot is None:
            return None
        seconds = self.facts.time - self.before.time
        same = self.facts.boot.boot_id == self.before.boot.boot_id
        return (self.before, self.facts, seconds) if same and seconds > 0 else None

    def same_gpu(self, gpu: Gpu) -> Iterator[tuple[float, Gpu]]:
        """(time, that GPU) in each sample."""
        for sample in self.samples:
            for other in sample.gpus:
                if other.index == gpu.index and other.uuid == gpu.uuid:
                    yield sample.time, other

    def recent(self, kinds: tuple[str, ...], seconds: float) -> list[KernelEvent]:
        """Events of these kinds in the last so many seconds, without those that were cleared."""
        start = self.now - seconds
        return [event for event in self.events if event.kind in kinds and event.time >= start]


def gpu_name(gpu: Gpu) -> str:
    """What names a GPU for ever."""
    return gpu.uuid or f"gpu {gpu.index}"


def unreadable(gpu: Gpu, field: str) -> str | None:
    """Why a field that this GPU should have is missing; None when the GPU or its driver has no such thing."""
    reason = gpu.missing.get(field, "not read" if gpu.vendor == "nvidia" else "not supported")
    absent = ("not supported", "not in this driver", "not offered")
    return None if any(words in reason for words in absent) else reason


def grown(before: int | None, now: int | None) -> int | None:
    """By how much a counter rose; None when it is not known or was set back."""
    return None if before is None or now is None or now < before else now - before
