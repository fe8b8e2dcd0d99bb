"""The report of a run on screen: its Markdown, wrapped where that does no harm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.triage.markdown import fenced
from swarm_tui.present import run_report
from swarm_tui.present.line import plain, width

TEXT = "# Run monthly\n\n- gpu01 was **updated** and came back well\n\n| host | state |\n|---|---|\n| gpu\\[01\\] | done |\n\n```\nas  it  was\n```\n"


def test_headings_lose_their_marks_and_are_told_apart() -> None:
    assert run_report.lines(TEXT, 80)[0] == (("Run monthly", "title"),)


def test_long_points_are_wrapped_under_themselves() -> None:
    shown = [plain(line) for line in run_report.lines(TEXT, 20)]
    assert shown[2:5] == ["- gpu01 was updated", "  and came back well", ""]


def test_tables_are_aligned_without_the_marks_of_markdown() -> None:
    shown = [plain(line).rstrip() for line in run_report.lines(TEXT, 80)]
    at = shown.index("host     state")
    assert shown[at + 1] == "gpu[01]  done"


def test_what_hosts_printed_stays_as_it_is() -> None:
    shown = [plain(line) for line in run_report.lines(TEXT, 80)]
    assert "as  it  was" in shown


def test_a_longer_fence_is_closed_by_one_as_long_and_not_by_those_that_hosts_printed() -> None:
    printed = ["```", "# no title", "``` text", "| no | table |", "```", "- **as it was**"]
    rows = ["````", *printed, "````", "", "# A title"]
    shown = run_report.lines("\n".join(rows), 80)
    assert [plain(line) for line in shown] == ["", *printed, "", "", "A title"]
    assert {role for line in shown[1:-3] for _, role in line} == {"dim"}
    assert shown[-1] == (("A title", "title"),)


@given(st.lists(st.text("ab `#|-*", max_size=12), max_size=8))
def test_whatever_a_host_printed_stays_as_it_is(printed: list[str]) -> None:
    shown = run_report.lines("\n".join([*fenced(printed), "# End"]), 80)
    assert [plain(line) for line in shown[1:-2]] == [row.rstrip("\n") for row in printed]
    assert shown[-1] == (("End", "title"),)


@given(st.text(max_size=300), st.integers(20, 120))
def test_any_text_fits(text: str, cells: int) -> None:
    assert all(width(line) <= cells for line in run_report.lines(text, cells))
