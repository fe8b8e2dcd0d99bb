"""The process table: names are remembered per process, numbers are believed only where they can be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.hostkit import frames
from backends.hostkit.table import MAX_ROWS, MAX_USERS, ProcessTables
from backends.metrics.sample import Gpu, GpuProcess, Process, ProcessTable
from tests.unit.hostkit.hostile import assert_calm, texts, wholes

NAMES = [1000, "python3", "python3 train.py --lr 0.1", "/user.slice/user-1000.slice/session-3.scope"]


def row(**changes: Any) -> list[Any]:
    values: dict[str, Any] = {
        "pid": 42,
        "start_ticks": 900,
        "state": "R",
        "cpu_percent": 150.0,
        "resident_bytes": 1 << 30,
        "nice": 0,
        "names": NAMES,
    }
    return list((values | changes).values())


def frame(*rows: list[Any], total: int = 300, zombies: int = 0) -> frames.Table:
    return msgspec.convert(["t", 100.0, total, 2, 1, zombies, list(rows)], frames.Table)


def only(table: ProcessTable) -> Process:
    (process,) = table.top
    return process


def test_a_row_becomes_a_process() -> None:
    tables = ProcessTables()
    tables.user(1000, "ada")
    table = tables.table(frame(row(), zombies=4), ())
    assert (table.total, table.running, table.blocked, table.zombies) == (300, 2, 1, 4)
    assert only(table) == Process(
        pid=42,
        start_ticks=900,
        user="ada",
        name="python3",
        command="python3 train.py --lr 0.1",
        state="R",
        cpu_percent=150.0,
        resident_bytes=1 << 30,
        nice=0,
    )


class TestNames:
    """They come once, with the first table that shows a process."""

    def test_they_are_remembered_while_the_process_stays_in_the_table(self) -> None:
        tables = ProcessTables()
        tables.table(frame(row()), ())
        assert only(tables.table(frame(row(names=0)), ())).name == "python3"

    def test_a_reused_pid_does_not_inherit_them(self) -> None:
        tables = ProcessTables()
        tables.table(frame(row()), ())
        assert only(tables.table(frame(row(start_ticks=901, names=0)), ())).name == ""

    def test_they_are_forgotten_with_the_process(self) -> None:
        tables = ProcessTables()
        tables.table(frame(row()), ())
        tables.table(frame(), ())
        assert only(tables.table(frame(row(names=0)), ())).name == ""

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("(sd-pam)", "(sd-pam)"),
            ("Web Content", "Web Content"),
            ("a) R 1 (b", "a) R 1 (b"),
            ("two\nlines", "two lines"),
            ("[/bold]", "[/bold]"),
            ("\x1b]0;owned\x07sh", "sh"),
            ("\u202egnp", "\ufffdgnp"),
        ],
    )
    def test_odd_ones_are_shown_as_text(self, name: str, shown: str) -> None:
        assert only(ProcessTables().table(frame(row(names=[0, name, name, ""])), ())).name == shown

    def test_endless_ones_are_cut(self) -> None:
        process = only(ProcessTables().table(frame(row(names=[0, "n" * 9000, "c" * 9000, "/" * 9000])), ()))
        assert (len(process.name), len(process.command)) == (64, 512)


class TestUsers:
    """Looked up on the host, late and perhaps never."""

    def test_an_unknown_user_is_shown_by_number_until_the_name_comes(self) -> None:
        tables = ProcessTables()
        table = tables.table(frame(row()), ())
        assert only(table).user == "1000"
        tables.user(1000, "ada")
        assert only(tables.named(table)).user == "ada"

    def test_a_process_without_one_shows_none(self) -> None:
        assert only(ProcessTables().table(frame(row(names=[None, "x", "", ""])), ())).user == ""

    @pytest.mark.parametrize("uid", [-1, 1 << 32, 10**30])
    def test_a_number_that_no_user_can_have_is_none(self, uid: int) -> None:
        tables = ProcessTables()
        tables.user(uid, "nobody")
        assert only(tables.table(frame(row(names=[uid, "x", "", ""])), ())).user == ""

    def test_so_many_names_are_kept_and_no_more(self) -> None:
        tables = ProcessTables()
        for uid in range(MAX_USERS + 10):
            tables.user(uid, f"user{uid}")
        shown = [only(tables.table(frame(row(names=[uid, "x", "", ""])), ())).user for uid in (0, MAX_USERS + 5)]
        assert shown == ["user0", str(MAX_USERS + 5)]
        tables.user(0, "renamed")
        assert only(tables.table(frame(row(names=[0, "x", "", ""])), ())).user == "renamed"


class TestNumbers:
    """A value that cannot be is absent."""

    @pytest.mark.parametrize("percent", [-0.1, 1e9, None])
    def test_cpu(self, percent: float | None) -> None:
        assert only(ProcessTables().table(frame(row(cpu_percent=percent)), ())).cpu_percent is None

    @pytest.mark.parametrize(("nice", "shown"), [(-20, -20), (19, 19), (20, None), (-21, None), (None, None)])
    def test_nice(self, nice: int | None, shown: int | None) -> None:
        assert only(ProcessTables().table(frame(row(nice=nice)), ())).nice == shown

    @pytest.mark.parametrize("size", [-4096, 1 << 62, 10**30])
    def test_memory(self, size: int) -> None:
        assert only(ProcessTables().table(frame(row(resident_bytes=size)), ())).resident_bytes is None

    @pytest.mark.parametrize(
        ("state", "shown"), [("D", "D"), ("Z", "Z"), ("?", ""), ("RR", ""), ("\x1b[2J", ""), ("", "")]
    )
    def test_state(self, state: str, shown: str) -> None:
        assert only(ProcessTables().table(frame(row(state=state)), ())).state == shown

    @pytest.mark.parametrize("total", [-1, 1 << 62, 10**30])
    def test_counts(self, total: int) -> None:
        assert ProcessTables().table(frame(total=total), ()).total is None

    @pytest.mark.parametrize(("pid", "start"), [(0, 1), (-1, 1), (1 << 31, 1), (10**30, 1), (42, -1), (42, 10**30)])
    def test_a_row_that_names_no_process_is_left_out(self, pid: int, start: int) -> None:
        """Its pid might be handed to kill(2) one day: 0 and −1 mean everybody there."""
        table = ProcessTables().table(frame(row(pid=pid, start_ticks=start), row(pid=7)), ())
        assert [process.pid for process in table.top] == [7]

    def test_a_process_named_twice_is_shown_once(self) -> None:
        assert len(ProcessTables().table(frame(row(), row(cpu_percent=1.0)), ()).top) == 1

    def test_a_table_of_thousands_is_cut(self) -> None:
        rows = [row(pid=pid) for pid in range(1, 5000)]
        assert len(ProcessTables().table(frame(*rows), ()).top) == MAX_ROWS


def test_what_it_holds_of_the_gpus_stands_beside_it() -> None:
    gpus = (
        Gpu(index=0, processes=(GpuProcess(pid=42, memory_bytes=100),)),
        Gpu(index=5, processes=(GpuProcess(pid=42, memory_bytes=11), GpuProcess(pid=9))),
    )
    process = only(ProcessTables().table(frame(row()), gpus))
    assert (process.gpu_memory_bytes, process.gpus) == (111, (0, 5))


def test_its_container_and_job_are_read_from_its_cgroup() -> None:
    path = "/slurm/uid_1000/job_77/step_0/docker-" + "ab" * 32 + ".scope"
    process = only(ProcessTables().table(frame(row(names=[0, "x", "", path])), ()))
    assert (process.container, process.slurm_job) == ("docker abababababab", "77")


real = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-5, 1 << 60).map(float))
any_names = st.one_of(wholes, st.tuples(st.one_of(st.none(), wholes), texts, texts, texts))
any_row = st.tuples(wholes, wholes, texts, real, wholes, st.one_of(st.none(), wholes), any_names)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(wholes, st.lists(any_row, max_size=6), wholes, texts), max_size=4))
def test_any_tables_come_out_calm(tables: list[tuple[int, list[Any], int, str]]) -> None:
    kept = ProcessTables()
    for count, rows, uid, user in tables:
        table = kept.table(msgspec.convert(["t", 1.0, count, count, count, count, rows], frames.Table), ())
        kept.user(uid, user)
        assert_calm(kept.named(table))
        assert all(process.pid > 0 for process in table.top)
