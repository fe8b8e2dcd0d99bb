"""Node ranges unfold and fold without losing a name, and never beyond the limit."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.inventory.ranges import MAX_NAMES, count, expand, fold


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ["a"]),
        ("gpu[001-003]", ["gpu001", "gpu002", "gpu003"]),
        ("gpu[1-2,5], login", ["gpu1", "gpu2", "gpu5", "login"]),
        ("r[1-2]n[1-2].x", ["r1n1.x", "r1n2.x", "r2n1.x", "r2n2.x"]),
        ("a[0-6/3]", ["a0", "a3", "a6"]),
        ("", []),
        (" , ", []),
    ],
)
def test_unfolding(text: str, names: list[str]) -> None:
    assert expand(text) == names


@pytest.mark.parametrize(
    "text", ["a[", "a]", "a[1-", "a[x-y]", "a[]", "@g", "a&b", "a!b", "a b", "a*", "a[3-1]", "ä", "a[1-2", "a\n"]
)
def test_what_is_no_range_is_told(text: str) -> None:
    if text == "a\n":
        assert expand(text) == ["a"]  # surrounding space is no error
        return
    with pytest.raises(BadInput, match="not node ranges"):
        expand(text)


@pytest.mark.parametrize("text", ["a[1-100001]", "a[1-999][1-999]", "a[0-999999999999999999]", "a[1-60000],b[1-60000]"])
def test_too_many_names_are_refused_before_they_are_made(text: str) -> None:
    with pytest.raises(BadInput, match=str(MAX_NAMES)):
        expand(text)


def test_counting_makes_no_names() -> None:
    assert count("a[1-999999999]") == 999_999_999


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["gpu001", "gpu002", "gpu003", "login"], "gpu[001-003],login"),
        ([], ""),
        (["x"], "x"),
        (["b", "a", "a"], "a,b"),
        (["a b", "c"], "a b,c"),
    ],
)
def test_folding(names: list[str], text: str) -> None:
    assert fold(names) == text


@settings(max_examples=50)
@given(st.sets(st.from_regex(r"[a-z]{1,3}[0-9]{0,3}(-[a-z0-9]{1,2})?", fullmatch=True), max_size=20))
def test_folded_names_unfold_to_the_same(names: set[str]) -> None:
    assert set(expand(fold(names))) == names


@settings(max_examples=100)
@given(st.text(alphabet="ab[]-,/0129 ", max_size=30))
def test_any_text_is_names_or_an_error(text: str) -> None:
    with contextlib.suppress(BadInput):
        assert len(expand(text)) <= MAX_NAMES
