"""One GPU in one line, what is wrong with it in a word each, and why there may be no GPU values."""

from __future__ import annotations

from collections.abc import Sequence

from backends import units
from backends.metrics.sample import Gpu, GpuStatus
from backends.metrics.throttle import link_degraded
from swarm_tui.present import host_throttle
from swarm_tui.present.host_graph import Points, spark
from swarm_tui.present.host_line import Span, cell, line, wrap
from swarm_tui.present.host_value import (
    HOT_BAD_CELSIUS,
    HOT_WARN_CELSIUS,
    MARGIN_BAD_CELSIUS,
    MARGIN_WARN_CELSIUS,
    above,
    below,
    count,
    meter,
    number,
    of,
    share,
)
from swarm_tui.present.line import Line, Piece, crop
from swarm_tui.theme import Role

_SPARK, _SPARK_FROM = 24, 130
"""Cells of the utilisation over time, and the width from which there is room for it."""


def heat_role(gpu: Gpu) -> Role:
    """How hot it is: by the margin to slowing down, or by the temperature where the margin is not known.

    A margin of 0 or less is how some drivers say that they have none (reference: monitoring G14).
    """
    margin = gpu.temperature_margin_celsius
    if margin is not None and margin > 0:
        return below(margin, MARGIN_WARN_CELSIUS, MARGIN_BAD_CELSIUS)
    return above(gpu.temperature_celsius, HOT_WARN_CELSIUS, HOT_BAD_CELSIUS)


def troubles(gpu: Gpu) -> list[Span]:
    """What is wrong with a GPU in a word each, worst first."""
    found: list[Span] = []
    if gpu.lost:
        found.append(Span("LOST", "bad"))
    if gpu.remap_failed:
        found.append(Span("remap FAILED", "bad"))
    if gpu.ecc_uncorrected_volatile:
        found.append(Span(f"ECC {count(gpu.ecc_uncorrected_volatile)}", "bad"))
    found += host_throttle.faults(gpu.throttle_bits)
    if gpu.remap_pending:
        found.append(Span("remap pending", "warn"))
    if links_down(gpu):
        found.append(Span(f"nvlink {gpu.nvlinks_up}/{gpu.nvlinks_total}", "bad"))
    if link_degraded(gpu):
        found.append(Span(_link(gpu), "warn"))
    return found


def links_down(gpu: Gpu) -> bool:
    """Whether fewer NVLinks are up than there are."""
    return gpu.nvlinks_up is not None and gpu.nvlinks_total is not None and gpu.nvlinks_up < gpu.nvlinks_total


def _link(gpu: Gpu) -> str:
    if gpu.pcie_width and gpu.pcie_width_max and gpu.pcie_width < gpu.pcie_width_max:
        return f"pcie x{gpu.pcie_width} of x{gpu.pcie_width_max}"
    return f"pcie gen{gpu.pcie_generation} of gen{gpu.pcie_generation_max}"


def gpu_line(gpu: Gpu, width: int, points: Points = ()) -> Line:
    """One GPU in one line; wide ones show the utilisation over time too."""
    roomy = width >= 100
    bar_width = 16 if roomy else 8
    memory = share(gpu.memory_used_bytes, gpu.memory_total_bytes)
    parts: list[Piece | str] = [cell(str(gpu.index), 2, "strong", "right"), " "]
    parts += meter(gpu.utilisation_percent, bar_width)
    parts += [cell(units.percent(gpu.utilisation_percent), 5, known_role(gpu.utilisation_percent), "right"), "  "]
    if width >= _SPARK_FROM:
        parts += [Span(spark(points, _SPARK), "heat1"), "  "]
    parts += meter(memory, bar_width)
    parts += [cell(of(gpu.memory_used_bytes, gpu.memory_total_bytes), 9, known_role(memory), "right"), " "]
    parts += [cell(number(gpu.temperature_celsius, "°"), 4, heat_role(gpu), "right"), " "]
    parts += [cell(watts(gpu), 8, known_role(gpu.power_watts), "right"), " "]
    parts += [cell(count(gpu.sm_clock_mhz), 5, known_role(gpu.sm_clock_mhz), "right"), "  "]
    return crop(line(*parts, *_join(troubles(gpu))), width)


def gpu_head(width: int) -> Line:
    """The titles over `gpu_line`."""
    bar_width = 16 if width >= 100 else 8
    over_time = f"{'over time':<{_SPARK}}  " if width >= _SPARK_FROM else ""
    title = f" # {'utilisation':<{bar_width + 5}.{bar_width + 5}}  {over_time}{'memory':<{bar_width + 9}} temp    power   MHz  "
    return crop(line(Span(title, "head")), width)


def watts(gpu: Gpu) -> str:
    """Power and limit."""
    if gpu.power_watts is None:
        return "n/a"
    return f"{gpu.power_watts:.0f}/{gpu.power_limit_watts:.0f}W" if gpu.power_limit_watts else f"{gpu.power_watts:.0f}W"


def known_role(value: float | None) -> Role:
    """Quiet when there is no value."""
    return "dim" if value is None else "text"


def _join(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        joined += [Span(", ", "dim")] if joined else []
        joined.append(span)
    return joined


def gpu_notice(status: GpuStatus | None, missing: str, width: int) -> list[Line]:
    """Why there are no GPU values, or why they are old."""
    if status and status.hung:
        head = line(
            Span("✖ The GPU driver does not answer.", "bad"), Span("  Values below are the last that were seen.", "dim")
        )
        advice = (
            "Everything else on this host is live. Do not start new work here; processes that use the GPU may hang in state D. "
            "Usual way out: drain, then reboot (a reset of the driver rarely helps once it is wedged)."
        )
        return [crop(head, width), *wrap(advice, width, role="dim"), ()]
    reason = (status.reason if status else None) or missing
    return wrap(f"▲ No GPU data: {reason}", width, 2, "warn") if reason else []


def gpus_line(status: GpuStatus | None, gpus: Sequence[Gpu], width: int) -> Line:
    """All GPUs in a sentence: how many of what, the driver, the power."""
    models = sorted({gpu.name for gpu in gpus if gpu.name})
    parts = [f"{len(gpus)} × {models[0]}" if len(models) == 1 else f"{len(gpus)} GPUs, {len(models)} models"]
    if status:
        parts += [f"driver {status.driver}"] if status.driver else []
        parts += [f"CUDA {status.cuda}"] if status.cuda else []
    watts = [gpu.power_watts for gpu in gpus if gpu.power_watts is not None]
    parts += [f"{sum(watts):.0f} W in all"] if watts else []
    if status and status.way != "none":
        parts.append(f"through {status.way}")
    return crop(line(Span(" · ".join(parts), "dim")), width)
