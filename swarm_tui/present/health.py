"""Health checks as a matrix of hosts and checks, and one host with all that was found. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import NamedTuple

from backends.checks.health_finding import Action, Finding
from backends.checks.health_views import ABSENT, CheckRow, HostChecks, HostHealth
from backends.states import Severity
from backends.units import span
from swarm_tui.present import check_text as text
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span, cell, heading, line, wrap
from swarm_tui.present.line import Line, crop
from swarm_tui.present.triage import Row
from swarm_tui.theme import Role

CHECK_CELLS = 3
"""The number of a check, and a sign that has brackets around it under the cursor."""
LEAST_WORST = 24
"""Cells from which the gravest thing stands in the row."""
GROUPS = {"gpu": "GPU", "network": "net", "host": "host", "peers": "peers", "site": "site"}
_CELLS: dict[str, tuple[str, Role]] = {
    "c": (SEVERITY_MARKS[Severity.CRITICAL], "bad"),
    "w": (SEVERITY_MARKS[Severity.WARNING], "warn"),
    "C": ("A", "bad"),
    "W": ("a", "warn"),
    "u": (SEVERITY_MARKS[Severity.UNKNOWN], "dim"),
    "o": ("·", "ok"),
    ABSENT: (" ", "faint"),
}
"""Letter of a cell → sign and role; an A and an a say that somebody has it in hand."""
_WEIGHT = "cwCWuo"
"""Letters of cells, the gravest first."""


class Sight(NamedTuple):
    """What the matrix is drawn for."""

    width: int
    now: float
    """Epoch seconds."""
    columns: tuple[str, ...]
    """Checks that there is room for."""
    chosen: str
    """The check under the cursor."""
    marks: Collection[object] = ()


def applicable(hosts: Sequence[HostHealth], catalogue: Sequence[CheckRow], problems: bool = False) -> tuple[str, ...]:
    """The checks that apply to any of the hosts (`problems`: that find something), in the order of the catalogue."""
    wanted = "cCwWu" if problems else "cCwWuo"
    there = {check for host in hosts for check, letter in host.cells.items() if letter in wanted}
    known = [row.id for row in catalogue]
    return tuple([check for check in known if check in there] + sorted(there - set(known)))


def gravest(hosts: Sequence[HostHealth], columns: Sequence[str]) -> str:
    """The column to look at first: the gravest of the first host; "" when there is none."""
    cells = hosts[0].cells if hosts else {}
    there = [check for check in columns if cells.get(check, ABSENT) in _WEIGHT]
    return min(there, key=lambda check: _WEIGHT.index(cells[check]), default=columns[0] if columns else "")


def chosen(hosts: Sequence[HostHealth], needle: str, problems: bool) -> list[HostHealth]:
    """The hosts that are shown, the worst first."""
    words = needle.lower().split()
    found = [host for host in hosts if not problems or host.critical or host.warning or host.time is None]
    return text.ordered(host for host in found if all(_has(host, word) for word in words))


def _has(host: HostHealth, word: str) -> bool:
    wanted = word.removeprefix("!")
    there = wanted in f"{host.host} {text.WORDS[host.severity]} {host.worst} {host.error}".lower()
    return there != word.startswith("!") if wanted else True


def room(hosts: Sequence[HostHealth], width: int) -> int:
    """How many checks there is room for."""
    return max(1, (width - _names(hosts) - 4) // CHECK_CELLS)


def _names(hosts: Sequence[HostHealth]) -> int:
    return min(20, max(6, *(len(host.host) for host in hosts))) if hosts else 6


def head(hosts: Sequence[HostHealth], sight: Sight, groups: dict[str, str]) -> list[Line]:
    """Two lines: the groups, and the numbers of the checks under them."""
    names = _names(hosts) + 4
    runs = [(group, len(list(run))) for group, run in groupby(sight.columns, lambda each: groups.get(each, "host"))]
    above = [_group(GROUPS.get(group, "host"), CHECK_CELLS * count) for group, count in runs]
    titles = [_title(check, check == sight.chosen) for check in sight.columns]
    return [
        crop(line(Span(" " * names), *above), sight.width),
        crop(line(cell("  host", names, "head"), *titles), sight.width),
    ]


def _group(name: str, cells: int) -> Span:
    return cell(f" {name[: cells - 1]}", cells, "dim")


def _title(check: str, picked: bool) -> Span:
    """ "05" for G05, since the group stands above; the first letters of a site's own."""
    short = check.removeprefix("site:") if not check[1:].isdigit() else check[1:]
    return Span(f" {short[: CHECK_CELLS - 1]:<{CHECK_CELLS - 1}}", "accent" if picked else "head")


def rows(hosts: Sequence[HostHealth], sight: Sight) -> list[Row]:
    """One host a line; keys are hosts."""
    names = _names(hosts)
    return [Row(host.host, _row(host, names, sight)) for host in hosts]


def _row(host: HostHealth, names: int, sight: Sight) -> Line:
    mark = Span("+" if host.host in sight.marks else " ", "mark")
    known = host.time is not None
    role: Role = SEVERITY_ROLES[host.severity] if known else "dim"
    sign = "◌" if host.busy else SEVERITY_MARKS[host.severity] if known else "?"
    name = line(mark, Span(f"{sign} ", role), cell(host.host, names + 1, "text" if role in ("ok", "dim") else role))
    if not known:
        said = "checking…" if host.busy else host.error or "not checked yet"
        return crop(line(*name, Span(said, "warn" if host.error else "dim")), sight.width)
    cells = [_cell(host.cells.get(check, ABSENT), check == sight.chosen) for check in sight.columns]
    left = sight.width - names - 4 - CHECK_CELLS * len(sight.columns)
    worst = Span(f" {host.worst}" if left >= LEAST_WORST else "", "dim")
    return crop(line(*name, *cells, worst), sight.width)


