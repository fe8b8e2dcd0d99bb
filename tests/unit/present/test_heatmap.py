"""The heat map's layout: as comfortable as the screen allows, and every host and flag accounted for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.engine.wire import HostRow
from backends.states import HostState
from swarm_tui.glyphs import UNICODE, Glyphs
from swarm_tui.present import heatmap
from swarm_tui.present.heat import METRICS, UTILISATION, Metric
from swarm_tui.present.heatmap import BLOCK_GAP
from swarm_tui.present.line import plain, width
from tests.unit.present.any_row import glyph_sets, patient
from tests.unit.present.any_row import rows as any_rows
from tests.unit.present.fleet_rows import NOW, cell, gpu_row


def hosts(count: int, gpus: int = 8) -> list[HostRow]:
    return [gpu_row(f"n{number:03}", *(cell(50.0),) * gpus) for number in range(count)]


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (4, (78, 18), (4, 1, 2, 2)),
        (40, (138, 34), (34, 2, 2, 2)),
        (60, (138, 34), (34, 2, 2, 2)),
        (100, (138, 34), (34, 3, 2, 2)),
        (100, (115, 34), (34, 3, 2, 1)),
        (110, (138, 34), (34, 4, 2, 0)),
        (1000, (138, 34), (167, 6, 1, 0)),
    ],
)
def test_the_most_comfortable_size_that_fits(
    count: int, size: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    grid = heatmap.grid(hosts(count), *size)
    assert (grid.rows, grid.columns, grid.cell, grid.gap) == expected
    assert grid.columns * (grid.block_cells + BLOCK_GAP) - BLOCK_GAP <= size[0]


def test_a_picture_of_two_hosts() -> None:
    rows = [gpu_row("a", cell(100.0), cell(0.0)), gpu_row("b", cell(flag="lost"))]
    shape = heatmap.grid(rows, 78, 18)
    drawn = heatmap.lines(rows, shape, UTILISATION, UNICODE, ("a", 1), NOW)
    assert [plain(line) for line in drawn] == [" a ██  ▁▁     50%", " b LL         90%"]
    assert ("▁▁", "pick") in drawn[0]
    assert ("LL", "flag") in drawn[1]


def test_last_known_values_are_faint_but_a_flag_is_not() -> None:
    stale = gpu_row("a", cell(100.0), cell(flag="lost"), state=HostState.STALE)
    (line,) = heatmap.lines([stale], heatmap.grid([stale], 78, 18), UTILISATION, UNICODE, ("", 0), NOW)
    assert (" a ", "stale") in line
    assert ("██", "faint") in line
    assert ("LL", "flag") in line


def test_what_was_not_read_has_no_mean() -> None:
    unread = gpu_row("a", cell(None))
    (line,) = heatmap.lines([unread], heatmap.grid([unread], 78, 18), UTILISATION, UNICODE, ("", 0), NOW)
    assert plain(line).endswith("n/a")


def test_facts_of_a_host_that_is_away_say_so() -> None:
    away = gpu_row("a", cell(flag="pcie"), state=HostState.UNREACHABLE)
    said = plain(heatmap.facts(away, 0, UNICODE))
    assert said.startswith(" a gpu 0  ✖ down")
    assert said.endswith("P PCIe link below its maximum")


def test_the_legend_counts_every_flag_most_frequent_first() -> None:
    rows = [gpu_row("a", cell(flag="ecc"), cell(flag="lost"), cell(flag="lost"), cell(flag="new"))]
    said = plain(heatmap.legend(rows, METRICS[3], UNICODE, 200))
    assert said.startswith(" power 0 ▁▂▃▄▅▆▇█ 700W   L 2 lost")
    assert "E 1 uncorrected memory errors" in said
    assert "! 1 new" in said


def test_no_host_is_no_picture() -> None:
    assert heatmap.lines([], heatmap.grid([], 78, 18), UTILISATION, UNICODE, ("", 0), NOW) == []


@given(
    st.lists(any_rows.filter(lambda row: bool(row.gpus)), min_size=1, max_size=4),
    st.integers(60, 200),
    st.integers(1, 50),
    glyph_sets,
    st.sampled_from(METRICS),
)
@patient(60)
def test_every_block_is_equally_wide_whatever_stands_in_it(
    rows: list[HostRow], columns: int, height: int, glyphs: Glyphs, metric: Metric
) -> None:
    shape = heatmap.grid(rows, columns, height)
    drawn = heatmap.lines(rows, shape, metric, glyphs, (rows[0].name, 0), NOW)
    assert len(drawn) == shape.rows
    for at, line in enumerate(drawn):
        blocks = len(range(at, len(rows), shape.rows))
        assert width(line) == blocks * (shape.block_cells + BLOCK_GAP) - BLOCK_GAP
    assert width(heatmap.legend(rows, metric, glyphs, columns)) <= columns
    assert plain(heatmap.facts(rows[0], 0, glyphs))
