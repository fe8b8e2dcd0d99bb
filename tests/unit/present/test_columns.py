"""Which columns fit, and rows that are exactly as wide as the table whatever the host reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.engine.wire import HostRow
from backends.states import HostState
from swarm_tui.glyphs import ASCII, UNICODE, Glyphs
from swarm_tui.present import columns
from swarm_tui.present.cells import Scene
from swarm_tui.present.columns import GAP, GUTTER, Layout
from swarm_tui.present.line import Line, plain, width
from swarm_tui.screens.base import SMALLEST
from tests.unit.present.any_row import glyph_sets, patient
from tests.unit.present.any_row import rows as any_rows
from tests.unit.present.fleet_rows import NOW, SCENE, away, gpu_row, row

LEAST_ROOM = SMALLEST[0] - 1


def ids(room: int, gpu_cells: int = 8, **options: object) -> list[str]:
    layout = columns.layout(room, name_cells=8, gpu_cells=gpu_cells, **options)  # type: ignore[arg-type]
    return [column.id for column, _ in layout.columns]


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (59, ["host", "state", "gpus", "worst"]),
        (79, ["host", "state", "gpus", "gpu", "vram", "cpu", "mem", "worst"]),
        (99, ["host", "state", "gpus", "gpu", "vram", "temp", "cpu", "mem", "disk", "rx", "worst"]),
    ],
)
def test_narrow_tables_keep_what_matters_most(room: int, expected: list[str]) -> None:
    assert ids(room) == expected


def test_more_room_never_takes_a_column_away() -> None:
    before: set[str] = set()
    for room in range(LEAST_ROOM, 300):
        now = set(ids(room))
        assert before <= now
        before = now
    assert before >= {"kernel", "tags", "rtt", "uptime", "swap"}


def test_a_fleet_without_gpus_has_no_gpu_columns() -> None:
    assert not {"gpus", "gpu", "vram", "temp", "power"} & set(ids(300, gpu_cells=0))


def test_columns_of_later_releases_appear_with_their_first_value() -> None:
    assert not {"alerts", "updates", "backup"} & set(ids(300))
    filled = columns.filled_columns([row("a"), row("b", alerts=0)])
    assert filled == {"alerts"}
    assert "alerts" in ids(300, filled=filled)


def test_the_run_that_has_a_host_is_shown_in_the_smallest_terminal_and_beside_why_there_are_no_numbers() -> None:
    hosts = [
        gpu_row("a", run="r-20261126-1 monthly", run_stage="snapshot"),
        away("b", HostState.UNREACHABLE, "timeout", run="r-20261126-1 monthly", run_stage="reboot"),
        gpu_row("c"),
    ]
    filled = columns.filled_columns(hosts)
    assert filled == {"run"}
    layout = columns.layout(LEAST_ROOM, name_cells=8, gpu_cells=8, filled=filled)
    first, second, third = (plain(columns.row_line(host, layout, SCENE)) for host in hosts)
    start = plain(columns.head(layout, "worst", True, SCENE)).index("RUN")
    assert first[start:].startswith("snapshot  ")
    assert second[start:].startswith("reboot    timeout")
    assert third[start:].startswith("          ")
    assert "run" not in ids(300)


def test_calm_tables_leave_the_lesser_columns_out() -> None:
    assert "kernel" not in ids(300, most_rank=12)


def test_the_sorted_column_carries_an_arrow_even_in_a_full_title() -> None:
    layout = columns.layout(120, name_cells=8, gpu_cells=8)
    assert "CPU▾" in plain(columns.head(layout, "cpu", True, SCENE))
    assert "HOST▴" in plain(columns.head(layout, "host", False, SCENE))
    assert "CPU^" in plain(columns.head(layout, "cpu", False, Scene(NOW, ASCII)))


def test_a_click_finds_its_column_and_the_gutter_none() -> None:
    layout = columns.layout(79, name_cells=8, gpu_cells=8)
    assert layout.column_at(0) is None
    assert layout.column_at(10_000) is None
    for column, start, end in layout.spans():
        assert layout.column_at(start) == layout.column_at(end + GAP - 1) == column


def test_titles_stand_above_their_values() -> None:
    layout = columns.layout(120, name_cells=8, gpu_cells=8)
    head = plain(columns.head(layout, "worst", True, SCENE))
    line = plain(columns.row_line(gpu_row("gpu00001", cpu_percent=37.0), layout, SCENE))
    end = head.index("CPU%") + 4
    assert line[end - 2 : end] == "37"


def test_marks_and_cursor_have_a_glyph_and_a_mark_wins() -> None:
    layout = columns.layout(79, name_cells=8, gpu_cells=8)
    starts = [
        plain(columns.row_line(row("a"), layout, SCENE, marked=marked, cursor=cursor))[:GUTTER]
        for marked, cursor in ((False, False), (False, True), (True, False), (True, True))
    ]
    assert starts == ["  ", "▌ ", "◆ ", "◆ "]


def test_what_has_no_numbers_says_why_in_their_place() -> None:
    layout = columns.layout(79, name_cells=8, gpu_cells=8)
    text = plain(columns.row_line(away("a", HostState.NO_PYTHON, "python3 is missing", "apt install"), layout, SCENE))
    assert "python3 is missing · apt install" in text
    assert "n/a" not in text


def roles_of(line: Line, text: str) -> set[str]:
    return {role for piece, role in line if text in piece}


def test_old_numbers_are_dimmed_but_name_state_and_problem_are_not() -> None:
    layout = columns.layout(79, name_cells=8, gpu_cells=8)
    line = columns.row_line(row("a", HostState.STALE, worst="stale", memory_percent=99.0), layout, SCENE)
    assert roles_of(line, "99") == {"stale"}
    assert roles_of(line, "◐ stale") == {"warn"}
    lost = columns.row_line(row("a", memory_percent=99.0), layout, SCENE, dim=True)
    assert roles_of(lost, "99") == {"stale"}


def test_a_flags_background_does_not_spread_over_blanks() -> None:
    merged = columns.merge([("L", "flag"), ("  ", "text"), ("x", "bad"), ("  ", "text")])
    assert merged == (("L", "flag"), ("  ", "text"), ("x  ", "bad"))


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    return columns.layout(
        draw(st.integers(LEAST_ROOM, 320)),
        name_cells=draw(st.integers(0, 10_000)),
        gpu_cells=draw(st.integers(0, 16)),
        filled=draw(st.sets(st.sampled_from(("alerts", "updates", "backup", "run")))),
        most_rank=draw(st.sampled_from((12, 99))),
    )


@given(layouts())
@patient(200)
def test_the_columns_fill_the_table_exactly(layout: Layout) -> None:
    assert layout.spans()[-1][2] == layout.cells
    assert width(columns.head(layout, "worst", True, SCENE)) == layout.cells


@given(any_rows, layouts(), glyph_sets, st.booleans(), st.booleans(), st.booleans())
@patient(200)
def test_any_host_fills_its_row_exactly(
    host: HostRow, layout: Layout, glyphs: Glyphs, marked: bool, cursor: bool, dim: bool
) -> None:
    scene = Scene(NOW, glyphs, 16)
    line = columns.row_line(host, layout, scene, marked=marked, cursor=cursor, dim=dim)
    assert width(line) == layout.cells


def test_unicode_and_ascii_rows_have_the_same_shape() -> None:
    layout = columns.layout(140, name_cells=8, gpu_cells=8)
    for host in (gpu_row("a"), row("b"), away("c", HostState.UNREACHABLE, "timeout")):
        one, two = (columns.row_line(host, layout, Scene(NOW, glyphs)) for glyphs in (UNICODE, ASCII))
        assert [role for _, role in one] == [role for _, role in two]
