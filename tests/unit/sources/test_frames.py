"""The file of a recording: whole, cut off, damaged, or made by somebody who means harm."""

from __future__ import annotations

import io
import math
import struct
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.errors import BadInput
from backends.inventory.host import Host
from backends.metrics.sample import Cpu, HostFacts, Sample
from backends.sources import frames
from backends.sources.base import LinkInfo, StateChange
from backends.sources.frames import MAGIC, Entry, Frame, Known, Mark
from backends.states import HostState

PATH = Path("fleet.swarm")
KNOWN = Known(
    host=Host(name="gpu01", tags=("a100",)),
    facts=HostFacts(kernel="6.8"),
    state=StateChange(state=HostState.STALE, reason="samples stopped"),
    link=LinkInfo(user="root", via=("bastion",)),
)
ENTRIES = (
    Entry(1.0, "gpu01", sample=Sample(time=1.0, cpu=Cpu(busy_percent=50.0, cores=(1.0, None)))),
    Entry(2.0, "gpu01", facts=HostFacts(kernel="6.9")),
    Entry(3.0, "gpu01", state=StateChange(state=HostState.UP)),
    Entry(4.0, "gpu01", link=LinkInfo(user="anna")),
    Entry(5.0, "gpu01", note=("reboot", "rebooted (new boot id)")),
)


def frame(start: float = 0.0, *entries: Entry) -> Frame:
    return Frame(start, start + 10.0, (KNOWN,), tuple(frames.encode_entry(entry) for entry in entries))


def recorded(count: int = 3, *, index: bool = True) -> io.BytesIO:
    """A recording of `count` frames of ten seconds."""
    file = io.BytesIO()
    file.write(MAGIC)
    marks = [frames.write_frame(file, frame(number * 10.0, *ENTRIES)) for number in range(count)]
    if index:
        frames.write_index(file, marks)
    return file


def with_index(*marks: object) -> io.BytesIO:
    """A recording of one frame with a forged, well-formed index."""
    file = recorded(1, index=False)
    offset = file.tell()
    body = zlib.compress(msgspec.msgpack.encode(marks))
    file.write(struct.pack(">cII", b"I", len(body), zlib.crc32(body)) + body + struct.pack(">Q9s", offset, MAGIC))
    return file


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert frames.decode_entry(frames.encode_entry(entry)) == entry


def test_a_frame_stands_alone() -> None:
    file = recorded()
    marks = frames.read_marks(file, PATH)
    assert [(mark.start, mark.end) for mark in marks] == [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]
    last = frames.read_frame(file, marks[2], PATH)
    assert last.known == (KNOWN,)
    assert tuple(frames.decode_entry(raw) for raw in last.entries) == ENTRIES


def test_without_its_index_the_frames_are_found_by_walking() -> None:
    assert frames.read_marks(recorded(index=False), PATH) == frames.read_marks(recorded(), PATH)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(recorded().getvalue())))
def test_a_file_that_was_cut_off_has_its_whole_frames(length: int) -> None:
    whole = frames.read_marks(recorded(), PATH)
    ends = [*(mark.offset for mark in whole[1:]), len(recorded(index=False).getvalue())]
    expected = sum(end <= length for end in ends)
    cut = io.BytesIO(recorded().getvalue()[:length])
    if not expected:
        with pytest.raises(BadInput):
            frames.read_marks(cut, PATH)
        return
    found = frames.read_marks(cut, PATH)
    assert found == whole[:expected]
    assert all(len(frames.read_frame(cut, mark, PATH).entries) == 5 for mark in found)


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", "is not a recording"), (b"SWARMREC\x02" + b"x" * 99, "is not a recording"), (MAGIC, "holds no whole frame")],
)
def test_what_holds_no_recording_is_refused_with_its_name(data: bytes, text: str) -> None:
    with pytest.raises(BadInput, match=f"fleet.swarm {text}"):
        frames.read_marks(io.BytesIO(data), PATH)


@pytest.mark.parametrize("place", [0, 3, 8, 30, 60])
def test_a_damaged_frame_is_refused_with_its_place(place: int) -> None:
    file = recorded()
    mark = frames.read_marks(file, PATH)[1]
    file.seek(mark.offset + place)
    byte = file.read(1)[0]
    file.seek(mark.offset + place)
    file.write(bytes([byte ^ 0xFF]))
    with pytest.raises(BadInput, match=f"damaged at byte {mark.offset}"):
        frames.read_frame(file, mark, PATH)


@pytest.mark.parametrize(
    "mark",
    [
        (-1, 0.0, 10.0),
        (1 << 63, 0.0, 10.0),
        (10**6, 0.0, 10.0),
        (0, 0.0, 10.0),
        (9, math.nan, 10.0),
        (9, 0.0, math.inf),
        (9, 10.0, 0.0),
        ("9", 0.0, 10.0),
        (9,),
    ],
)
def test_an_index_that_lies_is_not_believed(mark: tuple[object, ...]) -> None:
    file = with_index(mark)
    (found,) = frames.read_marks(file, PATH)
    assert found == Mark(len(MAGIC), 0.0, 10.0)
    assert len(frames.read_frame(file, found, PATH).entries) == 5


def test_an_index_whose_times_go_back_is_not_believed() -> None:
    assert len(frames.read_marks(with_index((9, 50.0, 60.0), (9, 0.0, 10.0)), PATH)) == 1


def test_frames_whose_times_are_nonsense_are_left_out() -> None:
    file = recorded(3, index=False)
    second = frames.read_marks(file, PATH)[1]
    file.seek(second.offset + 9)
    file.write(struct.pack(">d", math.nan))
    assert [mark.start for mark in frames.read_marks(file, PATH)] == [0.0, 20.0]


def test_a_frame_that_unpacks_to_more_than_it_may_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_FRAME_BYTES", 100_000)
    bomb = zlib.compress(b"\0" * 10_000_000)
    file = io.BytesIO(MAGIC)
    file.seek(0, io.SEEK_END)
    file.write(struct.pack(">cIIdd", b"F", len(bomb), zlib.crc32(bomb), 0.0, 1.0) + bomb)
    (mark,) = frames.read_marks(file, PATH)
    with pytest.raises(BadInput, match="damaged"):
        frames.read_frame(file, mark, PATH)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.booleans(), st.integers(0, 1 << 64))
def test_no_file_makes_anything_but_bad_input(tail: bytes, trailer: bool, offset: int) -> None:
    data = MAGIC + tail + (struct.pack(">Q9s", offset % (1 << 64), MAGIC) if trailer else b"")
    file = io.BytesIO(data)
    try:
        for mark in frames.read_marks(file, PATH):
            frames.read_frame(file, mark, PATH)
    except BadInput:
        return


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 200), st.binary(max_size=120))
def test_reading_where_no_frame_is_gives_bad_input(offset: int, body: bytes) -> None:
    file = io.BytesIO(MAGIC + body)
    with pytest.raises(BadInput):
        frames.read_frame(file, Mark(offset, 0.0, 1.0), PATH)
