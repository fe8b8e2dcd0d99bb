"""The GPU tab: one line a GPU, and everything about the selected one below."""

from __future__ import annotations

from collections.abc import Sequence

from backends.engine.wire import HostDetail
from backends.metrics.sample import Gpu
from swarm_tui.present.host_gpu import gpu_head, gpu_line, gpu_notice, gpus_line
from swarm_tui.present.host_gpu_detail import gpu_detail
from swarm_tui.present.host_history import Tracks, find
from swarm_tui.present.host_line import Frame, Span, dimmed, line
from swarm_tui.present.line import Line, crop, pad

Row = tuple[int | None, Line]
"""A line and, for one that can be picked, its key."""


def gpu_panel(detail: HostDetail, frame: Frame, known: Tracks, selected: int) -> list[Row]:
    """The whole tab; `selected` is the position of the chosen GPU. A GPU's own line has its position as key."""
    sample = detail.sample
    if sample is None:
        return []
    notice = gpu_notice(sample.gpu_status, sample.missing.get("gpu", ""), frame.width)
    if not sample.gpus:
        return unkeyed(notice or [_NONE])
    chosen = min(selected, len(sample.gpus) - 1)
    rows = unkeyed(
        [
            *notice,
            gpus_line(sample.gpu_status, sample.gpus, frame.width),
            crop(line("  ", *gpu_head(frame.width - 2)), frame.width),
        ]
    )
    rows += [(index, _gpu(gpu, frame.width, known, chosen=index == chosen)) for index, gpu in enumerate(sample.gpus)]
    rows += unkeyed([(), *gpu_detail(sample.gpus[chosen], detail, frame.width)])
    return _past(rows, len(notice)) if sample.gpu_status and sample.gpu_status.hung else rows


_NONE = line("No GPU in this host.", Span("  Neither an NVIDIA nor an AMD device was found.", "dim"))


def unkeyed(lines: Sequence[Line]) -> list[Row]:
    """Lines that cannot be picked."""
    return [(None, text) for text in lines]


def _past(rows: list[Row], first: int) -> list[Row]:
    """What a hung driver said last is not the present."""
    quiet = dimmed(text for _, text in rows[first:])
    return [*rows[:first], *((key, text) for (key, _), text in zip(rows[first:], quiet, strict=True))]


def _gpu(gpu: Gpu, width: int, known: Tracks, *, chosen: bool) -> Line:
    points = find(known, f"gpu.{gpu.index}.utilisation_percent")
    return pad(line(Span("▸ " if chosen else "  ", "accent"), *gpu_line(gpu, width - 2, points)), width)
