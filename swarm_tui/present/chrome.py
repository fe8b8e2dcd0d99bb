"""The frame of every screen as lines: who and where (header), what holds for all of it (banner), status, footer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from backends.states import Severity
from backends.units import span
from swarm_tui.glyphs import Glyphs
from swarm_tui.keymap import BY_ID, Key, Keymap
from swarm_tui.present.line import Line, Piece, crop, fit, join, spread, width
from swarm_tui.theme import Role

_SWARM = " swarm "
MODES = ("fleet", "alerts", "updates", "backups", "runs", "events")
MOST_COUNTED = 9999
"""Alerts; more than that are as bad."""
SEVERITY_ROLES: dict[Severity, Role] = {
    Severity.OK: "ok",
    Severity.UNKNOWN: "dim",
    Severity.WARNING: "warn",
    Severity.CRITICAL: "bad",
}


class HeaderState(NamedTuple):
    """What the header says."""

    fleet_name: str = ""
    label: str = ""
    """DEMO or REPLAY …; always shown when there is one."""
    user: str = ""
    read_only: bool = False
    connected: bool = False
    up: int = 0
    total: int = 0
    critical: int = 0
    warning: int = 0
    unknown: int = 0
    alerts: int = 0
    """That fire; shown behind the name of their mode."""
    clock: str = ""
    age_seconds: float | None = None
    """Age of the picture; None before the first."""
    interval_seconds: float = 1.0


def header(state: HeaderState, mode: str, crumbs: Sequence[str], cells: int, glyphs: Glyphs) -> list[Line]:
    """Two lines: identity and health; modes and place (said only where the mode does not say it). On a narrow terminal the
    user goes first, then the words of the counts, then name and title; the badges never go."""
    place = _place(crumbs, glyphs)
    return [_identity(state, cells, glyphs), spread(_modes(mode, state.alerts, cells - width(place)), place, cells)]


def _identity(state: HeaderState, cells: int, glyphs: Glyphs) -> Line:
    badges, name, health = _badges(state), state.fleet_name or "fleet", _health(state, glyphs)
    if len(_SWARM) + cell_len(name) + 2 + width(badges) + width(health) >= cells:
        health = _health(state, glyphs, short=True)
    room = max(0, cells - width(health) - 1)
    spare = max(0, room - width(badges))
    who: Line = ((_SWARM, "title"), (name, "strong"), ("  ", "text"))
    left = (*crop(who, spare, glyphs.ellipsis), *badges)
    if state.user and width(left) + cell_len(state.user) <= room:
        left = (*left, (state.user, "dim"))
    return spread(crop(left, room, glyphs.ellipsis), health, cells)


def _badges(state: HeaderState) -> Line:
    pieces: list[Piece] = []
    if state.label:
        pieces += [(f" {state.label} ", "badge"), ("  ", "text")]
    if state.read_only:
        pieces += [(" READ-ONLY ", "badge"), ("  ", "text")]
    return tuple(pieces)


def _health(state: HeaderState, glyphs: Glyphs, *, short: bool = False) -> Line:
    parts: list[Line] = [((f"{state.up}/{state.total} up", "strong" if state.up == state.total else "text"),)]
    counts: tuple[tuple[str, int, str, Role], ...] = (
        (glyphs.down, state.critical, "critical", "bad"),
        (glyphs.attention, state.warning, "warning", "warn"),
        (glyphs.question, state.unknown, "unknown", "dim"),
    )
    parts += [
        ((f"{glyph} {count}" + ("" if short else f" {word}"), role),) for glyph, count, word, role in counts if count
    ]
    if state.total and not any(count for _, count, _, _ in counts):
        parts.append((_calm(state.alerts, glyphs),))
    parts.append((poll_age(state), (f"  {state.clock} ", "dim")))
    return join(parts, ("  ", "text"))


def _calm(alerts: int, glyphs: Glyphs) -> Piece:
    """No host looks ill; that is not all well while somebody was told of something."""
    if not alerts:
        return f"{glyphs.ok} all ok", "ok"
    return f"{glyphs.attention} {min(alerts, MOST_COUNTED)} alert{'s' * (alerts != 1)}", "warn"


def poll_age(state: HeaderState) -> Piece:
    """How old the picture is. While it keeps up only the rhythm is shown, so that the header stands still."""
    if state.age_seconds is None:
        return "no data yet", "dim"
    if state.age_seconds > max(3.0, 2.5 * state.interval_seconds):
        return f"{span(state.age_seconds)} old", "warn"
    return f"every {state.interval_seconds:g}s", "dim"


def _modes(mode: str, alerts: int, cells: int) -> Line:
    """Tabs of the six modes. Where there is no room all but the present one are only numbers."""
    tabs = _tabs(mode, alerts, MODES)
    return tabs if width(tabs) < cells else _tabs(mode, alerts, {mode})


def _tabs(mode: str, alerts: int, named: Collection[str]) -> Line:
    pieces: list[Piece] = [(" ", "text")]
    for number, name in enumerate(MODES, start=1):
        key = BY_ID[f"app.mode_{name}"]
        shown = f" {number} {key.label} " if name in named else f" {number} "
        pieces.append((shown, "tab-on" if name == mode else "tab"))
        if name == "alerts" and alerts:  # their number never goes: it is why one would go there
            pieces.append((f"{min(alerts, MOST_COUNTED)} ", "warn"))
    return tuple(pieces)


def _place(crumbs: Sequence[str], glyphs: Glyphs) -> Line:
    pieces: list[Piece] = []
    for index, crumb in enumerate(crumbs if len(crumbs) > 1 else ()):
        if pieces:
            pieces.append((f" {glyphs.crumb} ", "faint"))
        pieces.append((crumb, "strong" if index == len(crumbs) - 1 else "dim"))
    return (*pieces, (" ", "text"))


def status(left: Line, right: Line, cells: int) -> Line:
    """The status line."""
    return spread(((" ", "text"), *left), (*right, (" ", "text")), cells)


def footer(keys: Iterable[tuple[Key, str]], keymap: Keymap, cells: int) -> Line:
    """At most eight keys with their labels; those with a reason against them are greyed. The last two, help and quit,
    stay; of the others the lesser ones are left out where there is no room."""
    entries = [(keymap.first(key.id), key.label, bool(reason)) for key, reason in keys]
    entries = [entry for entry in entries if entry[0]]
    while len(entries) > 2 and 1 + sum(map(_footer_cells, entries)) - 2 > cells:
        del entries[-3]
    pieces: list[Piece] = []
    for shown, label, off in entries:
        pieces += [(shown, "faint" if off else "key"), (f" {label}  ", "faint" if off else "dim")]
    return ((" ", "text"), *pieces)


def _footer_cells(entry: tuple[str, str, bool]) -> int:
    return len(entry[0]) + len(entry[1]) + 3


def banner(text: str, role: Role, cells: int) -> Line:
    """A full-width line that cannot be overlooked."""
    return ((fit(f" {text}", cells), role),)


def too_small(columns: int, rows: int, least_columns: int, least_rows: int) -> list[Line]:
    """The one sentence for a terminal that is too small for anything else."""
    text = f"This terminal is {columns}x{rows}; swarm-tui needs {least_columns}x{least_rows}."
    return [((text[i : i + max(1, columns)], "text"),) for i in range(0, len(text), max(1, columns))]
