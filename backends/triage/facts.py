"""Sections → facts: what the host's programs printed, as numbers and names. What was not understood is absent, never zero."""

from __future__ import annotations

import re
from collections.abc import Mapping

from backends.hostkit.triage_answer import Section, TriageAnswer
from backends.metrics.sample import Record
from backends.triage.changes import changes
from backends.triage.gpu_facts import Device, GpuRow, devices, driver_version, gpu_rows
from backends.triage.kernel_lines import KernelEvent, events
from backends.triage.model import Change

_ORDERLY = re.compile(
    r"reboot: (?:Restarting system|Power down)|systemd-shutdown|Reached target .*(?:Shutdown|Reboot|Power-Off)|"
    r"Journal stopped|Shutting down\.$|System is (?:rebooting|powering down)"
)
_SPACE = re.compile(
    r"(?P<device>.+?) (?P<kind>\S+) (?P<total>\d+) (?P<used>\d+) (?P<free>\d+) (?P<percent>\d+)% (?P<mount>.+)"
)
_INODES = re.compile(r"(?P<device>.+?) (?P<total>\d+) (?P<used>\d+) (?P<free>\d+) (?P<percent>\d+)% (?P<mount>.+)")
_VIRTUAL = ("tmpfs", "proc", "sysfs", "devpts", "swap", "none", "debugfs", "hugetlbfs")
WIDTH = 500
"""Of a line of df."""
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?")


class Waiting(Record, frozen=True, kw_only=True):
    """A process that waits in the kernel or is dead and not fetched."""

    pid: int
    parent: int
    state: str
    """ "D" or "Z"."""
    age_seconds: float
    """Since it was started."""
    where: str
    name: str


class Full(Record, frozen=True, kw_only=True):
    """How full a filesystem is."""

    mount: str
    kind: str = ""
    percent: float
    free_bytes: int | None = None


class Mount(Record, frozen=True, kw_only=True):
    """A filesystem that is mounted."""

    device: str
    mount: str
    kind: str
    read_only: bool


class Facts(Record, frozen=True, kw_only=True):
    """What one triage found, before anybody judges it."""

    begin: float
    """By the host's clock."""
    uptime_seconds: float | None = None
    boot_id: str = ""
    kernel: str = ""
    system: str = ""
    orderly: bool | None = None
    """Whether the last boot ended as it should; None: not known."""
    events: tuple[KernelEvent, ...] = ()
    devices: tuple[Device, ...] | None = None
    """None: the bus could not be read."""
    driver: str = ""
    """That the kernel has loaded."""
    gpus: tuple[GpuRow, ...] | None = None
    """None: nvidia-smi gave no table."""
    waiting: tuple[Waiting, ...] = ()
    memory_percent: float | None = None
    """Available, of all."""
    pressure: Mapping[str, float] = {}
    """ "memory some" → per cent of the last 60 s."""
    mounts: tuple[Mount, ...] = ()
    wanted: tuple[str, ...] = ()
    """Mount points of fstab that are to be there at boot."""
    wanted_read_only: tuple[str, ...] = ()
    space: tuple[Full, ...] = ()
    inodes: tuple[Full, ...] = ()
    failed_units: tuple[str, ...] = ()
    units: Mapping[str, str] = {}
    """Unit → "active/running", of those that are installed."""
    restarts: Mapping[str, int] = {}
    links: Mapping[str, str] = {}
    """Port or interface → "up 200 Gb/s", "down"."""
    clock_offset_seconds: float | None = None
    reboot_required: bool = False
    versions: Mapping[str, str] = {}
    changes: tuple[Change, ...] = ()
    """That the host's own logs tell of, oldest first."""

    @property
    def gpu_devices(self) -> tuple[Device, ...]:
        """GPUs on the PCI bus."""
        return tuple(each for each in self.devices or () if each.gpu)


def facts(answer: TriageAnswer) -> Facts:
    """What is in the sections of one answer."""
    by_name = {each.name: each for each in answer.sections}
    text = {name: each.text if each.kind == "done" else "" for name, each in by_name.items()}
    system = dict(line.split(" ", 1) for line in text.get("system", "").split("\n") if " " in line)
    uptime = number(system.get("uptime", ""))
    boot_time = None if uptime is None else answer.begin - uptime
    mounted, wanted, wanted_read_only = _mounts(text.get("mounts", ""))
    units, restarts = _units(text.get("units", ""))
    return Facts(
        begin=answer.begin,
        uptime_seconds=uptime,
        boot_id=system.get("boot_id", ""),
        kernel=system.get("kernel", ""),
        system=system.get("system", ""),
        orderly=orderly(by_name.get("boots"), by_name.get("kernel.before")),
        events=events(text.get("kernel.log", ""), boot_time),
        devices=devices(text["pci"]) if text.get("pci") else None,
        driver=driver_version(text.get("nvidia.version", "")),
        gpus=gpu_rows(by_name.get("gpu")),
        waiting=tuple(_waiting(text.get("waiting", ""))),
        memory_percent=_memory(text.get("memory", "")),
        pressure=_pressure(text.get("pressure", "")),
        mounts=mounted,
        wanted=wanted,
        wanted_read_only=wanted_read_only,
        space=_full(text.get("space", ""), _SPACE, 1024),
        inodes=_full(text.get("inodes", ""), _INODES, None),
        failed_units=tuple(line.split()[0] for line in text.get("units.failed", "").split("\n") if line.split()[1:]),
        units=units,
        restarts=restarts,
        links=_links(text.get("nics", ""), text.get("infiniband", "")),
        clock_offset_seconds=_clock(text.get("clock", "")),
        reboot_required="reboot-required " in text.get("boot", ""),
        versions=_versions(text.get("versions", "")),
        changes=changes(text, system.get("zone", "")),
    )


