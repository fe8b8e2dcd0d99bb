"""The cells of the fleet's table: absent is not zero, zero is not stale, and only what deserves it is coloured."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from backends.engine.wire import HostRow
from backends.states import HostState, Severity
from swarm_tui.glyphs import UNICODE
from swarm_tui.present import columns
from swarm_tui.present.cells import Scene, watts
from swarm_tui.present.line import Line, plain
from tests.unit.present.any_row import patient
from tests.unit.present.any_row import rows as any_rows
from tests.unit.present.fleet_rows import NOW, SCENE, cell, gpu_row, row


def shown(column: str, host: HostRow) -> Line:
    return columns.BY_ID[column].cell(host, SCENE)


@pytest.mark.parametrize(
    ("column", "field", "value", "text", "role"),
    [
        ("cpu", "cpu_percent", 100.0, "100", "text"),
        ("cpu", "cpu_percent", 0.0, "0", "text"),
        ("cpu", "cpu_percent", None, "n/a", "faint"),
        ("mem", "memory_percent", 89.9, "90", "text"),
        ("mem", "memory_percent", 90.0, "90", "warn"),
        ("mem", "memory_percent", 98.0, "98", "bad"),
        ("swap", "swap_percent", 50.0, "50", "warn"),
        ("disk", "disk_percent", 97.0, "97", "bad"),
        ("iowait", "iowait_percent", 20.0, "20", "warn"),
        ("load", "load_1", 4.26, "4.3", "text"),
        ("load", "load_1", 128.1, "128", "warn"),
        ("load", "load_1", 100.4, "100", "text"),
        ("load", "load_1", None, "n/a", "faint"),
        ("rx", "net_rx_bytes_per_second", 1023.0, "0", "faint"),
        ("rx", "net_rx_bytes_per_second", 12e6, "11M", "text"),
        ("rx", "net_rx_bytes_per_second", None, "n/a", "faint"),
        ("rtt", "round_trip_seconds", 0.0004, "<1ms", "text"),
        ("rtt", "round_trip_seconds", 0.3, "300ms", "warn"),
        ("rtt", "round_trip_seconds", 1.5, "1500ms", "bad"),
        ("rtt", "round_trip_seconds", None, "n/a", "faint"),
        ("age", "sample_time", NOW - 2.9, "live", "faint"),
        ("age", "sample_time", NOW - 3, "3s", "warn"),
        ("age", "sample_time", None, "—", "faint"),
        ("uptime", "uptime_seconds", 7200.0, "2h", "text"),
        ("uptime", "uptime_seconds", None, "n/a", "faint"),
        ("alerts", "alerts", None, "n/a", "faint"),
        ("alerts", "alerts", 0, "0", "faint"),
        ("alerts", "alerts", 2, "2", "warn"),
        ("updates", "updates_pending", 41, "41", "text"),
        ("backup", "backup_time", NOW - 86400, "1d", "text"),
        ("backup", "backup_time", None, "n/a", "faint"),
        ("kernel", "kernel", "", "—", "faint"),
        ("tags", "tags", ("a", "b"), "a b", "dim"),
        ("tags", "tags", (), "—", "faint"),
        ("host", "severity", Severity.OK, "a", "text"),
        ("host", "severity", Severity.WARNING, "a", "strong"),
    ],
)
def test_a_value_reads_as(column: str, field: str, value: Any, text: str, role: str) -> None:
    host = row("a", **{field: value})
    assert shown(column, host) == ((text, role),)


@pytest.mark.parametrize("column", ["gpu", "vram", "temp", "power"])
def test_without_gpus_a_gpu_column_is_a_dash_and_an_unread_gpu_is_not_available(column: str) -> None:
    unread = gpu_row(
        "a", cell(None), gpu_percent=None, gpu_memory_percent=None, gpu_temperature_celsius=None, gpu_power_watts=None
    )
    assert shown(column, row("a")) == (("—", "faint"),)
    assert shown(column, unread) == (("n/a", "faint"),)


def test_gpus_warm_up_to_a_warning_and_on_to_critical() -> None:
    roles = [shown("temp", gpu_row("a", gpu_temperature_celsius=degrees))[0][1] for degrees in (84.9, 85.0, 95.0)]
    assert roles == ["text", "warn", "bad"]


def test_a_busy_gpu_is_no_problem() -> None:
    assert shown("gpu", gpu_row("a", gpu_percent=100.0)) == (("100", "text"),)


def test_a_hung_driver_is_said_where_its_gpus_would_be() -> None:
    assert shown("gpus", row("a", HostState.DRIVER_HUNG)) == (("hung", "bad"),)
    assert shown("gpus", row("a")) == (("—", "faint"),)


def test_power_in_watts_and_kilowatts() -> None:
    assert [watts(value) for value in (0.0, 999.4, 1000.0, 5120.0)] == ["0W", "999W", "1.0kW", "5.1kW"]


@pytest.mark.parametrize(
    ("severity", "glyph", "role"),
    [
        (Severity.OK, "●", "dim"),
        (Severity.UNKNOWN, "?", "dim"),
        (Severity.WARNING, "▲", "warn"),
        (Severity.CRITICAL, "✖", "bad"),
    ],
)
def test_the_worst_thing_has_a_glyph_beside_its_colour(severity: Severity, glyph: str, role: str) -> None:
    assert shown("worst", row("a", severity=severity, worst="x")) == ((f"{glyph} ", role), ("x", role))


def test_without_a_problem_the_bottleneck_is_told() -> None:
    assert shown("worst", row("a", verdict="waits for data")) == (("waits for data", "dim"),)
    assert shown("worst", row("a")) == ()


@given(any_rows)
@patient(100)
def test_no_value_breaks_a_cell(host: HostRow) -> None:
    for column in columns.COLUMNS:
        assert isinstance(plain(column.cell(host, Scene(NOW, UNICODE))), str)
