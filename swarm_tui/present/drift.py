"""Drift in lines: what differs on each host, unified diffs in colour, and the matrix of hosts and facts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from backends.backups.drift_matrix import UNKNOWN
from backends.backups.views import DriftEntry, DriftMatrix, DriftReport, FactRow
from backends.inventory.ranges import fold
from swarm_tui.present import backup_text as text
from swarm_tui.present.backup_rows import Row
from swarm_tui.present.backups import said
from swarm_tui.present.host_line import Span, cell, heading, line, wrap
from swarm_tui.present.line import Line, crop, fit
from swarm_tui.theme import Role

_ROLES: dict[str, Role] = {"added": "ok", "removed": "bad", "content": "warn"}
_SIGNS: dict[str, Role] = {"+": "ok", "-": "bad", "@": "accent"}
FACT_CELLS, LEAST_CELLS, MOST_CELLS = 22, 10, 22


def entry_key(host: str, path: str) -> Hashable:
    """Names a row of a report."""
    return ("drift", host, path)


def report_rows(reports: Sequence[DriftReport], needle: str, now: float, width: int) -> list[Row]:
    """The reports one after the other, those that differ most first; headings cannot be picked."""
    rows: list[Row] = []
    wanted = needle.casefold()
    for report in sorted(reports, key=lambda each: (-len(each.entries), each.host)):
        found = [each for each in report.entries if wanted in f"{report.host} {each.path} {each.kind}".casefold()]
        if needle and not found:
            continue
        rows.append(Row(None, heading(report.host, _note(report, now), width), (report.host,)))
        if report.problem:
            rows += [Row(None, line("  ", *each)) for each in wrap(f"✖ {report.problem}", width - 2, 2, "bad")]
        elif not report.entries:
            rows.append(Row(None, line(Span("  nothing differs", "ok"))))
        rows += [Row(entry_key(report.host, each.path), _entry(each, width), (report.host,)) for each in found]
    return rows


def _note(report: DriftReport, now: float) -> str:
    counted = f"{text.some(len(report.entries), 'difference')}, {report.same:,} equal" if not report.problem else ""
    against = f"against {report.against}" if report.against else ""
    return ", ".join(part for part in (counted, against, text.ago(report.time, now)) if part)


def _entry(entry: DriftEntry, width: int) -> Line:
    words = f"{entry.before} → {entry.after}" if entry.before or entry.after else ""
    secret = "secret, masked  " if entry.secret else ""
    made = line(
        "  ",
        cell(entry.kind, 9, _ROLES.get(entry.kind, "warn")),
        Span(shown_path(entry.path), "text"),
        Span(f"  {secret}{words}" if secret or words else "", "dim"),
    )
    return crop(made, width)


def shown_path(path: str) -> str:
    """ "/etc/fstab"; facts by their own name."""
    return path if path.startswith("fact:") else f"/{path.lstrip('/')}"


def summary(reports: Sequence[DriftReport]) -> Line:
    """All hosts in one line."""
    differing = sum(bool(report.entries) for report in reports)
    failed = sum(bool(report.problem) for report in reports)
    total = sum(len(report.entries) for report in reports)
    return line(
        Span(text.some(len(reports), "host"), "dim"),
        Span(
            f"  {text.some(total, 'difference')} on {differing}" if total else "  nothing differs",
            "warn" if total else "ok",
        ),
        Span(f"  {failed} could not be compared" if failed else "", "bad"),
    )


def nothing(waiting: bool, needle: str, width: int) -> list[Line]:
    """What stands where no report does."""
    if waiting:
        return said("asking the hosts for their configuration…", "dim", "", width)
    if needle:
        return said(f"Nothing matches /{needle}", "warn", "Esc clears the filter.", width)
    return said("There is nothing to compare with.", "strong", "b on the Sets view takes the first snapshot.", width)


# Unified diffs ----------------------------------------------------------------------------------------------------


def diff_lines(unified: str) -> list[Line]:
    """A unified diff with a role a line; the signs stay, so that no meaning hangs on colour."""
    return [((f" {each}", _diff_role(each)),) if each else () for each in unified.splitlines()]


def _diff_role(each: str) -> Role:
    if each.startswith(("+++", "---")):
        return "strong"
    return _SIGNS.get(each[:1], "text")


# The matrix -------------------------------------------------------------------------------------------------------


def columns(matrix: DriftMatrix, width: int) -> int:
    """How many hosts there is room for at once."""
    return max(1, min(len(matrix.hosts), (width - FACT_CELLS) // (_cells(matrix, width) + 1)))


def _cells(matrix: DriftMatrix, width: int) -> int:
    share = (width - FACT_CELLS) // max(1, len(matrix.hosts)) - 1
    return max(LEAST_CELLS, min(MOST_CELLS, share))


def matrix_head(matrix: DriftMatrix, first: int, width: int) -> Line:
    """Names of the hosts from the `first` on."""
    size, shown = _cells(matrix, width), matrix.hosts[first : first + columns(matrix, width)]
    titles = "".join(f" {fit(host, size)}" for host in shown)
    return crop(line(Span(fit("fact", FACT_CELLS) + titles, "head")), width)


def matrix_rows(matrix: DriftMatrix, first: int, width: int) -> list[Row]:
    """One row a fact. What is not as on most hosts has a sign before it."""
    size, most = _cells(matrix, width), columns(matrix, width)
    rows = []
    for row in matrix.rows:
        parts = [cell(row.fact, FACT_CELLS, "strong" if odd(row) else "dim")]
        for value in row.values[first : first + most]:
            apart, said_ = _apart(value, row), value or "absent"
            parts += [Span(" "), cell(f"≠{said_}" if apart else said_, size, "warn" if apart else "dim")]
        rows.append(Row(("fact", row.fact), crop(line(*parts), width), (), " ".join(row.values)))
    return rows


def odd(row: FactRow) -> bool:
    """Whether some host stands apart."""
    return any(_apart(value, row) for value in row.values)


def _apart(value: str, row: FactRow) -> bool:
    """What could not be learnt stands neither apart nor with the others."""
    return value not in (row.usual, UNKNOWN)


def fact_lines(matrix: DriftMatrix, row: FactRow, width: int) -> list[Line]:
    """Each value of a fact with the hosts that have it, the usual one first."""
    groups: dict[str, list[str]] = {}
    for host, value in zip(matrix.hosts, row.values, strict=False):
        groups.setdefault(value, []).append(host)
    made: list[Line] = []
    for value, hosts in sorted(groups.items(), key=lambda each: (each[0] != row.usual, -len(each[1]))):
        words = "not known" if value == UNKNOWN else value or "absent"
        made += wrap(words, width, 2, "warn" if _apart(value, row) else "text")
        made += [line("  ", *each) for each in wrap(f"{fold(tuple(hosts))} ({len(hosts)})", width - 2, 0, "dim")]
    return made
