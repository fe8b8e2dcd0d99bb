"""Package changes in lines of any width: what waits behind a row, and a plan as a person reads it before approving."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from itertools import takewhile

from rich.cells import cell_len

from backends import units
from backends.inventory.ranges import fold
from backends.updates.model import Caution, Change, ChangeSet, HostPlan, Plan
from backends.updates.plan import groups
from backends.updates.plans import SHORT_HASH
from swarm_tui.present import update_text as text
from swarm_tui.present.host_line import SEVERITY_MARKS, SEVERITY_ROLES, Span, cell, heading, line, wrap
from swarm_tui.present.line import Line, crop, fit

LONGEST_NAME, SHORTEST_NAME = 34, 12
WIDE = 100
WORDS_CELLS = 18
"""Less room for words about a change is no room."""
LEAST_SUFFIX = 3
_PART = re.compile(r"\d+|[A-Za-z]+")


def versions(change: Change, cells: int) -> str:
    """Old → new in at most `cells` where that can be read: else the new one without its common beginning, else upstream's."""
    whole = text.versions(change)
    if cell_len(whole) <= cells or not (change.installed and change.candidate):
        return whole
    short = f"{change.installed} → …{_suffix(change)}"
    old, new = _upstream(change.installed), _upstream(change.candidate)
    if cell_len(short) > cells and old != new:
        return f"{old} → {new}"
    return short


def _suffix(change: Change) -> str:
    """The new version from the last number or word on that is still the same, at least LEAST_SUFFIX long."""
    pairs = zip(change.installed, change.candidate, strict=False)
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    starts = [found.start() for found in _PART.finditer(change.candidate) if found.start() <= common]
    return next((rest for at in reversed(starts) if len(rest := change.candidate[at:]) >= LEAST_SUFFIX), "")


def _upstream(version: str) -> str:
    return version.partition(":")[2].partition("-")[0] or version.partition("-")[0]


def flag(change: Change) -> Span:
    """One letter: S a security fix, ? not known, H held, K kept back."""
    if change.held:
        return Span("H", "warn")
    if change.kept_back:
        return Span("K", "warn")
    return Span("S", "bad") if change.security else Span("?" if change.security is None else " ", "dim")


LEGEND = "S security fix   ? unknown   H held   K kept back"


