"""Every host is in exactly one batch, the canaries first, one of each kind; per cent is rounded up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.maintenance.amounts import amount
from backends.maintenance.batches import canaries, numbered, sizes


@pytest.mark.parametrize(
    ("text", "total", "count"),
    [
        ("2", 10, 2),
        ("20", 10, 20),
        ("0", 10, 0),
        ("10%", 10, 1),
        ("10%", 11, 2),
        ("1%", 3, 1),
        ("100%", 7, 7),
        ("0%", 7, 0),
    ],
)
def test_per_cent_is_rounded_up(text: str, total: int, count: int) -> None:
    assert amount(text, total) == count


@pytest.mark.parametrize("text", ["", "%", "-1", "1.5", "101%", "ten", "1 %", "٣", "1234567"])
def test_what_is_no_number_of_hosts_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        amount(text, 10)
    assert caught.value.hint


@given(st.integers(0, 100), st.integers(1, 10_000))
def test_per_cent_is_never_less_than_meant_and_less_than_one_host_more(percent: int, total: int) -> None:
    exact = percent * total / 100
    assert exact - 1e-9 <= amount(f"{percent}%", total) < exact + 1


def test_the_last_size_repeats_until_no_host_is_left() -> None:
    assert sizes(["1", "10%", "50%"], 20, 20) == (1, 2, 10, 7)
    assert sizes(["3"], 8, 8) == (3, 3, 2)
    assert sizes(["1"], 5, 0) == ()


@pytest.mark.parametrize("batches", [[], ["0"], ["1", "0%"]])
def test_a_batch_of_nobody_is_refused(batches: list[str]) -> None:
    with pytest.raises(BadInput):
        sizes(batches, 10, 10)


def test_the_canaries_are_the_first_of_each_kind() -> None:
    kinds = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    assert canaries(["a2", "b1", "a1", "b2"], kinds) == ("a2", "b1")


def test_a_chosen_canary_stands_for_its_kind_and_a_stranger_for_none() -> None:
    kinds = {"a1": "a", "a2": "a", "b1": "b"}
    assert canaries(["a1", "a2", "b1"], kinds, ["a2", "elsewhere"]) == ("a2", "b1")


def test_the_canaries_are_batch_0_and_the_others_follow() -> None:
    order = ["a1", "a2", "a3", "b1", "b2"]
    assert numbered(order, ["a1", "b1"], ["1", "100%"]) == {"a1": 0, "b1": 0, "a2": 1, "a3": 2, "b2": 2}
    assert numbered(order, [], ["2"]) == {"a1": 0, "a2": 0, "a3": 1, "b1": 1, "b2": 2}


_AMOUNTS = st.one_of(st.integers(1, 50).map(str), st.integers(1, 100).map("{}%".format))


@given(st.lists(st.integers(0, 3), max_size=60), st.lists(_AMOUNTS, min_size=1, max_size=5), st.booleans())
def test_every_host_is_in_exactly_one_batch(kinds: list[int], batches: list[str], canary: bool) -> None:
    order = [f"h{at}" for at in range(len(kinds))]
    kind_of = {name: str(kind) for name, kind in zip(order, kinds, strict=True)}
    first = canaries(order, kind_of) if canary else ()
    found = numbered(order, first, batches)
    assert sorted(found) == sorted(order)
    used = sorted(set(found.values()))
    assert used == list(range(len(used)))
    assert list(found.values()) == sorted(found.values())
    if canary:
        assert {kind_of[name] for name, batch in found.items() if batch == 0} == set(kind_of.values())
        assert len(first) == len(set(kinds))
