"""What the rules look at: one `Subject` a host and evaluation, filled by the engine from what it already knows. Plain data.

What was not measured is None with a reason, never 0; what is too old says so by its time. Everything that a host wrote is
cleaned and bounded before it comes here. The fleet's own state (targets of delivery) is the subject without a host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from backends.metrics.sample import Filesystem, HostFacts, Record, Sample
from backends.states import HostState, Severity

MOST_EVENTS = 1000
"""Kernel events of one host that are looked at; the newest count."""
STALE_INTERVALS, STALE_SECONDS = 3.0, 15.0
"""A sample older than the larger of both is no data: at one sample a second, three are lost to every reconnect."""

_READ = frozenset({HostState.UP, HostState.STALE, HostState.DRIVER_HUNG})


class Expected(Record, frozen=True, kw_only=True):
    """What the inventory says that the host has; None: nothing is expected."""

    gpus: int | None = None
    nics: tuple[str, ...] = ()
    """Interfaces that must be up."""
    infiniband_ports: int | None = None
    infiniband_bits_per_second: float | None = None
    """Of each of these ports."""
    nvlinks: int | None = None
    """Of each GPU; None: as many as the driver names."""
    key_units: tuple[str, ...] = ()
    """Units besides those of the pack whose failure is critical (globs)."""


class KernelEvent(Record, frozen=True, kw_only=True):
    """One line of the kernel log that means something."""

    time: float
    kind: str
    """"xid", "sxid", "oom", "hung-task", "lockup", "panic", "machine-check", "pcie", "filesystem", "disk", "nvme", "nfs",
    …, as `backends.hostkit.kernel_message` names them; rules that do not know it leave it alone."""
    boot_id: str = ""
    """32 hex digits."""
    object: str = ""
    """PCI address, device, server, memory module."""
    code: int | None = None
    """Of an XID or SXID; None: read from the text."""
    grade: str = ""
    """"corrected", "uncorrected", "fatal", "nonfatal", "read-only", "up", "down", "ok", "silent", or ""."""
    text: str = ""
    """The line."""
    job: str = ""
    """Slurm job or container that it hit; "" when not known."""


class Boot(Record, frozen=True, kw_only=True):
    """The host came up with another boot id."""

    time: float
    boot_id: str
    planned: bool
    """Inside a maintenance window or ordered from here."""
    noticed: float = 0.0
    """When that was found out; 0: at once. An engine that was away finds out late."""


class StuckProcess(Record, frozen=True, kw_only=True):
    """A process that could not be interrupted."""

    pid: int
    name: str
    checks: int
    """Looks in a row (a minute apart, one missed look is tolerated) that found it in state D."""


class Clock(Record, frozen=True, kw_only=True):
    """How a host keeps time."""

    synchronised: bool | None = None
    offset_seconds: float | None = None
    """From its time source."""


class Health(Record, frozen=True, kw_only=True):
    """What is looked at less often than once a second. None: not known; the reason stands in `missing` under the name."""

    time: float
    lasts_seconds: float = 7200.0
    """After so long it is no data: twice the period of the look."""
    failed_units: tuple[str, ...] | None = None
    unit_results: Mapping[str, str] = {}
    """Failed unit → how, in systemd's words: "signal", "exit-code", "timeout"."""
    unit_states: Mapping[str, str] | None = None
    """Unit → "active", "failed", "inactive" …, of the watched ones."""
    arrays: Mapping[str, str] | None = None
    """RAID array → what is wrong with it, "" for nothing."""
    disks: Mapping[str, str] | None = None
    """Disk → what SMART or NVMe says is wrong, "" for nothing."""
    clock: Clock | None = None
    stuck: tuple[StuckProcess, ...] | None = None
    pci_gpus: int | None = None
    """GPUs on the PCI bus, whether the driver sees them or not."""
    nvswitch: bool | None = None
    read_only_mounts: tuple[str, ...] = ()
    """Mounts that fstab wants read-only."""
    missing: Mapping[str, str] = {}


class Trend(Record, frozen=True, kw_only=True):
    """When a filesystem is full if it goes on like this."""

    full_in_seconds: float | None = None
    """None: it is not filling, or `reason` says why that is not known."""
    reason: str = ""
    bytes_per_second: float = 0.0
    """By which it fills."""


