"""Lists about triage in lines: hosts × steps, the bundles that are kept, and what differs between two."""

from __future__ import annotations

from collections.abc import Sequence

from backends.clock import utc
from backends.triage.difference import Difference
from backends.triage.markdown import plain
from backends.triage.matrix import Row as HostRow
from backends.triage.model import StepState
from backends.triage.views import Compared, Kept, Outcome, Round, grid
from swarm_tui.present import triage_text as text
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span, cell, line, wrap
from swarm_tui.present.line import Line, crop
from swarm_tui.present.states import coarse
from swarm_tui.present.triage import STATE_ROLES, Row

HOST_CELLS, STEP_CELLS = 14, 6
LEAST_VERDICT = 20
"""Cells from which the verdict stands in the row; below them it stands under the list."""
SUBJECT_CELLS = 26


# Hosts × steps ----------------------------------------------------------------------------------------------------


def grid_columns(round_: Round) -> tuple[int, ...]:
    """Numbers of the steps: those in which hosts differ first, once all have ended; before that nothing jumps."""
    return grid(round_.outcomes).columns if round_.ended else tuple(range(1, len(text.HEADS) + 1))


def grid_head(columns: Sequence[int], hosts: Sequence[str], width: int) -> Line:
    """The titles."""
    names = _host_cells(hosts, width)
    titles = [cell(f" {text.HEADS[number - 1]}", STEP_CELLS + 1, "head") for number in columns]
    verdict = "  verdict" if _verdict_cells(names, width) >= LEAST_VERDICT else ""
    return crop(line(cell("host", names, "head"), *titles, Span(verdict, "head")), width)


def grid_rows(round_: Round, columns: Sequence[int], seconds_since: float, width: int) -> list[Row]:
    """The oddest host first, then those that are still being asked. Keys are hosts.

    Args:
        seconds_since: since the engine said how the round stands.
    """
    names = _host_cells([each.host for each in round_.outcomes], width)
    rows = [Row(row.host, _grid_row(row, columns, names, width)) for row in grid(round_.outcomes).rows]
    going = [each for each in round_.outcomes if not each.ended]
    return rows + [Row(each.host, _going_row(each, seconds_since, names, width)) for each in going]


def _grid_row(row: HostRow, columns: Sequence[int], names: int, width: int) -> Line:
    if row.strip is None:
        return crop(line(cell(row.host, names, "warn"), Span(f" ? {row.reason}", "warn")), width)
    cells = [_state(row.states[number - 1]) for number in columns]
    bad = SEVERITY_ROLES[row.strip.severity]
    name = cell(row.host, names, "text" if bad in ("ok", "dim") else bad)
    verdict = f"  {SEVERITY_MARKS[row.strip.severity]} {row.strip.text}"
    shown = verdict if _verdict_cells(names, width) >= LEAST_VERDICT else ""
    return crop(line(name, *cells, Span(shown, "text")), width)


def _state(state: StepState | None) -> Span:
    role = STATE_ROLES[state] if state is not None else "faint"
    return cell(
        f" {text.state_word(state)}", STEP_CELLS + 1, "dim" if role == "ok" else "bad" if role == "flag" else role
    )


def _going_row(outcome: Outcome, seconds_since: float, names: int, width: int) -> Line:
    seconds = outcome.seconds + (seconds_since if outcome.standing == "asking" else 0.0)
    return crop(
        line(cell(outcome.host, names, "dim"), Span(f" {text.host_progress(outcome, seconds)}", "accent")), width
    )


def _host_cells(hosts: Sequence[str], width: int) -> int:
    most = HOST_CELLS if width < 100 else 24
    return min(most, max((len(host) for host in hosts), default=4))


def _verdict_cells(names: int, width: int) -> int:
    return width - names - (STEP_CELLS + 1) * len(text.HEADS)


def below(outcome: Outcome | None, width: int) -> list[Line]:
    """Two lines about the host under the cursor: its verdict and the next step."""
    if outcome is None or not outcome.ended:
        return []
    strip = outcome.bundle.strip if outcome.bundle is not None else None
    said, then = (strip.text, strip.next_step) if strip is not None else (outcome.error, outcome.hint)
    first = crop(line(" ", *wrap(said, 10_000, 0, "strong")[0]), width)
    return [first, crop(line(Span(f" → {then}" if then else "", "accent")), width)]


def grid_markdown(round_: Round) -> str:
    """The matrix as a Markdown table."""
    found = grid(round_.outcomes)
    head = ["host", *text.HEADS, "verdict"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(map(plain, cells))} |" for cells in text.matrix_cells(found)]
    return "\n".join(lines) + "\n"


# Kept bundles -----------------------------------------------------------------------------------------------------


def kept_rows(rows: Sequence[Kept], now: float, current: int | None, width: int) -> list[Row]:
    """One bundle a line, the newest first. Keys are numbers."""
    return [Row(row.id, _kept_row(row, now, row.id == current, width)) for row in rows]


def kept_head(width: int) -> Line:
    return crop(
        line(Span(f"   {'age':>6}  {'bundle':>6}  {'time, UTC':11}  {'reason':15}  verdict", "head")),
        width,
    )


def _kept_row(row: Kept, now: float, current: bool, width: int) -> Line:
    return crop(
        line(
            Span("▸" if current else " ", "accent"),
            Span(f"{SEVERITY_MARKS[row.severity]} ", SEVERITY_ROLES[row.severity]),
            Span(f"{coarse(max(0.0, now - row.time)):>6}  {row.id:>6}  ", "text"),
            Span(f"{utc(row.time):%m-%d %H:%M}  ", "dim"),
            cell(row.reason, 15, "dim"),
            Span(f"  {row.text}", "text"),
        ),
        width,
    )


# Differences ------------------------------------------------------------------------------------------------------


def difference_facts(found: Compared, now: float, width: int) -> list[Line]:
    """With what it is compared and why, and the column titles."""
    other = f"{found.title} ({text.ago(found.other_time, now)})"
    first = line(Span(f" {found.host}", "strong"), Span(f" against {other}: ", "text"), Span(found.why, "dim"))
    titles = line(cell(" what", SUBJECT_CELLS + 1, "head"), cell(found.host, _side(width), "head"), Span(" "))
    return [crop(first, width), crop(line(*titles, cell(found.title, _side(width), "head")), width)]


def difference_rows(found: Compared, needle: str, width: int) -> list[Row]:
    """One subject a line; long values go on below. Keys are subjects."""
    wanted = needle.casefold()
    shown = [each for each in found.differences if wanted in f"{each.subject} {each.here} {each.there}".casefold()]
    return [row for each in shown for row in _difference(each, width)]


def _difference(each: Difference, width: int) -> list[Row]:
    size = _side(width)
    columns = [wrap(each.subject, SUBJECT_CELLS), wrap(each.here, size), wrap(each.there, size)]
    rows: list[Row] = []
    for at in range(max(map(len, columns))):
        subject, here, there = ("".join(t for t, _ in column[at]) if at < len(column) else "" for column in columns)
        text_ = line(
            cell(f" {subject}", SUBJECT_CELLS + 1, "text"),
            cell(here, size, "warn"),
            Span(" "),
            cell(there, size, "dim"),
        )
        rows.append(Row(each.subject if at == 0 else None, crop(text_, width)))
    return rows


def _side(width: int) -> int:
    return max(10, (width - SUBJECT_CELLS - 2) // 2)
