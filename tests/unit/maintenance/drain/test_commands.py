"""The site's own commands: what they are given, and what their exit statuses mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput, RetryLater, SkipHost, SwarmError
from backends.execution import ExecResult
from backends.maintenance.drain.base import Prior
from backends.maintenance.drain.choose import brokers
from backends.maintenance.drain.commands import Commands
from backends.maintenance.drain.kubernetes import Kubernetes
from backends.maintenance.drain.none import Unscheduled
from backends.maintenance.drain.ray import Ray
from backends.maintenance.drain.settings import DrainSettings, runs_on
from backends.maintenance.drain.slurm import Slurm
from tests.unit.maintenance.drain.places import drain_place
from tests.unit.maintenance.drain.speaking import Speaking

SETTINGS = DrainSettings(
    scheduler="command",
    node="n-{host}",
    look=("/site/busy", "{node}"),
    drain=("/site/drain", "{host}", "--why={reason}", "{run}", "{other}"),
    resume=("/site/resume", "{node}"),
)
PLACE = drain_place("gpu01")


def commands(status: int | None, out: bytes = b"", err: bytes = b"") -> tuple[Commands, Speaking]:
    exec_ = Speaking(lambda _argv, _stdin: ExecResult(exit_status=status, stdout=out, stderr=err))
    return Commands(SETTINGS, exec_), exec_


@pytest.mark.parametrize(
    ("status", "drained", "idle", "serving", "state"),
    [
        (0, False, False, True, "in service"),
        (1, True, True, False, "drained"),
        (2, True, False, False, "draining"),
        (75, True, False, False, "draining"),
    ],
)
def test_standing_is_the_exit_status(status: int, drained: bool, idle: bool, serving: bool, state: str) -> None:
    broker, exec_ = commands(status, b"3 sessions\nmore\n")
    found = broker.standing(PLACE)
    assert (found.drained, found.idle, found.serving, found.state) == (drained, idle, serving, state)
    assert found.node == "n-gpu01" and exec_.heard == [["/site/busy", "n-gpu01"]]
    assert found.held_up == ("3 sessions" if state == "draining" else "")


@pytest.mark.parametrize("status", [3, 77, 255])
def test_another_status_is_not_known_yet(status: int) -> None:
    with pytest.raises(RetryLater, match="no licence"):
        commands(status, err=b"no licence\n")[0].standing(PLACE)


def test_the_words_are_filled_without_a_shell() -> None:
    broker, exec_ = commands(0)
    broker.drain(PLACE, "unused: the reason is the run's")
    broker.resume(PLACE, Prior())
    assert exec_.heard == [
        ["/site/drain", "gpu01", "--why=swarm r-1 alice: monthly-patch", "r-1", "{other}"],
        ["/site/resume", "n-gpu01"],
    ]


def test_refusals() -> None:
    with pytest.raises(RetryLater, match="busy"):
        commands(75, err=b"busy")[0].drain(PLACE, "x")
    with pytest.raises(SwarmError, match="ended with 4: no such node"):
        commands(4, err=b"no such node")[0].resume(PLACE, Prior())
    with pytest.raises(SkipHost, match="no /site/busy"):
        commands(127)[0].standing(PLACE)
    with pytest.raises(RetryLater):
        commands(None)[0].standing(PLACE)


@given(st.binary(max_size=300), st.integers(0, 2))
def test_what_they_print_is_one_safe_line(printed: bytes, status: int) -> None:
    found = commands(status, printed)[0].standing(PLACE)
    assert all(ord(letter) >= 32 for letter in found.reason + found.held_up)


def test_each_scheduler_has_its_broker() -> None:
    exec_ = commands(0)[1]
    made = [brokers(DrainSettings(scheduler=name), exec_) for name in ("slurm", "kubernetes", "ray", "none")]
    assert [type(each) for each in made] == [Slurm, Kubernetes, Ray, Unscheduled]
    assert isinstance(brokers(SETTINGS, exec_), Commands)
    with pytest.raises(BadInput, match="without status, drain, resume"):
        brokers(DrainSettings(scheduler="command"), exec_)


def test_where_its_program_runs() -> None:
    assert runs_on(DrainSettings(scheduler="slurm"), "gpu01") == "gpu01"
    assert runs_on(DrainSettings(scheduler="slurm", controller="login1"), "gpu01") == "login1"
    assert runs_on(DrainSettings(scheduler="kubernetes"), "gpu01") == ""
    assert runs_on(DrainSettings(scheduler="kubernetes", controller="cp1"), "gpu01") == "cp1"
