"""The fleet table's columns: which there are, which fit, and one host's row laid out in them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from backends.engine.wire import HostRow
from swarm_tui.present import cells, states
from swarm_tui.present.cells import Cell, Scene
from swarm_tui.present.line import Align, Line, Piece, fit, pad
from swarm_tui.theme import Role

GAP = 2
"""Cells between two columns."""
GUTTER = 2
"""Cells before the first column: the cursor's or the mark's glyph, and a blank."""


class Column(NamedTuple):
    """One column of the fleet table."""

    id: str
    title: str
    cell: Cell
    cells: int
    rank: int
    """Which columns come first when there is little room: 0 is always shown."""
    letter: str
    """Key that sorts by it after `o`."""
    sort: Callable[[HostRow], object]
    """What it is sorted by; None sorts last in either direction."""
    align: Align = "right"
    descending: bool = True
    """Whether the interesting end is the high one."""
    optional: bool = False
    """Shown only when some host has a value."""


def _field(name: str) -> Callable[[HostRow], object]:
    return lambda row: getattr(row, name)


def _percent(
    id_: str, title: str, field: str, rank: int, letter: str, warn: float = 200, bad: float = 200, gpu: bool = False
) -> Column:
    return Column(id_, title, cells.percent(field, warn, bad, gpu), 4, rank, letter, _field(field))


COLUMNS: tuple[Column, ...] = (
    Column("host", "HOST", cells.host, 0, 0, "n", _field("name"), "left", False),
    Column("state", "STATE", cells.state, states.STATE_CELLS, 0, "s", lambda row: None, "left"),
    Column("run", "RUN", cells.run, 8, 0, "h", lambda row: row.run or None, "left", False, optional=True),
    Column("gpus", "GPUS", cells.gpus, 0, 1, "", lambda row: row.gpu_percent, "left"),
    _percent("gpu", "GPU%", "gpu_percent", 2, "g", gpu=True),
    _percent("vram", "VRAM", "gpu_memory_percent", 5, "v", gpu=True),
    Column("temp", "TEMP", cells.temperature, 4, 6, "t", _field("gpu_temperature_celsius")),
    Column("power", "POWER", cells.power, 6, 9, "p", _field("gpu_power_watts")),
    _percent("cpu", "CPU%", "cpu_percent", 3, "c"),
    _percent("iowait", "IOW%", "iowait_percent", 12, "i", 20, 50),
    Column("load", "LOAD", cells.load, 5, 11, "l", _field("load_1")),
    _percent("mem", "MEM%", "memory_percent", 4, "m", 90, 98),
    _percent("swap", "SWP%", "swap_percent", 15, "w", 50, 90),
    _percent("disk", "DSK%", "disk_percent", 7, "d", 90, 97),
    Column("read", "READ", cells.flow("disk_read_bytes_per_second"), 5, 13, "r", _field("disk_read_bytes_per_second")),
    Column(
        "write", "WRITE", cells.flow("disk_write_bytes_per_second"), 5, 13, "k", _field("disk_write_bytes_per_second")
    ),
    Column("rx", "RX", cells.flow("net_rx_bytes_per_second"), 5, 8, "x", _field("net_rx_bytes_per_second")),
    Column("tx", "TX", cells.flow("net_tx_bytes_per_second"), 5, 8, "y", _field("net_tx_bytes_per_second")),
    Column("rtt", "RTT", cells.round_trip, 5, 16, "z", _field("round_trip_seconds")),
    Column("age", "AGE", cells.age, 4, 10, "a", lambda row: None if row.sample_time is None else -row.sample_time),
    Column("uptime", "UP", cells.uptime, 4, 17, "u", _field("uptime_seconds"), descending=False),
    Column("alerts", "ALRT", cells.count("alerts", True), 4, 6, "e", _field("alerts"), optional=True),
    Column(
        "updates", "UPD", cells.count("updates_pending", False), 4, 7, "f", _field("updates_pending"), optional=True
    ),
    Column("backup", "BKUP", cells.backup, 4, 8, "b", _field("backup_time"), descending=False, optional=True),
    Column("kernel", "KERNEL", cells.words("kernel"), 20, 18, "", _field("kernel"), "left", False),
    Column("tags", "TAGS", cells.tags, 16, 19, "", _field("tags"), "left", False),
    Column("worst", "WORST", cells.worst, 0, 0, "o", lambda row: None, "left"),
)
BY_ID: dict[str, Column] = {column.id: column for column in COLUMNS}
_ALWAYS = ("host", "state", "run")
"""Columns at the left that stand also where there are no numbers, and are never dimmed."""
WORST_LEAST = 18
"""Cells that the last column keeps before another column may have room."""


class Layout(NamedTuple):
    """Which columns are shown, and how wide each is; the last one takes what is left."""

    columns: tuple[tuple[Column, int], ...]
    cells: int

    def spans(self) -> tuple[tuple[Column, int, int], ...]:
        """Each column with its first and past-the-end cell."""
        at, result = GUTTER, []
        for column, width in self.columns:
            result.append((column, at, at + width))
            at += width + GAP
        return tuple(result)

    def column_at(self, x: int) -> Column | None:
        """The column under a cell, its gap included."""
        for column, start, end in self.spans():
            if start <= x < end + GAP:
                return column
        return None


def layout(room: int, *, name_cells: int, gpu_cells: int, filled: Collection[str] = (), most_rank: int = 99) -> Layout:
    """The columns that fit into `room` cells.

    Args:
        room: width of the table.
        name_cells: the longest host name; bounded here.
        gpu_cells: width of the heat strip; 0 when no host has a GPU, which leaves all GPU columns out.
        filled: ids of optional columns that some host has a value for.
        most_rank: columns above this rank are left out even when there is room.
    """
    widths = {column.id: column.cells for column in COLUMNS}
    widths["host"] = min(24, max(4, name_cells), max(10, room // 4))
    widths["gpus"] = max(4, gpu_cells)
    chosen = {"host", "state", "worst"} | ({"run"} & set(filled))
    left = room - GUTTER - widths["host"] - widths["state"] - 2 * GAP - WORST_LEAST
    left -= widths["run"] + GAP if "run" in chosen else 0
    for column in sorted(COLUMNS, key=lambda column: column.rank):
        if column.id in chosen or column.rank > most_rank or not _wanted(column, gpu_cells, filled):
            continue
        if widths[column.id] + GAP > left:
            break
        chosen.add(column.id)
        left -= widths[column.id] + GAP
    widths["worst"] = max(1, WORST_LEAST + left)
    return Layout(tuple((column, widths[column.id]) for column in COLUMNS if column.id in chosen), room)


def _wanted(column: Column, gpu_cells: int, filled: Collection[str]) -> bool:
    if column.optional:
        return column.id in filled
    return gpu_cells > 0 or column.id not in ("gpus", "gpu", "vram", "temp", "power")


def filled_columns(rows: Collection[HostRow]) -> frozenset[str]:
    """Ids of the optional columns that some host has a value for."""
    optional = [column for column in COLUMNS if column.optional]
    return frozenset(column.id for column in optional if any(column.sort(row) is not None for row in rows))


def head(layout: Layout, sort_id: str, descending: bool, scene: Scene) -> Line:
    """The column titles; the one that is sorted by is marked."""
    pieces: list[Piece] = [(" " * GUTTER, "head")]
    arrow = scene.glyphs.descending if descending else scene.glyphs.ascending
    for index, (column, width) in enumerate(layout.columns):
        if index:
            pieces.append((" " * GAP, "head"))
        if column.id == sort_id:
            title = column.title + arrow
            if len(title) > width:
                title = column.title[: width - 1] + arrow
            pieces.append((fit(title, width, column.align), "head-sort"))
        else:
            pieces.append((fit(column.title, width, column.align), "head"))
    return tuple(pieces)


def row_line(
    row: HostRow, layout: Layout, scene: Scene, *, marked: bool = False, cursor: bool = False, dim: bool = False
) -> Line:
    """One host's row. Without live numbers the reason takes their place; last known numbers are dimmed."""
    pieces: list[Piece] = [_gutter(marked, cursor, scene)]
    silent, faded = states.is_silent(row), dim or states.is_dimmed(row)
    for index, (column, width) in enumerate(layout.columns):
        if index:
            pieces.append((" " * GAP, "text"))
        if silent and column.id not in _ALWAYS:
            rest = layout.cells - GUTTER - sum(w + GAP for _, w in layout.columns[:index])
            pieces.extend(pad(states.message(row, scene.now, scene.glyphs), rest))
            break
        pieces.extend(_cell(column.cell(row, scene), width, column, faded))
    return merge(pieces)


def _cell(line: Line, width: int, column: Column, faded: bool) -> Line:
    if faded and column.id not in (*_ALWAYS, "worst"):
        line = tuple((text, "stale") for text, _ in line)
    return pad(line, width, column.align)


def _gutter(marked: bool, cursor: bool, scene: Scene) -> Piece:
    glyph = scene.glyphs.mark if marked else scene.glyphs.cursor if cursor else " "
    return f"{glyph} ", "mark" if marked else "accent"


def merge(pieces: list[Piece]) -> Line:
    """Neighbours of one role become one piece, and blanks join whatever is before them: fewer colour changes to send."""
    merged: list[Piece] = []
    for text, role in pieces:
        if merged and (merged[-1][1] == role or (text.isspace() and not _has_ground(merged[-1][1]))):
            merged[-1] = (merged[-1][0] + text, merged[-1][1])
        else:
            merged.append((text, role))
    return tuple(merged)


def _has_ground(role: Role) -> bool:
    """Roles that colour the background must not spread over blanks."""
    return role in ("flag", "flag-warn", "pick", "badge")
