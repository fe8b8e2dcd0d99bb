"""Who holds a repository, from the files that Borg leaves in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.borg.locks import Holder, parse_name, parse_roster

NAME = "gpu01.example.org@52540012ab.4711-7f"


def test_a_name_is_read_and_written_alike() -> None:
    found = parse_name(NAME)
    assert found == Holder(id="gpu01.example.org@52540012ab", pid=4711, thread=0x7F)
    assert found.name == NAME and found.host == "gpu01.example.org"


@pytest.mark.parametrize("name", ["", "x", "gpu01.4711", "gpu01.0-0", "gpu01.99999999-0", "gpu01.1-xyz", ".1-0"])
def test_what_is_no_holder(name: str) -> None:
    assert parse_name(name) is None


def test_the_roster() -> None:
    found = parse_roster(b'{"exclusive":[["vm@3281355014145",11644,0]],"shared":[["vm@1",7,0],["vm@1",7,0]]}')
    assert found == (
        Holder(id="vm@3281355014145", pid=11644),
        Holder(id="vm@1", pid=7, exclusive=False),
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b'{"exclusive": 7}', b'{"exclusive": [["a", "1", 0], ["a", true, 0], [1], 7, ["a", -1, 0]]}'],
)
def test_a_damaged_roster_holds_nobody(data: bytes) -> None:
    assert parse_roster(data) == ()


def test_hostile_names_are_cleaned_and_bounded() -> None:
    (found,) = parse_roster(json.dumps({"exclusive": [["\x1b[2J" + "x" * 900, 1, 0]]}).encode())
    assert "\x1b" not in found.id and len(found.id) <= 200
    assert len(parse_roster(json.dumps({"shared": [["a", pid, 0] for pid in range(1, 5000)]}).encode())) <= 64


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    parse_roster(data)


@given(st.text(max_size=60), st.integers(), st.integers())
def test_any_name(host: str, pid: int, thread: int) -> None:
    for name in (f"{host}.{pid}-{thread:x}", host):
        found = parse_name(name)
        assert found is None or found.pid > 0
