"""The pane beside the list: why, what helps, and numbers that say when they are old."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.engine.wire import HostRow
from backends.states import HostState, Severity
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import details
from swarm_tui.present.cells import Scene
from swarm_tui.present.line import plain, width
from tests.unit.present.any_row import glyph_sets, patient
from tests.unit.present.any_row import rows as any_rows
from tests.unit.present.fleet_rows import NOW, SCENE, away, cell, gpu_row, row


def text(host: HostRow | None, cells: int = 46, **past: tuple[float | None, ...]) -> list[str]:
    series = {name.replace("__", "."): points for name, points in past.items()}
    return [plain(line).strip() for line in details.lines(host, SCENE, cells, series)]


def test_a_healthy_host() -> None:
    said = text(row("web1"))
    assert said[:2] == ["web1  ● up", "rack1"]
    assert "load   4.2 on 64 cores" in said
    assert "disk   3.1M/s read, 100B/s written" in said
    assert any(line.startswith("mem   42% ━━━") for line in said)
    assert not any(line.startswith(("gpu", "vram")) for line in said)


def test_a_host_that_a_run_has_says_which() -> None:
    said = text(row("web1", run="r-20261126-1 monthly", run_stage="drain"))
    assert said[2] == "in run r-20261126-1 monthly: drain"


def test_a_host_that_is_away_says_why_since_when_and_what_helps() -> None:
    said = text(away("a", HostState.AUTH_FAILED, "no key was accepted", "ssh-add", retry_at=NOW + 9))
    assert said[3:6] == ["no key was accepted", "for 4m, retry 9s", "ssh-add"]
    assert "last known" not in "\n".join(said)


def test_numbers_of_a_host_that_is_away_are_said_to_be_old_and_lose_their_colours() -> None:
    host = row("a", HostState.UNREACHABLE, reason="timeout", memory_percent=99.0, sample_time=NOW - 120)
    lines = details.lines(host, SCENE, 46, {})
    said = [plain(line).strip() for line in lines]
    start = said.index("last known, 2m old")
    assert {role for line in lines[start + 1 :] for _, role in line[1:]} == {"stale"}


def test_a_gauge_that_is_full_is_a_problem_but_a_busy_one_is_not() -> None:
    lines = details.lines(gpu_row("a", cell(100.0), memory_percent=99.0, cpu_percent=100.0), SCENE, 46, {})
    by_label = {plain(line).split()[0]: {role for _, role in line} for line in lines if len(plain(line).split()) > 1}
    assert "bad" in by_label["mem"]
    assert not {"bad", "warn"} & by_label["cpu"]
    assert not {"bad", "warn"} & by_label["gpu"]


def test_with_a_past_a_gauge_becomes_a_sparkline() -> None:
    assert any(line.endswith("▁▅█") for line in text(row("a"), cpu__busy_percent=(0.0, 50.0, 100.0)))


def test_every_gpu_has_a_line_with_its_fault() -> None:
    said = text(gpu_row("a", cell(10.0), cell(None, flag="ecc")), 70)
    assert "2 × NVIDIA H100 80GB HBM3" in said
    assert said[said.index("#     util   mem  temp  power") + 1].split() == ["0", "▁", "10%", "75%", "61C", "640W"]
    assert any("E" in line and "n/a" in line and line.endswith("uncorrected memory errors") for line in said)


def test_the_name_of_a_state_is_not_repeated_as_a_finding() -> None:
    assert "stale" not in text(row("a", HostState.STALE, worst="stale", reason="no sample"))
    assert "memory errors" in text(row("a", severity=Severity.CRITICAL, worst="memory errors"))


def test_no_host_is_an_empty_pane() -> None:
    assert details.lines(None, SCENE, 46, {}) == []


@given(any_rows, st.integers(0, 120), glyph_sets, st.lists(st.none() | st.floats(), max_size=20))
@patient(100)
def test_any_host_fits_its_pane(host: HostRow, cells: int, glyphs: Glyphs, points: list[float | None]) -> None:
    for line in details.lines(host, Scene(NOW, glyphs), cells, {"cpu.busy_percent": points}):
        assert width(line) <= max(11, cells - 1)
