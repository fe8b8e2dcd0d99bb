"""What NVIDIA's XIDs mean and what to do, as data. A site's own policy may be given in its place (`Advise`).

Source: the XID table of the monitoring reference (§2a), column "NVIDIA immediate action". Version 2026-08.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from backends.states import Severity


class XidAdvice(NamedTuple):
    """One code."""

    severity: Severity
    meaning: str
    action: str
    """An imperative clause."""


Advise = Callable[[int], XidAdvice | None]
"""What is known of a code; None: nothing."""

_CRITICAL, _WARNING, _OK = Severity.CRITICAL, Severity.WARNING, Severity.OK
_APP = "restart the application; the same on several jobs means hardware"
_RESET = "drain and reset the GPU"
_REBOOT = "drain and reboot the host"
_NVLINK = "drain, check NVLink and fabric manager, reset the GPUs"

ADVICE: dict[int, XidAdvice] = {
    13: XidAdvice(_WARNING, "engine exception", _APP),
    31: XidAdvice(_WARNING, "memory fault of an application", _APP),
    32: XidAdvice(_WARNING, "corrupt push buffer", _APP),
    43: XidAdvice(_OK, "channel stopped", "nothing to do: an application ended"),
    45: XidAdvice(_OK, "cleanup before the end", "nothing to do: an application was ended"),
    46: XidAdvice(_CRITICAL, "GPU stopped processing", _RESET),
    48: XidAdvice(_CRITICAL, "double-bit memory error", f"{_RESET}; twice: replace it"),
    54: XidAdvice(_CRITICAL, "auxiliary power missing", "power off and check the power cables"),
    62: XidAdvice(_CRITICAL, "its management unit halted", _RESET),
    63: XidAdvice(_WARNING, "row remap recorded", "reset the GPU at the next drain; running work is safe"),
    64: XidAdvice(_CRITICAL, "row remap failed", f"{_RESET}; then ask for a replacement"),
    68: XidAdvice(_WARNING, "video decoder exception", _APP),
    69: XidAdvice(_WARNING, "graphics engine class error", _APP),
    74: XidAdvice(_CRITICAL, "NVLink error", _NVLINK),
    79: XidAdvice(_CRITICAL, "fell off the bus", "power-cycle the host; do not reset the GPU"),
    80: XidAdvice(_WARNING, "corrupt data sent to it", _APP),
    92: XidAdvice(_WARNING, "high rate of single-bit errors", "watch it; ask the vendor when it goes on"),
    93: XidAdvice(_WARNING, "InfoROM wears out", "ask the vendor"),
    94: XidAdvice(_WARNING, "contained memory error", "restart the application; reset the GPU at the next drain"),
    95: XidAdvice(_CRITICAL, "uncontained memory error", _RESET),
    109: XidAdvice(_CRITICAL, "context switch timed out", _RESET),
    110: XidAdvice(_CRITICAL, "security fault", _RESET),
    119: XidAdvice(_CRITICAL, "GSP timed out", _RESET),
    120: XidAdvice(_CRITICAL, "GSP error", _RESET),
    121: XidAdvice(_WARNING, "C2C link error", "ask the vendor when it goes on"),
    123: XidAdvice(_CRITICAL, "PMU communication failed", _REBOOT),
    136: XidAdvice(_CRITICAL, "link training failed", _RESET),
    137: XidAdvice(_WARNING, "NVLink privilege error", "ask the vendor when it goes on"),
    140: XidAdvice(_CRITICAL, "unrecovered memory error", _RESET),
    143: XidAdvice(_CRITICAL, "initialisation failed", _RESET),
    154: XidAdvice(_WARNING, "recovery action changed", "read it: nvidia-smi -q | grep -i recovery"),
    155: XidAdvice(_WARNING, "NVLink software error", _RESET),
    156: XidAdvice(_WARNING, "resource retired", _RESET),
    157: XidAdvice(_WARNING, "retirement failed", "ask the vendor"),
    158: XidAdvice(_CRITICAL, "fatal timeout", _RESET),
    **{code: XidAdvice(_WARNING, "NVLink 5 error", f"{_NVLINK} when the line says Fatal") for code in range(144, 151)},
    167: XidAdvice(_CRITICAL, "fatal PCIe timeout", _REBOOT),
    **{code: XidAdvice(_WARNING, "hardware error of a newer kind", "drain and look it up") for code in range(168, 173)},
}


def builtin(code: int) -> XidAdvice | None:
    """The table above."""
    return ADVICE.get(code)
