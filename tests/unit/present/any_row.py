"""Hosts as an engine could report them at the very worst, for tests that let hypothesis look for what breaks."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from backends.engine.wire import GpuCell, HostRow
from backends.states import HostState, Severity
from swarm_tui.glyphs import ASCII, UNICODE
from swarm_tui.present import heat


def patient(examples: int) -> settings:
    """A row is large, and the machine may be busy: what counts is what is found, not how soon."""
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, 100)
moments = st.floats(0, 4e9)
texts = st.text(max_size=40)
glyph_sets = st.sampled_from((UNICODE, ASCII))

cells = st.builds(
    GpuCell,
    utilisation_percent=numbers,
    memory_percent=numbers,
    temperature_celsius=numbers,
    power_watts=numbers,
    flag=st.sampled_from(("", *heat.FLAGS)) | texts,
)

rows = st.builds(
    HostRow,
    name=texts,
    state=st.sampled_from(HostState),
    reason=texts,
    hint=texts,
    since=moments,
    retry_at=st.none() | moments,
    sample_time=st.none() | moments,
    tags=st.lists(texts, max_size=3).map(tuple),
    severity=st.sampled_from(Severity),
    worst=texts,
    verdict=texts,
    gpus=st.lists(cells, max_size=6).map(tuple),
    gpu_model=texts,
    gpu_percent=numbers,
    gpu_memory_percent=numbers,
    gpu_temperature_celsius=numbers,
    gpu_power_watts=numbers,
    cpu_percent=numbers,
    iowait_percent=numbers,
    load_1=numbers,
    cpu_count=st.none() | st.integers(0, 4096),
    memory_percent=numbers,
    swap_percent=numbers,
    disk_percent=numbers,
    disk_read_bytes_per_second=numbers,
    disk_write_bytes_per_second=numbers,
    net_rx_bytes_per_second=numbers,
    net_tx_bytes_per_second=numbers,
    uptime_seconds=numbers,
    kernel=texts,
    system=texts,
    round_trip_seconds=numbers,
    alerts=st.none() | st.integers(0, 10**9),
    updates_pending=st.none() | st.integers(0, 10**9),
    backup_time=st.none() | moments,
    run=texts,
    run_stage=st.sampled_from(("", "drain", "failed")) | texts,
)
