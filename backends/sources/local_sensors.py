"""This machine's temperatures and processor clock, by the same rules as the kit's on hosts. Run by `Group` under a deadline.

psutil numbers unlabelled sensors by their place, fills in limits that a chip does not have, and reads the clock of every
core, each of which may wait 10 ms for a fresh value; so on Linux sysfs is read here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from backends.metrics.sample import Sensor
from backends.text import clean

LINUX = sys.platform.startswith("linux")
MAX_SENSORS = 128
FREQUENCY_CORES = 8
"""A spread of cores stands for all."""
SYS, PROC = Path("/sys"), Path("/proc")


def read_sensors(sysfs: Path = SYS) -> tuple[Sensor, ...]:
    """Temperatures by chip and label, where the platform tells them."""
    if not LINUX:
        return ()
    found = list(_chips(sysfs)) or list(_zones(sysfs))
    seen: dict[str, int] = {}
    rows = []
    for name, file in found[:MAX_SENSORS]:
        seen[name] = seen.get(name, 0) + 1
        rows.append(_sensor(name if seen[name] == 1 else f"{name} {seen[name]}", file))
    return tuple(rows)


def _chips(sysfs: Path) -> Iterator[tuple[str, Path]]:
    for chip in _listing(sysfs / "class/hwmon"):
        name = _text(chip / "name") or chip.name
        for file in _listing(chip):
            if file.name.startswith("temp") and file.name.endswith("_input"):
                stem = file.name.removesuffix("_input")
                yield f"{name}/{_text(chip / f'{stem}_label') or stem}", file


def _zones(sysfs: Path) -> Iterator[tuple[str, Path]]:
    """Thermal zones repeat what the chips say, so they count only where there is no chip."""
    for zone in _listing(sysfs / "class/thermal"):
        if zone.name.startswith("thermal_zone"):
            yield f"thermal/{_text(zone / 'type') or zone.name}", zone / "temp"


def _sensor(name: str, file: Path) -> Sensor:
    stem = file.name.removesuffix("_input")
    is_chip = stem != file.name
    return Sensor(
        name=clean(name, 80),
        celsius=_celsius(file),
        high_celsius=_celsius(file.with_name(f"{stem}_max")) if is_chip else None,
        critical_celsius=_celsius(file.with_name(f"{stem}_crit")) if is_chip else None,
    )


def _celsius(file: Path) -> float | None:
    """None for the 0, −273 and 65261 with which boards say "nothing here"."""
    milli = _number(file)
    return milli / 1000.0 if milli is not None and -100_000 < milli < 250_000 and milli != 0 else None


def read_frequency(sysfs: Path = SYS, proc: Path = PROC) -> float | None:
    """The mean clock of some cores in MHz; None where nothing tells it."""
    if not LINUX:
        found = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
        return float(found.current) if found and found.current else None
    cores = [core for core in _listing(sysfs / "devices/system/cpu") if core.name[3:].isdigit()]
    files = [file for core in cores if (file := core / "cpufreq/scaling_cur_freq").exists()]
    spread = files[:: max(1, len(files) // FREQUENCY_CORES)][:FREQUENCY_CORES]
    values = [khz / 1000.0 for khz in map(_number, spread) if khz] or _model_frequencies(proc)
    return round(sum(values) / len(values), 1) if values else None


def _model_frequencies(proc: Path) -> list[float]:
    """What virtual machines show instead."""
    try:
        with (proc / "cpuinfo").open("rb") as file:
            lines = file.read(65536).splitlines()
        return [float(line.split(b":")[1]) for line in lines if line.startswith(b"cpu MHz")]
    except (OSError, ValueError, IndexError):
        return []


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _text(file: Path) -> str:
    try:
        return file.read_bytes()[:64].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    try:
        return int(file.read_bytes()[:64].split(None, 1)[0])
    except (OSError, ValueError, IndexError):
        return None
