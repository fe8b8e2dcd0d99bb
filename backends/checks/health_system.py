"""The system around the jobs: clock, limits, services, boot, fans, and what GPU jobs need besides. H18–H22. Thresholds:
monitoring §2d.
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.checks.health_finding import Action, Finding, critical, graded, ok, unknown, warning
from backends.checks.health_look import Look, grown
from backends.hostkit.health_model import Unit
from backends.units import percent, size, span

FILES_WARNING, FILES_CRITICAL = 80.0, 95.0
"""Per cent of open files and of process numbers (gpud)."""
OFFSET_SECONDS, OFFSET_CRITICAL = 0.05, 1.0
"""The clock's distance from its source (node mixin; default rule pack)."""
SYNC_GRACE = 17 * 60.0
"""After boot (netdata)."""
RESTARTS = 5
"""Automatic restarts of a unit an hour (awesome-prometheus-alerts)."""
FAILED_SECONDS = 30.0
"""So long a unit has failed before it is told (default rule pack)."""
FRESH_SECONDS = 600.0
SHM_LEAST = 1 << 30
FILES_LEAST = 65536
RUNTIME_SECONDS = 10.0
_KEY = frozenset(("nvidia-persistenced", "nvidia-fabricmanager", "nvidia-imex", "nvidia-dcgm", "docker", "containerd"))
_KEY |= {"crio", "kubelet", "slurmd", "ssh", "sshd", "chrony", "chronyd"}
"""Units on which others lean (monitoring H20)."""


def clock(look: Look) -> Iterator[Finding]:
    """H18: the clock follows a source, and is near it."""
    facts, sample = look.facts.clock if look.facts else None, look.sample
    offset = sample.clock_offset_seconds if sample else None
    if offset is not None and abs(offset) >= OFFSET_CRITICAL:
        text = f"its clock is {offset:+.1f} s from ours"
        yield critical("H18", text, "ours", advice="chronyc makestep (or look at ours)", value=offset)
    if facts is None:
        yield unknown("H18", "neither chrony nor systemd-timesyncd says what keeps the time")
        return
    tracking = (
        facts.chrony.lines[0].split(",") if facts.chrony and facts.chrony.status == 0 and facts.chrony.lines else []
    )
    if len(tracking) >= 13:
        yield _tracked(tracking, facts.uptime)
        return
    words = dict(line.split("=", 1) for line in (facts.systemd.lines if facts.systemd else ()) if "=" in line)
    if words.get("NTPSynchronized") == "yes":
        yield ok("H18", "the clock is synchronised")
    elif facts.uptime is not None and facts.uptime < SYNC_GRACE:
        yield unknown("H18", f"not synchronised yet, {span(facts.uptime)} after boot")
    elif "NTPSynchronized" in words:
        yield warning("H18", "the clock is not synchronised", advice="timedatectl; chronyc sources")
    else:
        yield unknown("H18", "what keeps the time gave no answer")


def _tracked(fields: list[str], uptime: float | None) -> Finding:
    """`chronyc -c tracking`: reference id, name, stratum, reference time, offset now, last offset, …, leap status."""
    try:
        offset, stratum = float(fields[4]), int(fields[2])
    except ValueError:
        return unknown("H18", "chrony's answer was not understood")
    if not abs(offset) < 1e12:
        return unknown("H18", "chrony's answer was not understood")
    leap = fields[13] if len(fields) > 13 else ""
    if "Not synchronised" in leap or stratum == 0:
        fresh = uptime is not None and uptime < SYNC_GRACE
        return (unknown if fresh else warning)("H18", "chrony follows no source")
    text = f"the clock is {abs(offset) * 1000:.1f} ms from its source"
    return graded("H18", abs(offset), (OFFSET_SECONDS, OFFSET_CRITICAL), text, advice="chronyc sources -v")


def limits(look: Look) -> Iterator[Finding]:
    """H19: open files and process numbers."""
    found = look.facts.limits if look.facts else None
    if found is None:
        return
    rows = (("open files", found.files, found.files_max), ("process numbers", found.tasks, found.pid_max))
    for name, used, most in (*rows, ("threads", found.tasks, found.threads_max)):
        if used is None or not most:
            yield unknown("H19", f"{name}: not read", name)
            continue
        share = 100.0 * used / most
        text = f"{percent(share)} of {name} are in use"
        yield graded("H19", share, (FILES_WARNING, FILES_CRITICAL), text, name, action=Action.CHECK_APP)


def units(look: Look) -> Iterator[Finding]:
    """H20: units that failed, or are restarted over and over."""
    facts = look.facts
    if facts is None or facts.units is None:
        return
    before = {unit.unit: unit for unit in (look.pair[0].units or ())} if look.pair else {}
    found = [finding for unit in facts.units if (finding := _unit(unit, before.get(unit.unit), look)) is not None]
    yield from found
    if not found:
        yield ok("H20", "no unit has failed")


def _unit(unit: Unit, before: Unit | None, look: Look) -> Finding | None:
    key = unit.unit.removesuffix(".service") in _KEY
    advice = f"systemctl status {unit.unit}; journalctl -u {unit.unit} -n 50"
    if unit.active == "failed":
        if unit.age is not None and unit.age < FAILED_SECONDS:
            return unknown("H20", f"{unit.unit} failed just now", unit.unit)
        ago = f" since {span(unit.age)}" if unit.age is not None else ""
        make = critical if key else warning
        text = f"{unit.unit} has failed{ago}{f': {unit.result}' if unit.result else ''}"
        return make("H20", text, unit.unit, action=Action.RESTART_APP, advice=advice)
    rise = grown(before.restarts, unit.restarts) if before is not None else None
    if rise and look.pair is not None and rise * 3600.0 / max(look.pair[2], 300.0) > RESTARTS:
        text = f"{unit.unit} was restarted {rise} times in {span(look.pair[2])}"
        return warning("H20", text, unit.unit, action=Action.CHECK_APP, advice=advice, value=float(rise))
    return None


