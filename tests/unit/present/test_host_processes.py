"""Processes are sorted, filtered and named so that the right one is meant."""

from __future__ import annotations

import pytest

from backends.metrics.sample import ProcessTable
from swarm_tui.present.host_processes import SORTS, Listing, SortKey, counts, head, key, listed, matches, nothing, row
from swarm_tui.present.host_signal import SIGNALS, describe
from swarm_tui.present.line import plain, width
from tests.unit.present.host_samples import NOW, detail, process, sample

TABLE = sample().processes


def pids(**fields: object) -> list[int]:
    return [each.pid for each in listed(TABLE, Listing(**fields))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("cpu", [4100, 4101, 77, 900]),
        ("memory", [900, 4100, 4101, 77]),
        ("gpu", [4100, 4101, 77, 900]),
        ("pid", [77, 900, 4100, 4101]),
        ("user", [4100, 4101, 900, 77]),
        ("command", [900, 77, 4100, 4101]),
    ],
)
def test_sorting(sort: SortKey, expected: list[int]) -> None:
    assert pids(sort=sort) == expected
    assert pids(sort=sort, reverse=True) == expected[::-1]


def test_the_filter_reads_all_that_identifies_and_can_exclude() -> None:
    assert pids(needle="anna") == [4100, 4101]
    assert pids(needle="4711 !4100") == [4101]
    assert pids(needle="C0FFEE") == [900]
    assert pids(needle="[x") == []


def test_an_exclamation_mark_alone_is_text() -> None:
    assert matches(process(1, command="echo !"), "!")


def test_a_process_is_named_by_pid_and_start_time() -> None:
    assert key(process(7, start_ticks=1)) != key(process(7, start_ticks=2))


def test_the_sorted_column_is_marked_in_every_order() -> None:
    for sort in SORTS:
        assert "▾" in plain(head(Listing(sort=sort), 120)) or "▴" in plain(head(Listing(sort=sort), 120))
    assert "cpu%▴" in plain(head(Listing(reverse=True), 80)) or "pu%▴" in plain(head(Listing(reverse=True), 80))


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_titles_and_rows_have_the_same_columns(columns: int) -> None:
    shown = process(123456, command="x" * 300)
    assert width(row(shown, columns)) <= columns
    assert plain(row(shown, columns)).index("123456") == 2


def test_a_kernel_thread_is_shown_in_brackets_that_nobody_reads_as_markup() -> None:
    assert "[kworker/u8:2]" in plain(row(process(2, name="kworker/u8:2", command=""), 80))


def test_counts_point_at_blocked_processes() -> None:
    assert counts(TABLE, 4, Listing(), 100)[0] == ("623 processes · 9 running", "dim")
    assert (" · 1 blocked", "bad") in counts(TABLE, 4, Listing(), 100)


def test_an_empty_list_says_which_kind_of_empty_it_is() -> None:
    assert "0 of 4 match /zzz" in plain(nothing(detail(), Listing(needle="zzz")))
    absent = detail(sample=sample(processes=None, missing={"processes": "no permission"}))
    assert "no permission" in plain(nothing(absent, Listing()))
    assert "stands out" in plain(nothing(detail(sample=sample(processes=ProcessTable())), Listing()))


def test_the_question_names_host_process_user_and_start() -> None:
    shown = detail(sample=sample(time=NOW, uptime_seconds=1000.0))
    text = "\n".join(
        describe(process(4100, start_ticks=40_000, slurm_job="4711", gpus=(0, 1), gpu_memory_bytes=1 << 30), shown)
    )
    for words in (
        "dgx04",
        "4100 python3 of anna on dgx04",
        "anna",
        "started Fri 2027-01-15 07:50:00 UTC, 10m ago",
        "Slurm job 4711",
        "GPU 0, 1 with 1.0G",
    ):
        assert words in text


def test_a_start_time_that_cannot_be_is_not_shown() -> None:
    assert "start time n/a" in "\n".join(describe(process(1, start_ticks=10**12), detail()))


def test_kill_is_the_last_choice_and_keys_are_unique() -> None:
    assert SIGNALS[-1].name == "KILL"
    assert len({choice.key for choice in SIGNALS}) == len(SIGNALS) == 6
