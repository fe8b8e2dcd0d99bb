"""Windows last as long as really passes, and say where the clocks change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backends.schedule.rule import parse
from backends.schedule.window import Window, change, moments
from tests.unit.schedule.test_rule import ZURICH, at

NIGHT = Window(rule=parse("0 22 * * sat", ZURICH), seconds=8 * 3600)
OPENS = at("2026-10-24 22:00", ZURICH)


def test_it_lasts_eight_hours_that_pass_also_when_the_clocks_go_back() -> None:
    assert NIGHT.current(OPENS - 1) is None
    assert NIGHT.current(OPENS) == NIGHT.current(OPENS + 8 * 3600 - 1) == (OPENS, OPENS + 8 * 3600)
    assert NIGHT.current(OPENS + 8 * 3600) is None
    assert at("2026-10-25 05:00", ZURICH) == OPENS + 8 * 3600


def test_the_next_one_is_the_next_that_opens() -> None:
    assert NIGHT.next(OPENS) == (at("2026-10-31 22:00", ZURICH), at("2026-11-01 06:00", ZURICH))


def test_five_are_shown_in_both_times_with_a_mark_at_the_change() -> None:
    shown = NIGHT.shown(at("2026-10-12", ZURICH))
    assert [each.local for each in shown][:2] == ["Sat 2026-10-17 22:00 CEST", "Sat 2026-10-24 22:00 CEST"]
    assert [each.utc for each in shown][1:3] == ["2026-10-24 20:00", "2026-10-31 21:00"]
    # within the second, and since the second for the third
    assert [each.change for each in shown] == ["", "clocks go back 1h", "clocks go back 1h", "", ""]


def test_without_a_length_the_first_one_after_the_change_has_the_mark() -> None:
    found = moments(parse("0 4 * * *", ZURICH), at("2027-03-26 12:00", ZURICH))
    assert [each.change for each in found] == ["", "clocks go forward 1h", "", "", ""]


def test_half_an_hour_is_said_in_minutes() -> None:
    zone = "Australia/Lord_Howe"
    assert change(at("2026-10-03", zone), at("2026-10-05", zone), zone) == "clocks go forward 30min"
    assert change(at("2026-10-05", zone), at("2026-10-06", zone), zone) == ""


@given(st.floats(1_790_000_000, 1_810_000_000), st.integers(60, 20 * 3600))
def test_now_is_in_the_window_that_is_open(now: float, seconds: int) -> None:
    window = Window(rule=parse("0 2 * * *", ZURICH), seconds=seconds)
    found = window.current(now)
    if found is not None:
        assert found[0] <= now < found[1] + 1e-3
    following = window.next(now)
    assert following is not None and following[0] > now and following[1] - following[0] == seconds
