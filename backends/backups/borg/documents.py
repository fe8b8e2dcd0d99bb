"""JSON that Borg printed, as values that can be trusted: right types, bounded, times in UTC.

What it prints holds names that whoever writes into the repository has chosen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backends import decoding
from backends.errors import SkipHost
from backends.text import clean

Document = Mapping[str, Any]
_NOTHING: Document = {}
_MOST = 1 << 62
_OUTPUT_BYTES = 64 << 20
_NUMBER = re.compile(r"-?\d{1,18}")


def load(data: bytes | str) -> object:
    """Any JSON; None when it is none. Names that are no UTF-8 come as surrogates, which msgspec refuses: then by `json`."""
    try:
        return decoding.json(data, type=object)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None


def document(stdout: bytes, what: str) -> Document:
    """The object that a command with --json printed.

    Raises:
        SkipHost: it printed something else.
    """
    found = load(stdout[:_OUTPUT_BYTES])
    if not isinstance(found, dict):
        raise SkipHost(
            f"what Borg said is no {what}: {clean(stdout[:200].decode('utf-8', 'replace'), 120)!r}",
            action=f"read Borg's {what}",
            hint="is the borg that runs there Borg 1.2 or 1.4?",
        )
    return found


def part(source: object, *keys: str) -> Document:
    """The object inside an object; an empty one where there is none."""
    for key in keys:
        source = source.get(key) if isinstance(source, dict) else None
    return source if isinstance(source, dict) else _NOTHING


def items(source: Document, key: str) -> list[Document]:
    """The objects of a list; what is none is left out."""
    found = source.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def text(source: Document, key: str, limit: int = 4096) -> str:
    """Safe text; "" where it is none."""
    found = source.get(key)
    return clean(found, limit) if isinstance(found, str) else ""


def raw(source: Document, key: str, limit: int = 65536) -> str:
    """A name as it is, to be escaped by the caller; "" where it is none or longer than `limit`."""
    found = source.get(key)
    return found if isinstance(found, str) and len(found) <= limit else ""


def count(source: Document, key: str) -> int | None:
    """A number of bytes or things; None where it is none or cannot be one."""
    found = source.get(key)
    if isinstance(found, bool) or not isinstance(found, int):
        return None
    return found if 0 <= found <= _MOST else None


def seconds(source: Document, key: str) -> float | None:
    """A length of time."""
    found = source.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if 0 <= found <= _MOST else None


def moment(source: Document, key: str) -> float | None:
    """A time as Borg prints it."""
    found = source.get(key)
    return when(found) if isinstance(found, str) else None


def when(stamp: str) -> float | None:
    """ISO time → epoch seconds. Without a zone it is UTC: Borg runs with TZ=UTC everywhere."""
    try:
        found = datetime.fromisoformat(stamp[:40])
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def integer(word: str) -> int | None:
    """A whole number that is written out, at most 18 digits."""
    return int(word) if _NUMBER.fullmatch(word) else None


def _no_constant(word: str) -> object:
    raise ValueError(word)  # NaN and Infinity are no JSON
