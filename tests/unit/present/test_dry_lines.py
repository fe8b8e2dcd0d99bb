"""A dry run in lines: what it is, whether it may start, who is taken when, and what is not known is never a number."""

from __future__ import annotations

from msgspec.structs import replace

from swarm_tui.present import dry_lines
from tests.unit.run_samples import NOW, PLAN, RED, ROWS, SETS, YELLOW, dry


def test_the_head_tells_everything_that_was_worked_out_and_what_is_against_it() -> None:
    found = dry(RED, YELLOW, total_p50=3600.0, total_p90=5400.0, window="until 18:00", window_start=NOW, fits=2)
    assert dry_lines.head_lines(found) == [
        "monthly-patch  plan 0123456789ab: it may not start: 1 red",
        "  hosts      gpu[01-03] (3)",
        "  steps      drain, update:security, check, resume",
        "  batches    1 canary + 2, 10m between; after the canaries somebody says go on",
        "  budget     at most 2 away at once; begins nothing more at 2 failed",
        "  now        2 hosts may begin; away already: gpu09",
        "  takes      about 1h, hardly more than 1h30m",
        "  drained    gpu01",
        "  window     until 18:00, opens 2026-11-26 13:33 UTC; 2 of 3 hosts fit in",
        "RED   the budget allows 0 hosts",
        "      → raise max_unavailable",
        "warn  gpu03: it never ran here",
    ]


def test_the_verdict_is_one_sentence() -> None:
    assert dry_lines.verdict(dry()) == "it may start, nothing is against it"
    assert dry_lines.verdict(dry(YELLOW)) == "it may start, 1 worth a look"


def test_what_is_not_known_is_said() -> None:
    lines = dry_lines.head_lines(dry())
    assert "  takes      not known: some step never ran here" in lines
    assert not any(line.startswith("  window") for line in lines)


def test_where_nothing_could_be_done_there_is_a_reason_and_no_time() -> None:
    rows = tuple(replace(row, out="unreachable: no route", begins=None) for row in ROWS)
    found = dry(rows=rows)
    assert "  takes      - (no host can be done: unreachable: no route)" in dry_lines.head_lines(found)
    assert [dry_lines.host_cells(row)[3:5] for row in rows] == [("-", "-")] * 3
    assert dry_lines.host_cells(replace(rows[2], findings=()))[-1] == "unreachable: no route"
    assert "no time worth counting" in "\n".join(dry_lines.head_lines(dry(total_p50=0.0, total_p90=0.0)))


def test_approvals_name_the_tags_that_ask_for_them() -> None:
    found = dry(approvals_by=("production",))
    found = replace(found, plan=replace(PLAN, approvals=1))
    assert "  approvals  1 besides its author's (tag production)" in dry_lines.head_lines(found)


def test_each_host_has_its_place_times_and_what_waits_there() -> None:
    assert [dry_lines.host_cells(row) for row in ROWS] == [
        ("1", "gpu01", "canary", "+0s", "15m", "slurm", "2", "yes", "2 jobs run, the longest for 10m more"),
        ("2", "gpu02", "2", "?", "?", "", "2", "no", "drained already by alice: fan, and stays so"),
        ("3", "gpu03", "2", "?", "?", "", "?", "?", "it never ran here"),
    ]


def test_equal_updates_are_told_once_and_cut_when_many() -> None:
    lines = dry_lines.set_lines(SETS)
    assert lines[0] == "gpu[01-02] (2): 10 changes, 2.0K to fetch"
    assert lines[1] == "  lib0 2" and lines[-1] == "  and 2 more" and len(lines) == 10


def test_a_plan_alone_is_told_before_somebody_says_yes_to_it() -> None:
    assert dry_lines.plan_lines(replace(PLAN, window_end=NOW)) == [
        "monthly-patch  r-20261126-1  plan 0123456789ab  by anna",
        "  hosts      gpu[01-03] (3)",
        "  steps      drain, update:security, check, resume",
        "  batches    1 canary + 2, 10m between; after the canaries somebody says go on",
        "  budget     at most 2 away at once; begins nothing more at 2 failed",
        "  drained    gpu[01-02]",
        "  window     until 2026-11-26 13:33 UTC",
    ]
