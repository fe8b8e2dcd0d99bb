"""Nothing that Borg prints as JSON can surprise us."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg import documents as read
from backends.errors import SkipHost


def test_times_without_a_zone_are_utc() -> None:
    moment = datetime(2026, 11, 1, 2, tzinfo=UTC).timestamp()
    assert read.when("2026-11-01T02:00:00.000000") == moment
    assert read.when("2026-11-01T02:00:00+00:00") == moment
    assert read.when("2026-11-01T03:00:00+01:00") == moment


@pytest.mark.parametrize("word", ["", "yesterday", "2026-13-01T00:00:00", "9" * 100, "2026-11-26T02:00:00+99:00"])
def test_what_is_no_time_is_none(word: str) -> None:
    assert read.when(word) is None


_FIRST, _LAST = (datetime(year, 1, 2, tzinfo=UTC).replace(tzinfo=None) for year in (1970, 2200))
"""As Borg writes them: without a zone."""


@given(st.datetimes(min_value=_FIRST, max_value=_LAST))
def test_every_time_comes_back(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    found = read.when(moment.isoformat())
    assert found is not None and abs(datetime.fromtimestamp(found, UTC) - aware) < timedelta(milliseconds=1)


def test_what_is_no_object_is_said_so() -> None:
    for wrong in (b"", b"[]", b"\xff", b"{" * 100_000, b"borg: error"):
        with pytest.raises(SkipHost, match="no list"):
            read.document(wrong, "list")


@given(st.text(max_size=200))
def test_any_text_loads_or_is_none(text: str) -> None:
    read.load(text.encode("utf-8", "surrogatepass"))


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.floats() | st.text(max_size=5) | st.booleans()))
def test_values_have_their_types(fields: dict[str, object]) -> None:
    source = read.load(json.dumps(fields))
    if not isinstance(source, dict):
        return
    for key in source:
        number, words, moment = read.count(source, key), read.text(source, key), read.seconds(source, key)
        assert number is None or (type(number) is int and number >= 0)
        assert "\x1b" not in words
        assert moment is None or moment >= 0
