"""The header line over the fleet: counts, the worst, and the GPUs together. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from backends.engine import row
from backends.engine.wire import FleetSummary, HostRow
from backends.states import HostState, Severity


def summarise(rows: Sequence[HostRow], interval_seconds: float) -> FleetSummary:
    """The header line over `rows`."""
    states = Counter(item.state for item in rows)
    severities = Counter(item.severity for item in rows)
    live = [item for item in rows if item.state is HostState.UP]  # the numbers of the others are their last
    return FleetSummary(
        total=len(rows),
        up=states[HostState.UP],
        by_state={str(state): count for state, count in states.items()},
        by_severity={str(severity): count for severity, count in severities.items()},
        worst=max(severities, key=lambda severity: severity.rank, default=Severity.OK),
        gpus=sum(len(item.gpus) for item in rows),
        gpu_percent=_gpu_percent(live),
        gpu_power_watts=row.total(item.gpu_power_watts for item in live),
        interval_seconds=interval_seconds,
    )


def _gpu_percent(rows: Sequence[HostRow]) -> float | None:
    """Mean over GPUs, not over hosts: one busy workstation does not outweigh an idle node of eight."""
    known = [(item.gpu_percent, len(item.gpus)) for item in rows if item.gpu_percent is not None and item.gpus]
    gpus = sum(count for _, count in known)
    return round(sum(percent * count for percent, count in known) / gpus, 1) if gpus else None
