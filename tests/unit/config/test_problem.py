"""A problem reads as editors and people expect it, and the nearest word is found."""

from __future__ import annotations

import pytest

from backends.config.problem import Problem, nearest, refuse
from backends.errors import BadInput


def test_a_problem_names_place_key_and_next_step() -> None:
    problem = Problem(file="c.toml", line=3, column=5, key="ssh.usr", message="unknown key", hint="user?")
    assert str(problem) == "c.toml:3:5: ssh.usr: unknown key\n  → user?"


def test_what_is_not_known_is_left_out() -> None:
    assert str(Problem(message="wrong")) == "wrong"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("prot", 'did you mean "port"?'),
        ("PORT", 'did you mean "port"?'),
        ("Tags", 'did you mean "tags"?'),
        ("qqq", ""),
        ("", ""),
    ],
)
def test_the_nearest_word(word: str, expected: str) -> None:
    assert nearest(word, ["port", "tags", "user"]) == expected


def test_the_nearest_word_may_come_from_an_iterator() -> None:
    assert nearest("prot", iter(["port", "user"])) == 'did you mean "port"?'


def test_warnings_alone_refuse_nothing() -> None:
    refuse([Problem(message="hm", severity="warning")], "read")


def test_errors_are_raised_together_and_warnings_stay_out() -> None:
    with pytest.raises(BadInput) as caught:
        refuse([Problem(message="one"), Problem(message="two"), Problem(message="hm", severity="warning")], "read")
    assert "2 problems" in caught.value.message
    assert "hm" not in caught.value.message
