"""Alerts end to end: real faults on real hosts, a real engine, a real HTTP receiver. One drill; the tests read what came of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backends.alerts.model import Phase
from backends.alerts.views import AlertRow
from backends.states import Severity
from tests.conftest import standing
from tests.e2e import drill_faults, drilling
from tests.e2e.backing import Keeper
from tests.e2e.drill_faults import AWAY, DISKS, FAULTS, FLOOD, GPUS, HUNG, LOUD, LOUD_ONES, REBOOT, Fault
from tests.e2e.drilling import Drill, name_of
from tests.e2e.enginerun import EngineRun
from tests.e2e.watching import Watch
from tests.unit.alerts.receivers import web_server

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

EACH = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
XID_SECONDS = 5.0
"""A second for the log, one for the evaluation, one for the delivery, on a machine that does six other things."""


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Over: everything was broken, told, mended and told again."""
    place = tmp_path_factory.mktemp("drill")
    with (
        standing(len(drill_faults.HOSTS), with_gpus=(GPUS, HUNG), with_kernel=drill_faults.WITH_KERNEL) as lab,
        web_server() as web,
    ):
        drill_faults.prepare(lab)
        config = drilling.configuration(lab, web, place)
        with EngineRun(place / "engine", "--config", str(config)) as running:
            running.until_ready()
            watch = Watch(running.socket)
            try:
                found = Drill(lab, Keeper(config, running), watch, web)
                watch.wait("the fleet", lambda: drilling.is_up(watch), 180.0)
                found.run()
                yield found
            finally:
                watch.close()


def at_height(drill: Drill, name: str) -> list[AlertRow]:
    return [row for row in drill.height if name_of(row) == name]


def test_nothing_fires_on_a_well_fleet_and_everything_came_in_its_time(drill: Drill) -> None:
    assert drill.before == () and drill.failures == []


def test_each_fault_is_one_alert_and_nothing_else_is_any(drill: Drill) -> None:
    """Also after every host was looked at in full, with all its checks, while everything was wrong."""
    assert sorted(map(name_of, drill.height)) == sorted([*(fault.name for fault in FAULTS), *LOUD_ONES])
    assert drill.told_at_height == len(drill.height)


@EACH
def test_the_receiver_is_told_once_with_evidence_and_advice(drill: Drill, fault: Fault) -> None:
    (row,) = at_height(drill, fault.name)
    (said,) = drill.notices(fault, ended=False)
    assert fault.says in row.text and fault.says in said["title"]
    assert fault.evidence in "\n".join(row.evidence) and fault.evidence in said["message"]
    assert fault.advice in row.advice and f"→ {row.advice}" in said["message"]
    assert row.severity.value.upper() in said["title"]
    assert row.notified == ("receiver",) and row.delivery == "sent"


@EACH
def test_the_cure_is_told_once(drill: Drill, fault: Fault) -> None:
    (said,) = drill.notices(fault, ended=True)
    assert said["type"] == "success" and fault.says in said["message"]
    (row,) = [row for row in drill.after if name_of(row) == fault.name]
    assert row.phase is Phase.RESOLVED and row.episode == 1
    assert len(drill.notices(fault)) == 2


def test_nobody_was_told_anything_else(drill: Drill) -> None:
    assert len(drill.web.asked) == 2 * len([*FAULTS, *LOUD_ONES, REBOOT])
    assert [name_of(row) for row in drill.after if row.phase is Phase.FIRING] == []


def test_what_was_critical_has_a_bundle_that_was_made_before_the_reboot(drill: Drill) -> None:
    first = {row.host: row for row in sorted(drill.height, key=lambda row: -(row.fired or 0)) if is_critical(row)}
    assert set(first) >= {DISKS, GPUS, HUNG}
    for host, row in first.items():
        assert (row.bundle is None) == (host == AWAY), host
    with drill.keeper.client() as client:
        bundle = client.triage.get(first[GPUS].bundle or 0)
    assert bundle.host == GPUS and "alert" in bundle.reason
    assert "xid" in [finding.kind for finding in bundle.strip.findings]


def is_critical(row: AlertRow) -> bool:
    return row.severity is Severity.CRITICAL


def test_the_reboot_that_cured_a_gpu_is_told_with_the_last_words_of_its_kernel(drill: Drill) -> None:
    said, end = drill.notices(REBOOT)
    assert "outside any maintenance window" in said["title"] and "Xid" in said["message"]
    assert end["type"] == "success"


def test_what_user_space_forged_raises_nothing_and_no_escape_is_shown(drill: Drill) -> None:
    host = drill.lab.host(LOUD)
    said = host.inside(["journalctl", "-q", "-g", "name=forged", "-o", "cat"]).stdout
    assert said.count("name=forged") == said.count("\x1b[31m") == 3
    everything = [row for row in (*drill.height, *drill.after) if row.host == LOUD and row.episode]
    assert {name_of(row) for row in everything} == {*LOUD_ONES}
    with drill.keeper.engine.client() as client:
        told = client.call("events.list", limit=1000)["events"]
    shown = repr([body for *_, body in drill.web.asked]) + repr(drill.height) + repr(told)
    assert "forged" not in shown and "\\x1b" not in shown and "\\x07" not in shown
    assert "\x1b" not in drill.listed


def test_a_host_that_floods_its_log_is_two_alerts_and_delays_no_other(drill: Drill) -> None:
    assert drill.xid_seconds < XID_SECONDS * drill.slowness
    for name in LOUD_ONES:
        assert [body["type"] for body in drill.notices(name)] == ["failure", "success"], name
    (flooded,) = at_height(drill, LOUD_ONES[0])
    assert 1 <= (flooded.value or 0) < FLOOD / 2, "some of it, and what is thrown away is no loss"
    told = drill.keeper.engine.events("kernel-log")
    assert sum("dev sdx" in text for text in told) < 20 and any("more kernel messages" in text for text in told)
