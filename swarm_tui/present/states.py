"""How the state of the way to a host reads: glyph, word, role, and the sentence that stands in place of numbers."""

from __future__ import annotations

from typing import NamedTuple

from backends.engine.wire import HostRow
from backends.states import HostState
from backends.units import span
from swarm_tui.glyphs import Glyphs
from swarm_tui.present.line import Line, Piece
from swarm_tui.theme import Role


class Look(NamedTuple):
    """One state: which glyph, which word, which role."""

    glyph: str
    """Field of `Glyphs`."""
    word: str
    role: Role
    silent: bool = False
    """No live numbers: the row shows why instead."""
    aged: bool = False
    """The word is followed by how long it has been so."""


LOOKS: dict[HostState, Look] = {
    HostState.UP: Look("ok", "up", "ok"),
    HostState.CONNECTING: Look("connecting", "connecting", "dim"),
    HostState.STALE: Look("stale", "stale", "warn", aged=True),
    HostState.UNREACHABLE: Look("down", "down", "bad", silent=True, aged=True),
    HostState.AUTH_FAILED: Look("down", "no login", "bad", silent=True),
    HostState.HOST_KEY_UNKNOWN: Look("question", "new key", "warn", silent=True),
    HostState.HOST_KEY_CHANGED: Look("down", "KEY CHANGED", "bad", silent=True),
    HostState.NO_PYTHON: Look("attention", "no python3", "warn", silent=True),
    HostState.NO_SUDO: Look("attention", "no sudo", "warn"),
    HostState.DRIVER_HUNG: Look("attention", "driver hung", "bad"),
}
STATE_CELLS = 13
"""The widest: "✖ KEY CHANGED"."""


def state_cell(row: HostRow, now: float, glyphs: Glyphs) -> Piece:
    """Glyph and word, with the age where it matters: "✖ down 4m"."""
    look = LOOKS[row.state]
    words = [getattr(glyphs, look.glyph), look.word]
    if look.aged:
        words.append(coarse(_age(row, now)))
    return " ".join(words), look.role


def _age(row: HostRow, now: float) -> float:
    if row.state is HostState.STALE and row.sample_time is not None:
        return now - row.sample_time
    return now - row.since


def coarse(seconds: float) -> str:
    """A duration in one unit, as a table cell wants it: 12s, 4m, 3h, 9d."""
    left = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if left >= size:
            return f"{left // size}{unit}"
    return f"{left}s"


def is_silent(row: HostRow) -> bool:
    """Whether the row has no numbers worth showing: nothing was ever measured, or the way to the host is closed."""
    return LOOKS[row.state].silent or row.sample_time is None


def is_dimmed(row: HostRow) -> bool:
    """Whether the numbers are the last known ones rather than live."""
    return row.state in (HostState.STALE, HostState.CONNECTING)


def message(row: HostRow, now: float, glyphs: Glyphs) -> Line:
    """What stands in place of the numbers: why, what is done about it, and what a person can do."""
    if row.state is HostState.CONNECTING:
        return ((f"connecting{glyphs.ellipsis} {span(now - row.since)}", "dim"),)
    parts: list[Piece] = [(row.reason or "no data yet", "text")]
    retry = retry_text(row, now)
    if retry:
        parts += [(f" {glyphs.separator} ", "faint"), (retry, "dim")]
    if row.hint:
        parts += [(f" {glyphs.separator} ", "faint"), (row.hint, "info")]
    return tuple(parts)


def retry_text(row: HostRow, now: float) -> str:
    """ "retry 12s", "retrying"; "" when no retry is planned."""
    if row.retry_at is None:
        return ""
    return f"retry {span(row.retry_at - now)}" if row.retry_at > now else "retrying"
