"""When each host is looked at: soon after it comes up, then at its own moment of every period, light looks in between."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backends.engine.health_turns import FIRST_SECONDS, FIRST_SPREAD, LONGEST_LIGHT, Turns, share, until_slot

HOUR, MINUTE = 3600.0, 60.0
WALL = 1_800_000_000.0


class Times:
    """A plan that is asked every second."""

    def __init__(self, *hosts: str, every: float = HOUR, light: float = MINUTE):
        self.turns, self.now, self.hosts = Turns(), 1000.0, hosts
        self.every, self.light = every, light

    def go(
        self, seconds: float, connected: tuple[str, ...] | None = None, step: float = 1.0
    ) -> tuple[list[tuple[float, str]], ...]:
        """(when, host) of full looks and of light looks."""
        full, light = [], []
        for _ in range(int(seconds / step)):
            self.now += step
            there = self.hosts if connected is None else connected
            due = self.turns.due(there, self.now, WALL + self.now, self.every, self.light)
            full += [(self.now, host) for host in due.full]
            light += [(self.now, host) for host in due.light]
        return full, light


@given(st.text(min_size=1), st.floats(0, 4e9), st.floats(60, 7 * 86400))
def test_a_hosts_place_is_its_own_for_ever_and_half_a_period_away_at_least(
    host: str, wall: float, every: float
) -> None:
    wait = until_slot(host, wall, every)
    assert every / 2 <= wait <= 1.5 * every
    place = (wall + wait) % every
    off = abs(place - share(host) * every)
    assert min(off, every - off) < 1e-3 * every + 1e-6 * wall


def test_the_first_look_is_soon_the_next_in_its_place_and_so_on_each_hour() -> None:
    times = Times("a", "b", "c")
    first, _ = times.go(FIRST_SECONDS + FIRST_SPREAD + 1)
    assert sorted(host for _, host in first) == ["a", "b", "c"]
    later, _ = times.go(10 * HOUR, step=5.0)
    for host in times.hosts:
        at = [when for when, name in later if name == host]
        assert all(HOUR - 6 <= two - one <= HOUR + 6 for one, two in pairwise(at))
        assert len(at) >= 9


def test_a_large_fleet_is_spread_over_the_hour() -> None:
    times = Times(*(f"h{number}" for number in range(600)))
    times.go(HOUR, step=10.0)
    full, _ = times.go(HOUR, step=10.0)
    busiest = max(
        sum(start <= when < start + 60 for when, _ in full)
        for start in range(int(times.now - HOUR), int(times.now), 60)
    )
    assert len(full) == 600 and busiest < 30


def test_light_looks_come_each_minute_and_less_often_where_none_answers() -> None:
    times = Times("a", "b")
    times.turns.due(times.hosts, times.now, WALL, HOUR, MINUTE)
    _, light = times.go(600)
    assert 9 <= sum(host == "a" for _, host in light) <= 11
    for _ in range(10):
        times.turns.answered("a", False)
        times.go(1)
    times.go(LONGEST_LIGHT)
    _, light = times.go(3600)
    assert 5 <= sum(host == "a" for _, host in light) <= 7
    assert sum(host == "b" for _, host in light) >= 59
    times.turns.answered("a", True)
    _, light = times.go(600)
    assert sum(host == "a" for _, host in light) >= 9


def test_a_host_that_comes_back_is_looked_at_lightly_at_once_and_in_full_when_it_was_due() -> None:
    times = Times("a")
    times.go(200)
    full, light = times.go(2 * HOUR, connected=(), step=10.0)
    assert full == light == [] and times.turns.next_full("a") is None
    full, light = times.go(15)
    assert len(full) == 1 and light


def test_a_rebooted_host_is_looked_at_in_full_now() -> None:
    times = Times("a")
    times.go(200)
    times.turns.soon("a", times.now)
    full, _ = times.go(2)
    assert [host for _, host in full] == ["a"]


def test_no_full_look_is_planned_where_nobody_wants_one_and_again_when_somebody_does() -> None:
    times = Times("a", every=0.0)
    full, light = times.go(HOUR)
    assert full == [] and light
    assert times.turns.next_full("a") is None
    times.turns.soon("a", times.now)
    assert times.go(5)[0] == []
    times.every = HOUR
    assert [host for _, host in times.go(FIRST_SECONDS + FIRST_SPREAD + 1)[0]] == ["a"]


def test_a_shorter_period_counts_at_once() -> None:
    times = Times("a", every=24 * HOUR)
    times.go(200)
    times.every = HOUR
    assert len(times.go(1.5 * HOUR)[0]) >= 1


def test_hosts_that_left_are_forgotten() -> None:
    times = Times("a", "b")
    times.go(5)
    times.turns.keep(["b"])
    assert times.turns.next_full("a") is None and times.turns.next_full("b") is not None


# Hosts under a schedule ------------------------------------------------------------------------------------------------


def under(turns: Turns, now: float, *scheduled: str) -> tuple[str, ...]:
    return turns.due(("a", "b"), now, WALL + now, HOUR, MINUTE, scheduled).full


def looks(turns: Turns, start: float, seconds: int, *scheduled: str) -> list[str]:
    return [host for n in range(seconds) for host in under(turns, start + n, *scheduled)]


def test_a_host_under_a_schedule_gets_its_first_look_here_and_no_other() -> None:
    turns = Turns()
    assert sorted(looks(turns, 1000, 200, "a")) == ["a", "b"]
    assert looks(turns, 1200, 9000, "a").count("a") == 0 and turns.next_full("a") is None
    assert turns.next_full("b") is not None


def test_after_a_reboot_it_is_looked_at_all_the_same() -> None:
    turns = Turns()
    looks(turns, 1000, 200, "a")
    turns.soon("a", 1300.0)
    assert under(turns, 1300.0, "a") == ("a",) and under(turns, 1301.0, "a") == ()


def test_a_look_of_the_schedule_is_the_first_one() -> None:
    turns = Turns()
    under(turns, 1000.0, "a")
    turns.taken("a")
    assert looks(turns, 1001, 300, "a") == ["b"]


def test_without_its_schedule_it_is_planned_here_again() -> None:
    turns = Turns()
    looks(turns, 1000, 200, "a")
    assert "a" in looks(turns, 1300, 200)
