"""The order of versions is dpkg's own, for every version that dpkg accepts."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.updates.debian_version import compare, is_newer, newest, upstream_of

DIGITS = st.text("0123456789", min_size=1, max_size=4)
PARTS = st.lists(
    st.sampled_from(["~", "~~", ".", "+", "a", "Z", "deb", "ubuntu", "0", "00", "1", "10", "9"]), max_size=6
)
UPSTREAM = st.builds(lambda head, tail: head + "".join(tail), DIGITS, PARTS)
REVISION = st.builds(lambda parts: "".join(parts), PARTS)
VERSIONS = st.builds(
    lambda epoch, upstream, revision: (f"{epoch}:" if epoch else "") + upstream + (f"-{revision}" if revision else ""),
    st.sampled_from(["", "0", "1", "2"]),
    UPSTREAM,
    REVISION,
)


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0", "1.0-1"),
        ("1.0-1", "1.0-1+b1"),
        ("1.0~rc1", "1.0"),
        ("1.0~~", "1.0~"),
        ("1.9", "1.10"),
        ("9", "1:1"),
        ("5.36.0-7+deb12u3", "5.36.0-7+deb12u4"),
        ("1.19.2-2", "1.19.2-2ubuntu0.8"),
        ("1.19.2-2ubuntu0.8", "1.19.2-2ubuntu0.10"),
        ("3.0.20-1~deb12u2", "3.0.22-1~deb12u2"),
        ("1.0a", "1.0+"),
    ],
)
def test_known_pairs(older: str, newer: str) -> None:
    assert compare(older, newer) < 0 < compare(newer, older)
    assert is_newer(newer, older)
    assert not is_newer(older, newer)


@pytest.mark.parametrize(("one", "other"), [("1.0", "0:1.0"), ("1.0-0", "1.0"), ("1.00", "1.0"), ("1.-1", "1.0-1")])
def test_spellings_of_the_same_version(one: str, other: str) -> None:
    assert compare(one, other) == 0


@pytest.mark.skipif(not shutil.which("dpkg"), reason="no dpkg here to compare with")
@given(st.lists(st.tuples(VERSIONS, VERSIONS), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_dpkg_agrees(pairs: list[tuple[str, str]]) -> None:
    script = (
        'while read -r a b; do if dpkg --compare-versions "$a" lt "$b"; then echo -1; '
        'elif dpkg --compare-versions "$a" gt "$b"; then echo 1; else echo 0; fi; done'
    )
    text = "".join(f"{one} {other}\n" for one, other in pairs)
    done = subprocess.run(["sh", "-c", script], input=text, capture_output=True, text=True, timeout=50)
    assert done.stderr == ""
    assert [sign(compare(*pair)) for pair in pairs] == [int(line) for line in done.stdout.split()]


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_text_has_its_place(one: str, two: str, three: str) -> None:
    assert compare(one, one) == 0
    assert sign(compare(one, two)) == -sign(compare(two, one))
    if compare(one, two) <= 0 and compare(two, three) <= 0:
        assert compare(one, three) <= 0


def test_a_million_digits_cost_nothing() -> None:
    assert compare("1" * 1_000_000, "9" * 999_999) > 0


def test_the_newest_of_several_and_of_none() -> None:
    assert newest(["1.0", "1:0.5", "1.9"]) == "1:0.5"
    assert newest([]) == ""
    assert is_newer("1.0", "")
    assert not is_newer("", "")


def test_the_number_that_the_authors_gave() -> None:
    assert upstream_of("1:580.95.05-0ubuntu1~22.04.1") == "580.95.05"
    assert upstream_of("2.6.1") == "2.6.1"
