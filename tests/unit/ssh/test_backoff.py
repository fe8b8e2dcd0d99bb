from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.ssh.backoff import CEILING_SECONDS, FIRST_SECONDS, Backoff


@given(st.integers(), st.integers(1, 40))
@settings(max_examples=50)
def test_delays_stay_between_the_first_and_the_ceiling(seed: int, failures: int) -> None:
    backoff = Backoff(random.Random(seed))
    delays = [backoff.next_delay() for _ in range(failures)]
    assert all(FIRST_SECONDS <= delay <= CEILING_SECONDS for delay in delays)
    assert delays[0] <= 2 * FIRST_SECONDS


def test_delays_are_spread_not_equal_and_grow() -> None:
    hosts = [Backoff(random.Random(seed)) for seed in range(200)]
    third = [[host.next_delay() for _ in range(6)][-1] for host in hosts]
    assert max(third) - min(third) > 30, "full jitter"
    assert len(set(third)) == 200


def test_a_success_starts_again_from_the_shortest() -> None:
    backoff = Backoff(random.Random(1))
    for _ in range(10):
        backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() <= 2 * FIRST_SECONDS


def test_what_only_a_person_can_mend_is_tried_about_once_a_minute() -> None:
    assert CEILING_SECONDS / 2 <= Backoff(random.Random(1)).patient_delay() <= CEILING_SECONDS
