"""In which order hosts stand, and how the order is kept still while somebody moves in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from backends.engine.wire import HostRow
from backends.states import STATE_SEVERITY, HostState
from swarm_tui.present.columns import BY_ID, Column

WORST = "worst"
"""The default order: by severity, then by state, then by name. It moves only when something gets better or worse."""

STEADY = frozenset({WORST, "state", "host"})
"""Orders that change only when something happens; the others follow numbers that change all the time."""

_STATE_RANK = {
    state: rank
    for rank, state in enumerate(
        (
            HostState.HOST_KEY_CHANGED,
            HostState.DRIVER_HUNG,
            HostState.UNREACHABLE,
            HostState.AUTH_FAILED,
            HostState.NO_PYTHON,
            HostState.HOST_KEY_UNKNOWN,
            HostState.STALE,
            HostState.NO_SUDO,
            HostState.CONNECTING,
            HostState.UP,
        )
    )
}


class Sort(NamedTuple):
    """The column sorted by and the direction."""

    column: str = WORST
    descending: bool = True


@lru_cache(maxsize=8192)
def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that puts gpu2 before gpu10."""
    parts = re.split(r"([0-9]+)", name[:256])
    return tuple(
        (0, int(part[:18]), part) if part.isdigit() and part.isascii() else (1, 0, part) for part in parts if part
    )


def sorted_names(rows: Iterable[HostRow], sort: Sort) -> list[str]:
    """Names in order. Hosts without a value stand last whatever the direction; equal ones by name."""
    by_name = sorted(rows, key=lambda row: natural(row.name))
    if sort.column in (WORST, "state"):
        key = _badness if sort.column == WORST else _state
        return [row.name for row in sorted(by_name, key=key, reverse=not sort.descending)]
    if sort.column == "host":
        names = [row.name for row in by_name]
        return names[::-1] if sort.descending else names
    return _by_value(by_name, BY_ID[sort.column], sort.descending)


def _by_value(rows: Sequence[HostRow], column: Column, descending: bool) -> list[str]:
    known = [row for row in rows if _value(row, column) is not None]
    unknown = [row.name for row in rows if _value(row, column) is None]
    known.sort(key=lambda row: _value(row, column), reverse=descending)  # type: ignore[arg-type,return-value]
    return [row.name for row in known] + unknown


def _value(row: HostRow, column: Column) -> object:
    value = column.sort(row)
    if isinstance(value, float) and value != value:
        return None
    return None if value in ("", ()) else value


def _badness(row: HostRow) -> tuple[int, int]:
    rank = max(row.severity.rank, STATE_SEVERITY[row.state].rank)
    return -rank, _STATE_RANK[row.state]


def _state(row: HostRow) -> int:
    return _STATE_RANK[row.state]


def keep(shown: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """`wanted` in the order in which its members are shown already; newcomers follow in their own order."""
    members = set(wanted)
    kept = [name for name in shown if name in members]
    known = set(kept)
    return kept + [name for name in wanted if name not in known]


def is_problem(row: HostRow) -> bool:
    """What the problems-only view shows: everything that is not known to be well."""
    return max(row.severity.rank, STATE_SEVERITY[row.state].rank) > 0


def sortable(shown: Collection[str]) -> list[str]:
    """The columns that `<` and `>` walk through: those that are shown, in the table's order."""
    return [column for column in BY_ID if column in shown and column != "gpus"]
