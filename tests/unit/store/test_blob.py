"""How a roll-up is packed: small, exact to a 32-bit float, and a gap where it is damaged."""

from __future__ import annotations

import math
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.store.blob import EMPTY, Band, band, fold, pack, unpack

values = st.one_of(st.none(), st.floats(allow_nan=True, width=32))
plain = st.floats(-1e9, 1e9)
bands = st.builds(lambda mean, low, high: Band(mean, min(low, mean), max(high, mean)), plain, plain, plain)


def is_gap(one: Band) -> bool:
    return all(part != part for part in one)


@settings(max_examples=100, deadline=None)
@given(st.lists(values, max_size=30))
def test_a_band_holds_the_mean_between_its_ends(measured: list[float | None]) -> None:
    known = [value for value in measured if value is not None and math.isfinite(value)]
    found = band([value for value in measured if value is None or not math.isinf(value)])
    if not known:
        assert is_gap(found)
        return
    assert (found.low, found.high) == (min(known), max(known))
    slack = max(abs(found.low), abs(found.high)) * 1e-9
    assert found.low - slack <= found.mean <= found.high + slack


@settings(max_examples=100, deadline=None)
@given(st.lists(bands, min_size=1, max_size=20), st.integers(0, 5))
def test_folding_keeps_the_extremes_and_leaves_gaps_out(minutes: list[Band], gaps: int) -> None:
    hour = fold([*minutes, *[EMPTY] * gaps])
    assert hour.low == min(one.low for one in minutes)
    assert hour.high == max(one.high for one in minutes)
    assert hour.mean == pytest.approx(sum(one.mean for one in minutes) / len(minutes))


def test_folding_nothing_is_a_gap() -> None:
    assert is_gap(fold([]))
    assert is_gap(fold([EMPTY, EMPTY]))


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 3.5e38, -1e300])
def test_what_no_32_bit_float_holds_becomes_a_gap(value: float) -> None:
    (found,) = unpack(pack([Band(value, 1.0, 2.0)]), 1)
    assert found.mean != found.mean
    assert found[1:] == (1.0, 2.0)


def test_a_blob_for_another_number_of_series_is_a_gap() -> None:
    blob = pack([Band(1.0, 1.0, 1.0)] * 3)
    assert all(is_gap(one) for one in unpack(blob, 2))
    assert all(is_gap(one) for one in unpack(blob, 4))
    assert unpack(pack([]), 0) == []


def test_a_blob_that_would_unpack_to_a_gigabyte_is_not_unpacked() -> None:
    bomb = zlib.compress(b"\0" * 50_000_000, 9)
    assert all(is_gap(one) for one in unpack(bomb, 10))


def test_a_host_minute_of_sixty_series_is_less_than_half_a_kilobyte() -> None:
    source = random.Random(7)
    minute = [Band(mean, mean * 0.98, mean * 1.02) for mean in (source.uniform(40, 60) for _ in range(60))]
    assert len(pack(minute)) < 60 * 3 * 4 * 0.85
    assert len(pack([Band(0.0, 0.0, 0.0)] * 60)) < 40
