"""What the Fleet screen says around its table: sort and filter chips, marks, what a second key may be, the empty states."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from backends.engine.wire import FleetSummary, HostRow
from swarm_tui.glyphs import Glyphs
from swarm_tui.present.cells import watts
from swarm_tui.present.columns import BY_ID, Column
from swarm_tui.present.line import Line, Piece, join
from swarm_tui.present.order import WORST, Sort
from swarm_tui.theme import Role

NAMED_HOSTS = 12
"""How many hosts a dialog lists by name before it counts the rest."""


def chips(sort: Sort, filter_text: str, problems: bool, marks: int, hidden: int, glyphs: Glyphs) -> Line:
    """What shapes the list just now; everything that hides hosts, and every mark that is out of sight, is said here."""
    parts: list[Line] = [_sort_chip(sort, glyphs)]
    if problems:
        parts.append((("! problems only", "chip"),))
    if filter_text:
        parts.append(((f"/ {filter_text}", "chip"),))
    if marks:
        unseen = f" ({hidden} hidden)" if hidden else ""
        parts.append(((f"{glyphs.mark} {marks} marked{unseen}", "mark"),))
    return join(parts, (f"  {glyphs.separator}  ", "faint"))


def sort_choices(columns: Sequence[Column]) -> Line:
    """What may follow `o`."""
    pieces: list[Piece] = [("sort by ", "dim")]
    for column in columns:
        if column.letter:
            pieces += [(column.letter, "key"), (f" {column.title}  ", "dim")]
    return tuple(pieces)


def copy_choices(hosts: int) -> Line:
    """What may follow `y`."""
    pieces: list[Piece] = [(f"copy of {hosts} hosts: " if hosts > 1 else "copy ", "dim")]
    for letter, word in (("h", "host"), ("s", "ssh line"), ("r", "row"), ("j", "JSON")):
        pieces += [(letter, "key"), (f" {word}  ", "dim")]
    return tuple(pieces)


def range_hint(count: int) -> Line:
    """While a range of marks is open."""
    return (
        (f"range of {count} ", "mark"),
        ("v", "key"),
        (" marks it  ", "dim"),
        ("Esc", "key"),
        (" forgets it", "dim"),
    )


def named(hosts: Sequence[str]) -> list[Line]:
    """The hosts that something is about, by name."""
    shown: list[Line] = [((f"  {host}", "text"),) for host in hosts[:NAMED_HOSTS]]
    if len(hosts) > NAMED_HOSTS:
        shown.append(((f"  and {len(hosts) - NAMED_HOSTS} more", "dim"),))
    return shown


def row_text(row: HostRow) -> str:
    """A host in one line of plain text, for a chat or a ticket."""
    worst = "" if row.worst == row.state.value else row.worst
    run = f"in run {row.run}: {row.run_stage}" if row.run else ""
    return "  ".join(part for part in (row.name, row.state.value, run, worst, row.reason) if part)


def _sort_chip(sort: Sort, glyphs: Glyphs) -> Line:
    if sort == Sort():
        return (("worst first", "dim"),)
    name = "worst" if sort.column == WORST else BY_ID[sort.column].title
    return ((f"by {name} {glyphs.descending if sort.descending else glyphs.ascending}", "accent"),)


def place(position: int, shown: int, total: int) -> Line:
    """ "3/40", or "3/12 of 40" when a filter hides some."""
    if not shown:
        return ((f"0 of {total}", "dim"),)
    text = f"{position + 1}/{shown}"
    return ((text if shown == total else f"{text} of {total}", "dim"),)


def totals(summary: FleetSummary) -> Line:
    """The fleet's GPUs in a few words."""
    if not summary.gpus:
        return ()
    text = f"{summary.gpus} GPUs"
    if summary.gpu_percent is not None:
        text += f" {summary.gpu_percent:.0f}%"
    if summary.gpu_power_watts is not None:
        text += f" {watts(summary.gpu_power_watts)}"
    return ((text, "dim"),)


def empty(total: int, filter_text: str, problems: bool, connected: bool, reason: str, error: str) -> list[Line]:
    """What stands in place of rows: why there are none, and the one thing that helps."""
    if total and (filter_text or problems):
        what = f"match {filter_text}" if filter_text else "have a problem"
        role: Role = "text" if filter_text else "ok"
        return [(("  ", "text"), (f"0 of {total} hosts {what}", role), (" — Esc shows all", "dim"))]
    if not connected:
        return [((f"  {reason or 'starting the engine…'}", "dim"),)]
    if error:
        return [
            (("  The configuration cannot be used: ", "bad"), (error, "text")),
            (("  swarm-tui config check", "info"),),
        ]
    return [
        (("  No hosts are configured.", "text"),),
        (("  Add [hosts.NAME] to the configuration: ", "dim"), ("swarm-tui config sample", "info")),
    ]


def gpu_cells(rows: Collection[HostRow]) -> int:
    """Width of the heat strip: the most GPUs of a host, at most 16."""
    return min(16, max((len(row.gpus) for row in rows), default=0))
