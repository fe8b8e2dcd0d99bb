"""Horizontal bars of a share of 100 %, as pieces."""

from __future__ import annotations

from swarm_tui.glyphs import Glyphs
from swarm_tui.present.line import Line
from swarm_tui.theme import Role


def bar(percent: float | None, cells: int, glyphs: Glyphs, role: Role = "gauge") -> Line:
    """A bar `cells` wide; None is an empty one in the faint role, so that absent never looks like 0 %."""
    if cells <= 0:
        return ()
    if percent is None or percent != percent:
        return ((glyphs.gap * cells, "faint"),)
    share = min(100.0, max(0.0, percent)) / 100.0
    steps = len(glyphs.bar_parts) + 1
    filled, part = divmod(round(share * cells * steps), steps)
    if filled == 0 and part == 0 and percent > 0:
        filled, part = (0, 1) if glyphs.bar_parts else (1, 0)
    drawn = glyphs.bar_full * filled + (glyphs.bar_parts[part - 1] if part else "")
    rest = glyphs.bar_rest * (cells - len(drawn))
    return tuple(piece for piece in ((drawn, role), (rest, "faint")) if piece[0])


def severity_role(percent: float | None, warn: float = 80.0, bad: float = 95.0, calm: Role = "gauge") -> Role:
    """The role of a gauge whose filling up is a problem (disk, memory)."""
    if percent is None:
        return "faint"
    if percent >= bad:
        return "bad"
    return "warn" if percent >= warn else calm
