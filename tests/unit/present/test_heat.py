"""One cell a GPU: the value in height and shade, a letter for what is wrong, a dot for what was not read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.engine.wire import GpuCell
from swarm_tui.glyphs import ASCII, UNICODE, Glyphs
from swarm_tui.present import heat
from swarm_tui.present.heat import METRICS, UTILISATION, Metric
from swarm_tui.present.line import plain, width
from tests.unit.present.any_row import cells as any_cells
from tests.unit.present.any_row import glyph_sets, patient
from tests.unit.present.fleet_rows import cell

MEMORY, TEMPERATURE, POWER = METRICS[1:]


@pytest.mark.parametrize(
    ("metric", "shown", "expected"),
    [
        (UTILISATION, cell(0.0), ("▁", "heat0")),
        (UTILISATION, cell(50.0), ("▅", "heat2")),
        (UTILISATION, cell(100.0), ("█", "heat4")),
        (UTILISATION, cell(None), ("·", "faint")),
        (UTILISATION, cell(float("nan")), ("·", "faint")),
        (TEMPERATURE, cell(temperature_celsius=30.0), ("▁", "heat0")),
        (TEMPERATURE, cell(temperature_celsius=84.9), ("█", "heat4")),
        (TEMPERATURE, cell(temperature_celsius=85.0), ("█", "warn")),
        (POWER, cell(power_watts=350.0), ("▅", "heat2")),
        (MEMORY, cell(memory_percent=99.0), ("█", "heat4")),
    ],
)
def test_a_value_on_its_fixed_scale(metric: Metric, shown: GpuCell, expected: tuple[str, str]) -> None:
    assert heat.heat(shown, metric, UNICODE) == expected


@pytest.mark.parametrize("flag", sorted(heat.FLAGS))
def test_a_flag_takes_the_cell_whatever_the_metric(flag: str) -> None:
    letter, _, role = heat.FLAGS[flag]
    for metric in METRICS:
        assert heat.heat(cell(flag=flag), metric, UNICODE) == (letter, role)


def test_flags_have_letters_of_their_own_so_that_none_needs_its_colour() -> None:
    letters = [letter for letter, _, _ in heat.FLAGS.values()]
    assert len(set(letters)) == len(letters)
    assert not set(letters) & {*UNICODE.spark, *ASCII.spark, UNICODE.gap, ASCII.gap}


def test_a_flag_of_a_newer_engine_is_shown_in_its_own_words() -> None:
    assert heat.flag_of(cell(flag="melting")) == ("!", "melting", "flag-warn")
    assert heat.heat(cell(flag="melting"), UTILISATION, UNICODE) == ("!", "flag-warn")
    assert heat.flag_of(cell()) is None


def test_a_strip_joins_equal_neighbours_but_not_flags() -> None:
    strip = heat.strip((cell(100.0), cell(99.0), cell(flag="lost"), cell(flag="hung")), 8, UNICODE)
    assert strip == (("██", "heat4"), ("L", "flag"), ("H", "flag"))


def test_more_gpus_than_cells_are_said_to_be_more() -> None:
    assert plain(heat.strip((cell(0.0),) * 20, 16, UNICODE)) == "▁" * 15 + "…"
    assert plain(heat.strip((cell(0.0),) * 16, 16, UNICODE)) == "▁" * 16


@given(st.lists(any_cells, max_size=40).map(tuple), st.integers(1, 16), glyph_sets, st.sampled_from(METRICS))
@patient(100)
def test_any_strip_fits_one_cell_a_gpu(gpus: tuple[GpuCell, ...], most: int, glyphs: Glyphs, metric: Metric) -> None:
    assert width(heat.strip(gpus, most, glyphs, metric)) == min(len(gpus), most)
