"""Rules about units, arrays, disks, clocks and stuck processes, from looks that are minutes or hours apart. What is seen as well is what makes them false."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from shlex import quote

from backends.alerts.model import RuleTimes
from backends.alerts.rules import Finding, Judge, Limit, Rule, Scan
from backends.alerts.subjects import Health, Held, Subject
from backends.alerts.thresholds import MINUTE, found, nodata, waited
from backends.states import HostState, Severity

KEY_UNITS = (
    "nvidia-*",
    "docker*",
    "containerd*",
    "kubelet*",
    "slurmd*",
    "sshd*",
    "ssh.service",
    "chronyd*",
    "chrony.*",
)
"""Without these a GPU host is of no use (H20)."""
BOOT_GRACE = 17 * MINUTE
"""A clock may need that long after a boot (Netdata: system_clock_sync_state)."""
OFFSET = Limit(1.0, 0.5)
STUCK_CHECKS, STUCK_MOST = 5, 3
"""gpud: five looks in a row; three such processes are no accident."""
FABRIC = ("nvidia-fabricmanager.service", "nvidia-persistenced.service")

_CRITICAL, _WARNING, _OK = Severity.CRITICAL, Severity.WARNING, Severity.OK


def doubtful(subject: Subject) -> bool:
    """Whether anything of the last look may be bad: one look that spares five."""
    health = subject.health
    if health is None:
        return False
    if health.failed_units or health.stuck:
        return True
    if health.nvswitch and any(_inactive(health, unit) for unit in FABRIC):
        return True
    return bool((health.arrays and any(health.arrays.values())) or (health.disks and any(health.disks.values())))


# Arrays and disks ----------------------------------------------------------------------------------------------------


def _broken(attribute: str, what: str) -> tuple[Scan, Judge]:
    """Scan and judge of a table of things and what is wrong with them."""

    def table(subject: Subject) -> Mapping[str, str] | None:
        return getattr(subject.health, attribute, None)

    def scan(subject: Subject) -> Sequence[str]:
        known = table(subject)
        return [name for name, wrong in known.items() if wrong] if known else ()

    def judge(subject: Subject, name: str, held: Held) -> Finding:
        known = table(subject)
        if known is None:
            return nodata(_why(subject, attribute))
        if name not in known:
            return nodata(f"{name} was not there at the last look")
        wrong = known[name]
        return found(_CRITICAL if wrong else _OK, None, f"{what} {name}: {wrong or 'well'}")

    return scan, judge


def _why(subject: Subject, name: str) -> str:
    health = subject.health
    return health.missing.get(name, "not measured") if health is not None else "never looked at"


# Units ---------------------------------------------------------------------------------------------------------------


def is_key_unit(subject: Subject, unit: str) -> bool:
    """Whether the host is of no use without it."""
    return any(fnmatch.fnmatchcase(unit, glob) for glob in (*KEY_UNITS, *subject.expected.key_units))


def _failed_scan(subject: Subject) -> Sequence[str]:
    return (subject.health.failed_units if subject.health is not None else None) or ()


def _failed(subject: Subject, unit: str, held: Held) -> Finding:
    failed = subject.health.failed_units if subject.health is not None else None
    if failed is None:
        return nodata(_why(subject, "failed_units"))
    if unit not in failed:
        return found(_OK, None, f"{unit} is not failed any more")
    severity = _CRITICAL if is_key_unit(subject, unit) else _WARNING
    advice = f"See why: journalctl -b -n 50 -u {quote(unit)}; then: systemctl restart {quote(unit)}."
    why = subject.health.unit_results.get(unit, "") if subject.health is not None else ""
    return found(severity, None, f"{unit} failed", (f"its result: {why}",) if why else (), advice)


def _fabric_scan(subject: Subject) -> Sequence[str]:
    health = subject.health
    if health is None or not health.nvswitch or not health.unit_states:
        return ()
    return [unit for unit in FABRIC if _inactive(health, unit)]


def _inactive(health: Health, unit: str) -> bool:
    """A failed one is told as a failed unit already."""
    state = (health.unit_states or {}).get(unit)
    return state is not None and state not in ("active", "activating", "reloading", "failed")


def _fabric(subject: Subject, unit: str, held: Held) -> Finding:
    health = subject.health
    if health is None or health.unit_states is None or unit not in health.unit_states:
        return nodata(_why(subject, "unit_states"))
    state = health.unit_states[unit]
    if held.level is _OK:
        bad = bool(health.nvswitch) and _inactive(health, unit)
    else:
        bad = state != "active"
    text = f"{unit} is {state}: the GPUs cannot talk over NVSwitch" if bad else f"{unit} is {state}"
    return found(_CRITICAL if bad else _OK, None, text, advice=f"Start it: systemctl start {quote(unit)}.")


# Clocks and processes ------------------------------------------------------------------------------------------------


def offset(subject: Subject) -> float | None:
    """By the host's time source; else by our clock."""
    clock = subject.health.clock if subject.health is not None else None
    if clock is not None and clock.offset_seconds is not None:
        return abs(clock.offset_seconds)
    measured = subject.sample.clock_offset_seconds if subject.sample is not None else None
    return abs(measured) if measured is not None else None


