"""What NVML's clocks event reasons mean, and the one worst thing about a GPU.

The mask is tested bit by bit: several reasons are commonly set together, and comparing the whole mask mislabels them.
"""

from __future__ import annotations

from typing import NamedTuple

from backends.metrics.sample import Gpu
from backends.states import Severity

IDLE = 0x1
APPLICATION_CLOCKS = 0x2
SW_POWER_CAP = 0x4
HW_SLOWDOWN = 0x8
SYNC_BOOST = 0x10
SW_THERMAL = 0x20
HW_THERMAL = 0x40
HW_POWER_BRAKE = 0x80
DISPLAY_CLOCKS = 0x100

HARMLESS = IDLE | APPLICATION_CLOCKS | SW_POWER_CAP | SYNC_BOOST | DISPLAY_CLOCKS
"""Reasons that are no fault by themselves; a power cap at full load is how these GPUs are meant to run."""
SLOWED = HW_SLOWDOWN | SW_THERMAL | HW_THERMAL | HW_POWER_BRAKE
"""Reasons for which DCGM's diagnostics fail a GPU."""

BUSY_PERCENT = 10.0
"""From this utilisation on a GPU is not idle and its PCIe link has no reason to run below its generation."""
REMAPPED_ROWS_LIMIT = 512
"""Rows remapped for uncorrectable errors from which DCGM's health watch warns."""


class ThrottleReason(NamedTuple):
    """One set bit."""

    bit: int
    name: str
    """Short: "hw-thermal"."""
    meaning: str
    """One sentence for a person."""
    severity: Severity


_REASONS = (
    ThrottleReason(
        HW_THERMAL, "hw-thermal", "The GPU is too hot: its hardware cut the clocks by half or more.", Severity.CRITICAL
    ),
    ThrottleReason(
        HW_POWER_BRAKE,
        "power-brake",
        "The power supply asked the GPU to brake: check supplies, cables and the chassis power budget.",
        Severity.CRITICAL,
    ),
    ThrottleReason(
        HW_SLOWDOWN, "hw-slowdown", "The hardware cut the clocks by half or more (heat or power).", Severity.WARNING
    ),
    ThrottleReason(
        SW_THERMAL, "sw-thermal", "The driver lowers the clocks to stay below the temperature limit.", Severity.WARNING
    ),
    ThrottleReason(SW_POWER_CAP, "power-cap", "The GPU is at its power limit; normal at full load.", Severity.OK),
    ThrottleReason(
        SYNC_BOOST, "sync-boost", "Held at the clocks of the slowest GPU of its sync boost group.", Severity.OK
    ),
    ThrottleReason(APPLICATION_CLOCKS, "app-clocks", "Held at the application clocks that somebody set.", Severity.OK),
    ThrottleReason(DISPLAY_CLOCKS, "display", "Held back by the display's clocks.", Severity.OK),
    ThrottleReason(IDLE, "idle", "Nothing runs, so the clocks are low.", Severity.OK),
)
_KNOWN = HARMLESS | SLOWED


def decode(bits: int) -> tuple[ThrottleReason, ...]:
    """The reasons in the mask, worst first; bits that no driver documents come last as one reason."""
    if bits <= 0:  # a negative number is no mask
        return ()
    found = tuple(reason for reason in _REASONS if bits & reason.bit)
    unknown = bits & ~_KNOWN
    if not unknown:
        return found
    text = "A reason that this version does not know."
    return (*found, ThrottleReason(unknown, f"unknown-{unknown:#x}", text, Severity.UNKNOWN))


def worst_flag(gpu: Gpu, hung: bool = False) -> str:
    """The worst thing about a GPU as `GpuCell.flag`, "" when nothing is.

    Order and rules: lost (the driver says so) · hung (no answer) · ecc (uncorrected errors since the driver was loaded,
    DCGM) · remap (failed or pending row remap, or 512 uncorrectable ones, DCGM) · nvlink (any inactive link, DCGM) ·
    hw-slow, thermal, power-brake (clocks event reasons) · pcie (width below the maximum at any time; generation only
    while the GPU works, since links shift down at idle).
    """
    if gpu.lost:
        return "lost"
    if hung:
        return "hung"
    if gpu.ecc_uncorrected_volatile:
        return "ecc"
    if gpu.remap_failed or gpu.remap_pending or (gpu.remapped_rows_uncorrected or 0) >= REMAPPED_ROWS_LIMIT:
        return "remap"
    if gpu.nvlinks_total and gpu.nvlinks_up is not None and gpu.nvlinks_up < gpu.nvlinks_total:
        return "nvlink"
    if gpu.throttle_bits is not None and gpu.throttle_bits > 0 and gpu.throttle_bits & SLOWED:
        return _slowed(gpu.throttle_bits)
    return "pcie" if link_degraded(gpu) else ""


def _slowed(bits: int) -> str:
    """The worst reason. HW slowdown is set together with its cause when the driver knows that one, which says more."""
    if bits & HW_THERMAL:
        return "thermal"
    if bits & HW_POWER_BRAKE:
        return "power-brake"
    return "hw-slow" if bits & HW_SLOWDOWN else "thermal"


def link_degraded(gpu: Gpu) -> bool:
    """The PCIe link is narrower than it could be, or slower while the GPU works."""
    if gpu.pcie_width and gpu.pcie_width_max and gpu.pcie_width < gpu.pcie_width_max:
        return True
    busy = gpu.utilisation_percent is not None and gpu.utilisation_percent >= BUSY_PERCENT
    slower = bool(gpu.pcie_generation and gpu.pcie_generation_max and gpu.pcie_generation < gpu.pcie_generation_max)
    return slower and busy and not (gpu.throttle_bits or 0) & IDLE
