"""The two sets of drawing characters: Unicode, and plain ASCII for `--ascii`, braille displays and old terminals.

Every character that the console draws by itself (not text from a host) stands here, one cell wide.
"""

from __future__ import annotations

from typing import NamedTuple


class Glyphs(NamedTuple):
    """One set of drawing characters; each string of levels runs from least to most."""

    spark: str
    """Levels of a sparkline and of a heat cell, lowest first."""
    gap: str
    """Where nothing was measured."""
    bar_full: str
    bar_parts: str
    """Partial last cells of a bar, emptiest first; "" draws whole cells only."""
    bar_rest: str
    dash: str
    """An absent value."""
    ok: str
    connecting: str
    stale: str
    down: str
    question: str
    attention: str
    mark: str
    cursor: str
    descending: str
    ascending: str
    separator: str
    crumb: str
    ellipsis: str
    horizontal: str
    vertical: str
    caret: str
    up: str
    """Upload and upwards."""
    down_arrow: str


UNICODE = Glyphs(
    spark="▁▂▃▄▅▆▇█",
    gap="·",
    bar_full="━",
    bar_parts="╸",
    bar_rest="─",
    dash="—",
    ok="●",
    connecting="◌",
    stale="◐",
    down="✖",
    question="?",
    attention="▲",
    mark="◆",
    cursor="▌",
    descending="▾",
    ascending="▴",
    separator="·",
    crumb="›",
    ellipsis="…",
    horizontal="─",
    vertical="│",
    caret="^",
    up="↑",
    down_arrow="↓",
)

ASCII = Glyphs(
    spark="012345678",
    gap=".",
    bar_full="#",
    bar_parts="",
    bar_rest="-",
    dash="-",
    ok="+",
    connecting="o",
    stale="~",
    down="x",
    question="?",
    attention="!",
    mark="*",
    cursor=">",
    descending="v",
    ascending="^",
    separator="|",
    crumb=">",
    ellipsis="~",
    horizontal="-",
    vertical="|",
    caret="^",
    up="^",
    down_arrow="v",
)


def glyphs(ascii_only: bool) -> Glyphs:
    """The set to draw with."""
    return ASCII if ascii_only else UNICODE
