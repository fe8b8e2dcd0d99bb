"""Windows of runs: the one that is open, else the next."""

from __future__ import annotations

import pytest

from backends.engine.run_compose import windowed
from backends.errors import BadInput
from backends.maintenance.request import Request, Window

NIGHTLY = Request(window=Window(cron="0 22 * * *", timezone="UTC", hours=6.0))


def test_the_window_that_is_open_is_taken() -> None:
    start = windowed(NIGHTLY, 1_800_000_000.0).window_start
    assert start is not None and windowed(NIGHTLY, start + 3600.0).window_start == start


def test_else_the_next_one() -> None:
    now = 1_800_000_000.0
    found = windowed(NIGHTLY, now)
    assert found.window_start is not None and found.window_end == found.window_start + 6 * 3600.0
    closed = found.window_end + 1.0
    assert windowed(NIGHTLY, closed).window_start == found.window_start + 86_400.0


def test_an_end_that_somebody_gave_stays(now: float = 1_800_000_000.0) -> None:
    assert windowed(Request(window_end=now + 60), now).window_end == now + 60
    assert windowed(Request(), now).window_end is None


def test_a_rule_that_is_none_is_bad_input() -> None:
    with pytest.raises(BadInput):
        windowed(Request(window=Window(cron="never")), 0.0)
