"""Drift: reports with headings, unified diffs whose signs stay, and a matrix that says who stands apart."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.backups.views import DriftMatrix, FactRow
from swarm_tui.present import drift
from swarm_tui.present.host_line import to_ascii
from swarm_tui.present.line import plain, width
from tests.unit.present import backup_data as data
from tests.unit.present.backup_data import NOW


def shown(needle: str = "") -> list[str]:
    return [plain(row.text).rstrip(" ─") for row in drift.report_rows(data.REPORTS, needle, NOW, 100)]


def test_the_host_that_differs_most_comes_first_under_its_heading() -> None:
    lines = shown()
    assert lines[0].startswith("gpu1  4 differences, 808 equal, against the snapshot of 2027-01-14")
    assert lines[1].split() == ["content", "/etc/fstab", "1.2K", "→", "1.3K"]
    assert "secret, masked" in lines[2]
    assert lines[3].split()[:2] == ["content", "fact:packages"]
    assert "nothing differs" in lines[6]
    assert lines[-1] == "  ✖ not connected: timeout"


def test_headings_cannot_be_picked_and_go_with_their_entries() -> None:
    rows = drift.report_rows(data.REPORTS, "shadow", NOW, 100)
    assert [row.key for row in rows] == [None, ("drift", "gpu1", "etc/shadow")]


def test_all_hosts_in_one_line() -> None:
    assert plain(drift.summary(data.REPORTS)) == "3 hosts  4 differences on 1  1 could not be compared"
    assert plain(drift.summary(data.REPORTS[:1])) == "1 host  nothing differs"


def test_a_diff_keeps_its_signs_and_is_no_markup() -> None:
    lines = drift.diff_lines(data.DIFF)
    assert [line[0][1] for line in lines] == ["strong", "strong", "accent", "text", "bad", "ok"]
    assert plain(lines[-1]) == " +[/x] new"
    assert drift.diff_lines("") == []


def test_the_matrix_marks_who_stands_apart_by_more_than_colour() -> None:
    rows = [plain(row.text) for row in drift.matrix_rows(data.MATRIX, 7, 79)]
    assert "≠535.216" in rows[0]
    assert "≠" not in rows[2]
    assert plain(drift.matrix_head(data.MATRIX, 7, 79)).split() == ["fact", "gpu8", "gpu9", "gpu10", "gpu11", "gpu12"]
    assert "!535.216" in plain(to_ascii(drift.matrix_rows(data.MATRIX, 7, 79)[0].text))


def test_what_is_not_known_stands_not_apart() -> None:
    unknown = FactRow(fact="mig", values=("?", "off"), usual="off")
    assert not drift.odd(unknown)
    assert "≠" not in plain(drift.matrix_rows(DriftMatrix(hosts=("a", "b"), rows=(unknown,)), 0, 79)[0].text)
    lines = [plain(line) for line in drift.fact_lines(DriftMatrix(hosts=("a", "b"), rows=(unknown,)), unknown, 79)]
    assert lines == ["off", "  b (1)", "not known", "  a (1)"]


def test_a_fact_lists_its_values_the_usual_one_first() -> None:
    lines = [plain(line) for line in drift.fact_lines(data.MATRIX, data.MATRIX.rows[1], 79)]
    assert lines == ["off", "  gpu[2-12] (11)", "absent", "  gpu1 (1)"]


def test_an_empty_drift_says_which_kind_of_empty_it_is() -> None:
    for waiting, needle, said in (
        (True, "", "asking the hosts"),
        (False, "zz", "Nothing matches /zz"),
        (False, "", "b on the Sets view takes the first snapshot"),
    ):
        assert said in "\n".join(map(plain, drift.nothing(waiting, needle, 79)))


@given(st.text(max_size=80), st.lists(st.text(max_size=30), max_size=30), st.integers(40, 200))
@settings(max_examples=60, deadline=None)
def test_any_text_fits_any_width(said: str, hosts: list[str], cells: int) -> None:
    entry = replace(data.REPORTS[1].entries[0], path=said, before=said, after=said)
    report = replace(data.REPORTS[1], host=said, against=said, problem=said, entries=(entry,))
    assert all(width(row.text) <= cells for row in drift.report_rows((report,), "", NOW, cells))
    fact = FactRow(fact=said, values=tuple(hosts), usual=said)
    matrix = DriftMatrix(hosts=tuple(hosts), rows=(fact,))
    for first in range(0, len(hosts) + 1, drift.columns(matrix, cells)):
        assert all(width(row.text) <= cells for row in drift.matrix_rows(matrix, first, cells))
        assert width(drift.matrix_head(matrix, first, cells)) <= cells
