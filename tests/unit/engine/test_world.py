"""The fleet as maintenance runs know it, from an engine over hosts in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.engine.world import Worlds
from backends.maintenance.fleet import Standing
from backends.states import HostState
from tests.unit.engine.desk import Desk
from tests.unit.engine.parts import sample

FAN = Standing(scheduler="slurm", node="b", drained=True, by="alice", reason="fan")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch)
    one.sink.sample("b", sample())
    yield one
    one.engine.stop()


def test_a_host_that_does_not_answer_is_away_and_says_why(desk: Desk) -> None:
    world = Worlds(desk.engine, dict, tuple).now()
    assert set(world.hosts) == {"a", "b"} and world.hosts["b"].up
    assert not world.hosts["a"].up and world.hosts["a"].why.startswith("connecting")


def test_who_has_drained_a_host_is_named(desk: Desk) -> None:
    view = Worlds(desk.engine, lambda: {"b": FAN}, tuple).now().hosts["b"]
    assert not view.up and view.why == "drained by alice: fan"


def test_a_run_counts_what_fires_about_the_host_itself(desk: Desk) -> None:
    desk.engine.duty.alerting.ailing = {"b": 2}
    hosts = Worlds(desk.engine, dict, tuple).now().hosts
    assert {name: view.alerts for name, view in hosts.items()} == {"a": 0, "b": 2}


def test_a_plan_gets_what_is_known_and_nothing_else(desk: Desk) -> None:
    fleet = Worlds(desk.engine, dict, tuple).fleet({"b": FAN})
    assert fleet["b"].state is HostState.UP and fleet["b"].standing is FAN
    assert fleet["a"].tags == ("gpu",) and fleet["a"].gpus is None
    assert fleet["b"].pending is None and fleet["b"].reboot is None and fleet["b"].backup_age == {}


def test_estimates_are_worked_out_when_another_run_is_over(desk: Desk) -> None:
    worlds = Worlds(desk.engine, dict, tuple)
    assert worlds.now().estimates is worlds.now().estimates == {}
