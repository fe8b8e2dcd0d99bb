"""With what a bundle is compared: a healthy peer of lately, an older one, one of now, its last good one, or one that is named."""

from __future__ import annotations

import pytest

from backends.engine.triage_others import RECENT_SECONDS
from backends.errors import BadInput, RetryLater
from backends.states import HostState
from tests.unit.engine.triage_bench import ILL, LOST, WELL, bench


def test_the_last_good_bundle_is_the_newest_good_one_before_this() -> None:
    with bench() as on:
        on.made("gpu1", WELL)
        good = on.made("gpu1", WELL)
        ill = on.made("gpu1", ILL, later=300)
        on.made("gpu1", WELL)
        found = on.triages.difference(ill, "last-good")
        assert (found.other, found.other_host, found.why) == (good, "gpu1", "its last good one, 5m before")
        assert found.title == f"its bundle {good}"


def test_without_a_good_one_before_it_says_what_helps() -> None:
    with bench() as on, pytest.raises(BadInput, match="no good bundle") as refused:
        on.triages.difference(on.made("gpu1", ILL), "last-good")
    assert "peer" in (refused.value.hint or "")


def test_the_first_peer_that_was_well_lately_is_taken() -> None:
    with bench() as on:
        on.made("gpu2", ILL)
        third = on.made("gpu3", WELL)
        found = on.triages.difference(on.made("gpu1", ILL, later=60), "peer")
        assert (found.other, found.other_host, found.title) == (third, "gpu3", "gpu3")
        assert found.why == "a host of the same kind that was well 1m ago"


def test_an_older_good_bundle_of_a_peer_is_better_than_none() -> None:
    with bench() as on:
        on.made("gpu2", WELL)
        newer = on.made("gpu3", WELL, later=60)
        number = on.made("gpu1", ILL, later=RECENT_SECONDS + 60)
        assert on.triages.difference(number, "peer").other == newer


def test_where_no_peer_has_one_it_says_that_one_can_be_made() -> None:
    with bench() as on, pytest.raises(RetryLater, match="gpu2, gpu3") as refused:
        on.triages.difference(on.made("gpu1", ILL), "peer")
    assert "peer-now" in (refused.value.hint or "")


def test_a_peer_is_asked_now_and_the_first_that_is_well_is_taken() -> None:
    with bench() as on:
        number = on.made("gpu1", ILL)
        on.answers |= {"gpu2": ILL, "gpu3": WELL}
        found = on.triages.difference(number, "peer-now", "alice")
        assert found.other_host == "gpu3" and found.why == "a host of the same kind that is well now"
        assert ("gpu3", "peer of gpu1") in on.asked


def test_a_peer_that_is_not_up_is_not_asked_and_ill_ones_are_named() -> None:
    with bench() as on:
        number = on.made("gpu1", ILL)
        on.answers |= {"gpu2": LOST}
        on.states["gpu3"] = HostState.UNREACHABLE
        with pytest.raises(RetryLater, match="no peer is well now: gpu2: not connected"):
            on.triages.difference(number, "peer-now")
        on.states["gpu2"] = HostState.UNREACHABLE
        with pytest.raises(RetryLater, match="no host of the same kind is up"):
            on.triages.difference(number, "peer-now")


def test_a_host_without_its_like_says_so() -> None:
    with bench(hosts=("gpu1",)) as on, pytest.raises(BadInput, match="no other host is of the same kind"):
        on.triages.difference(on.made("gpu1", ILL), "peer")


def test_a_bundle_or_a_host_may_be_named() -> None:
    with bench() as on:
        other, number = on.made("gpu2", WELL), on.made("gpu1", ILL)
        assert on.triages.difference(number, str(other)).other == other
        assert on.triages.difference(number, "gpu2").other == other
        with pytest.raises(BadInput, match="the same one"):
            on.triages.difference(number, str(number))
        with pytest.raises(BadInput, match="no bundle of a host 'web9'"):
            on.triages.difference(number, "web9")
        with pytest.raises(BadInput, match="no triage bundle 99"):
            on.triages.difference(number, "99")


def test_what_differs_is_told_with_both_sides() -> None:
    with bench() as on:
        on.made("gpu1", WELL)
        found = on.triages.difference(on.made("gpu1", ILL), "last-good")
        assert [each for each in found.differences if each.subject.startswith("kernel")] == []
        assert found.time > found.other_time
