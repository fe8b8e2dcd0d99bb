"""Which scheduler a host belongs to, and what is said when it cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.clock import ManualClock
from backends.engine.run_brokers import AGAIN_SECONDS, Brokers
from backends.errors import BadInput
from backends.maintenance.model import HostPlan
from backends.sources.local_exec import LocalExec
from tests.unit.engine.desk import Desk

DRAINS = """
[[maintenance.drains]]
hosts = "tag:gpu"
scheduler = "slurm"
controller = "b"
node = "{host}.cluster"
[[maintenance.drains]]
hosts = "b"
scheduler = "none"
[[maintenance.drains]]
scheduler = "ray"
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(tmp_path, monkeypatch)
    one.file.write_text(one.file.read_text() + DRAINS)
    one.engine.reload()
    assert not one.engine.config_error
    yield one
    one.engine.stop()


@pytest.fixture
def brokers(desk: Desk) -> Iterator[Brokers]:
    bugs: list[Exception] = []
    one = Brokers(desk.engine, lambda: LocalExec("here"), lambda host, error: bugs.append(error))
    yield one
    one.stop()
    assert not bugs


def test_the_first_table_that_means_a_host_counts(brokers: Brokers) -> None:
    assert brokers.settings("a").scheduler == "slurm" and brokers.settings("a").controller == "b"
    assert brokers.settings("b").scheduler == "none"
    assert brokers.of(HostPlan(host="a", kind="")).scheduler == "Slurm"
    assert brokers.of(HostPlan(host="b", kind="")).scheduler == "no scheduler"


def test_a_scheduler_that_does_not_answer_is_told_as_such(brokers: Brokers) -> None:
    found = brokers.ask(["a", "b"])
    assert set(found) == {"a"} and not found["a"].asked and found["a"].problem
    assert found["a"].scheduler == "slurm" and found["a"].controller == "b"
    assert brokers.known() == found


def test_it_is_asked_again_only_after_a_while(desk: Desk, brokers: Brokers) -> None:
    clock = ManualClock()
    brokers.renew(["a"], clock.monotonic())
    asked = len(desk.source.execs["b"].asked)  # type: ignore[attr-defined]
    brokers.renew(["a"], clock.monotonic())
    assert asked and len(desk.source.execs["b"].asked) == asked  # type: ignore[attr-defined]
    clock.advance(AGAIN_SECONDS)
    brokers.renew(["a"], clock.monotonic())
    assert len(desk.source.execs["b"].asked) > asked  # type: ignore[attr-defined]


def test_a_controller_that_is_no_host_is_bad_input(desk: Desk, brokers: Brokers) -> None:
    desk.file.write_text(desk.file.read_text().replace('controller = "b"', 'controller = "nowhere"'))
    desk.engine.reload()
    if not desk.engine.config_error:  # the check of the configuration may refuse it first
        with pytest.raises(BadInput):
            brokers.of(HostPlan(host="a", kind=""))
