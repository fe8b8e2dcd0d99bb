"""All health checks in one table, and how they are carried out: every check gives a finding or a reason why it does not apply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from backends.checks import (
    health_gpu_driver,
    health_gpu_memory,
    health_gpu_pace,
    health_host,
    health_infiniband,
    health_log,
    health_network,
    health_peers,
    health_storage,
    health_system,
)
from backends.checks.health_finding import Finding, unknown
from backends.checks.health_history import History, remember
from backends.checks.health_look import Look
from backends.metrics.sample import Record
from backends.states import Severity

NOT_HERE = "not on this host"
NOT_ASKED = "not asked"


class Check(NamedTuple):
    """One row of the catalogue."""

    id: str
    title: str
    needs: tuple[str, ...]
    """Facts by name, "sample", "log": without one of them the check is UNKNOWN, with the reason."""
    judge: Callable[[Look], Iterable[Finding]]


class HealthResult(Record, frozen=True, kw_only=True):
    """One health check of one host."""

    host: str
    time: float
    boot: str = ""
    root: bool = False
    """Whether the host was looked at as root: without it more is UNKNOWN."""
    findings: tuple[Finding, ...] = ()
    skipped: dict[str, str] = {}
    """Check → why it does not apply."""

    @property
    def severity(self) -> Severity:
        """The worst; UNKNOWN when nothing was judged at all."""
        if not self.findings:
            return Severity.UNKNOWN
        return max((finding.severity for finding in self.findings), key=lambda each: each.rank)

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What is not OK, the worst first, what nobody has in hand before what somebody has."""
        bad = [finding for finding in self.findings if finding.severity is not Severity.OK]
        return tuple(sorted(bad, key=_order))


def _order(finding: Finding) -> tuple[int, bool, int, str, str]:
    return -finding.severity.rank, bool(finding.acknowledged), -finding.action.rank, finding.check, finding.object


driver, wear, pace = health_gpu_driver, health_gpu_memory, health_gpu_pace
fabric, network, host, storage, log = health_infiniband, health_network, health_host, health_storage, health_log
system = health_system
CHECKS = (
    Check("XID", "errors that the GPU driver reports", (), log.xids),
    Check("SXID", "errors that NVSwitches report", (), log.sxids),
    Check("G01", "recovery that the driver asks for", ("smi",), driver.recovery),
    Check("G02", "GPU count", ("sample", "pci"), driver.count),
    Check("G03", "the driver answers", ("sample",), driver.reachable),
    Check("G04", "driver, library and fabric manager fit", ("driver",), driver.versions),
    Check("G05", "row remapping failed", ("sample",), wear.remap_failed),
    Check("G06", "row remapping pending", ("sample",), wear.remap_pending),
    Check("G07", "rows remapped for uncorrectable errors", ("sample",), wear.remapped),
    Check("G08", "retired pages", ("smi",), wear.retired),
    Check("G09", "uncorrectable memory errors", ("sample",), wear.uncorrected),
    Check("G10", "uncorrectable SRAM errors", ("smi",), wear.static_memory),
    Check("G11", "corrected memory errors", ("sample",), wear.corrected),
    Check("G12", "hardware slowdown", ("sample",), pace.slowdown),
    Check("G13", "time slowed down", ("smi",), pace.throttle_time),
    Check("G14", "GPU temperature", ("sample",), pace.heat),
    Check("G15", "memory temperature", ("sample",), pace.memory_heat),
    Check("G16", "power can be read", ("sample",), pace.power),
    Check("G17", "clock stuck low", ("sample",), pace.stuck_clock),
    Check("G18", "PCIe link", ("sample", "pci"), pace.link),
    Check("G19", "PCIe replays", ("sample",), pace.replays),
    Check("G19", "PCIe errors in the log", (), log.pci_errors),
    Check("G20", "NVLinks up", ("sample",), pace.nvlink),
    Check("G21", "NVLink errors", ("nvlink_errors",), pace.nvlink_errors),
    Check("G22", "fabric manager and fabric", ("pci",), driver.fabric),
    Check("G23", "IMEX domain", ("imex",), driver.imex),
    Check("G24", "persistence mode", ("sample",), driver.persistence),
    Check("G25", "peer memory", ("modules", "infiniband"), driver.peer_memory),
    Check("G26", "ACS and IOMMU", ("access_control",), driver.access_control),
    Check("G27", "InfoROM", ("smi",), driver.inforom),
    Check("G28", "ECC, MIG and environment", ("sample",), driver.setup),
    Check("G29", "GPU memory without an owner", ("holders",), driver.held),
    Check("N01", "InfiniBand ports", ("sample",), fabric.ports),
    Check("N02", "InfiniBand drops", ("sample",), fabric.drops),
    Check("N03", "InfiniBand flaps", (), fabric.flaps),
    Check("N04", "InfiniBand counters", ("sample",), fabric.counters),
    Check("N05", "InfiniBand adapters", ("infiniband",), fabric.adapters),
    Check("N06", "mlx5 in the log", (), fabric.log),
    Check("N07", "optics", (), fabric.optics),
    Check("N08", "interfaces", ("nics",), network.nics),
    Check("N09", "sockets", ("sockets",), network.sockets),
    Check("N10", "connection tracking", ("sockets",), network.tracking),
    Check("N10", "bonds", ("bonds",), network.bonds),
    Check("N10", "gateway and names", ("gateway",), network.reach),
    Check("H01", "out of memory", (), log.kills),
    Check("H02", "hung tasks", (), log.hung),
    Check("H03", "processes waiting in the kernel", ("processes",), host.waiting),
    Check("H04", "processes not collected", ("processes",), host.dead),
    Check("H05", "machine checks", (), log.machine_checks),
    Check("H06", "memory modules", ("edac",), host.modules),
    Check("H07", "memory", ("sample",), host.memory),
    Check("H08", "pressure", ("sample",), host.stalls),
    Check("H09", "processors", ("sample",), host.processors),
    Check("H10", "disk space", ("sample",), storage.space),
    Check("H11", "inodes", ("sample",), storage.inodes),
    Check("H12", "mounts", ("mounts",), storage.mounts),
    Check("H12", "file system errors in the log", (), log.filesystem_errors),
    Check("H13", "disk health", (), storage.disks),
    Check("H14", "disk errors in the log", (), log.disks),
    Check("H15", "arrays", ("raid",), storage.arrays),
    Check("H16", "file servers", (), log.servers),
    Check("H17", "disk latency", ("sample",), storage.latency),
    Check("H18", "clock", (), system.clock),
    Check("H19", "open files and processes", ("limits",), system.limits),
    Check("H20", "units", ("units",), system.units),
    Check("H21", "boot, fans, supplies", ("boot",), system.boot),
    Check("H22", "what GPU jobs need", ("extras",), system.extras),
    Check("P01", "GPUs against their peers", ("sample",), health_peers.inside),
    Check("P02", "interfaces against their peers", ("nics",), health_peers.interfaces),
)
"""G30 and G31 load the hardware: see `health_active`. P03 needs a group: see `health_peers.group`."""
BY_LIGHT = frozenset(("H03", "H04", "H12", "H15", "H20"))
"""Checks that need nothing but what `health_facts.ask_light` brings."""
BY_LOG = frozenset(("XID", "SXID", "N02", "N03", "N06", "H01", "H02", "H05", "H14", "H16"))
"""Checks that need nothing but the kernel log and the newest sample."""


