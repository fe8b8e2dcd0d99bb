"""How one roll-up of one host is packed: all its series in one blob, so that a host-minute is one row and not sixty.

A thousand hosts with sixty series would be 60,000 rows a minute; as blobs it is a thousand. The blob holds the means,
the minima and the maxima as 32-bit floats in the order of a layout (the list of names, stored once). Bytes of the same
significance are put side by side before zlib sees them, since neighbouring floats share exponents: about half the size.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

NAN = float("nan")
_WIDTH = 4
_LARGEST = 3.4028234663852886e38


class Band(NamedTuple):
    """One series over one period; NaN where nothing was measured."""

    mean: float
    low: float
    high: float


EMPTY = Band(NAN, NAN, NAN)


def pack(bands: Sequence[Band]) -> bytes:
    """The blob of these bands, in their order."""
    flat = array("f", [_float32(getattr(band, part)) for part in Band._fields for band in bands])
    raw = flat.tobytes()
    return zlib.compress(b"".join(raw[byte::_WIDTH] for byte in range(_WIDTH)), 1)


def unpack(blob: bytes, count: int) -> list[Band]:
    """The `count` bands of a blob; empty ones when it is damaged or was written for another count."""
    flat = _floats(blob, count, len(Band._fields) * count)
    if flat is None:
        return [EMPTY] * count
    return [Band(*parts) for parts in zip(flat[:count], flat[count : 2 * count], flat[2 * count :], strict=True)]


def means(blob: bytes, count: int) -> array[float]:
    """The means alone, NaN as in `unpack`; for whoever reads a million blobs."""
    flat = _floats(blob, count, count)
    return array("f", [NAN]) * count if flat is None else flat


def _floats(blob: bytes, count: int, wanted: int) -> array[float] | None:
    """The first `wanted` numbers of a blob of `count` bands; None when it is damaged or was written for another count."""
    lane = count * len(Band._fields)
    size = lane * _WIDTH
    try:
        shuffled = zlib.decompressobj().decompress(blob, size + 1)
    except zlib.error:
        return None
    if len(shuffled) != size:
        return None
    raw = bytearray(wanted * _WIDTH)
    for byte in range(_WIDTH):
        raw[byte::_WIDTH] = shuffled[byte * lane : byte * lane + wanted]
    flat = array("f")
    flat.frombytes(bytes(raw))
    return flat


def band(values: Iterable[float | None]) -> Band:
    """Mean, minimum and maximum of the measured values; NaN when there is none."""
    known = [value for value in values if value is not None and value == value]
    return Band(sum(known) / len(known), min(known), max(known)) if known else EMPTY


def fold(bands: Iterable[Band]) -> Band:
    """One band over several periods of the same length."""
    known = [one for one in bands if one.mean == one.mean]
    if not known:
        return EMPTY
    mean = sum(one.mean for one in known) / len(known)
    return Band(mean, min(one.low for one in known), max(one.high for one in known))


def _float32(value: float) -> float:
    """Values beyond a 32-bit float become NaN instead of an error or an infinity."""
    return value if -_LARGEST <= value <= _LARGEST else NAN