def number(text: str) -> float | None:
    """A plain number of bounded length; None for anything else."""
    return float(text) if _NUMBER.fullmatch(text) else None


def orderly(boots: Section | None, before: Section | None) -> bool | None:
    """Whether the boot before this one was ended by a shutdown."""
    if before is not None and before.kind == "done" and before.status == 0 and before.lines:
        said = [line for line in before.lines if not line.startswith("-- ")]
        if said:
            return any(_ORDERLY.search(line) for line in said)
    words = [line.split()[0] for line in boots.lines if line.strip()] if boots is not None else []
    kept = [word for word in words if word in ("reboot", "shutdown")]
    return kept[1] == "shutdown" if len(kept) > 1 and kept[0] == "reboot" else None


def _waiting(text: str) -> list[Waiting]:
    found = []
    for line in text.split("\n"):
        words = line.split(" ", 5)
        if len(words) == 6 and words[2] in ("D", "Z") and all(_NUMBER.fullmatch(words[index]) for index in (0, 1, 3)):
            pid, parent, age = (int(float(words[index])) for index in (0, 1, 3))
            found.append(
                Waiting(pid=pid, parent=parent, state=words[2], age_seconds=max(0, age), where=words[4], name=words[5])
            )
    return found


def _memory(text: str) -> float | None:
    sizes = {
        line.partition(":")[0]: number(line.partition(":")[2].split(" kB")[0].strip()) for line in text.split("\n")
    }
    total, available = sizes.get("MemTotal"), sizes.get("MemAvailable")
    return 100.0 * available / total if total and available is not None else None


def _pressure(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in text.split("\n"):
        match = re.match(r"(cpu|memory|io) (some|full) .*avg60=(\d{1,3}\.\d{1,3})", line)
        if match is not None:
            found[f"{match[1]} {match[2]}"] = float(match[3])
    return found


def _mounts(text: str) -> tuple[tuple[Mount, ...], tuple[str, ...], tuple[str, ...]]:
    mounted, wanted, read_only = {}, [], []
    for line in text.split("\n"):
        words = line.split(" ")
        if words[0] == "mounted" and len(words) >= 5:
            options = words[4].split(",")
            mount = words[2].replace("\\040", " ")
            mounted[mount] = Mount(device=words[1], mount=mount, kind=words[3], read_only="ro" in options)
        elif words[0] == "fstab" and len(words) == 5 and words[2].startswith("/") and words[3] not in _VIRTUAL:
            options = words[4].split(",")
            if not {"noauto", "nofail", "x-systemd.automount"} & set(options):
                wanted.append(words[2].replace("\\040", " "))
            if "ro" in options:
                read_only.append(words[2])
    return tuple(mounted.values()), tuple(wanted), tuple(read_only)


def _full(text: str, shape: re.Pattern[str], unit: int | None) -> tuple[Full, ...]:
    found: dict[str, Full] = {}
    for line in text.split("\n"):
        match = shape.fullmatch(" ".join(line[:WIDTH].split()))
        if match is None or len(match["total"]) > 18 or len(match["percent"]) > 3 or int(match["total"]) == 0:
            continue
        key = match["device"] if match["device"].startswith("/") else match["mount"]
        free = int(match["free"]) * unit if unit and len(match["free"]) <= 18 else None
        kind = match["kind"] if unit else ""
        found.setdefault(key, Full(mount=match["mount"], kind=kind, percent=float(match["percent"]), free_bytes=free))
    return tuple(found.values())


def _units(text: str) -> tuple[dict[str, str], dict[str, int]]:
    states, restarts = {}, {}
    for block in text.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.split("\n") if "=" in line)
        name = values.get("Id", "")
        if name and values.get("LoadState") == "loaded":
            states[name] = f"{values.get('ActiveState', '?')}/{values.get('SubState', '?')}"
            count = number(values.get("NRestarts", ""))
            if count:
                restarts[name] = int(count)
    return states, restarts


def _links(nics: str, infiniband: str) -> dict[str, str]:
    found = {}
    for line in f"{nics}\n{infiniband}".split("\n"):
        name, _, rest = line.partition(" ")
        values = dict(word.split("=", 1) for word in rest.split(" ") if "=" in word)
        if "phys" in values:
            up = values.get("state", "").endswith("ACTIVE")
            found[name] = f"up {values.get('rate', '')}".strip() if up else "down"
        elif "operstate" in values:
            speed = number(values.get("speed", "")) or 0
            state = values["operstate"] if values["operstate"] != "unknown" else "up"
            found[name] = f"{state} {speed:.0f} Mb/s" if speed > 0 and state == "up" else state
    return found


def _clock(text: str) -> float | None:
    match = re.search(r"^System time\s*: (\d{1,9}\.\d{1,12}) seconds (slow|fast)", text, re.M)
    return None if match is None else float(match[1]) * (-1 if match[2] == "slow" else 1)


def _versions(text: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in text.split("\n") if " " in line and not line.startswith("#"))