def among(ids: Iterable[str]) -> tuple[Check, ...]:
    """The rows of the catalogue with these ids."""
    wanted = frozenset(ids)
    return tuple(check for check in CHECKS if check.id in wanted)


def examine(look: Look, checks: Sequence[Check] | None = None) -> HealthResult:
    """Every check (or these), judged once; nothing is remembered."""
    findings: dict[tuple[str, str], Finding] = {}
    skipped: dict[str, str] = {}
    told: set[str] = set()
    for check in CHECKS if checks is None else checks:
        for finding in _judged(check, look, skipped):
            told.add(check.id)
            place = (finding.check, finding.object)
            if place not in findings or findings[place].severity.rank < finding.severity.rank:
                findings[place] = finding
    facts = look.facts
    boot = facts.boot.boot_id if facts and facts.boot else look.identity.boot_id if look.identity else ""
    return HealthResult(
        host=look.host,
        time=look.now,
        boot=boot,
        root=facts.root if facts else False,
        findings=tuple(findings.values()),
        skipped={name: reason for name, reason in skipped.items() if name not in told},
    )


def _judged(check: Check, look: Look, skipped: dict[str, str]) -> Iterator[Finding]:
    for need in check.needs:
        unmet, reason = _unmet(need, look)
        if unmet and reason in (NOT_HERE, NOT_ASKED):
            skipped[check.id] = reason
            return
        if unmet:
            yield unknown(check.id, f"{check.title}: {reason}")
            return
    try:
        found = list(check.judge(look))
    except Exception as error:  # noqa: BLE001  # one check's fault must not hide the others; it is told as UNKNOWN
        yield unknown(check.id, f"{check.title}: the check itself failed: {type(error).__name__}: {error}"[:300])
        return
    if not found:
        skipped[check.id] = NOT_HERE
    yield from found


def _unmet(need: str, look: Look) -> tuple[bool, str]:
    if need == "sample":
        return look.sample is None, "there is no sample"
    facts = look.facts
    if facts is None:
        return True, "the host was not asked"
    if need in facts.missing:
        return True, facts.missing[need]
    optional = need in ("pci", "edac")  # their checks have something to say without
    return getattr(facts, need) is None and not optional, NOT_HERE


def check(
    look: Look, checks: Sequence[Check] | None = None, more: Sequence[Finding] = ()
) -> tuple[History, HealthResult]:
    """Every check, with what is remembered: since when, reboots outlived, who has it in hand.

    Args:
        look: what is known of the host.
        checks: rows of the catalogue; None: all.
        more: what was found by other means: by the site's commands, against a group, by tests under load.

    Returns:
        What to remember for the next time, and the result.
    """
    counted = look.history if look.facts is None else host.count_waiting(look.history, look.facts)
    result = examine(msgspec.structs.replace(look, history=counted), checks)
    told = {one.check for one in more}
    findings = (*_without_denied(result.findings, more), *more)
    history, remembered = remember(counted, findings, result.boot, look.now, _judged_ones(findings, result.skipped))
    skipped = {name: reason for name, reason in result.skipped.items() if name not in told}
    return history, msgspec.structs.replace(result, findings=remembered, skipped=skipped)


def _without_denied(findings: Iterable[Finding], more: Sequence[Finding]) -> list[Finding]:
    """Without an "all is well" of the whole host where something else found a thing that is not, and without doubles."""
    bad = {one.check for one in more if one.bad}
    places = {(one.check, one.object) for one in more}
    return [
        one
        for one in findings
        if (one.check, one.object) not in places
        and not (one.check in bad and not one.object and one.severity is Severity.OK)
    ]


def _judged_ones(findings: Iterable[Finding], skipped: Mapping[str, str]) -> frozenset[str]:
    """Checks that know how it stands: what is gone from what they tell is well again."""
    known = {finding.check for finding in findings if finding.severity is not Severity.UNKNOWN}
    return frozenset(known | {check for check, reason in skipped.items() if reason == NOT_HERE})
