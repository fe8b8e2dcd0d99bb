"""What the alerts' rules look at of the health checks: findings as looks, facts of the last minutes as health. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from backends.alerts.check_rules import BY_SAMPLE
from backends.alerts.subjects import Clock, Health, Look, StuckProcess
from backends.checks.health_catalogue import HealthResult
from backends.checks.health_finding import Action, Finding
from backends.checks.health_history import History
from backends.checks.health_look import Look as HealthLook
from backends.checks.health_storage import disks, read_arrays
from backends.hostkit.health_model import ClockFacts, HealthFacts, PciDevice
from backends.states import Severity
from backends.text import clean

_SOURCES: Mapping[str, str] = {
    "failed_units": "units",
    "unit_states": "units",
    "arrays": "raid",
    "clock": "clock",
    "stuck": "processes",
    "pci_gpus": "pci",
    "nvswitch": "pci",
}
"""Field of `Health` → the fact that it is read from."""


def looks(result: HealthResult, times: Mapping[str, float], lasts_seconds: float) -> tuple[Look, ...]:
    """Each finding as the rules want it, but those that they see by themselves in samples and in the kernel log.

    Args:
        result: of the last look.
        times: check → when it was judged last, where that was after the result's own time.
        lasts_seconds: after so long a finding is no data.
    """
    told = (finding for finding in result.findings if finding.check not in BY_SAMPLE)
    return tuple(_look(finding, times.get(finding.check, result.time), lasts_seconds) for finding in told)


def _look(finding: Finding, time: float, lasts_seconds: float) -> Look:
    action = finding.advice or ("" if finding.action is Action.NONE else str(finding.action))
    return Look(
        check=finding.check,
        object=finding.object,
        severity=finding.severity,
        text=finding.text,
        evidence=finding.evidence,
        action=action,
        time=time,
        lasts_seconds=lasts_seconds,
    )


def health(facts: HealthFacts, history: History, lasts_seconds: float) -> Health:
    """What rules look at of the facts. What was not learnt is None, with the reason."""
    units, devices = facts.units, facts.pci
    return Health(
        time=facts.time,
        lasts_seconds=lasts_seconds,
        failed_units=None if units is None else tuple(sorted(unit.unit for unit in units if unit.active == "failed")),
        unit_results={unit.unit: unit.result for unit in units or () if unit.active == "failed" and unit.result},
        unit_states=None if units is None else {unit.unit: unit.active for unit in units},
        arrays=None
        if facts.raid is None
        else {name: _array(*state) for name, state in read_arrays(facts.raid).items()},
        disks=_disks(facts),
        clock=None if facts.clock is None else _clock(facts.clock),
        stuck=_stuck(facts, history),
        pci_gpus=_count(devices, lambda one: one.kind in ("display", "accelerator") and bool(one.maker)),
        nvswitch=None if devices is None else any(one.kind == "bridge" and one.maker == "nvidia" for one in devices),
        read_only_mounts=_read_only(facts),
        missing=_missing(facts),
    )


def _array(state: str, failed: Iterable[str], wanted: int, working: int) -> str:
    """What is wrong with an array, "" for nothing."""
    out = tuple(failed)
    if out:
        return f"{', '.join(out[:4])} failed, {working} of {wanted} members work"
    if working < wanted:
        return f"{working} of {wanted} members work"
    return "" if state == "active" else f"it is {state}"


def _disks(facts: HealthFacts) -> dict[str, str] | None:
    """Disk → what it says is wrong; a disk that says nothing is not there, and warm is not failing."""
    judged = disks(HealthLook(host="", now=facts.time, facts=facts))
    found = {one.object: one for one in judged if one.object in facts.smart and one.severity is not Severity.UNKNOWN}
    if not found:
        return None
    return {name: one.text if one.action is Action.INSPECT else "" for name, one in found.items()}


def _clock(facts: ClockFacts) -> Clock:
    """By chrony where it answers, else by what systemd says."""
    said = facts.chrony
    fields = said.lines[0].split(",") if said is not None and said.status == 0 and said.lines else []
    if len(fields) >= 13:
        offset, follows = _number(fields[4]), fields[2] != "0" and "Not synchronised" not in fields[-1]
        return Clock(synchronised=follows, offset_seconds=offset if follows else None)
    words = dict(line.split("=", 1) for line in (facts.systemd.lines if facts.systemd else ()) if "=" in line)
    told = words.get("NTPSynchronized")
    return Clock(synchronised=None if told is None else told == "yes")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < 1e12 else None


def _stuck(facts: HealthFacts, history: History) -> tuple[StuckProcess, ...] | None:
    if facts.processes is None:
        return None
    return tuple(
        StuckProcess(pid=one.pid, name=one.name, checks=history.waiting.get(f"{one.pid}:{one.ticks}", 1))
        for one in facts.processes.waiting
    )


def _count(devices: tuple[PciDevice, ...] | None, meant: Callable[[PciDevice], bool]) -> int | None:
    return None if devices is None else sum(map(meant, devices))


def _read_only(facts: HealthFacts) -> tuple[str, ...]:
    wanted = facts.mounts.wanted if facts.mounts is not None else ()
    return tuple(one.mount for one in wanted if "ro" in one.options.split(","))


def _missing(facts: HealthFacts) -> dict[str, str]:
    """Field of `Health` → why it is not known."""
    found = {
        field: facts.missing.get(fact, "the host has no such thing")
        for field, fact in _SOURCES.items()
        if getattr(facts, fact) is None
    }
    disk = next((reason for name, reason in facts.missing.items() if name.startswith("smart ")), "")
    return found if facts.smart else {**found, "disks": clean(disk, 300) or "no disk says how it is"}
