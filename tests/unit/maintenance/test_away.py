"""A host that is out of service without us eats the budget; one that is only unwell does not."""

from __future__ import annotations

import pytest

from backends.maintenance.away import away, drained, drainer
from backends.maintenance.fleet import Standing
from backends.states import HostState
from tests.unit.maintenance.planning import host


@pytest.mark.parametrize(
    "state", [HostState.UNREACHABLE, HostState.AUTH_FAILED, HostState.CONNECTING, HostState.DRIVER_HUNG]
)
def test_who_does_not_work_for_others_is_away(state: HostState) -> None:
    assert away(host("gpu1", state=state, reason="why")) == f"{state}: why"


@pytest.mark.parametrize("state", [HostState.UP, HostState.STALE, HostState.NO_PYTHON, HostState.NO_SUDO])
def test_who_only_keeps_us_out_is_not(state: HostState) -> None:
    assert away(host("gpu1", state=state)) == ""


def test_who_was_drained_by_somebody_is_away_and_it_is_told_by_whom() -> None:
    standing = Standing(scheduler="slurm", drained=True, by="alice", reason="fan")
    assert away(host("gpu1", standing=standing)) == "drained by alice: fan"
    assert drainer(host("gpu1", standing=standing)) == "alice: fan"
    nobody = host("gpu1", standing=Standing(scheduler="slurm", drained=True))
    assert (drained(nobody), drainer(nobody), drainer(host("gpu1"))) == ("drained", "somebody", "")


def test_who_is_in_another_run_is_away() -> None:
    assert away(host("gpu1", held_by="run r-1 of bob")) == "in run r-1 of bob"
