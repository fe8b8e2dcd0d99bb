"""The list of runs, and how one begins where there is none."""

from __future__ import annotations

import pytest

from backends.maintenance.model import RunStatus
from backends.maintenance.views import RunList
from swarm_tui.glyphs import UNICODE
from swarm_tui.present import run_rows
from swarm_tui.present.line import plain, width
from tests.unit.present.run_data import NOW, summary

ENDED = summary(run="r-0", name="weekly", status=RunStatus.ENDED, stages={"done": 5}, ended=NOW - 10)
BOTH = RunList(runs=(summary(), ENDED), damaged={"r-x": "line 12 does not follow from line 11"})


def texts(needle: str = "", cells: int = 100) -> list[str]:
    rows = run_rows.rows(BOTH, needle, NOW, cells, UNICODE)
    assert all(width(row.text) <= cells for row in rows)
    return [plain(row.text).rstrip() for row in rows]


def test_a_run_tells_status_progress_failures_and_who_asks() -> None:
    first = texts()[0]
    assert first.startswith("? 2027-01-15 ")
    assert "running" in first
    assert " 2/5" in first
    assert first.endswith("monthly")


def test_a_damaged_journal_is_listed_and_cannot_be_opened() -> None:
    assert "r-x: held: line 12 does not follow from line 11" in texts()[-1]
    assert run_rows.rows(BOTH, "", NOW, 80, UNICODE)[-1].key is None


def test_the_filter_takes_any_text_of_a_line() -> None:
    assert len(texts("weekly")) == 1
    assert len(texts("ended")) == 1
    assert texts("no such") == []


def test_the_summary_counts_what_goes_on_and_who_asks() -> None:
    assert plain(run_rows.summary(BOTH, NOW)) == "2 runs  1 going on for 16m40s  1 host ask you  1 damaged"


@pytest.mark.parametrize("cells", [60, 80, 140])
def test_no_run_yet_explains_how_one_begins(cells: int) -> None:
    lines = run_rows.nothing(RunList(), "", cells)
    text = " ".join(" ".join(plain(line).split()) for line in lines)
    assert all(width(line) <= cells for line in lines)
    assert "mark hosts on 1 Fleet with Space, then M" in text
    assert "[[runs]]" in text
    assert "Esc clears the filter." in "".join(plain(line) for line in run_rows.nothing(RunList(), "x", cells))
    assert "asking the engine" in "".join(plain(line) for line in run_rows.nothing(None, "", cells))
