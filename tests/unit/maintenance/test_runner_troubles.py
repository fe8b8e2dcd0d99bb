"""A full disk, a changed clock, the end of the window, a damaged journal, bugs: a run survives them, and says so."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.errors import BadInput, Stop
from backends.maintenance.model import Edge, EdgeKind, RunState, Stage
from backends.maintenance.plan_hash import sealed
from backends.maintenance.worker import Place
from backends.maintenance.world import World
from tests.unit.maintenance.running import ANN, Site, hosts, plan

# Disk, clock, bugs -------------------------------------------------------------------------------------------------------


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, data: bytes, at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    monkeypatch.setattr("backends.paths.write_atomic", lambda path, data: refuse(0, b"", 0))


def test_a_full_disk_begins_nothing_is_told_once_and_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, hosts(2))
    run = site.begin(plan(site.hosts, fleet=1))
    with monkeypatch.context() as broken:
        full_disk(broken)
        site.tick(times=20)
        assert site.fleet.deeds == []
        assert "No space left on device" in site.runner.why(run)
        assert [text for text, _ in site.told if "nothing begins until it can" in text] == [site.told[0][0]]
        with pytest.raises(Stop, match="No space left"):
            site.runner.pause(run, who=ANN)
    assert {host.stage for host in site.until_ended(run).hosts.values()} == {Stage.DONE}
    assert site.told[-1][0].endswith("the journal can be written again; it goes on")


def test_a_disk_that_fills_while_a_step_runs_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path, hosts(1))
    run = site.begin(plan(site.hosts))
    site.tick()
    with monkeypatch.context() as broken:
        full_disk(broken)
        site.tick(times=100)
    state = site.until_ended(run)
    assert site.kinds("h0") == ["drain", "update", "resume"]
    assert state.hosts["h0"].stage is Stage.DONE


@pytest.mark.parametrize("jump", [-90_000.0, 90_000.0])
def test_a_changed_clock_fails_no_step_and_opens_no_batch(tmp_path: Path, jump: float) -> None:
    site = Site(tmp_path, hosts(4, {2: 1, 3: 1}))
    run = site.begin(plan(site.hosts, soak_seconds=600.0))
    site.tick(times=3)
    site.clock.step_wall(jump)
    site.until(lambda: site.runner.state(run).batch_ended is not None)
    site.clock.step_wall(jump)
    site.tick(times=60)
    assert site.begun() == ["h0", "h1"]
    state = site.until_ended(run)
    assert {host.stage for host in state.hosts.values()} == {Stage.DONE}
    assert all(each.ended >= each.began for host in state.hosts.values() for each in host.results)
    assert ["jumped" in note.text for note in state.notes] == [True, True]


def test_the_window_cuts_off_and_hosts_in_work_are_finished(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(3))
    run = site.begin(plan(site.hosts, fleet=1, window_end=site.clock.now() + 1000.0))
    state = site.until_ended(run)
    assert [str(host.stage) for host in state.hosts.values()] == ["done", "skipped", "skipped"]
    assert state.hosts["h2"].text == "the window was over before its turn"
    assert "did not begin" in state.why


def test_without_the_fleet_nothing_is_decided(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))
    run = site.begin(plan(site.hosts))

    def broken(world: World) -> World:
        raise ValueError("no world")

    site.view = broken
    site.tick(times=3)
    assert (site.fleet.deeds, len(site.bugs)) == ([], 3)
    site.view = lambda world: world
    site.until_ended(run)


def test_whoever_listens_may_fail(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))

    def broken(state: RunState, edge: Edge) -> None:
        raise ValueError("deaf")

    site.on_edge = broken
    site.until_ended(site.begin(plan(site.hosts)))
    assert site.bugs


# Journals ----------------------------------------------------------------------------------------------------------------


def test_a_damaged_journal_holds_the_run_and_its_hosts(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2))
    run = site.begin(plan(site.hosts))
    site.tick(times=5)
    file = tmp_path / f"{run}.jsonl"
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([*lines[:3], b"{}", *lines[4:]]))
    deeds = len(site.fleet.deeds)
    site.again()
    site.tick(times=200)
    assert len(site.fleet.deeds) == deeds
    assert site.runner.damaged() == {run: f"line 4 of {run}.jsonl is not readable"}
    assert set(site.runner.held()) == {"h0", "h1"}
    assert any("is held: line 4" in text for text, _ in site.told)
    with pytest.raises(BadInput, match="is held"):
        site.runner.resume(run, who=ANN)


def test_ended_runs_are_read_from_their_sum_and_the_oldest_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.maintenance.shelf.MOST_RUNS", 2)
    site = Site(tmp_path, hosts(1))
    runs = [site.until_ended(site.begin(plan(site.hosts))).plan.id for _ in range(4)]
    before = site.runner.state(runs[-1])
    site.again()
    assert site.runner.state(runs[-1]) == before
    assert [state.plan.id for state in site.runner.runs()] == sorted(runs[1:])
    assert not (tmp_path / f"{runs[0]}.jsonl").exists()
    assert site.runner.create(plan(site.hosts), ANN).plan.id not in runs


def test_edges_are_handed_on_in_their_order(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2))
    versions: list[int] = []
    site.on_edge = lambda state, edge: versions.append(state.edges)
    site.until_ended(site.begin(plan(site.hosts)))
    assert versions == list(range(1, len(versions) + 1))


def test_a_run_without_a_name_is_called_by_its_id_alone(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(3))
    run = site.begin(sealed(replace(plan(site.hosts, fleet=2), name="")))
    site.tick()
    assert site.runner.in_flight() == (f"maintenance run {run} (running): 2 hosts in work, 1 to go",)


def test_a_stopped_runner_begins_nothing_and_says_what_goes_on(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2))
    run = site.begin(plan(site.hosts, fleet=1))
    site.tick()
    assert site.runner.in_flight() == (f"maintenance run {run} (monthly-patch, running): 1 host in work, 1 to go",)
    site.runner.stop()
    site.tick(times=100)
    assert len(site.fleet.deeds) == 1
    site.again()
    site.until_ended(run)
    assert site.kinds("h0") == ["drain", "update", "resume"]


def test_a_run_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))
    with pytest.raises(BadInput, match="no such run"):
        site.runner.state("r-1")


def test_who_began_is_known_with_what_was_wrong_before(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))
    site.fleet.alerts["h0"] = 3
    site.begin(plan(site.hosts))
    site.tick()
    first = next(edge for edge in site.edges if edge.kind is EdgeKind.INTENDED)
    assert (first.facts, first.key) == ({"alerts": "3"}, f"{site.runner.runs()[0].plan.id}-h0-0-0")


def test_what_is_answered_after_the_end_is_for_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, hosts(1))
    run = site.begin(plan(site.hosts))
    real = site.fleet.begin

    def begin(place: Place) -> str:
        """The engine ends just then."""
        token = real(place)
        site.runner.stop()
        return token

    with monkeypatch.context() as ending:
        ending.setattr(site.fleet, "begin", begin)
        site.tick()
    assert (site.runner.state(run).hosts["h0"].begun, site.runner.state(run).hosts["h0"].token) == (True, "")
    assert site.kinds("h0") == ["drain"]
    site.again()
    site.until_ended(run)
    assert site.kinds("h0") == ["drain", "update", "resume"]
