"""Tables line up whatever letters they hold; JSON has every field."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.metrics.sample import Cpu, Sample
from swarm_tui.cli.output import plain, table, width


def test_columns_line_up_and_numbers_stand_right() -> None:
    assert table(("HOST", "CPU"), [("a", "5%"), ("gpu01", "100%")], (1,)) == [
        "HOST    CPU",
        "a        5%",
        "gpu01  100%",
    ]


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("", 0)])
def test_the_width_is_that_of_the_terminal(text: str, columns: int) -> None:
    assert width(text) == columns


def test_json_has_what_is_not_known_as_null() -> None:
    data = plain(Sample(time=1.0, cpu=Cpu(busy_percent=0.0), missing={"gpu": "no driver"}))
    assert data["cpu"]["busy_percent"] == 0.0
    assert data["cpu"]["iowait_percent"] is None
    assert data["memory"] is None
    assert data["gpus"] == []
    assert data["missing"] == {"gpu": "no driver"}


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.text(alphabet="ab日é", max_size=6), st.text(alphabet="ab日é", min_size=1, max_size=6)), max_size=5
    )
)
def test_the_last_column_begins_at_one_place(rows: list[tuple[str, str]]) -> None:
    lines = table(("A", "B"), rows)
    starts = {width(line) - width(row[1]) for line, row in zip(lines[1:], rows, strict=True)}
    assert len(starts) <= 1
