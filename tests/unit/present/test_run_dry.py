"""A dry run tells what is red before anything starts, the order, the times, who is drained, and what would change."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from swarm_tui.present import run_dry
from swarm_tui.present.line import plain, width
from tests.unit.present.run_data import RED, YELLOW, dry, plan


def text(*findings: object, cells: int = 100, **given: object) -> str:
    lines = run_dry.lines(dry(*findings, **given), cells)  # type: ignore[arg-type]
    assert all(width(line) <= cells for line in lines)
    return "\n".join(plain(line).rstrip() for line in lines)


def test_the_verdict_tells_red_from_yellow_from_nothing() -> None:
    assert run_dry.verdict(dry(RED, YELLOW)).text == "✖ It may not start: 1 red"
    assert run_dry.verdict(dry(YELLOW)).text == "▲ It may start; 1 worth a look"
    assert run_dry.verdict(dry()).text == "● Nothing is against it"


def test_findings_stand_before_the_order_with_their_hosts_and_what_helps() -> None:
    shown = text(RED, YELLOW)
    assert shown.index("✖ the window is too short") < shown.index("▲ gpu04: drained by bob") < shown.index("Canaries  ")
    assert "→ widen it" in shown


def test_hosts_stand_in_order_in_their_batches_with_begin_and_length() -> None:
    shown = text()
    assert "1 canary + 2 + 2, 10m soak between" in shown
    row = next(line for line in shown.splitlines() if " gpu02 " in line)
    assert row.split()[:4] == ["2", "gpu02", "+10m", "15m"]
    assert "2 jobs, the longest has 1h30m left" in row


def test_who_is_drained_and_the_whole_time_are_told() -> None:
    shown = text()
    assert "drained    gpu[01-05]" in shown
    assert "about 1h, hardly more than 1h30m" in shown
    assert "not known yet" in text(total_p50=None)


def test_where_nothing_could_be_done_there_is_a_reason_and_no_time() -> None:
    rows = tuple(replace(row, out="unreachable: no route", begins=None, estimate_p50=None) for row in dry().rows)
    shown = text(rows=rows, total_p50=None)
    assert "takes      - (no host can be done: unreachable: no route)" in shown
    row = next(line for line in shown.splitlines() if " gpu03 " in line)
    assert row.split()[:4] == ["3", "gpu03", "-", "-"]
    assert row.endswith("unreachable: no route")


def test_steps_that_take_no_time_are_not_called_zero_seconds() -> None:
    assert "no time worth counting" in text(total_p50=0.0, total_p90=0.0)


def test_equal_updates_are_one_group() -> None:
    assert "2 hosts: the same 1 packages, 1.2M to fetch" in text()


def test_the_window_says_how_many_fit() -> None:
    assert "to 04:00; 3 of 5 hosts fit in" in text(window="to 04:00", fits=3)


def test_the_last_question_names_hosts_steps_limits_yellow_and_hash() -> None:
    asked = " ".join(" ".join(plain(line).split()) for line in run_dry.question(dry(YELLOW), 70))
    for words in ("gpu[01-05] (5)", "drain > snapshot", "at most 2 away", "▲ drained by bob", "the plan 5f0c5f0c5f0c"):
        assert words in asked


@pytest.mark.parametrize("cells", [77, 137])
def test_it_fits_every_terminal(cells: int) -> None:
    text(RED, YELLOW, cells=cells, plan=plan(approvals=1), approvals_by=("prod",))
