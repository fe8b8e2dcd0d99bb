"""What stands above the board: headroom, failures, window, soak, and why a run waits."""

from __future__ import annotations

from typing import Any

import pytest

from backends.maintenance.model import Approval, Budget, RunStatus
from backends.maintenance.views import Headroom
from swarm_tui.glyphs import UNICODE
from swarm_tui.present import run_header
from swarm_tui.present.line import plain, width
from tests.unit.present.run_data import HASH, HOSTS, NOW, QUEUED, host, plan, view


def shown(cells: int = 80, shown_plan: Any = None, hosts: Any = None, **given: Any) -> list[str]:
    one = shown_plan or plan()
    found = run_header.lines(view(one, **given), one, dict(HOSTS if hosts is None else hosts), NOW, cells, UNICODE)
    assert all(width(line) <= cells for line in found)
    return [plain(line).rstrip() for line in found]


def test_the_first_line_is_the_run_and_how_far_it_is() -> None:
    first = shown()[0]
    assert first.startswith(" monthly  running  16m40s")
    assert first.endswith("2 of 5 over")


def test_headroom_counts_hosts_that_are_down_anyway_and_says_what_is_left() -> None:
    text = shown(140)[1]
    assert "2 of 2, no more may begin" in text
    assert "failed 1 of 2" in text
    assert "1 down anyway" in text
    assert "rack1 1/1" in text


def test_headroom_that_is_left_is_a_number() -> None:
    assert "1 of 4, 3 more may begin" in shown(headroom=Headroom(away=1, limit=4, free=3))[1]


def test_the_gauge_of_no_budget_is_full_and_divides_by_nothing() -> None:
    assert "0 of 0, no more may begin" in shown(headroom=Headroom())[1]


def test_the_soak_counts_down_to_the_next_batch() -> None:
    assert "batch 2 of 3  soaks, next in 3:20" in shown(soak_until=NOW + 200)[2]


def test_canaries_that_wait_for_a_word_name_the_key() -> None:
    by_key = plan(promote="key")
    assert (
        "canaries, 1 of 3  soaked: m lets the next batch begin"
        in shown(shown_plan=by_key, batch=0, soak_until=NOW - 1)[2]
    )
    assert "soaked" not in shown(shown_plan=by_key, batch=0, soak_until=NOW - 1, promoted=True)[2]


def test_the_window_counts_down_and_names_the_last_moment_at_which_a_host_may_begin() -> None:
    waiting = plan(host("gpu05", estimate_seconds=1800.0))
    text = shown(shown_plan=waiting, hosts={"gpu05": QUEUED}, window_end=NOW + 7200)[2]
    assert "window 2:00:00 left (to 10:00Z, last begin 09:30Z)" in text


def test_a_window_that_is_over_says_what_that_means() -> None:
    assert "the window is over: no host begins" in shown(window_end=NOW - 1)[2]
    assert "window" not in shown(window_end=NOW - 1, status=RunStatus.ENDED)[2]


@pytest.mark.parametrize("status", [RunStatus.PAUSED, RunStatus.STOPPED, RunStatus.ABORTED])
def test_why_it_does_not_go_on_is_said_with_what_helps(status: RunStatus) -> None:
    calm = {"gpu05": QUEUED}
    text = shown(hosts=calm, status=status, why="2 failed, at 2 it stops", hint="cure them, then P")[3]
    assert text == " 2 failed, at 2 it stops  cure them, then P"


def test_hosts_that_need_a_person_are_named_also_when_the_run_was_aborted() -> None:
    text = shown(140, status=RunStatus.ABORTED, why="aborted by anna", hint="nothing more begins")[3]
    assert text == " aborted by anna  gpu04 asks you: a answers  failed and held: gpu02  nothing more begins"


def test_hosts_that_need_a_person_are_named() -> None:
    assert shown(140)[3] == " gpu04 asks you: a answers  failed and held: gpu02"


def test_when_all_is_well_the_steps_stand_there() -> None:
    assert "steps: drain > snapshot > update:security" in shown(hosts={"gpu05": QUEUED})[3]
    assert shown(hosts={"gpu05": QUEUED}, why="batch 1 soaks for 8m")[3] == " batch 1 soaks for 8m"


def test_a_run_that_waits_says_for_whom() -> None:
    two = plan(approvals=2, budget=Budget(fleet=2, failed=1))
    yes = (Approval(who="ben", time=NOW, hash=HASH),)
    text = shown(shown_plan=two, status=RunStatus.WAITING, approvals=yes)[3]
    assert text == " waits for 1 other person to approve: A  by anna; ben said yes"
    assert shown(status=RunStatus.WAITING)[3] == " nothing has begun: s starts it"
    later = plan(window_start=NOW + 60)
    assert shown(shown_plan=later, status=RunStatus.WAITING)[3] == " waits for its window, opens in 1:00"
