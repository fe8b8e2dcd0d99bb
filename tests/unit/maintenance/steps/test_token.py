"""Tokens and names of work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import Stop
from backends.hostkit.job_plan import _RUN
from backends.maintenance.steps.token import MOST_ID, is_reason, job_id, packed, unpacked


@given(
    st.dictionaries(st.text(min_size=1, alphabet="abc"), st.text() | st.floats(allow_nan=False, allow_infinity=False))
)
def test_what_is_written_down_is_read_again(values: dict[str, str | float]) -> None:
    assert unpacked(packed(**values)) == values


@pytest.mark.parametrize("token", ["", "answered", "[1]", '{"a": null}'])
def test_a_token_of_somebody_else_is_not_guessed(token: str) -> None:
    with pytest.raises(Stop):
        unpacked(token)


@given(st.text(alphabet="abcXYZ019-_", min_size=1, max_size=250).map(lambda text: f"r{text}"))
def test_the_name_of_a_job_is_one_that_hosts_take(key: str) -> None:
    assert len(job_id(key)) <= MOST_ID and _RUN.fullmatch(job_id(key)), key


def test_long_keys_that_differ_at_their_end_stay_apart() -> None:
    assert job_id("r-1-" + "h" * 200 + "-0-0") != job_id("r-1-" + "h" * 200 + "-0-1")
    assert job_id("r-1-gpu01-0-0") == "r-1-gpu01-0-0"


def test_ten_letters_are_a_reason() -> None:
    assert is_reason("the vendor says so") and not is_reason("ok ok ... !!")
