"""Never more hosts at once than there is room, batches one after the other, and nobody waits without need."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from backends.maintenance.timetable import Seat, timetable


def seat(host: str, batch: int = 0, seconds: float = 10.0, *domains: str) -> Seat:
    return Seat(host=host, batch=batch, seconds=seconds, domains=domains)


def test_batches_follow_each_other_with_a_soak_between_and_none_at_the_end() -> None:
    found = timetable([seat("a"), seat("b", 1), seat("c", 1)], 100.0, 2)
    assert found.begins == {"a": 0.0, "b": 110.0, "c": 110.0}
    assert found.total == 120.0


def test_with_room_for_two_the_third_begins_when_the_quicker_one_is_done() -> None:
    found = timetable([seat("a", 0, 30.0), seat("b", 0, 10.0), seat("c", 0, 5.0)], 0.0, 2)
    assert found.begins == {"a": 0.0, "b": 0.0, "c": 10.0}
    assert (found.ends["c"], found.total) == (15.0, 30.0)


def test_a_full_domain_holds_up_its_own_hosts_alone() -> None:
    found = timetable([seat("a", 0, 10.0, "r1"), seat("b", 0, 10.0, "r1"), seat("c", 0, 10.0, "r2")], 0.0, 3, {"r1": 1})
    assert found.begins == {"a": 0.0, "c": 0.0, "b": 10.0}


def test_who_can_never_begin_has_no_time() -> None:
    found = timetable([seat("a", 0, 10.0, "r1"), seat("b")], 0.0, 1, {"r1": 0})
    assert found.begins == {"b": 0.0}
    assert timetable([seat("a")], 0.0, 0).begins == {}


def test_a_thousand_hosts_take_no_time_to_think_of() -> None:
    seats = [seat(f"h{at}", at // 500, 10.0 + at % 7, f"rack{at % 40}") for at in range(1000)]
    began = time.perf_counter()
    found = timetable(seats, 600.0, 100, {f"rack{at}": 3 for at in range(40)})
    assert len(found.begins) == 1000
    assert time.perf_counter() - began < 2.0


_SEATS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 50), st.sampled_from(["r1", "r2"])), min_size=1, max_size=25
)


@given(_SEATS, st.integers(1, 5), st.integers(1, 3))
def test_the_room_is_never_exceeded(rows: list[tuple[int, int, str]], room: int, each: int) -> None:
    seats = [seat(f"h{at}", batch, float(seconds), domain) for at, (batch, seconds, domain) in enumerate(rows)]
    found = timetable(seats, 5.0, room, {"r1": each, "r2": each})
    assert len(found.begins) == len(seats)
    for moment in found.begins.values():
        away = [one for one in seats if found.begins[one.host] <= moment < found.ends[one.host]]
        assert len(away) <= room
        assert all(sum(domain in one.domains for one in away) <= each for domain in ("r1", "r2"))
        assert len({one.batch for one in away}) == 1
