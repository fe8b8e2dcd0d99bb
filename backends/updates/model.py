"""The plain data of updates: what could change on a host, what is planned, what became of it.

Absent is not zero: `security` is None where the package manager cannot tell, and shown as "unknown".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from backends.metrics.sample import Record
from backends.states import Severity
from backends.updates.extras_model import FirmwareUpdate, PythonEnvironment

ManagerName = Literal["apt", "dnf", "zypper", "pacman"]


class PackageClass(StrEnum):
    """What a package is to a GPU host: decides caution, reboot and which packages move together."""

    KERNEL = "kernel"
    GPU_DRIVER = "gpu-driver"
    FABRIC = "fabric"
    FIRMWARE = "firmware"
    BOOT = "boot"
    CORE_LIB = "core-lib"
    ACCESS = "access"
    CONTAINER = "container"
    SCHEDULER = "scheduler"
    REST = "rest"


class Change(Record, frozen=True, kw_only=True):
    """One package that would change on one host."""

    name: str
    architecture: str = ""
    kind: Literal["upgrade", "install", "remove", "downgrade"] = "upgrade"
    installed: str = ""
    """Version now; "" when it is not installed."""
    candidate: str = ""
    """Version afterwards; "" when it is removed."""
    origin: str = ""
    """Where the candidate comes from, as the package manager names it."""
    package_class: PackageClass = PackageClass.REST
    security: bool | None = None
    """A security fix lies between installed and candidate; None: the sources do not tell."""
    security_version: str = ""
    """The newest version with a security source, where that is not the candidate."""
    cves: tuple[str, ...] = ()
    advisories: tuple[str, ...] = ()
    size_bytes: int | None = None
    """To download."""
    held: bool = False
    """Held or locked: listed, never applied."""
    kept_back: str = ""
    """Why the package manager would leave it out ("phased", "needs a new package"); "" when it would not."""
    first_seen: float | None = None
    """Epoch seconds when this candidate was first seen on any host of the fleet."""
    replaces: tuple[str, ...] = ()
    """Installed packages that go because this one takes their place (rpm's Obsoletes)."""


class ServiceNeed(Record, frozen=True, kw_only=True):
    """A unit that still runs old code."""

    unit: str
    deferred: bool = False
    """Not restarted by default (dbus, docker, slurmd …)."""
    reason: str = ""


class RebootNeed(Record, frozen=True, kw_only=True):
    """Whether a host should be rebooted, and why."""

    needed: bool | None = None
    """None: could not be found out."""
    reasons: tuple[str, ...] = ()
    running_kernel: str = ""
    expected_kernel: str = ""
    """What the next boot is expected to run."""
    source: str = ""
    """Who says so: "needrestart", "/run/reboot-required", "own detection"."""
    loaded_driver: str = ""
    """Version of the NVIDIA driver that runs; "" when there is none, or it is not known."""
    installed_driver: str = ""
    """The same of its module on the disk, for the running kernel."""


class FamilyVersion(Record, frozen=True, kw_only=True):
    """One of the versions that must agree (kernel module, NVML, library, fabric manager)."""

    part: str
    version: str = ""
    """"" when it could not be read."""
    reason: str = ""


class Holder(Record, frozen=True, kw_only=True):
    """Who holds a package manager's lock, or our unit."""

    pid: int | None = None
    command: str = ""
    since: float | None = None
    who: str = ""


class Inventory(Record, frozen=True, kw_only=True):
    """What one host would change, as found without changing it."""

    host: str
    manager: ManagerName
    system: str = ""
    taken: float = 0.0
    """Epoch seconds."""
    lists_age_seconds: float | None = None
    """Age of the package lists that this was computed from."""
    changes: tuple[Change, ...] = ()
    holds: tuple[str, ...] = ()
    security_known: bool = True
    reboot: RebootNeed = RebootNeed()
    services: tuple[ServiceNeed, ...] = ()
    family: tuple[FamilyVersion, ...] = ()
    warnings: tuple[Caution, ...] = ()
    missing: dict[str, str] = {}
    """Part → why it could not be read."""
    family_packages: tuple[str, ...] = ()
    """Installed packages of the NVIDIA driver family: held, released and moved as one."""
    firmware: tuple[FirmwareUpdate, ...] | None = None
    """Devices with a newer firmware; None: not asked, or not readable (`missing` tells why)."""
    python: tuple[PythonEnvironment, ...] = ()
    """The Python environments that the configuration names for this host."""


class Caution(Record, frozen=True, kw_only=True):
    """Something that the operator must know before approving."""

    kind: str
    """"family-split", "held", "kept-back", "boot-space", "var-space", "clock-skew", "expired-key", "missing-key",
    "dead-mirror", "dirty-dpkg", "lock-held", "security-unknown", "stale-lists", "removal", …"""
    text: str
    severity: Severity = Severity.WARNING
    blocks: bool = False
    """Applying is refused until it is cured."""
    repair: str = ""
    """Id of a repair step that cures it; "" when there is none."""


class Selection(Record, frozen=True, kw_only=True):
    """What of the possible changes is wanted."""

    security_only: bool = False
    classes: tuple[PackageClass, ...] = ()
    """Empty: all."""
    packages: tuple[str, ...] = ()
    """Globs; empty: all."""
    cves: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    minimum_age_seconds: float = 0.0
    """Approval delay, counted from first seen."""


class HostPlan(Record, frozen=True, kw_only=True):
    """What exactly would be done on one host: the simulated result of the very arguments that would be applied."""

    host: str
    manager: ManagerName | Literal[""]
    """"" when the host could not be asked which one it has; `error` says why."""
    changes: tuple[Change, ...] = ()
    left_out: tuple[Change, ...] = ()
    arguments: tuple[str, ...] = ()
    """The package arguments, version-pinned: "libc6=2.36-9+deb12u9"."""
    command: tuple[str, ...] = ()
    """The whole apply argv, as it would run; shown to the operator."""
    download_bytes: int | None = None
    disk_bytes: int | None = None
    """Additional space used afterwards (may be negative)."""
    reboot: bool | None = None
    reboot_reasons: tuple[str, ...] = ()
    warnings: tuple[Caution, ...] = ()
    error: str = ""
    """Why this host cannot be planned; then nothing will be applied there."""
    boot_id: str = ""
    automatic: tuple[str, ...] = ()
    """Packages named in `arguments` that were installed as somebody's dependency: marked so again afterwards."""
    timers: tuple[str, ...] = ()
    """Active timers that would start the package manager by themselves: stopped before, started afterwards."""

    @property
    def change_set(self) -> tuple[tuple[str, str, str, str], ...]:
        """What identifies an identical change: sorted (name, kind, installed, candidate)."""
        return tuple(sorted((c.name, c.kind, c.installed, c.candidate) for c in self.changes))


class ChangeSet(Record, frozen=True, kw_only=True):
    """Hosts that would change in the same way ("41 hosts: the same 17 packages")."""

    hosts: tuple[str, ...]
    changes: tuple[Change, ...]
    download_bytes: int | None = None
    reboot: bool | None = None
    warnings: tuple[Caution, ...] = ()


class Plan(Record, frozen=True, kw_only=True):
    """A fleet-wide plan: a contract that names its hash."""

    id: str
    created: float
    author: str
    selection: Selection
    hosts: tuple[HostPlan, ...]
    hash: str
    """SHA-256 over the hosts' change sets and arguments; approval names it."""


class Stage(StrEnum):
    """Where the change of one host stands."""

    QUEUED = "queued"
    CHECKING = "checking"
    """Re-simulating; compared with the plan."""
    PREFETCHING = "prefetching"
    WAITING_FOR_LOCK = "waiting-for-lock"
    APPLYING = "applying"
    DETACHED = "detached"
    """The link is gone; the host goes on by itself."""
    VERIFYING = "verifying"
    RESTARTING = "restarting"
    REBOOTING = "rebooting"
    SOAKING = "soaking"
    DONE = "done"
    PARTIAL = "partial"
    """Applied n of m."""
    FAILED = "failed"
    REFUSED = "refused"
    """Not started: plan differs, gate is red, somebody else holds the host."""
    CANCELLED = "cancelled"


class PackageResult(Record, frozen=True, kw_only=True):
    """What became of one planned change."""

    name: str
    planned: str
    found: str = ""
    """Version after; "" when not installed."""
    outcome: Literal["applied", "unchanged", "failed", "half-configured", "held", "other-version"] = "unchanged"
    reason: str = ""


class Outcome(Record, frozen=True, kw_only=True):
    """The truth about one host's change, from text and post-state; the exit status is only one of its inputs."""

    host: str
    stage: Stage
    exit_status: int | None = None
    results: tuple[PackageResult, ...] = ()
    problems: tuple[str, ...] = ()
    """Failed scriptlets, half-configured packages, skipped patches …, one sentence each."""
    leftovers: tuple[str, ...] = ()
    """New configuration files that were not taken: *.dpkg-dist, *.rpmnew, *.pacnew."""
    repairs: tuple[str, ...] = ()
    """Ids of repair steps that are offered."""
    tail: str = ""
    """The last lines of output."""
    notes: tuple[str, ...] = ()
    """What else was looked at and found well, or could not be looked at: "a new login works"."""

    @property
    def applied(self) -> int:
        """How many of the planned changes are really there."""
        return sum(1 for result in self.results if result.outcome == "applied")


class Progress(Record, frozen=True, kw_only=True):
    """How far a running change is."""

    host: str
    stage: Stage
    done: int = 0
    planned: int = 0
    current: str = ""
    """Package being worked on."""
    download_percent: float | None = None
    text: str = ""
    started: float | None = None
    holder: Holder | None = None


class HistoryEntry(Record, frozen=True, kw_only=True):
    """One transaction of a host, from the package manager's own log joined with our journal."""

    host: str
    id: str
    """The package manager's own transaction id, or the time."""
    time: float
    changes: tuple[Change, ...] = ()
    command: str = ""
    actor: str = ""
    """Who, as far as the log tells."""
    plan: str = ""
    """Our plan's id; "" when it was not us."""
    ok: bool | None = None
    error: str = ""
    rollback: bool | None = None
    """Whether the old versions can still be had; None: not looked up."""


class Repair(Record, frozen=True, kw_only=True):
    """An explicit step that cures a known bad state, shown before it runs."""

    id: str
    text: str
    command: tuple[str, ...]


class Step(Record, frozen=True, kw_only=True):
    """A command around the change itself: timers stopped and started again, marks put back."""

    id: str
    text: str
    command: tuple[str, ...]
    always: bool = False
    """Runs even when a step before it failed, because it puts back what an earlier one took away."""