def change_lines(changes: Sequence[Change], width: int, indent: int = 2) -> list[Line]:
    """One line a change: flag, name, versions, and words about it where there is room for them."""
    longest = max((cell_len(change.name) for change in changes), default=0)
    name = max(SHORTEST_NAME, min(longest, LONGEST_NAME, (width - indent) * 2 // 5))
    room = max(1, width - indent - 3 - name)
    wanted = max((cell_len(text.versions(change)) for change in changes), default=0)
    both = min(wanted, room)
    if width >= WIDE:
        both = min(wanted, room - WORDS_CELLS)
    return [_change(change, indent, name, both, width) for change in changes]


def _change(change: Change, indent: int, name: int, both: int, width: int) -> Line:
    roomy = width - (indent + 3 + name + both) >= WORDS_CELLS
    words = text.about(change) if roomy else change.kept_back if not change.held else ""
    shown = versions(change, both)
    made = line(
        " " * indent,
        flag(change),
        " ",
        cell(change.name, name, "dim" if change.held else "strong"),
        " ",
        cell(shown, both) if roomy and words else Span(fit_short(shown, both)),
        Span(f"  {words}" if words else "", "dim"),
    )
    return crop(made, width)


def fit_short(words: str, cells: int) -> str:
    """Cut to `cells`, never padded."""
    return words if cell_len(words) <= cells else fit(words, cells)


def caution_lines(cautions: Iterable[Caution], width: int) -> list[Line]:
    """Each in full, wrapped, with its mark; what blocks comes first."""
    rows: list[Line] = []
    for caution in sorted(cautions, key=lambda each: (not each.blocks, -each.severity.rank)):
        blocked = "blocks: " if caution.blocks else ""
        cure = f" (repair: {caution.repair})" if caution.repair else ""
        mark = SEVERITY_MARKS[caution.severity]
        rows += wrap(f"{mark} {blocked}{caution.text}{cure}", width, 2, SEVERITY_ROLES[caution.severity])
    return rows


# A plan -----------------------------------------------------------------------------------------------------------


def plan_rows(plan: Plan, width: int) -> list[Line]:
    """The whole plan: what changes where, what is left out and why, the exact commands, and who cannot be planned."""
    made = groups(plan)
    rows = [crop(line(Span(f"by {plan.author}", "dim"), Span(f"   {LEGEND}", "dim")), width)]
    for host in plan.hosts:
        if host.error:
            rows += wrap(f"✖ {host.host} is not part of it: {host.error}", width, 2, "bad")
    for group in made:
        rows += [(), *_group(group, _first(plan, group), width)]
    idle = [host.host for host in plan.hosts if not host.changes and not host.error]
    if idle:
        rows += [(), *wrap(f"nothing to do on {fold(idle)}", width, 2, "dim")]
    return rows


def _first(plan: Plan, group: ChangeSet) -> HostPlan:
    return next(host for host in plan.hosts if host.host == group.hosts[0])


def _group(group: ChangeSet, first: HostPlan, width: int) -> list[Line]:
    rows = [heading(crop_names(group.hosts, width // 2), summary(group), width)]
    rows += [_indented(row, 2) for row in caution_lines(group.warnings, width - 2)]
    rows += change_lines(group.changes, width)
    closed = tuple(dict.fromkeys(cve for change in group.changes for cve in change.cves))
    if closed:
        rows += [_indented(row, 2) for row in wrap(f"closes {', '.join(closed)}", width - 2, 2)]
    if group.reboot:
        rows += [_indented(row, 2) for row in wrap(f"reboot for {', '.join(first.reboot_reasons)}", width - 2, 2)]
    if first.left_out:
        rows += [crop(line(Span("  left out", "dim")), width), *change_lines(first.left_out, width, 4)]
    return [*rows, *command_lines(first, width)]


def summary(group: ChangeSet) -> str:
    """ "14 changes, 12M to fetch each, reboot"."""
    size = f"{units.size(group.download_bytes)} to fetch" + (" each" if len(group.hosts) > 1 else "")
    return f"{_hosts(len(group.hosts))}, {len(group.changes)} changes, {size}, {text.reboot(group.reboot)}"


def _hosts(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"


def command_lines(plan: HostPlan, width: int, most: int = 1000) -> list[Line]:
    """The command as it would run, wrapped; `most` lines of it."""
    rows = wrap(f"$ {shlex.join(plan.command)}", width - 2, 2, "dim")
    if len(rows) > most:
        rows = [*rows[: most - 1], line(Span(f"  … {len(rows) - most + 1} more lines, all in the plan", "dim"))]
    return [_indented(row, 2) for row in rows]


def _indented(row: Line, cells: int) -> Line:
    return line(Span(" " * cells), *row)


def crop_names(hosts: Sequence[str], cells: int) -> str:
    """Folded host names, cut at `cells`."""
    folded = fold(hosts)
    return fit_short(folded, cells)


def question(plan: Plan, width: int) -> list[Line]:
    """What the last question before a change shows: every group, its reboot and the beginning of its command."""
    rows: list[Line] = []
    made = groups(plan)
    for group in made:
        rows += wrap(f"{fold(group.hosts)}: {summary(group)}", width, 2, "strong")
        rows += command_lines(_first(plan, group), width, 6 if len(made) == 1 else 3)
    left = [host.host for host in plan.hosts if host.error]
    if left:
        rows += wrap(f"not part of it: {fold(left)}", width, 2, "warn")
    said = f"Plan {plan.hash[:SHORT_HASH]}. It runs on the hosts by itself; closing this console does not stop it."
    return [*rows, (), *wrap(said, width, 0, "dim")]
