"""The way to a host: what is down, refused, strange or silent, and what each of them says about the others."""

from __future__ import annotations

import pytest

from backends.alerts.model import Truth
from backends.states import HostState
from tests.unit.alerts.rule_subjects import GRAVE, NOW, PACK, read, sample, subject, told

EXPECTED = {
    HostState.CONNECTING: set(),
    HostState.UP: set(),
    HostState.STALE: set(),
    HostState.DRIVER_HUNG: {"gpu.driver"},
    HostState.UNREACHABLE: {"host.down"},
    HostState.AUTH_FAILED: {"host.auth"},
    HostState.HOST_KEY_UNKNOWN: {"host.key"},
    HostState.HOST_KEY_CHANGED: {"host.key"},
    HostState.NO_PYTHON: {"collector.stale"},
    HostState.NO_SUDO: {"collector.stale"},
}


@pytest.mark.parametrize("state", HostState)
def test_each_state_is_one_alert_at_most(state: HostState) -> None:
    assert told(subject(state=state, reason="because")) == EXPECTED[state]


def test_a_try_to_connect_neither_fires_nor_ends_an_outage() -> None:
    found = read("host.down", subject(state=HostState.CONNECTING), "", GRAVE)
    assert found.truth is Truth.NODATA


def test_a_host_that_answers_ends_it_also_when_it_does_not_let_us_in() -> None:
    for state in (HostState.UP, HostState.AUTH_FAILED, HostState.HOST_KEY_CHANGED):
        assert read("host.down", subject(state=state), "", GRAVE).truth is Truth.FALSE


def test_the_reason_is_said() -> None:
    found = read("host.down", subject(state=HostState.UNREACHABLE, reason="No route to host"))
    assert found.text == "unreachable: No route to host"


@pytest.mark.parametrize(
    ("age", "interval", "severity"),
    [
        (14, 1, None),
        (16, 1, "warning"),
        (61, 1, "critical"),
        (80, 30, None),
        (91, 30, "warning"),
        (301, 30, "critical"),
    ],
)
def test_samples_are_late_by_intervals_but_never_by_a_reconnect(
    age: float, interval: float, severity: str | None
) -> None:
    late = subject(sample=sample(time=NOW - age), interval_seconds=interval)
    found = {each.rule: str(each.severity) for each in PACK.evaluate([late], {})}
    assert found.get("collector.stale") == severity


def test_the_fleet_itself_is_no_host() -> None:
    assert told(subject(host="", sample=None, state=HostState.UNREACHABLE, health=None)) == set()
