"""The look before the first step."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.checks.health_views import HostHealth
from backends.clock import ManualClock
from backends.errors import RetryLater
from backends.maintenance.steps.before import PATIENCE_SECONDS, WRITTEN_SECONDS, Befores, BeforeWorker
from backends.maintenance.steps.gate import GateWorker
from backends.maintenance.worker import Place
from tests.unit.maintenance.steps.places import place

HERE = place("gate:go?", "check", reason="yes", number=0)


class Looks:
    """A host that is looked at when a test says so."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.begun = 0
        self.seen: float | None = None

    def run(self, host: str) -> None:
        self.begun += 1

    def row(self, host: str) -> HostHealth:
        return HostHealth(host=host, time=self.seen)

    def now(self) -> float:
        return self.clock.now()


@pytest.fixture
def looks() -> Looks:
    return Looks()


def worker(looks: Looks, folder: Path) -> BeforeWorker:
    return BeforeWorker(GateWorker(), looks, Befores(folder))


def test_the_first_step_waits_for_a_look_that_is_newer(looks: Looks, tmp_path: Path) -> None:
    one = worker(looks, tmp_path)
    looks.seen = looks.now() - 1.0
    with pytest.raises(RetryLater, match="looked at"):
        one.begin(HERE)
    looks.clock.advance(3.0)
    looks.seen = looks.now()
    assert one.begin(HERE) == "answered" and looks.begun == 1


def test_the_time_of_the_look_outlives_the_engine_and_is_the_first_one(looks: Looks, tmp_path: Path) -> None:
    one = worker(looks, tmp_path)
    first = looks.seen = looks.now()
    one.begin(HERE)
    looks.clock.advance(600.0)
    looks.seen = looks.now()
    assert worker(looks, tmp_path).begin(HERE) == "answered"
    assert Befores(tmp_path).of("r-1", "gpu01") == first + WRITTEN_SECONDS


def test_a_host_that_cannot_be_looked_at_is_begun_after_a_while(looks: Looks, tmp_path: Path) -> None:
    one = worker(looks, tmp_path)
    with pytest.raises(RetryLater):
        one.begin(HERE)
    looks.clock.advance(PATIENCE_SECONDS)
    assert one.begin(HERE) == "answered" and Befores(tmp_path).of("r-1", "gpu01") is None


@pytest.mark.parametrize(
    "there",
    [place("check", "gate", reason="yes"), place("gate", reason="yes"), place("gate", "resume", reason="y", number=0)],
)
def test_no_other_step_and_no_run_without_a_gate_waits(looks: Looks, tmp_path: Path, there: Place) -> None:
    assert worker(looks, tmp_path).begin(there) == "answered" and not looks.begun


def test_a_damaged_file_is_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "r-1.before.json").write_text('{"gpu01": "yes"')
    befores = Befores(tmp_path)
    assert befores.of("r-1", "gpu01") is None
    befores.keep("r-1", "gpu01", 5.0)
    assert Befores(tmp_path).of("r-1", "gpu01") == 5.0
