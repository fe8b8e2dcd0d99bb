"""How long steps take on simulated hosts, what is seen of them meanwhile, and what they write down. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from backends.maintenance import facts
from backends.maintenance.model import HostPlan, StepKind

SECONDS: Mapping[StepKind, float] = {
    StepKind.DRAIN: 90.0,
    StepKind.SNAPSHOT: 8.0,
    StepKind.BACKUP: 200.0,
    StepKind.UPDATE: 260.0,
    StepKind.REBOOT: 170.0,
    StepKind.REBOOT_IF_NEEDED: 170.0,
    StepKind.CHECK: 25.0,
    StepKind.COMMAND: 40.0,
    StepKind.PROOF: 0.0,
    StepKind.GATE: 0.0,
    StepKind.RESUME: 6.0,
}
"""What a step takes on a usual host."""
PACKAGES = (
    "libssl3",
    "openssl",
    "libc6",
    "linux-image-6.1.0-31-amd64",
    "openssh-server",
    "systemd",
    "curl",
    "libgnutls30",
)
OLD_KERNEL, NEW_KERNEL = "6.1.0-28-amd64", "6.1.0-31-amd64"
CVES = ("CVE-2026-21441", "CVE-2026-20917")
PROVEN_SECONDS = 2 * 86400.0
"""Since the restore drill of a usual host."""
REBOOTS = frozenset({StepKind.REBOOT, StepKind.REBOOT_IF_NEEDED})
DOWN_FROM, DOWN_UNTIL = 0.15, 0.7
"""Shares of a reboot between which the host does not answer."""
ENDS_AT = 0.6
"""Share of an update at which a package fails."""


class Fault(StrEnum):
    """What is wrong with a simulated host."""

    PACKAGE = "package"
    """A package fails to configure."""
    NOT_BACK = "not-back"
    """It does not come back from its reboot."""
    GPU_MISSING = "gpu-missing"
    """One GPU less after the reboot."""
    OLD_KERNEL = "old-kernel"
    TWICE = "reboots-twice"
    DRAINED = "drained-by-others"
    DOWN = "down-before"
    """It is down before we come."""
    UNREACHABLE = "unreachable"
    """It looks well until it is talked to."""
    HANGS = "hangs"
    """Its update never ends."""
    ASKS = "asks"
    """Its update is refused until somebody overrules that."""
    UNPROVEN = "unproven"
    """Nobody ever restored its backup for a test."""
    ALERTS = "alerts-afterwards"
    """New alerts fire there once it was given back."""


FAILS: Mapping[Fault, tuple[frozenset[StepKind], str, str]] = {
    Fault.PACKAGE: (
        frozenset({StepKind.UPDATE}),
        "openssl: its post-installation script returned error exit status 1",
        "look at the output, repair it, then retry",
    ),
    Fault.NOT_BACK: (REBOOTS, "not back after its reboot", "look at its console over the BMC"),
    Fault.OLD_KERNEL: (
        REBOOTS,
        f"came back with the old kernel {OLD_KERNEL}, not {NEW_KERNEL}",
        "look at its boot entry",
    ),
    Fault.TWICE: (REBOOTS, "it has rebooted twice: another boot id after it had come back", "look at its last boots"),
    Fault.GPU_MISSING: (
        frozenset({StepKind.CHECK}),
        "7 of 8 GPUs: GPU 5 is missing since the reboot",
        "look at the kernel log for Xid 79; reseat or replace it",
    ),
}
"""Fault → the steps that fail of it, what is said, what to do."""
WELL: tuple[frozenset[StepKind], str, str] = (frozenset(), "", "")


class Seen(NamedTuple):
    """A step at one moment."""

    state: str
    text: str


def seconds_of(kind: StepKind, host: str) -> float:
    """What this step takes on this host: the usual time, 0.8 to 1.3 times."""
    return SECONDS[kind] * (0.8 + zlib.crc32(f"{host} {kind}".encode()) % 1000 / 2000)


def seen(kind: StepKind, done: float, host: HostPlan, argument: str) -> Seen:
    """What the board shows at a share (0–1) of a step."""
    if kind is StepKind.DRAIN:
        job = 40_000 + zlib.crc32(host.host.encode()) % 9000
        return Seen("draining", f"job {job} of mira still runs") if host.scheduler != "none" else Seen("draining", "")
    if kind is StepKind.UPDATE:
        if done < 0.3:
            return Seen("downloading", f"{done / 0.3:.0%} of 214 MB")
        at = min(len(PACKAGES) - 1, int((done - 0.3) / 0.7 * len(PACKAGES)))
        return Seen("installing", f"{at} of {len(PACKAGES)} packages: {PACKAGES[at]}")
    if kind in REBOOTS:
        if done < DOWN_FROM:
            return Seen("going down", "")
        return Seen("booting", "it does not answer yet") if done < DOWN_UNTIL else Seen("soak", "up with a new boot id")
    words = {
        StepKind.SNAPSHOT: Seen("looking", "health before"),
        StepKind.BACKUP: Seen("backing up", f"set {argument or 'config'}: {done * 18.4:.1f} GB"),
        StepKind.CHECK: Seen("checking", "GPUs, links, mounts, units, kernel"),
        StepKind.COMMAND: Seen("running", argument),
        StepKind.RESUME: Seen("giving back", ""),
    }
    return words.get(kind, Seen(str(kind), ""))


def ended(kind: StepKind, argument: str) -> str:
    """What a step says when it is done."""
    words = {
        StepKind.DRAIN: "no job left",
        StepKind.SNAPSHOT: "36 units, 8 GPUs, no alert",
        StepKind.BACKUP: f"archive of {argument or 'config'} made",
        StepKind.PROOF: f"{argument.partition(':')[0] or 'config'} was restored from vault for a test 2d ago",
        StepKind.UPDATE: f"{len(PACKAGES)} of {len(PACKAGES)} applied",
        StepKind.REBOOT: f"up with {NEW_KERNEL}",
        StepKind.REBOOT_IF_NEEDED: f"up with {NEW_KERNEL}",
        StepKind.CHECK: "as before",
        StepKind.COMMAND: "exit status 0",
        StepKind.GATE: "answered",
        StepKind.RESUME: "given back",
    }
    return words[kind]


def facts_of(kind: StepKind, argument: str, now: float = 0.0) -> dict[str, str]:
    """What a step writes down for the report, at that moment (epoch seconds)."""
    if kind is StepKind.UPDATE:
        rows = [(name, "1.0-1", "1.0-2", "applied") for name in PACKAGES]
        return {
            facts.PACKAGES: facts.written(rows),
            facts.CVES: "\n".join(CVES),
            facts.PACKAGES_PLANNED: str(len(rows)),
        }
    if kind in REBOOTS:
        return {facts.KERNEL_BEFORE: OLD_KERNEL, facts.KERNEL_AFTER: NEW_KERNEL, facts.REBOOTED: "yes"}
    if kind is StepKind.BACKUP:
        return {facts.ARCHIVE: facts.written([("vault", f"{argument or 'config'}-1", 18_400_000_000)])}
    if kind is StepKind.PROOF:
        return {facts.PROOF: f"{now - PROVEN_SECONDS:.0f}"}
    if kind is StepKind.CHECK:
        files = [("etc/ssl/openssl.cnf content", "of an updated package"), ("fact:packages content", "by the updates")]
        return {facts.KERNEL_AFTER: NEW_KERNEL, facts.DRIFT_PLANNED: facts.written(files)}
    if kind is StepKind.RESUME:
        return {facts.RESUMED: "yes"}
    return {facts.EXIT_STATUS: "0"} if kind is StepKind.COMMAND else {}
