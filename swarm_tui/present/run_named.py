"""The runs of the configuration that have a name, to choose one from: whom each means, and what it does there."""

from __future__ import annotations

from collections.abc import Sequence

from backends.maintenance.views import NamedRun
from swarm_tui.glyphs import Glyphs
from swarm_tui.present import host_table
from swarm_tui.present.host_line import Span, line, wrap
from swarm_tui.present.host_table import Column
from swarm_tui.present.line import Line
from swarm_tui.present.run_rows import said
from swarm_tui.present.run_text import hosts
from swarm_tui.present.updates import Row

_COLUMNS = (
    Column("", 1),
    Column("run", 20),
    Column("hosts", 11, "right"),
    Column("meant", 24, wide=100),
    Column("window", 26, wide=140),
    Column("steps"),
)
HOW = (
    "Write one into the configuration, and it stands here, in `swarm-tui run plan NAME` and for [[schedules]]:",
    '[[runs]]  name = "monthly-patch"  hosts = "tag:a100"  steps = ["drain", "update", "reboot-if-needed", "resume"]',
    "Or compose one by hand: Esc, then c.",
)


def head(width: int) -> Line:
    """The column titles."""
    return host_table.head(_COLUMNS, width)


def rows(runs: Sequence[NamedRun], width: int, glyphs: Glyphs) -> list[Row]:
    """One line for each, in the order of the configuration."""
    return [_row(run, width, glyphs) for run in runs]


def _row(run: NamedRun, width: int, glyphs: Glyphs) -> Row:
    cells = (
        Span(glyphs.attention if run.problem else "", "warn"),
        Span(run.name, "strong"),
        Span("no host" if run.problem else hosts(run.hosts), "warn" if not run.hosts else "text"),
        Span(run.selector or "every host", "dim"),
        Span(run.window, "dim"),
        Span(run.problem or " > ".join(run.steps), "warn" if run.problem else "dim"),
    )
    return Row(("named", run.name), host_table.row(_COLUMNS, cells, width))


def about(run: NamedRun, width: int) -> list[Line]:
    """All of the one under the cursor, which a narrow line cuts off."""
    window = f"; window {run.window}" if run.window else ""
    first = wrap(f"{run.selector or 'every host'}: {run.problem or hosts(run.hosts)}{window}", width - 2, 0)
    steps = wrap(" > ".join(run.steps), width - 2, 2, "dim")
    return [line(" ", *each) for each in (*first, *steps)]


def nothing(width: int) -> list[Line]:
    """Where the configuration names none."""
    return said("The configuration names no run.", "strong", HOW, width)
