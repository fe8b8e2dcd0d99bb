"""What `:seek` understands."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.engine.wire import ReplayPosition
from backends.errors import BadInput
from swarm_tui.playback import amount, target

NOON = datetime(2026, 11, 25, 12, 0, 0).astimezone().timestamp()
AT = ReplayPosition(start=NOON, end=NOON + 3600, position=NOON + 600, speed=1.0, paused=False)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("1:30", 90), ("1:02:03", 3723), ("2.5", 2.5), ("45s", 45)])
def test_amounts_as_a_player_shows_them(text: str, seconds: float) -> None:
    assert amount(text) == seconds


@pytest.mark.parametrize(
    ("text", "offset"),
    [("90", 90), ("1:30", 90), ("+30", 630), ("-1:00", 540), ("12:20:00", 1200), ("1:02:03", 3723)],
)
def test_from_the_start_from_here_or_by_the_clock(text: str, offset: float) -> None:
    assert target(text, AT) == pytest.approx(NOON + offset)


def test_a_recording_over_midnight_is_found_on_the_second_day() -> None:
    late = datetime(2026, 11, 25, 23, 50, 0).astimezone().timestamp()
    at = ReplayPosition(start=late, end=late + 1800, position=late, speed=1.0, paused=False)
    assert target("00:10:00", at) == pytest.approx(late + 1200)


@given(st.text(max_size=30))
def test_any_other_text_is_refused_with_examples(text: str) -> None:
    try:
        assert isinstance(target(text, AT), float)
    except BadInput as error:
        assert error.hint and "seek 1:30" in error.hint
