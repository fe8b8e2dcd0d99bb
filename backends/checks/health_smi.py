"""`nvidia-smi -q` and `nvidia-smi nvlink -e` as the host kit brings them → values by GPU. Pure; never raises for its input."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from backends.metrics.sample import Record

_GPU = re.compile(r"GPU ([0-9A-Fa-f]{8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9])\s*$")
_LINK_GPU = re.compile(r"GPU (\d{1,3}): ")
_UUID = re.compile(r"\(UUID: (GPU-[0-9a-f\-]{1,40})\)")
_LINK = re.compile(r"\s*Link (\d{1,3}): (.{0,40}?)(?: Errors?)?: (\d{1,18})\s*$")
_STATE = re.compile(r"\s*Link (\d{1,3}): (.{1,60})$")
_NUMBER = re.compile(r"(\d{1,18})")
_DEEPEST = 8


class SmiGpu(Record, frozen=True, kw_only=True):
    """What `nvidia-smi -q` says of one GPU."""

    bus_id: str
    values: dict[str, str] = {}
    """Path of headings → value: "ECC Errors/Volatile/SRAM Correctable" → "0"."""

    def text(self, *path: str) -> str:
        """The value at a path, "" where the driver does not give one ("N/A")."""
        value = self.values.get("/".join(path), "")
        return "" if value.upper() in ("N/A", "[N/A]", "NOT SUPPORTED", "UNKNOWN ERROR") else value

    def number(self, *path: str) -> int | None:
        """The whole number with which the value begins, None without one."""
        match = _NUMBER.match(self.text(*path))
        return int(match[1]) if match else None

    def ending(self, name: str) -> dict[str, str]:
        """Every path that ends so, with its value."""
        return {path: value for path, value in self.values.items() if path == name or path.endswith(f"/{name}")}

    @property
    def uuid(self) -> str:
        return self.text("GPU UUID")


def parse(lines: Sequence[str]) -> tuple[SmiGpu, ...]:
    """The GPUs in the output, in its order; indentation says what belongs to what."""
    return _parsed(tuple(lines))


@lru_cache(maxsize=8)
def _parsed(lines: tuple[str, ...]) -> tuple[SmiGpu, ...]:
    """Half a dozen checks of one look read the same output."""
    found: list[SmiGpu] = []
    headings: list[tuple[int, str]] = []
    values: dict[str, str] = {}
    for line in lines:
        if match := _GPU.match(line):
            values, headings = {}, []
            found.append(SmiGpu(bus_id=match[1].lower(), values=values))
            continue
        indent = len(line) - len(line.lstrip())
        name, separator, value = line.strip().partition(" : ")
        while headings and headings[-1][0] >= indent:
            headings.pop()
        if separator and found:
            values["/".join([*(heading for _, heading in headings), name.strip()])] = value.strip()
        elif len(headings) < _DEEPEST:
            headings.append((indent, name.strip()))
    return tuple(found)


def nvlink_errors(lines: Sequence[str]) -> dict[str, int]:
    """ "UUID/link/Replay" → count, from `nvidia-smi nvlink -e`."""
    found: dict[str, int] = {}
    gpu = ""
    for line in lines:
        if _LINK_GPU.match(line):
            uuid = _UUID.search(line)
            gpu = uuid[1] if uuid else line.split(":")[0]
        elif gpu and (match := _LINK.match(line)):
            found[f"{gpu}/{match[1]}/{match[2].strip()}"] = int(match[3])
    return found


def inactive_links(lines: Sequence[str]) -> dict[str, tuple[int, int]]:
    """UUID → (inactive links, all links), from `nvidia-smi nvlink -s`."""
    found: dict[str, tuple[int, int]] = {}
    gpu = ""
    for line in lines:
        if _LINK_GPU.match(line):
            uuid = _UUID.search(line)
            gpu = uuid[1] if uuid else line.split(":")[0]
        elif gpu and (match := _STATE.match(line)):
            down, total = found.get(gpu, (0, 0))
            found[gpu] = (down + ("inactive" in match[2].lower()), total + 1)
    return found
