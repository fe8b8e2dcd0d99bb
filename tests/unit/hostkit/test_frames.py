"""The wire format: every kind of line decodes to its own record, and nothing else does."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from backends.hostkit import frames
from tests.unit.hostkit.hostile import junk
from tests.unit.hostkit.lines import COUNTERS, EVERY_KIND, FILESYSTEMS, TABLE, wire

KINDS = {kind.__struct_config__.tag: kind for kind in frames.Frame.__subclasses__()}


def test_the_examples_show_every_kind_there_is() -> None:
    assert {frame[0] for frame in EVERY_KIND} == set(KINDS)


@pytest.mark.parametrize("frame", EVERY_KIND, ids=lambda frame: frame[0])
def test_a_line_becomes_the_record_of_its_kind_and_back(frame: list[Any]) -> None:
    decoded = frames.decode(wire(frame))
    assert type(decoded) is KINDS[frame[0]]
    assert msgspec.json.decode(msgspec.json.encode(decoded))[0] == frame[0]


def test_positions_mean_what_the_probe_writes_there() -> None:
    counters = frames.decode(wire(COUNTERS))
    assert isinstance(counters, frames.Counters)
    assert (counters.monotonic, counters.running, counters.load) == (100.0, 2, (0.5, 0.4, 0.3))
    assert counters.memory is not None and counters.memory.available == 8 << 20
    assert counters.disks is not None and counters.disks[0] is not None and counters.disks[0].write_sectors == 200
    assert counters.nics is not None and counters.nics[0].tx_packets == 20
    table = frames.decode(wire(TABLE))
    assert isinstance(table, frames.Table)
    assert (table.total, table.zombies, table.rows[0].start_ticks) == (312, 3, 8800)
    filesystems = frames.decode(wire(FILESYSTEMS))
    assert isinstance(filesystems, frames.Filesystems) and filesystems.rows is not None
    assert filesystems.rows[1].reason == "no answer within 2 s"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b"[1]",
        b'["s"]',
        b'["zz",1]',
        b'["u","1","x"]',
        b'["u",1.5,"x"]',
        b'["q",NaN]',
        b'["q",1',
        b"null",
    ],
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        frames.decode(line)


@given(junk)
def test_a_stranger_raises_only_what_the_reader_catches(value: object) -> None:
    for text in (json.dumps(value), json.dumps(["s", value]), json.dumps(["g", value])):
        try:
            frames.decode(text.encode())
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