def boot(look: Look) -> Iterator[Finding]:
    """H21: booted just now without being told to, a panic before that, broken fans and supplies."""
    facts = look.facts
    now = facts.boot if facts else None
    found = []
    if now is not None and look.history.boot and now.boot_id and now.boot_id != look.history.boot:
        text = f"it was rebooted, {span(now.uptime)} ago"
        found.append(
            warning(
                "H21", text, "reboot", evidence=(f"kernel {now.kernel}",), advice="last -x reboot; journalctl -b -1 -e"
            )
        )
    elif now is not None and now.uptime is not None and now.uptime < FRESH_SECONDS:
        found.append(warning("H21", f"up for {span(now.uptime)} only", "reboot"))
    if now is not None and now.panics:
        text = f"a crashed kernel left {len(now.panics)} records in pstore"
        found.append(
            warning(
                "H21",
                text,
                "panic",
                evidence=now.panics[:3],
                action=Action.INSPECT,
                advice="ls /sys/fs/pstore /var/lib/systemd/pstore",
            )
        )
    found += _fans(look) + _board(look)
    yield from found
    if now is not None and not found:
        yield ok("H21", f"up for {span(now.uptime)}")
    if now is not None and now.panics is None:
        yield unknown("H21", "no permission: /sys/fs/pstore", "panic")


def _fans(look: Look) -> list[Finding]:
    found = []
    for fan in (look.facts.fans or ()) if look.facts else ():
        slow = fan.rpm is not None and fan.low is not None and fan.low > 0 and fan.rpm < fan.low
        if fan.alarm or slow:
            text = f"fan {fan.name} turns at {fan.rpm if fan.rpm is not None else '?'} rpm"
            found.append(warning("H21", text, f"fan {fan.name}", action=Action.INSPECT))
    return found


def _board(look: Look) -> list[Finding]:
    board = look.facts.board if look.facts else None
    found: list[Finding] = []
    if board is None:
        return found
    for said, word in ((board.fans, "fan"), (board.supplies, "supply")):
        bad = [line for line in (said.lines if said else ()) if _is_bad(line)]
        if bad:
            found.append(
                critical(
                    "H21", f"{word}: {bad[0][:120]}", f"board {word}", evidence=tuple(bad[:4]), action=Action.INSPECT
                )
            )
    grave = [line for line in (board.log.lines if board.log else ()) if "ritical" in line or "ncorrectable" in line]
    if grave:
        text = f"the board's log: {grave[-1][:120]}"
        found.append(
            warning(
                "H21", text, "board log", evidence=tuple(grave[-3:]), action=Action.INSPECT, advice="ipmitool sel elist"
            )
        )
    return found


def _is_bad(line: str) -> bool:
    """ "FAN1 | 41h | cr | 29.1 | 0 RPM": the third field is "ok" or "ns" (no reading) when all is well."""
    fields = [field.strip().lower() for field in line.split("|")]
    failed = any(words in line for words in ("Failure detected", "AC lost", "lost or out-of-range"))
    return failed or (len(fields) > 3 and fields[2] in ("cr", "nr", "nc", "lcr", "lnr", "ucr", "unr"))


def extras(look: Look) -> Iterator[Finding]:
    """H22: shared memory, limits, cgroups and runtimes on a GPU node."""
    facts = look.facts
    if facts is None or facts.extras is None or not (look.gpus or look.expected.gpus):
        return
    own, found = facts.extras, []
    if own.shm_total is not None and own.shm_total < SHM_LEAST:
        found.append(
            warning(
                "H22",
                f"shared memory holds {size(own.shm_total)} only",
                "shm",
                advice="data loaders need more of /dev/shm",
            )
        )
    elif own.shm_total and own.shm_free is not None and own.shm_free < own.shm_total * 0.05:
        found.append(warning("H22", "shared memory is full", "shm", action=Action.CHECK_APP))
    if own.locked_memory is not None and facts.infiniband:
        found.append(
            warning(
                "H22",
                f"a session may lock {size(own.locked_memory)} only",
                "memlock",
                advice="RDMA needs memlock unlimited",
            )
        )
    if own.open_files is not None and own.open_files < FILES_LEAST:
        found.append(warning("H22", f"a session may open {own.open_files} files only", "files"))
    found += [_runtime(name, seconds) for name, seconds in facts.runtimes.items() if seconds >= RUNTIME_SECONDS / 2]
    for name, reason in facts.missing.items():
        if name.startswith("runtime ") and not reason.startswith("no permission"):
            text = f"container {name}: {reason}"
            found.append(
                critical("H22", text, name, action=Action.RESTART_APP, advice="systemctl status docker containerd")
            )
        elif name.startswith("runtime "):
            found.append(unknown("H22", f"{name}: {reason}", name))
    yield from found
    if not found:
        yield ok("H22", "shared memory, limits and runtimes suit GPU jobs")


def _runtime(name: str, seconds: float) -> Finding:
    return warning(
        "H22", f"the container runtime {name} takes {seconds:.0f} s to answer", f"runtime {name}", value=seconds
    )
