"""File names survive being shown: nothing unsafe is left in the text, and the text still names the same bytes."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.names import escaped, unescaped
from backends.errors import BadInput
from backends.text import clean

LIMIT = 1 << 20


@given(st.binary(max_size=200))
def test_any_bytes_come_back(name: bytes) -> None:
    text = escaped(os.fsdecode(name))
    assert os.fsencode(unescaped(text)) == name
    assert clean(text, LIMIT) == text  # nothing that a terminal would act upon
    text.encode()  # nothing that JSON could not carry


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_two_names_are_two_texts(one: bytes, other: bytes) -> None:
    assert (escaped(os.fsdecode(one)) == escaped(os.fsdecode(other))) == (one == other)


@given(st.text(max_size=100))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        unescaped(text)
    except BadInput:
        assert "\\" in text


def test_plain_names_stay_as_they_are() -> None:
    assert escaped("srv/models/llama 3.safetensors — größer") == "srv/models/llama 3.safetensors — größer"


@pytest.mark.parametrize("text", ["\\q", "a\\", "\\x1", "\\U00110000"])
def test_what_was_never_escaped_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        unescaped(text)
