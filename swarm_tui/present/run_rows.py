"""The list of maintenance runs, the newest first, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Sequence

from backends.clock import utc
from backends.maintenance.model import RunStatus, Stage
from backends.maintenance.views import RunList, RunSummary
from backends.units import clock_span, span
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import host_table
from swarm_tui.present.bar import bar
from swarm_tui.present.host_line import Span, line, wrap
from swarm_tui.present.host_table import Column
from swarm_tui.present.line import Line, crop, plain
from swarm_tui.present.run_text import STATUS_ROLES, hosts
from swarm_tui.present.updates import Row
from swarm_tui.theme import Role

BAR_CELLS = 10
_COLUMNS = (
    Column("", 1),
    Column("began", 16),
    Column("status", 8),
    Column("hosts over", BAR_CELLS + 8),
    Column("bad", 3, "right"),
    Column("asks", 4, "right"),
    Column("by", 12, wide=100),
    Column("window", 10, wide=120),
    Column("run"),
)


def head(width: int) -> Line:
    """The column titles."""
    return host_table.head(_COLUMNS, width)


def rows(found: RunList, needle: str, now: float, width: int, glyphs: Glyphs) -> list[Row]:
    """Every run, and those whose journal is damaged at the end; `needle` is plain text, any case."""
    made = [_row(each, now, width, glyphs) for each in found.runs]
    made += [_damaged(run, wrong, width, glyphs) for run, wrong in found.damaged.items()]
    wanted = needle.casefold()
    return [row for row in made if wanted in f"{plain(row.text)} {row.words}".casefold()]


def _row(run: RunSummary, now: float, width: int, glyphs: Glyphs) -> Row:
    failed, asking = run.stages.get(Stage.FAILED, 0), run.stages.get(Stage.ASKING, 0)
    role = STATUS_ROLES[run.status]
    mark = glyphs.question if asking else "" if run.over else glyphs.attention
    name = run.name or run.run
    words = f"{name}  {run.why}" if run.why else name
    cells = (
        Span(mark, "warn"),
        Span(f"{utc(run.began if run.began is not None else run.created):%Y-%m-%d %H:%M}", "strong"),
        Span(str(run.status), role),
        Span(_progress(run, glyphs), role if not run.over else "dim"),
        Span(str(failed), "bad" if failed else "dim"),
        Span(str(asking), "warn" if asking else "dim"),
        Span(run.who, "dim"),
        Span(_window(run, now), "dim"),
        Span(words, "text"),
    )
    return Row(("run", run.run), host_table.row(_COLUMNS, cells, width), words=f"{run.run} {run.who} {run.status}")


def _progress(run: RunSummary, glyphs: Glyphs) -> str:
    share = 100.0 * run.hosts_over / run.hosts if run.hosts else None
    return f"{plain(bar(share, BAR_CELLS, glyphs))} {run.hosts_over}/{run.hosts}"


def _window(run: RunSummary, now: float) -> str:
    if run.window_end is None or run.over:
        return ""
    return f"{clock_span(run.window_end - now)} left" if run.window_end > now else "over"


def _damaged(run: str, wrong: str, width: int, glyphs: Glyphs) -> Row:
    text = line(Span(f"{glyphs.down} ", "bad"), Span(f"{run}: held: ", "bad"), Span(wrong, "text"))
    return Row(None, crop(text, width), words=run)


def nothing(found: RunList | None, needle: str, width: int) -> list[Line]:
    """What stands where no run does: how one begins."""
    if found is None:
        return said("asking the engine…", "dim", (), width)
    if needle:
        return said(f"Nothing matches /{needle}", "warn", ("Esc clears the filter.",), width)
    how = (
        "A run takes hosts through steps in batches (drain, snapshot, update, reboot, check, give back), never more at "
        "once than its budget, and ends in a report.",
        "Begin one:  mark hosts on 1 Fleet with Space, then M — or c here, for hosts by a selector.",
        "Named ones: write [[runs]] into the configuration, then n here.",
        "Nothing starts before you have seen its dry run and typed how many hosts are meant.",
    )
    return said("No maintenance run yet.", "strong", how, width)


def said(first: str, role: Role, others: Sequence[str], width: int) -> list[Line]:
    """A sentence and what helps, where a list would be."""
    lines: list[Line] = [(), *(line("  ", *each) for each in wrap(first, width - 4, 0, role))]
    for other in others:
        lines += [(), *(line("  ", *each) for each in wrap(other, width - 4, 2, "dim"))]
    return lines


def summary(found: RunList, now: float) -> Line:
    """What goes on, for the status line."""
    live = [run for run in found.runs if not run.over]
    asking = sum(run.stages.get(Stage.ASKING, 0) for run in live)
    stopped = sum(run.status in (RunStatus.STOPPED, RunStatus.PAUSED) for run in live)
    oldest = min((run.began for run in live if run.began is not None), default=None)
    return line(
        Span(f"{len(found.runs)} runs" if len(found.runs) != 1 else "1 run", "dim"),
        Span(f"  {len(live)} going on" if live else "", "accent"),
        Span(f" for {span(now - oldest)}" if oldest is not None else "", "dim"),
        Span(f"  {stopped} held" if stopped else "", "warn"),
        Span(f"  {hosts(asking)} ask you" if asking else "", "warn"),
        Span(f"  {len(found.damaged)} damaged" if found.damaged else "", "bad"),
    )
