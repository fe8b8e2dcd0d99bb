"""The order of Python's versions, held against the packaging library, which comes with the test runner."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from backends.updates.pep440 import MAX_LENGTH, key

NUMBER = st.integers(0, 12).map(str)
WORDS = ["", "a", "b", "rc", "c", ".alpha", "-beta", "_pre", "preview"]
VERSIONS = st.builds(
    lambda epoch, release, pre, at, post, dev: f"{epoch}{'.'.join(release)}{pre}{at if pre else ''}{post}{dev}",
    st.sampled_from(["", "", "v", "1!"]),
    st.lists(NUMBER, min_size=1, max_size=4),
    st.sampled_from(WORDS),
    st.sampled_from(["", "1", "2", ".3"]),
    st.sampled_from(["", "", "-1", ".post2", "post", ".rev3"]),
    st.sampled_from(["", "", ".dev4", "dev"]),
)


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.0.dev1", "1.0a1"), ("1.0a1", "1.0"), ("1.0", "1.0.post1"), ("1.9", "1.10"), ("2024.1", "1!0.1")],
)
def test_older_comes_first(older: str, newer: str) -> None:
    one, other = key(older), key(newer)
    assert one is not None and other is not None and one < other


@pytest.mark.parametrize(("one", "other"), [("1.0", "1"), ("2.1.0+cu121", "2.1.0"), ("1.0-1", "1.0.post1")])
def test_other_spellings_are_the_same_version(one: str, other: str) -> None:
    assert key(one) == key(other) is not None


@pytest.mark.parametrize("text", ["", "abc", "2004d", "1.0+", "1..0", "1.0\n2", "9" * (MAX_LENGTH + 1), "١.٠"])
def test_what_is_no_version_has_no_place(text: str) -> None:
    assert key(text) is None


@given(VERSIONS, VERSIONS)
def test_two_versions_stand_as_packaging_has_them(one: str, other: str) -> None:
    left, right = key(one), key(other)
    assert left is not None and right is not None
    first, second = Version(one), Version(other)
    assert ((left < right), (left == right)) == ((first < second), (first == second))


@given(st.text(alphabet="0123456789.!abcdeprvost-_+ \n", max_size=20) | st.text(max_size=20))
def test_what_packaging_takes_for_a_version_is_one(text: str) -> None:
    assume(text.isascii())
    try:
        known = str(Version(text))
    except InvalidVersion:
        known = ""
    assert (key(text) is not None) == bool(known)
