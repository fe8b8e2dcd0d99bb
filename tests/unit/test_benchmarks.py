"""The benchmarks read the kernel's accounts rightly and say honestly what they found. Nothing here takes time."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import __main__ as bench
from benchmarks import cost, crowd, gpu, peers, probe
from benchmarks.cost import Memory, Reading
from benchmarks.sampling import Start, Steady

ROLLUP = """\
55d1c8a00000-7ffd3b9fe000 ---p 00000000 00:00 0                          [rollup]
Rss:               10240 kB
Pss:                5120 kB
Pss_Dirty:          1536 kB
Pss_Anon:           1536 kB
Shared_Clean:       2048 kB
"""
STAT = (
    "4711 (a b) R 1) S 1 4711 4711 0 -1 4194560 900 41 0 0 12 5 30 7 30 10 2 0 12345 25000000 2500 18446744073709551615"
)


@pytest.mark.parametrize("name", sorted(bench.TABLES))
def test_every_table_has_a_module_that_makes_it(name: str) -> None:
    run = importlib.import_module(f"benchmarks.{name}").run
    assert inspect.signature(run).parameters == {}


def test_the_document_keeps_its_head_and_names_every_table(checkout: Path) -> None:
    head, mark, _ = (checkout / "docs/benchmarks.md").read_text().partition(bench.MARK)
    assert mark, "a full run would write over the head"
    rows = [line.split("|")[1].strip() for line in head.splitlines() if line.startswith("| ")]
    assert set(bench.TABLES) <= set(rows)


def test_a_table_that_was_measured_again_takes_the_place_of_its_last_one() -> None:
    document = f"# Head\n\n{bench.MARK}\n"
    gpu_lines, probe_lines = (
        [f"## {bench.TABLES['gpu']}", "", "| g |", ""],
        [f"## {bench.TABLES['probe']}", "", "| p |", ""],
    )
    once = bench.merged(bench.merged(document, {"gpu": gpu_lines}), {"probe": probe_lines})
    assert once == bench.merged(document, {"probe": probe_lines, "gpu": gpu_lines})
    assert once.startswith(document) and once.index("| p |") < once.index("| g |")
    again = bench.merged(once, {"probe": [*probe_lines[:2], "| newer |", ""]})
    assert "| p |" not in again and again.count("## ") == 2
    assert again == once.replace("| p |", "| newer |")


def test_an_unknown_table_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["prob"]) == 64
    said = capsys.readouterr().err
    assert "'prob'" in said
    assert all(name in said for name in bench.TABLES)


def test_time_on_a_core_is_the_first_number_of_schedstat() -> None:
    assert cost.run_nanoseconds("163603461 2250331 118\n") == 163603461


@given(st.text(max_size=60))
def test_what_is_no_schedstat_is_refused_in_one_way(text: str) -> None:
    try:
        cost.run_nanoseconds(text)
    except ValueError:
        return
    assert len(text.split()) == 3


def test_this_very_process_has_used_a_core() -> None:
    found = cost.read(os.getpid())
    assert found.threads[os.getpid(), threading.main_thread().native_id or 0] > 0
    assert cost.memory(os.getpid()).resident >= cost.memory(os.getpid()).proportional > 0


def test_ended_children_are_found_behind_any_process_name() -> None:
    assert cost.reaped_ticks(STAT) == 30 + 7


def test_memory_of_a_rollup_is_bytes_and_only_the_sums() -> None:
    assert cost.rollup_bytes(ROLLUP) == Memory(resident=10 << 20, proportional=5 << 20)


def test_a_process_without_memory_of_its_own_has_none() -> None:
    assert cost.rollup_bytes("") == Memory(resident=0, proportional=0)


def reading(threads: dict[tuple[int, int], int], **reaped: int) -> Reading:
    return Reading(threads=threads, reaped={int(pid[1:]): ticks for pid, ticks in reaped.items()})


def test_seconds_are_what_threads_spent_in_between_whenever_they_began() -> None:
    before = reading({(1, 1): 1_000_000_000}, p1=0)
    after = reading({(1, 1): 1_250_000_000, (1, 2): 50_000_000, (3, 3): 200_000_000}, p1=0, p3=0)
    assert cost.seconds_between(before, after) == pytest.approx(0.5)


def test_a_child_that_ended_counts_only_what_it_spent_in_between() -> None:
    before = reading({(1, 1): 0, (2, 2): 300_000_000}, p1=0, p2=10)
    ticks = int(0.4 * cost.TICKS) + 10  # what it spent as a whole, and what its own children had
    after = reading({(1, 1): 0}, p1=ticks)
    assert cost.seconds_between(before, after) == pytest.approx(0.1)


def test_a_child_that_nobody_waited_for_takes_nothing_away() -> None:
    before = reading({(1, 1): 0, (2, 2): 300_000_000}, p1=0, p2=0)
    assert cost.seconds_between(before, reading({(1, 1): 100_000_000}, p1=0)) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("value", "said"), [(0.199, "kept"), (0.2, "kept"), (0.201, "MISSED"), (None, "MISSED"), (float("nan"), "MISSED")]
)
def test_a_budget_is_kept_or_missed(value: float | None, said: str) -> None:
    assert cost.kept(value, 0.2) == said


def steady(name: str, cpu_seconds: float, *, resident: int = 20_000_000) -> Steady:
    memory = Memory(resident=resident, proportional=resident // 2)
    return Steady(name=name, seconds=20.0, cpu_seconds=cpu_seconds, samples=20, output_bytes=24_000, memory=memory)


def test_a_row_has_the_cost_of_a_sample_and_the_ratio_to_ours() -> None:
    *_, first, second = probe.steady_table(1000, [steady("ours", 0.03), steady("other", 2.4)])
    assert first == "| ours | 1.50 ms | 0.15 % | 1.0× | 19.1 MiB | 9.5 MiB | 1,200 |"
    assert second.startswith("| other | 120.00 ms | 12 % | 80.0× |")


def test_the_probes_budgets_are_judged_each_for_itself() -> None:
    (kept,) = probe.verdicts(steady("ours", 0.03))
    assert kept.count("kept") == 2 and "MISSED" not in kept
    (slow,) = probe.verdicts(steady("ours", 0.05))
    assert "0.25 %, MISSED" in slow and "20.0 MB, kept" in slow
    (large,) = probe.verdicts(steady("ours", 0.03, resident=25_100_000))
    assert "0.15 %, kept" in large and "25.1 MB, MISSED" in large


def test_a_start_is_compared_by_its_cpu() -> None:
    starts = [
        Start(wall_fastest=0.045, wall_median=0.06, cpu_fastest=0.04),
        Start(wall_fastest=0.5, wall_median=0.7, cpu_fastest=0.4),
    ]
    assert probe.start_table(["ours", "other"], starts)[-1] == "| other | 500 ms | 700 ms | 400 ms | 10.0× |"


def test_a_program_started_each_time_stands_below_those_that_run() -> None:
    lines = gpu.table([steady("ours", 0.02), steady("other", 0.3)], [gpu.Once(name="once", cpu_seconds=0.2)])
    assert lines[-2].startswith("| other | 15.00 ms | 15.0× |")
    assert lines[-1] == "| once | 200 ms | 200× | | |"


def test_every_table_is_as_wide_as_its_head() -> None:
    rows = [steady("ours", 0.02), steady("other", 0.3)]
    starts = [Start(wall_fastest=0.1, wall_median=0.1, cpu_fastest=0.1)]
    tables = (
        probe.steady_table(50, rows),
        probe.start_table(["ours"], starts),
        gpu.table(rows, [gpu.Once(name="o", cpu_seconds=1)]),
    )
    for table in tables:
        assert {line.count("|") for line in table} == {table[0].count("|")}


def test_peers_are_pinned_to_the_last_digit() -> None:
    wanted = [line for line in peers.WANTED.read_text().splitlines() if line and not line.startswith("#")]
    assert [line.partition("==")[0] for line in wanted] == ["glances", "nvitop", "gpustat", "ansible-core"]
    assert all(line.partition("==")[2] for line in wanted)


def test_other_pins_or_another_python_make_the_peers_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = tmp_path / "peers.txt"
    wanted.write_text("glances==1\n")
    monkeypatch.setattr(peers, "WANTED", wanted)
    first = peers.fingerprint("/usr/bin/python3")
    assert first == peers.fingerprint("/usr/bin/python3") != peers.fingerprint("/usr/local/bin/python3")
    wanted.write_text("glances==2\n")
    assert peers.fingerprint("/usr/bin/python3") != first


def test_a_pinned_peer_goes_before_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "system"))
    for folder in ("bin", "system"):
        (tmp_path / folder).mkdir()
        program = tmp_path / folder / "glances"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    assert peers.program("glances") == str(tmp_path / "bin/glances")
    (tmp_path / "bin/glances").unlink()
    assert peers.program("glances") == str(tmp_path / "system/glances")
    assert peers.program("no-such-peer") is None


def test_a_peer_that_cannot_be_had_is_said_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "FOLDER", tmp_path / "venv")
    monkeypatch.setattr(peers, "WANTED", tmp_path / "missing.txt")
    monkeypatch.setattr(peers, "program", lambda name: "/there")
    peers.prepare()
    said = capsys.readouterr().err
    assert "without the peers" in said and "missing.txt" in said


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not crowd.available(), reason="needs Linux and a C compiler"
)
def test_a_program_in_a_crowd_sees_that_many_and_ends_them() -> None:
    if not crowd.namespace():
        pytest.skip("this user may not make a pid namespace")
    count = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
    argv = [*crowd.among(30), sys.executable, "-c", count]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "32\n", "")  # with itself and the namespace's first
