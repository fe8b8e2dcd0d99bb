"""The header line: counts of everything, numbers of what is live."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.engine.summary import summarise
from backends.engine.wire import GpuCell, HostRow
from backends.states import STATE_SEVERITY, HostState, Severity


def row(name: str, state: HostState = HostState.UP, *, gpus: int = 0, percent: float | None = None) -> HostRow:
    return HostRow(
        name=name,
        state=state,
        severity=STATE_SEVERITY[state],
        gpus=(GpuCell(utilisation_percent=percent),) * gpus,
        gpu_percent=percent,
        gpu_power_watts=100.0 * gpus if gpus else None,
    )


def test_an_empty_fleet_is_fine_and_has_no_numbers() -> None:
    found = summarise([], 2.0)
    assert (found.total, found.up, found.worst, found.interval_seconds) == (0, 0, Severity.OK, 2.0)
    assert (found.gpus, found.gpu_percent, found.gpu_power_watts) == (0, None, None)


def test_hosts_are_counted_by_state_and_by_severity() -> None:
    found = summarise([row("a"), row("b"), row("c", HostState.STALE), row("d", HostState.AUTH_FAILED)], 1.0)
    assert (found.total, found.up) == (4, 2)
    assert found.by_state == {"up": 2, "stale": 1, "auth-failed": 1}
    assert found.by_severity == {"ok": 2, "warning": 1, "critical": 1}
    assert found.worst is Severity.CRITICAL


def test_what_is_not_known_is_worse_than_fine() -> None:
    assert summarise([row("a"), row("b", HostState.CONNECTING)], 1.0).worst is Severity.UNKNOWN


def test_utilisation_is_the_mean_over_gpus_and_not_over_hosts() -> None:
    found = summarise([row("workstation", gpus=1, percent=100.0), row("node", gpus=7, percent=20.0), row("cpu")], 1.0)
    assert (found.gpus, found.gpu_percent, found.gpu_power_watts) == (8, 30.0, 800.0)


def test_the_last_numbers_of_a_host_that_is_gone_are_no_numbers_of_the_fleet() -> None:
    gone = [row("b", state, gpus=8, percent=100.0) for state in HostState if state is not HostState.UP]
    found = summarise([row("a", gpus=8, percent=10.0), *gone], 1.0)
    assert (found.gpu_percent, found.gpu_power_watts) == (10.0, 800.0)
    assert found.gpus == 8 * len(HostState)  # they are still part of the fleet


rows = st.builds(
    row,
    st.text(max_size=3),
    st.sampled_from(HostState),
    gpus=st.integers(0, 16),
    percent=st.none() | st.floats(0, 100),
)


@given(st.lists(rows, max_size=20))
def test_the_counts_add_up_and_the_mean_is_one(fleet: list[HostRow]) -> None:
    found = summarise(fleet, 1.0)
    assert sum(found.by_state.values()) == sum(found.by_severity.values()) == found.total == len(fleet)
    assert found.gpu_percent is None or 0 <= found.gpu_percent <= 100
    assert all(found.worst.rank >= Severity(name).rank for name in found.by_severity)
