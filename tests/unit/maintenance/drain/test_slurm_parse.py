"""What Slurm 22.05 printed in every state of a drain, read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import SwarmError
from backends.maintenance.drain import slurm_parse
from backends.maintenance.drain.base import Standing
from tests.unit.maintenance.drain.speaking import text

OURS = "swarm r-1 alice: monthly-patch"


def read(moment: str) -> Standing:
    return slurm_parse.standing(text("slurm", f"node-{moment}"), slurm_parse.jobs(text("slurm", f"jobs-{moment}")))


@pytest.mark.parametrize(
    ("moment", "state", "drained", "serving", "idle", "silent"),
    [
        ("idle", "IDLE", False, True, True, False),
        ("mixed", "MIXED", False, True, False, False),
        ("two", "ALLOCATED", False, True, False, False),
        ("draining", "MIXED+DRAIN", True, False, False, False),
        ("drained", "IDLE+COMPLETING+DRAIN", True, False, False, False),
        ("reason-only", "IDLE+DRAIN", True, False, True, False),
        ("resumed", "IDLE", False, True, True, False),
        ("down", "DOWN+NOT_RESPONDING", False, False, True, True),
        ("down-drain", "DOWN+DRAIN+NOT_RESPONDING", True, False, True, True),
        ("down-resumed", "IDLE+NOT_RESPONDING", False, False, True, True),
        ("drained-down-rebooted", "DOWN+DRAIN", True, False, True, False),
        ("admin-down", "DOWN", True, False, True, False),
        ("reboot-issued", "IDLE+REBOOT_REQUESTED", False, True, True, False),
        ("reboot-down", "DOWN", False, False, True, False),
    ],
)
def test_states(moment: str, state: str, drained: bool, serving: bool, idle: bool, silent: bool) -> None:
    found = read(moment)
    seen = (found.state, found.drained, found.serving, found.idle, found.silent)
    assert seen == (state, drained, serving, idle, silent)


def test_who_drained_it_and_why() -> None:
    assert (read("draining").who, read("draining").reason) == ("root", OURS)
    assert (read("admin-down").who, read("admin-down").reason) == ("root", "bad fan")
    assert read("idle").reason == ""


def test_what_slurm_took_down_by_itself_is_nobodys_drain() -> None:
    assert read("down").by_scheduler
    assert read("reboot-down").by_scheduler
    assert not read("admin-down").by_scheduler
    assert not read("draining").by_scheduler


def test_jobs_with_user_time_left_and_a_name_that_holds_anything() -> None:
    found = slurm_parse.jobs(text("slurm", "jobs-two"))
    assert [(job.id, job.user, job.left_seconds) for job in found] == [("3", "root", 1797.0), ("4", "root", None)]
    assert found[1].name == "a name with | bar"
    assert [job.id for job in slurm_parse.jobs(text("slurm", "jobs-array"))] == ["5_1", "5_2"]


def test_jobs_that_wait_are_on_no_node() -> None:
    assert slurm_parse.jobs("7|bob|10:00|PENDING|x\n8|bob|10:00|COMPLETING|x\n")[0].id == "8"


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        ("29:57", 1797.0),
        ("1-02:00:00", 93600.0),
        ("5:00:00", 18000.0),
        ("0:00", 0.0),
        ("-1:00", 0.0),
        ("UNLIMITED", None),
        ("INVALID", None),
        ("NOT_SET", None),
        ("", None),
    ],
)
def test_time_left(left: str, seconds: float | None) -> None:
    assert slurm_parse.seconds_left(left) == seconds


def test_the_answer_about_several_nodes_is_no_answer() -> None:
    with pytest.raises(SwarmError, match="2 nodes"):
        slurm_parse.standing(text("slurm", "nodes"), ())


def test_a_reason_cannot_pretend_to_be_a_state() -> None:
    line = text("slurm", "node-draining").replace(OURS, "x State=IDLE NodeName=other [root@2026]")
    found = slurm_parse.standing(line, ())
    assert (found.node, found.state) == ("lab2", "MIXED+DRAIN")


@given(st.text(max_size=400))
def test_anything_is_read_or_refused(noise: str) -> None:
    slurm_parse.jobs(noise)
    slurm_parse.seconds_left(noise)
    for shown in (noise, f"NodeName=a State={noise}"):
        try:
            found = slurm_parse.standing(shown, ())
        except SwarmError:
            continue
        assert all(ord(letter) >= 32 for letter in found.state + found.reason + found.node + found.who)


@given(st.integers(0, 400), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_time_left_as_slurm_writes_it(days: int, hours: int, minutes: int, seconds: int) -> None:
    expected = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert slurm_parse.seconds_left(f"{days}-{hours:02}:{minutes:02}:{seconds:02}") == expected
