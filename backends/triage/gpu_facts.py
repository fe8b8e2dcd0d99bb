"""GPUs as the PCI bus and nvidia-smi tell of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from backends.hostkit.triage_answer import Section
from backends.metrics.sample import Record
from backends.triage.kernel_lines import bus_id

_VERSION = re.compile(r"Kernel Module(?: for \S+)?\s+(\d{1,4}(?:\.\d{1,4}){1,3})")
_NOTHING = ("", "[N/A]", "N/A", "[Not Supported]", "[Unknown Error]", "[GPU is lost]", "[Insufficient Permissions]")
MOST_GPUS = 128
SLOWED = 0x8 | 0x40 | 0x80
"""Hardware slowdown, thermal, power brake: bits of clocks_event_reasons.active (G12)."""


class Device(Record, frozen=True, kw_only=True):
    """A device on the PCI bus, driver or not."""

    address: str
    """ "0000:1b:00"."""
    gpu: bool
    width: int | None = None
    """Lanes in use, of `width_max`; None: the device does not answer."""
    width_max: int | None = None
    speed: str = ""
    speed_max: str = ""
    driver: str = ""


class GpuRow(Record, frozen=True, kw_only=True):
    """One row of nvidia-smi."""

    index: int
    values: Mapping[str, str]
    """Field of --query-gpu → value without its unit; fields that the GPU has no value for are missing."""

    @property
    def bus(self) -> str:
        """ "0000:1b:00"."""
        return bus_id(self.values.get("pci.bus_id", ""))

    @property
    def uuid(self) -> str:
        return self.values.get("uuid", "")

    def number(self, field: str) -> float | None:
        """A field's number, None when it has none."""
        text = self.values.get(field, "")
        return float(text) if re.fullmatch(r"-?\d{1,15}(?:\.\d{1,6})?", text) else None

    def mask(self) -> int:
        """Why it runs slower than it could; 0 when nothing is known."""
        text = self.values.get("clocks_event_reasons.active", self.values.get("clocks_throttle_reasons.active", ""))
        return int(text, 16) if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text) else 0

    @property
    def lost(self) -> bool:
        """It is listed and says nothing of itself."""
        return "temperature.gpu" not in self.values and "memory.total" not in self.values


def devices(text: str) -> tuple[Device, ...]:
    """The section "pci"."""
    found = []
    for line in text.split("\n"):
        words = line.split(" ")
        if len(words) < 3 or not re.fullmatch(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.\d", words[0]):
            continue
        values = dict(word.split("=", 1) for word in words[3:] if "=" in word)
        found.append(
            Device(
                address=bus_id(words[0]),
                gpu=words[1] == "0x10de" and words[2].startswith("0x03"),
                width=_lanes(values.get("width", "")),
                width_max=_lanes(values.get("of", "")),
                speed=values.get("speed", ""),
                speed_max=values.get("ofspeed", ""),
                driver=values.get("driver", "").strip("-"),
            )
        )
    return tuple(found[: 4 * MOST_GPUS])


def driver_version(text: str) -> str:
    """Of the loaded kernel module; "" when none is loaded."""
    match = _VERSION.search(text)
    return match[1] if match is not None else ""


def gpu_rows(section: Section | None) -> tuple[GpuRow, ...] | None:
    """The section "gpu"; None when nvidia-smi did not answer or failed."""
    if section is None or section.kind != "done" or "--query-gpu=" not in section.command:
        return None
    names = section.command.partition("--query-gpu=")[2].split(" ")[0].split(",")
    rows = []
    for line in section.lines:
        cells = [cell.strip() for cell in line.split(", ")]
        if len(cells) == len(names):
            values = {name: cell for name, cell in zip(names, cells, strict=True) if cell not in _NOTHING}
            index = values.get("index", "")
            if re.fullmatch(r"\d{1,3}", index):
                rows.append(GpuRow(index=int(index), values=values))
    return tuple(rows[:MOST_GPUS]) if rows or section.status == 0 else None


def _lanes(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,2}", text) and 0 < int(text) <= 32 else None
