"""Runs in lines: what needs a person comes first and says what to type."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.maintenance.model import RunStatus
from backends.maintenance.views import RunView
from swarm_tui.present import run_lines
from tests.unit.run_samples import ASKING, DONE, FAILED, GOING, LINE, NOW, PLAN, QUEUED, RUN, WORKING, shown, state


def test_the_board_tells_state_budget_batch_and_approvals() -> None:
    assert run_lines.board_lines(GOING) == [
        "r-20261126-1  monthly-patch  by anna: running, 1 in work, 1 queued, 1 done",
        "  hosts      gpu[01-03] (3)",
        "  steps      drain, update:security, check, resume",
        "  batches    1 canary + 2, 10m between; after the canaries somebody says go on",
        "  budget     at most 2 away at once; begins nothing more at 2 failed",
        "  state      running",
        "  batch      2 of 2",
        "  away       1 of 2, 1 more may begin; away and not through this run: gpu09",
        "  domains    rack1 1 of 1",
        "  failed     0 of 2",
        "  approved   carol 2026-11-26 13:25 UTC",
    ]
    assert run_lines.note_lines(GOING) == ["2026-11-26 13:32 UTC  bob: gpu02: fan is loud"]


def test_hosts_that_need_a_person_stand_first_with_the_next_step() -> None:
    assert run_lines.host_rows(shown(DONE, FAILED, ASKING)) == [
        ("gpu02", "2", "FAILED", "3/4 check", "4m40s", "7 of 8 GPUs came back · → look at it: swarm-tui triage gpu02"),
        ("gpu03", "2", "asks", "3/4 check", "1m", "the kernel is the old one · → why is that good?"),
        ("gpu01", "canary", "done", "", "5m", "proven healthy"),
    ]


def test_a_host_in_work_says_what_it_waits_for_and_how_long() -> None:
    rows = run_lines.host_rows(GOING)
    assert rows[0] == ("gpu02", "2", "draining", "1/4 drain", "1m30s", "job 41 of bob runs · about 2m more")
    assert rows[1] == ("gpu03", "2", "queued", "", "", "")


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (GOING, ""),
        (shown(DONE, ASKING), f"swarm-tui run answer {RUN} gpu03 TEXT (or: skip, retry)"),
        (shown(QUEUED, status=RunStatus.WAITING), f"swarm-tui run start {RUN}"),
        (
            shown(QUEUED, status=RunStatus.WAITING, plan=replace(PLAN, approvals=1)),
            f"somebody else: swarm-tui run approve {RUN} --hash 0123456789ab",
        ),
        (
            shown(QUEUED, status=RunStatus.WAITING, plan=replace(PLAN, approvals=2)),
            f"2 others: swarm-tui run approve {RUN} --hash 0123456789ab",
        ),
        (shown(QUEUED, status=RunStatus.PAUSED), f"swarm-tui run resume {RUN}, or: abort"),
        (shown(QUEUED, status=RunStatus.STOPPED), f"swarm-tui run resume {RUN}, or: abort"),
        (shown(DONE, batch_ended=NOW - 700), f"the canaries are through: swarm-tui run promote {RUN}"),
        (shown(DONE, batch_ended=NOW - 60), ""),
        (shown(DONE, batch_ended=NOW - 700, promoted=True), ""),
        (shown(DONE, status=RunStatus.ENDED), ""),
    ],
)
def test_the_next_step_is_a_command(view: RunView, words: str) -> None:
    assert run_lines.next_step(view) == words


def test_soak_and_window_count_down() -> None:
    plan = replace(PLAN, window_end=NOW + 3600)
    lines = run_lines.board_lines(shown(DONE, QUEUED, batch_ended=NOW - 60, plan=plan))
    assert "  batch      1 of 2 (canaries), soaks for 9m more" in lines
    assert "  window     until 2026-11-26 14:33 UTC, 1h left" in lines
    over = run_lines.board_lines(shown(DONE, QUEUED, plan=replace(PLAN, window_end=NOW - 1)))
    assert "  window     until 2026-11-26 13:33 UTC, over: no host begins" in over


def test_an_ended_run_speaks_no_more_of_its_budget() -> None:
    lines = run_lines.board_lines(shown(DONE, status=RunStatus.ENDED))
    assert not any(line.startswith(("  away", "  batch ", "  window", "  next")) for line in lines)


def test_lines_of_a_followed_run_do_not_change_with_time_alone() -> None:
    later = replace(GOING, now=NOW + 30)
    assert run_lines.run_words(later) == run_lines.run_words(GOING) == "running  batch 2"
    assert run_lines.host_words(WORKING, later) == "draining  1/4 drain  job 41 of bob runs"


def test_what_the_engine_left_out_is_what_the_client_has() -> None:
    newer = shown(DONE, WORKING, QUEUED, since=7)
    assert newer.plan is None and newer.hosts is None
    full = run_lines.merged(GOING, newer)
    assert (full.plan, full.hosts, full.notes, full.looks) == (GOING.plan, GOING.hosts, GOING.notes, {})
    assert run_lines.merged(None, GOING) is run_lines.merged(full, GOING) is GOING


def test_a_run_in_a_list_and_after_an_act() -> None:
    assert run_lines.list_cells(LINE) == (
        RUN, "monthly-patch", "running", "3", "1", "0", "anna", "2026-11-26 13:26 UTC", "",
    )  # fmt: skip
    waits = replace(LINE, status=RunStatus.WAITING, approvals_wanted=2, began=None, scheduled=True)
    assert run_lines.list_cells(waits)[6:] == ("anna (scheduled)", "—", "waits for 2 approvals")
    stopped = replace(LINE, status=RunStatus.STOPPED, why="2 failed", hint="look at them", window_end=NOW)
    assert run_lines.list_cells(stopped)[-1] == "2 failed · look at them · window until 2026-11-26 13:33 UTC"
    paused = state(DONE, QUEUED, status=RunStatus.PAUSED, why="lunch")
    assert run_lines.done_words(paused) == f"{RUN}: paused — lunch, 1 queued, 1 done"
