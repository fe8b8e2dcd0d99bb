"""Triage in lines: every width, every kind of section, nothing of a host is lost or read as anything but text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.hostkit.triage_answer import Section
from backends.states import Severity
from backends.text import clean_lines
from backends.triage.model import Step, StepState
from backends.triage.views import ANSWER_SECONDS
from swarm_tui.present import triage, triage_lists, triage_sections, triage_text
from swarm_tui.present.host_line import SEVERITY_MARKS
from swarm_tui.present.line import Line, plain, width
from tests.unit import triage_samples as data

WIDTHS = (40, 60, 79, 80, 120, 200)


def texts(rows: list[triage.Row]) -> str:
    return "\n".join(plain(row.text) for row in rows)


@pytest.mark.parametrize("cells", WIDTHS)
def test_no_line_is_wider_than_its_room(cells: int) -> None:
    outcomes = (data.DONE, data.FINE, data.LOST, data.ASKING, data.WAITING)
    round_ = data.round_(*outcomes)
    columns = triage_lists.grid_columns(round_)
    lines: list[Line] = [
        *(row.text for row in triage.verdict_rows(data.ILL, 42, data.NOW, cells)),
        *(row.text for row in triage.progress_rows(data.ASKING, 3.0, cells)),
        *(row.text for row in triage.failed_rows("gpu3", data.LOST.error, data.LOST.hint, data.KEPT, data.NOW, cells)),
        *(row.text for row in triage_lists.grid_rows(round_, columns, 1.0, cells)),
        triage_lists.grid_head(columns, [each.host for each in outcomes], cells),
        *(row.text for row in triage_lists.kept_rows(data.KEPT, data.NOW, 42, cells)),
        *triage_lists.difference_facts(data.COMPARED, data.NOW, cells),
        *(row.text for row in triage_lists.difference_rows(data.COMPARED, "", cells)),
        *triage_lists.below(data.DONE, cells),
    ]
    for step in range(1, 10):
        lines += triage_sections.section_lines(data.ILL, step, "gpu", cells).lines
    assert [plain(each) for each in lines if width(each) > cells] == []


@pytest.mark.parametrize("state", list(StepState))
def test_every_state_of_a_step_is_a_word(state: StepState) -> None:
    line = plain(triage.step_line(Step(number=4, title="GPUs", state=state, text="why"), 80))
    assert line.split() == ["4", "GPUs", str(state).upper(), "why"]


@pytest.mark.parametrize("severity", list(Severity))
def test_every_severity_is_a_mark_and_a_word(severity: Severity) -> None:
    bundle = replace(data.WELL, strip=replace(data.WELL.strip, severity=severity))
    first = plain(triage.strip_lines(bundle, 7, data.NOW, 80)[0])
    assert f"{SEVERITY_MARKS[severity]} {str(severity).upper()}" in first and "bundle 7" in first


def test_the_cursor_begins_where_the_verdict_points() -> None:
    assert triage.first_step(data.ILL) == 2
    assert triage.first_step(data.WELL) == 1
    finding = next(index for index, each in enumerate(data.ILL.strip.findings) if each.kind == "disk-full")
    assert triage.step_of(("finding", finding), data.ILL) == 6
    assert triage.step_of(("step", 9), data.ILL) == 9 and triage.step_of(None, data.ILL) is None


def test_a_step_is_over_after_its_own_deadline_and_a_late_host_is_not_called_normal() -> None:
    assert triage_text.step_progress(1, 1.9) == "asked, at most 2 s"
    assert triage_text.step_progress(1, 2.1).startswith("over")
    assert triage_text.step_progress(4, 9.0) == "asked, at most 10 s"
    assert "slow" in triage_text.host_progress(data.ASKING, ANSWER_SECONDS + 1)
    assert triage_text.host_progress(data.WAITING, 0.0) == "waits for its turn"


def test_the_matrix_shows_asked_hosts_last_with_their_seconds() -> None:
    round_ = data.round_(data.DONE, data.LOST, replace(data.ASKING, host="gpu9", seconds=4.0))
    rows = triage_lists.grid_rows(round_, triage_lists.grid_columns(round_), 1.5, 80)
    assert [row.key for row in rows] == ["gpu3", "gpu1", "gpu9"]
    assert "asked 6 s ago" in plain(rows[-1].text)


def test_the_matrix_as_markdown_is_a_table_whatever_hosts_say() -> None:
    strip = replace(data.ILL.strip, text="a | b\n# c")
    round_ = data.round_(replace(data.DONE, bundle=replace(data.ILL, strip=strip, sections=())), data.FINE)
    head, rule, *rows = triage_lists.grid_markdown(round_).splitlines()
    assert rule.count("---") == head.replace("\\|", "").count("|") - 1
    assert len(rows) == 2 and all(row.replace("\\|", "").count("|") == 12 for row in rows)


def test_sections_say_how_they_ended() -> None:
    sections = (
        Section(step=1, name="a", kind="stuck", note="no answer within 8 s, state=D"),
        Section(step=1, name="b", kind="noperm", error="permission denied"),
        Section(step=1, name="c", kind="done", command="df -P", status=1, cut=True, text="x\n# told"),
        Section(step=1, name="d", kind="done"),
    )
    found = triage_sections.section_lines(replace(data.ILL, sections=sections), 1, "", 80).lines
    text = "\n".join(map(plain, found))
    assert "stuck: no answer within 8 s, state=D" in text and "no permission" in text
    assert "stderr: permission denied" in text and "status 1, there was more" in text and "it said nothing" in text
    assert "Nothing was asked" in "\n".join(
        plain(each) for each in triage_sections.section_lines(replace(data.ILL, sections=()), 1, "", 80).lines
    )


@given(st.text(max_size=400), st.text(max_size=12), st.integers(12, 90))
def test_searching_marks_and_never_changes_what_was_said(said: str, needle: str, cells: int) -> None:
    safe = clean_lines(said)
    bundle = replace(data.ILL, sections=(Section(step=1, name="x", kind="done", text=safe),))
    plainly = triage_sections.section_lines(bundle, 1, "", cells).lines
    found = triage_sections.section_lines(bundle, 1, needle, cells)
    assert [plain(each) for each in found.lines] == [plain(each) for each in plainly]
    assert all(any(role == "pick" for _, role in found.lines[at]) for at in found.hits)
    assert all(width(each) <= cells for each in found.lines)


@pytest.mark.parametrize(
    ("hits", "row", "step", "expected"),
    [([], 3, 1, None), ([2, 5], 0, 1, 2), ([2, 5], 2, 1, 5), ([2, 5], 5, 1, 2), ([2, 5], 5, -1, 2), ([2, 5], 2, -1, 5)],
)
def test_hits_go_round(hits: list[int], row: int, step: int, expected: int | None) -> None:
    assert triage_sections.next_hit(hits, row, step) == expected


def test_a_step_is_copied_as_the_host_said_it() -> None:
    assert triage_sections.raw(data.ILL, 2).startswith("# kernel.log")
    assert "Xid (PCI:0000:5d:00): 79" in triage_sections.raw(data.ILL, 2)