class Recent(Record, frozen=True, kw_only=True):
    """What only several samples tell (`backends.alerts.trail`)."""

    cpu_busy_percent: float | None = None
    """Mean of the last minute, as the next."""
    iowait_percent: float | None = None
    drops_percent: Mapping[str, float] = {}
    """Interface → dropped of all packets in ten minutes."""
    errors_percent: Mapping[str, float] = {}
    slowed: Mapping[str, tuple[float, float]] = {}
    """GPU → slowdown events a minute over the last 10 and 30 minutes; only GPUs that had any."""
    slowed_from: float = 0.0
    """Since when slowdowns are counted."""
    oom_times: tuple[float, ...] = ()
    """When the kernel's count of out-of-memory kills rose, the last thirty minutes."""
    trends: Mapping[str, Trend] = {}
    """Mount → forecast."""


class Concern(Record, frozen=True, kw_only=True):
    """A condition of the backups."""

    code: str
    severity: Severity
    object: str = ""
    """Repository and set."""
    text: str
    since: float = 0.0
    next_step: str = ""


class Look(Record, frozen=True, kw_only=True):
    """The verdict of one health check."""

    check: str
    """"G05"."""
    object: str = ""
    severity: Severity
    """UNKNOWN is no data."""
    text: str = ""
    evidence: tuple[str, ...] = ()
    action: str = ""
    """The next step in words."""
    time: float
    lasts_seconds: float = 7200.0


class Pending(Record, frozen=True, kw_only=True):
    """What waits to be done to the software of a host."""

    reboot_since: float | None = None
    """None: no reboot is required."""
    security: int | None = None
    """Security updates that wait; None: not known."""
    security_since: float | None = None
    """When the oldest of them was first seen."""
    reason: str = ""
    """Why something is not known."""


class Delivery(Record, frozen=True, kw_only=True):
    """One target of the alerts."""

    target: str
    failing_since: float | None = None
    """None: it works."""
    reason: str = ""


class Held(Record, frozen=True, kw_only=True):
    """What the state machine holds of one alert, as far as a rule must know it."""

    level: Severity = Severity.OK
    """At which it fires or recovers; OK while it is pending or over."""
    since: float = 0.0
    """When it was last true."""
    settled: float = 0.0
    """Events up to this time are dealt with (resolved)."""


NOT_HELD = Held()


class Subject(Record, frozen=True, kw_only=True):
    """One host at one evaluation."""

    host: str
    """"" is the fleet itself."""
    now: float
    state: HostState = HostState.UP
    """The last one that was no mere try to connect; CONNECTING before the first."""
    reason: str = ""
    misses: int | None = None
    """Tries in a row that did not reach it; None where nobody counts."""
    interval_seconds: float = 1.0
    sample: Sample | None = None
    """The newest, however old."""
    facts: HostFacts | None = None
    expected: Expected = Expected()
    health: Health | None = None
    recent: Recent | None = None
    events: tuple[KernelEvent, ...] = ()
    """Of the last three days, oldest first. The same tuple while nothing changed: what was read of it is kept."""
    boots: tuple[Boot, ...] = ()
    """Of the last day."""
    known_gpus: Mapping[str, str] = {}
    """PCI address ("0000:05:00") → UUID, as last seen: a GPU that fell off the bus still has its name."""
    settled: Mapping[tuple[str, str], float] = {}
    """(rule, object) → when its last alert was resolved, for event rules of the last three days: the state machine forgets
    sooner than the log."""
    resets: Mapping[str, float] = {}
    """GPU (UUID, or PCI address where that is not known) → when it was last reset."""
    concerns: tuple[Concern, ...] | None = None
    looks: tuple[Look, ...] | None = None
    pending: Pending | None = None
    deliveries: tuple[Delivery, ...] | None = None
    row: object | None = None
    """The row of the fleet that the rules of the site look at."""

    @property
    def connected(self) -> bool:
        """Whether samples should come."""
        return self.state in _READ

    @property
    def no_sample(self) -> str:
        """Why there is no usable sample; "" when there is one."""
        sample = self.sample
        if self.state not in _READ:
            return self.reason or str(self.state)
        if sample is None:
            return "no sample yet"
        age = self.now - sample.time
        if age > STALE_SECONDS and age > STALE_INTERVALS * self.interval_seconds:
            return f"no sample for {age:.0f} s"
        return ""

    @property
    def booted(self) -> float | None:
        """When the host came up, as far as that is known."""
        sample = self.sample
        if sample is None or sample.uptime_seconds is None:
            return max((boot.time for boot in self.boots), default=None)
        return sample.time - sample.uptime_seconds


def filesystem(subject: Subject, mount: str) -> Filesystem | None:
    """The filesystem at `mount`; None when the sample has none."""
    found = subject.sample.filesystems if subject.sample is not None else ()
    return next((one for one in found if one.mount == mount), None)


Needs = Literal["sample", "health", "reach", "events", "concerns", "looks", "pending", "deliveries", "row"]
"""What a rule is made from; the evaluator asks once for each whether it is there."""
