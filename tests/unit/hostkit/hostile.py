"""What a hostile or broken host may write, for hypothesis; and what must hold of everything that comes out."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from backends.text import clean

MAX_TEXT = 4096
MAX_ROWS = 8192
NASTY = (
    "\x1b[2J",
    "\x1b]52;c;aGk=\x07",
    "\x1bPq#0\x1b\\",
    "\x9b31m",
    "[/x]",
    "[bold red]",
    "\u202efdp.exe",
    "\u200b",
    "\x00",
    "\r\n",
    "\x7f",
    "\ud800",
    "\\x1b[31m",
    "x" * 5000,
)
texts = st.one_of(st.text(max_size=20), st.lists(st.sampled_from(NASTY), max_size=3).map("".join))
wholes = st.one_of(
    st.integers(-3, 300),
    st.sampled_from([-(1 << 31), -1, 0, 1 << 31, 1 << 32, 1 << 62, 1 << 63, 1 << 64, 10**30, 10**400, -(10**400)]),
)
numbers = st.one_of(
    wholes,
    st.sampled_from([0.0, -0.5, 1e-300, 1e18, 1e308, -1e308, math.inf, -math.inf, math.nan]),
    st.floats(),
)
junk = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def spoiled(draw: st.DrawFn, healthy: Sequence[Any]) -> Any:
    """One of `healthy` with some of its items replaced, taken away or added to."""
    value = copy.deepcopy(draw(st.sampled_from(healthy)))
    for _ in range(draw(st.integers(0, 3))):
        value = _spoil(draw, value)
    return value


def _spoil(draw: st.DrawFn, value: Any) -> Any:
    if not value or not isinstance(value, list | dict) or not draw(st.integers(0, 3)):
        return draw(junk)
    place = draw(st.sampled_from(sorted(value, key=repr) if isinstance(value, dict) else range(len(value))))
    what = draw(st.sampled_from(("deeper", "deeper", "deeper", "less", "more")))
    if what == "deeper":
        value[place] = _spoil(draw, value[place])
    elif what == "less":
        del value[place]
    elif isinstance(value, list):
        value.insert(place, draw(junk))
    else:
        value[draw(texts)] = draw(junk)
    return value


def assert_calm(record: object) -> None:
    """Every text is safe to show, every number is one, nothing is endless."""
    _calm(msgspec.to_builtins(record))


def _calm(value: object) -> None:
    if isinstance(value, str):
        assert len(value) <= MAX_TEXT
        assert clean(value, MAX_TEXT) == value
    elif isinstance(value, float):
        assert math.isfinite(value), value
    elif isinstance(value, dict):
        for key, item in value.items():
            _calm(key)
            _calm(item)
    elif isinstance(value, list | tuple):
        assert len(value) <= MAX_ROWS
        for item in value:
            _calm(item)
