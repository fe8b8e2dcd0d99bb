"""`--until` and `--for`: what a person writes, read in their own zone, and refused with an example."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.clock import utc
from swarm_tui.cli import until as module
from swarm_tui.cli.until import lasting, until

ZURICH = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 11, 26, 14, 5, 9, tzinfo=UTC).timestamp()
"""15:05:09 in Zurich."""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("18:00", "2026-11-26T17:00:00+00:00"),
        ("8:00", "2026-11-27T07:00:00+00:00"),
        ("15:05", "2026-11-27T14:05:00+00:00"),
        ("18:00Z", "2026-11-26T18:00:00+00:00"),
        ("14:00Z", "2026-11-27T14:00:00+00:00"),
        ("18:00-05:00", "2026-11-26T23:00:00+00:00"),
        ("2026-11-30", "2026-11-29T23:00:00+00:00"),
        ("2026-11-30 08:00", "2026-11-30T07:00:00+00:00"),
        ("2026-11-30T08:00Z", "2026-11-30T08:00:00+00:00"),
        ("2026-11-30T08:00+0530", "2026-11-30T02:30:00+00:00"),
        (" 18:00 ", "2026-11-26T17:00:00+00:00"),
    ],
)
def test_times_are_those_of_the_persons_clock(text: str, meant: str) -> None:
    assert utc(until(text, NOW, ZURICH)).isoformat() == meant


def test_tomorrow_is_tomorrow_when_the_clocks_change_in_between() -> None:
    saturday = datetime(2026, 10, 24, 20, 0, tzinfo=ZURICH).timestamp()
    assert until("08:00", saturday, ZURICH) - saturday == 13 * 3600  # the night has one hour more
    spring = datetime(2026, 3, 28, 20, 0, tzinfo=ZURICH).timestamp()
    assert utc(until("02:30", spring, ZURICH)).isoformat() == "2026-03-29T01:30:00+00:00"  # there is no 02:30


def test_the_zone_of_the_machine_is_the_persons() -> None:
    here = utc(NOW + 7200).astimezone()
    assert until(f"{here:%H:%M}", NOW) == pytest.approx(NOW + 7200, abs=60)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a time: ''"),
        ("soon", "not a time: 'soon' (examples: 18:00"),
        ("25:00", "hour must be in 0..23"),
        ("2026-02-30 08:00", "not a time: '2026-02-30 08:00'"),
        ("2026-11-26 14:00", "is over already"),
        ("Z", "not a time"),
        ("+01:00", "not a time"),
        ("18:00+99:99", "not a time"),
        ("4h", "not a time: '4h'"),
    ],
)
def test_what_is_no_time_ahead_is_refused_with_examples(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        until(text, NOW, ZURICH)
    assert said in str(caught.value) and "examples: 18:00" in str(caught.value)


@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d?\d:\d\d(Z|[+-]\d\d:?\d\d)?", fullmatch=True))
def test_any_text_is_a_time_ahead_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert until(text, NOW, ZURICH) > NOW


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_time_of_day_is_within_a_day(hour: int, minute: int) -> None:
    moment = until(f"{hour}:{minute:02}", NOW, ZURICH)
    shown = utc(moment).astimezone(ZURICH)
    assert 0 < moment - NOW <= 86_400
    assert (shown.hour, shown.minute) == (hour, minute)


def param() -> tuple[click.Context, click.Parameter]:
    return click.Context(click.Command("x")), click.Option(["--for"])


@pytest.mark.parametrize(("text", "seconds"), [(None, None), ("4h", 14_400.0), ("1h30m", 5400.0), ("90", 90.0)])
def test_a_span_is_given_as_everywhere(text: str | None, seconds: float | None) -> None:
    assert lasting(*param(), text) == seconds


@pytest.mark.parametrize("text", ["0", "4x", "", "-1h", "9" * 400 + "d", "400d", "nan", "inf"])
def test_a_span_that_is_none_or_endless_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        lasting(*param(), text)


def test_a_year_is_enough() -> None:
    assert lasting(*param(), "366d") == module.MOST_SECONDS