def _cell(letter: str, picked: bool) -> Span:
    """In brackets under the cursor."""
    glyph, role = _CELLS.get(letter, ("?", "dim"))
    return cell(f"[{glyph}]" if picked else f" {glyph}", CHECK_CELLS, role)


def below(checks: HostChecks | None, check: CheckRow | None, now: float, width: int) -> list[Line]:
    """Three lines about the host and the check under the cursor."""
    if check is None:
        return []
    title = line(Span(f" {check.id} ", "accent"), Span(check.title, "text"))
    if checks is None:
        return [title]
    age = "" if checks.health.time is None else f"looked at {span(max(0.0, now - checks.health.time))} ago"
    first = line(*title, Span(f"  {checks.health.host}: {age}", "dim"))
    found = findings_of(checks, check.id)
    if not found:
        why = checks.result.skipped.get(check.id, "") if checks.result is not None else "not checked yet"
        return [crop(first, width), line(Span(f" {why or 'nothing found'}", "dim"))]
    worst = found[0]
    more = f" (+{len(found) - 1})" if len(found) > 1 else ""
    who = f" {worst.acknowledged} has it in hand" if worst.acknowledged else ""
    second = line(_mark(worst), Span(f"{_where(worst)}{worst.text}{more}", "text"))
    third = line(Span(who, "mark"), Span(f" → {worst.advice}" if worst.advice else "", "accent"))
    return [crop(each, width) for each in (first, second, third)]


def findings_of(checks: HostChecks, check: str) -> list[Finding]:
    """What a check says of a host, the worst first."""
    found = [each for each in (checks.result.findings if checks.result else ()) if each.check == check]
    return sorted(found, key=lambda each: (-each.severity.rank, bool(each.acknowledged), each.object))


def _mark(finding: Finding) -> Span:
    return Span(f" {SEVERITY_MARKS[finding.severity]} ", SEVERITY_ROLES[finding.severity])


def _where(finding: Finding) -> str:
    return f"{finding.object}: " if finding.object and finding.object not in finding.text else ""


# One host ------------------------------------------------------------------------------------------------------------


def page_rows(checks: HostChecks, now: float, width: int) -> list[Row]:
    """Everything found on one host, problems first; keys are the findings'."""
    found = [Row(None, each) for each in wrap(f" {text.head(checks, now)}", width, 1, "strong")]
    result = checks.result
    if result is None:
        return found
    for finding in result.problems:
        found.append(Row(None, ()))
        found += problem_rows(finding, now, width)
    well = [each for each in result.findings if each.severity is Severity.OK]
    found += [Row(None, ()), Row(None, heading("well", f"{len(well)}", width))]
    found += [Row(each.key, _well(each, width)) for each in well]
    if result.skipped:
        found += [Row(None, ()), Row(None, heading("left out", "", width))]
        found += [
            Row(None, each) for said in text.skipped(result.skipped) for each in wrap(f" {said}", width, 1, "dim")
        ]
    return found


def problem_rows(finding: Finding, now: float, width: int) -> list[Row]:
    """A finding with evidence, since when, what to do; the first line's key is the finding's."""
    since = f"for {span(max(0.0, now - finding.since))}" if finding.since is not None else ""
    action = "" if finding.action is Action.NONE else str(finding.action)
    outlived = f"outlived {finding.reboots} reboot{'s' if finding.reboots > 1 else ''}" if finding.reboots else ""
    notes = "  ".join(filter(None, (since, outlived, action)))
    check = cell(finding.check, max(6, len(finding.check) + 1), "accent")
    first, *rest = wrap(f"{_where(finding)}{finding.text}", max(20, width - 3 - len(check.text)), 0)
    lines: list[Line] = [line(" " * (3 + len(check.text)), *each) for each in rest]
    lines += [line(Span(f"   {notes}", "dim"))] if notes else []
    lines += [line("   ", *row) for each in finding.evidence for row in wrap(each, width - 3, 2, "dim")]
    lines += (
        [line("   ", *each) for each in wrap(f"→ {finding.advice}", width - 3, 2, "accent")] if finding.advice else []
    )
    lines += [line(Span(f"   {finding.acknowledged} has it in hand", "mark"))] if finding.acknowledged else []
    shown = [line(_mark(finding), check, *first), *lines]
    return [Row(finding.key if each is shown[0] else None, crop(each, width)) for each in shown]


def _well(finding: Finding, width: int) -> Line:
    return crop(line(_mark(finding), cell(finding.check, 6, "dim"), Span(_where(finding) + finding.text, "dim")), width)


def markdown(checks: HostChecks, now: float) -> str:
    """The problems of a host for a ticket."""
    lines = [f"**{text.head(checks, now)}**", ""]
    for finding in checks.result.problems if checks.result else ():
        lines.append(f"- {text.WORDS[finding.severity]} {finding.check} {_where(finding)}{finding.text}")
        lines += [f"    {each}" for each in text.below(finding)]
    return "\n".join(lines) + "\n"
