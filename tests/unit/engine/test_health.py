"""The health checks of an engine: when hosts are looked at, what is kept, who has what in hand, what alerts are told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.checks.health_finding import Action
from backends.checks.health_site import SiteCheck
from backends.errors import AskOperator, BadInput
from backends.states import HostState, Severity
from tests.unit.alerts.receivers import eventually
from tests.unit.checks import health_cases as cases
from tests.unit.engine.health_ward import Ward, answered, refused


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    one = Ward(tmp_path)
    yield one
    one.checks.stop()
    assert one.bugs == []


def test_a_host_that_comes_up_is_looked_at_within_two_minutes_and_then_hourly(ward: Ward) -> None:
    ward.pass_time(120)
    assert ward.asked == ["a"]
    ward.pass_time(3 * 3600, step=20)
    assert 3 <= len(ward.asked) <= 5


def test_every_host_has_its_own_moment(tmp_path: Path) -> None:
    ward = Ward(tmp_path, [f"h{number}" for number in range(40)])
    ward.pass_time(120, step=5)
    ward.asked.clear()
    counts = []
    for _ in range(12):
        before = len(ward.asked)
        ward.pass_time(600, step=60)
        counts.append(len(ward.asked) - before)
    assert sum(counts) >= 40
    assert max(counts) < 20
    ward.checks.stop()


def test_none_is_planned_where_the_configuration_says_so_and_asking_works(tmp_path: Path) -> None:
    ward = Ward(tmp_path, every_minutes=0)
    ward.pass_time(7200, step=60)
    assert ward.asked == []
    ward.look("a")
    assert ward.asked == ["a"]
    ward.checks.stop()


def test_a_light_look_comes_every_minute_and_finds_a_unit_that_failed(ward: Ward) -> None:
    ward.pass_time(120)
    assert ward.problems("a") == []
    ward.breaks("a")
    before = len(ward.lightly)
    ward.pass_time(70)
    assert len(ward.lightly) > before
    assert ward.problems("a") == ["H20"]
    health = ward.checks.health("a")
    assert health is not None and health.failed_units == ("backup.service",)
    ward.mends("a")
    ward.pass_time(70)
    assert ward.problems("a") == []


def test_a_host_that_is_away_is_not_asked_and_its_last_result_stays(ward: Ward) -> None:
    ward.breaks("a")
    ward.look()
    ward.states["a"] = HostState.UNREACHABLE
    ward.asked.clear()
    ward.pass_time(7200, step=60)
    assert ward.asked == [] and ward.problems("a") == ["H20"]


def test_a_look_that_fails_says_why_beside_the_last_result(ward: Ward) -> None:
    ward.breaks("a")
    ward.look()
    ward.failing["a"] = refused()
    ward.look()
    row = ward.checks.details("a").health
    assert (row.error, row.hint, row.critical + row.warning) == ("not connected", "wait", 1)


def test_a_host_that_hangs_delays_no_other_and_no_more_than_some_are_asked_at_once(tmp_path: Path) -> None:
    ward = Ward(tmp_path, [f"h{number}" for number in range(40)])
    ward.gates["h0"] = threading.Event()
    ward.checks.run(ward.names)
    eventually(lambda: all(ward.checks.result(name) is not None for name in ward.names[1:]))
    assert ward.checks.result("h0") is None
    assert ward.most_at_once <= 16
    eventually(lambda: ward.checks.in_flight() == ("health check of 1 host",))
    ward.gates["h0"].set()
    eventually(lambda: not ward.checks.in_flight())
    ward.checks.stop()


def test_a_host_that_is_being_looked_at_is_not_asked_twice(ward: Ward) -> None:
    ward.gates["a"] = threading.Event()
    assert ward.checks.run(["a"], actor="ann") == ("a",)
    assert ward.checks.run(["a"]) == ()
    ward.gates["a"].set()
    eventually(lambda: not ward.checks.in_flight())
    assert ("check", "health check", "ann") in ward.told


def test_results_and_what_is_remembered_outlive_the_engine(ward: Ward) -> None:
    ward.breaks("a")
    ward.look()
    since = ward.finding("a", "H20").since
    ward.checks.ack("a", "H20", "backup.service", "ann", "known")
    ward.again()
    ward.clock.advance(600)
    assert ward.finding("a", "H20").acknowledged == "ann"
    ward.look()
    assert (ward.finding("a", "H20").since, ward.finding("a", "H20").acknowledged) == (since, "ann")
    assert ward.checks.details("a").acknowledged["H20\x1fbackup.service"].note == "known"


def test_a_damaged_file_is_moved_aside_and_told(tmp_path: Path) -> None:
    (tmp_path / "health.db").write_bytes(b"nonsense" * 1000)
    ward = Ward(tmp_path)
    ward.look()
    assert ward.checks.result("a") is not None
    assert [file.name for file in tmp_path.iterdir() if "damaged" in file.name or "corrupt" in file.name]
    ward.again()
    assert ward.checks.result("a") is not None
    ward.checks.stop()


def test_without_a_folder_it_is_known_as_long_as_the_engine_lives() -> None:
    ward = Ward(None)
    ward.look()
    assert ward.checks.result("a") is not None
    ward.again()
    assert ward.checks.result("a") is None
    ward.checks.stop()


def test_an_acknowledgement_ends_when_it_is_well_again(ward: Ward) -> None:
    ward.breaks("a")
    ward.look()
    ward.checks.ack("a", "H20", "backup.service", "ann")
    ward.mends("a")
    ward.look()
    ward.breaks("a")
    ward.look()
    assert ward.finding("a", "H20").acknowledged == ""


def test_only_what_is_wrong_can_be_taken_in_hand(ward: Ward) -> None:
    ward.look()
    with pytest.raises(BadInput, match="H20"):
        ward.checks.ack("a", "H20", "backup.service", "ann")


def test_what_was_set_healthy_counts_no_more_until_it_happens_again(ward: Ward) -> None:
    ward.log.events["a"] = (cases.event("oom", ago=60.0, process="python3"),)
    ward.look()
    assert ward.problems("a") == ["H01"]
    ward.checks.clear("a", "H01", "", "ann")
    eventually(lambda: not ward.checks.in_flight())
    assert ward.problems("a") == []
    assert any(kind == "check-clear" and actor == "ann" for kind, _, actor in ward.told)
    ward.clock.advance(60)
    ward.log.events["a"] += (cases.event("oom", ago=-60.0, process="python3"),)
    ward.look()
    assert ward.problems("a") == ["H01"]


def test_what_two_reboots_did_not_cure_is_for_somebody_with_a_screwdriver(ward: Ward) -> None:
    for number in range(3):
        boot = f"{number}" * 8 + cases.BOOT[8:]
        ward.boots["a"] = boot
        ward.log.events["a"] = (cases.event("xid", ago=-ward.clock.now() + cases.NOW, boot=boot, code=79),)
        ward.look()
        ward.clock.advance(600)
    finding = ward.finding("a", "XID")
    assert finding.reboots == 2 and finding.action is Action.INSPECT


def test_the_gate_after_maintenance_tells_what_became_worse_only(ward: Ward) -> None:
    ward.breaks("a", "old.service")
    ward.look()
    before = ward.clock.now()
    ward.clock.advance(600)
    ward.log.events["a"] = (cases.event("oom", ago=-500.0, process="python3"),)
    ward.look()
    found = ward.checks.difference("a", before)
    assert not found.passes
    assert [change.check for change in found.difference.worse] == ["H01"]
    assert [change.check for change in found.difference.same] == ["H20"]
    with pytest.raises(BadInput, match="nothing is known"):
        ward.checks.difference("a", before - 10_000)


def test_the_view_holds_only_what_changed(tmp_path: Path) -> None:
    ward = Ward(tmp_path, ["a", "b"])
    ward.look()
    view = ward.checks.view(None, ward.names)
    assert view.full and {row.host for row in view.hosts} == {"a", "b"}
    assert ward.checks.view(view.version, ward.names).hosts == ()
    ward.breaks("b")
    ward.look("b")
    later = ward.checks.view(view.version, ward.names)
    assert not later.full and [row.host for row in later.hosts] == ["b"]
    assert later.hosts[0].cells["H20"] in "wc"
    ward.checks.stop()


def test_alerts_get_the_same_objects_while_nothing_changed(ward: Ward) -> None:
    assert ward.checks.looks("a") is None and ward.checks.health("a") is None
    ward.breaks("a")
    ward.look()
    looks, health = ward.checks.looks("a"), ward.checks.health("a")
    assert looks is not None and health is not None
    assert ward.checks.looks("a") is looks and ward.checks.health("a") is health
    assert any(look.check == "H20" and look.severity is not Severity.OK and look.object for look in looks)


def test_commands_of_the_site_are_checks_too(ward: Ward) -> None:
    ward.site = (SiteCheck(name="raid", argv=("/usr/lib/check_raid",)),)
    ward.execs["a"].result = answered(2, "RAID CRITICAL: sdb failed|disks=1;2;1\n")
    ward.look()
    finding = ward.finding("a", "site:raid")
    assert finding.severity is Severity.CRITICAL and "sdb failed" in finding.text
    assert ward.execs["a"].asked[-1][0] == ["/usr/lib/check_raid"]
    assert any(row.id == "site:raid" for row in ward.checks.catalogue())


def test_hardware_is_loaded_only_when_somebody_says_that_the_host_is_drained(ward: Ward) -> None:
    with pytest.raises(AskOperator, match="disturb"):
        ward.checks.active("a", "diagnostics-1", "", "ann")
    with pytest.raises(AskOperator):
        ward.checks.active("a", "diagnostics-1", "b", "ann")
    assert ward.execs["a"].asked == []


def test_a_host_that_left_the_inventory_is_forgotten(ward: Ward) -> None:
    ward.look()
    ward.checks.keep(["b"])
    ward.names = ("b",)
    assert ward.checks.view(None, ["b"]).hosts[0].host == "b"
    assert ward.checks.looks("a") is None
