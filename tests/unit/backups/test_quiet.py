"""The hours in which a transfer is limited."""

from __future__ import annotations

from datetime import datetime

import pytest

from backends.backups.quiet import limit, within


@pytest.mark.parametrize(
    ("hours", "clock", "inside"),
    [
        ("", "03:00", True),
        ("08:00-20:00", "07:59", False),
        ("08:00-20:00", "08:00", True),
        ("08:00-20:00", "20:00", False),
        ("22:00-06:00", "23:10", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
        ("22:00-06:00", "12:00", False),
        ("09:00-09:00", "03:00", True),
    ],
)
def test_hours_may_go_over_midnight(hours: str, clock: str, inside: bool) -> None:
    assert within(hours, datetime.strptime(clock, "%H:%M")) is inside  # noqa: DTZ007 - a clock on the wall


def test_outside_of_them_there_is_no_limit() -> None:
    night = datetime(2026, 1, 1, 3, 0)  # noqa: DTZ001 - a clock on the wall
    assert limit(500, "08:00-20:00", night) == 0
    assert limit(500, "", night) == 500
    assert limit(0, "", night) == 0