def _clock_scan(subject: Subject) -> Sequence[str]:
    away = offset(subject)
    clock = subject.health.clock if subject.health is not None else None
    loose = clock is not None and clock.synchronised is False
    return ("",) if loose or (away is not None and away > OFFSET.fire) else ()


def _clock(subject: Subject, thing: str, held: Held) -> Finding:
    away = offset(subject)
    clock = subject.health.clock if subject.health is not None else None
    if away is not None and away > (OFFSET.clear if held.level is _CRITICAL else OFFSET.fire):
        return found(_CRITICAL, away, f"the clock is {away:.2f} s off")
    synchronised = clock.synchronised if clock is not None else None
    if synchronised is None:
        return nodata(_why(subject, "clock")) if away is None else found(_OK, away, f"the clock is {away:.2f} s off")
    up = subject.sample.uptime_seconds if subject.sample is not None else None
    if synchronised or (up is not None and up < BOOT_GRACE):
        return found(_OK, away, "the clock is synchronised" if synchronised else "the clock may still synchronise")
    return found(_WARNING, away, "the clock is not synchronised")


def _hung(subject: Subject) -> bool:
    status = subject.sample.gpu_status if subject.sample is not None else None
    return subject.state is HostState.DRIVER_HUNG or (status is not None and status.hung)


def _stuck_scan(subject: Subject) -> Sequence[str]:
    return ("",) if subject.health is not None and subject.health.stuck else ()


def _stuck(subject: Subject, thing: str, held: Held) -> Finding:
    processes = subject.health.stuck if subject.health is not None else None
    if processes is None:
        return nodata(_why(subject, "stuck"))
    if held.level is _OK and _hung(subject):
        return found(_OK, None, "the GPU driver that hangs tells of it already")
    lasting = [each for each in processes if each.checks >= STUCK_CHECKS]
    drivers = [each for each in lasting if each.name.startswith("nvidia")]
    grave = len(lasting) >= STUCK_MOST or any(each.name == "nvidia-smi" for each in lasting)
    severity = _CRITICAL if grave else _WARNING if drivers else _OK
    names = ", ".join(f"{each.name} (pid {each.pid})" for each in lasting[:3])
    text = f"{len(lasting)} processes cannot be interrupted: {names}" if lasting else "no process is stuck"
    return found(
        severity, float(len(lasting)), text, tuple(f"{each.name}: {each.checks} looks" for each in lasting[:5])
    )


# The rules -----------------------------------------------------------------------------------------------------------

_ARRAYS, _DISKS = _broken("arrays", "array"), _broken("disks", "disk")


def _rule(id: str, title: str, functions: tuple[Scan, Judge], times: RuleTimes, advice: str, source: str) -> Rule:
    scan, judge = functions
    return Rule(
        id=id, title=title, times=times, needs="health", gate=doubtful, scan=scan, judge=judge, advice=advice, source=source
    )  # fmt: skip


HEALTH_RULES: tuple[Rule, ...] = (
    _rule(
        "disk.array",
        "RAID array is degraded",
        _ARRAYS,
        RuleTimes(),
        "See which member is out: cat /proc/mdstat; mdadm --detail /dev/ARRAY.",
        "Netdata, node mixin (H15)",
    ),
    _rule(
        "disk.smart",
        "Disk says that it fails",
        _DISKS,
        RuleTimes(),
        "Save what is on it, then replace it: smartctl -a /dev/DISK.",
        "gpud, Netdata (H13)",
    ),
    _rule(
        "unit.failed",
        "Unit failed",
        (_failed_scan, _failed),
        waited(30, 5 * MINUTE),
        "See why: systemctl --failed.",
        "Netdata: systemd_service_unit_failed_state (H20)",
    ),
    _rule(
        "gpu.fabric",
        "Fabric manager is down",
        (_fabric_scan, _fabric),
        waited(30, 0),
        f"Start it: systemctl start {FABRIC[0]}.",
        "gpud, DCGM (G22)",
    ),
    _rule(
        "process.stuck",
        "Processes cannot be interrupted",
        (_stuck_scan, _stuck),
        RuleTimes(),
        "Nothing can end them; look at what they wait for (cat /proc/PID/stack), then drain and reboot.",
        "gpud (H03): five looks in a row",
    ),
    Rule(
        id="clock.sync",
        title="Clock is not right",
        times=waited(5 * MINUTE, 5 * MINUTE),
        scan=_clock_scan,
        judge=_clock,
        advice="See its sources: chronyc tracking; chronyc sources, or timedatectl timesync-status.",
        source="Netdata, node mixin (H18)",
        crit=OFFSET,
        unit="s",
    ),
)
