"""The reader against hosts that lie, break and flood: it never raises, and what comes out is clean and bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.hostkit.events import KitEvent, Trouble
from backends.hostkit.reader import MAX_LINE_BYTES, KitReader
from backends.metrics.sample import Sample
from tests.unit.hostkit.hostile import assert_calm, junk, spoiled
from tests.unit.hostkit.lines import (
    COUNTERS,
    DISK_NAMES,
    EVERY_KIND,
    HELLO,
    MAGIC,
    NIC_NAMES,
    Listening,
    Steady,
    counters,
    wire,
)

frames = st.lists(st.one_of(spoiled(EVERY_KIND), junk), max_size=6)
steps = st.floats(-100, 100)


def calm(events: list[KitEvent]) -> list[KitEvent]:
    for event in events:
        assert_calm(event)
    return events


@settings(max_examples=120, deadline=None)
@given(frames, steps)
def test_spoiled_frames_give_calm_events_and_the_next_healthy_ones_are_read(said: list[object], step: float) -> None:
    host = Listening(HELLO)
    calm(host.said(*said))
    host.clock.pass_(step)
    host.clock.wall += step * 1000
    calm(host.said(*said, *said))
    host.clock.pass_(60)
    host.said(DISK_NAMES, NIC_NAMES, COUNTERS)
    sample = host.sample(counters(monotonic=101.0, disks=[[20, 300, 6, 30, 400, 9, 0, 60, 70], [1, 8, 1, 1, 8, 1]]))
    assert_calm(sample)
    assert sample.memory is not None and sample.memory.total_bytes == (16 << 20) * 1024
    assert [disk.name for disk in sample.disks] == ["nvme0n1", "sda"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), frames.map(lambda said: wire(*said))), max_size=8), st.data())
def test_bytes_cut_anywhere_mean_the_same(pieces: list[bytes], data: st.DataObject) -> None:
    stream = MAGIC + b"".join(pieces) + b"\n" + wire(COUNTERS)
    at = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    whole, cut = (KitReader(lambda: 5.0, lambda: 5.0) for _ in range(2))
    expected = calm(whole.feed(stream))
    got = [
        event
        for start, stop in zip([0, *at], [*at, len(stream)], strict=True)
        for event in cut.feed(stream[start:stop])
    ]
    assert got == expected
    assert isinstance(got[-1], Sample)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=100))
def test_whatever_a_login_shell_prints_first_is_survived(banner: bytes, behind: bytes) -> None:
    reader = KitReader(lambda: 5.0, lambda: 5.0)
    calm(reader.feed(banner))
    calm(reader.feed(b"\nswarm-kit 1 " + behind))
    calm(reader.feed(b"\n" + behind))
    calm(reader.closed())


@given(st.text(max_size=50))
def test_a_truncated_frame_is_one_line_of_garbage(text: str) -> None:
    host = Listening()
    line = json.dumps(["e", text]).encode()
    for stop in range(1, len(line)):
        host.clock.pass_(1)
        calm(host.reader.feed(line[:stop] + b"\n"))
    assert host.reader.garbage == len(line) - 1
    assert isinstance(host.sample(COUNTERS), Sample)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'["g",' + b"[" * 100_000,
        b'["h",{"x":' + b'{"y":' * 50_000,
        b'["u",1,"\xff\xfe"]',
        b'["u",1,"\\ud800"]',
        b'["s",1,NaN]',
        b'["s",1,Infinity,-Infinity]',
        b'["q",1e999]',
        b'["q",1' + b"0" * 5000 + b"]",
        b'["u",1' + b"0" * 4200 + b',"big"]',
        b'["nope",1]',
        b"[]",
        b"{}",
        b"null",
        b"\x00\x00\x00",
        b'["n","disks",["a"',
    ],
    ids=lambda line: repr(line[:20]),
)
def test_lines_that_break_parsers_do_not_break_this_one(line: bytes) -> None:
    host = Listening(DISK_NAMES, NIC_NAMES)
    calm(host.reader.feed(line + b"\n"))
    sample = host.sample(COUNTERS)
    assert sample.memory is not None
    assert len(sample.disks) == 2


def test_an_endless_line_is_dropped_once_and_the_next_line_is_read() -> None:
    host = Listening()
    events = [event for _ in range(40) for event in host.reader.feed(b"x" * 100_000)]
    assert [(event.kind, "endless" in event.text) for event in events if isinstance(event, Trouble)] == [
        ("garbage", True)
    ]
    assert isinstance(host.reader.feed(b"the end of it\n" + wire(COUNTERS))[-1], Sample)


def test_a_line_that_is_whole_but_too_long_is_garbage() -> None:
    host = Listening()
    events = host.said(["e", "x" * MAX_LINE_BYTES])
    assert [event.kind for event in events if isinstance(event, Trouble)] == ["garbage"]


class TestFlood:
    """More than a probe ever says."""

    def test_the_surplus_is_dropped_told_once_and_the_host_heals(self) -> None:
        host = Listening()
        events = host.said(*[COUNTERS] * 5000)
        assert sum(isinstance(event, Sample) for event in events) == 2000
        assert [event.kind for event in events if isinstance(event, Trouble)] == ["flood"]
        host.clock.pass_(20)
        assert host.sample(COUNTERS)

    def test_one_that_goes_on_is_not_told_again_and_again(self) -> None:
        host = Listening()
        troubles = []
        for _ in range(60):
            host.clock.pass_(1)
            troubles += [event for event in host.said(*[COUNTERS] * 1000) if isinstance(event, Trouble)]
        assert [trouble.kind for trouble in troubles] == ["flood"]

    def test_empty_lines_cost_as_well(self) -> None:
        host = Listening()
        events = host.reader.feed(b"\n" * 100_000)
        assert [event.kind for event in events if isinstance(event, Trouble)] == ["flood"]

    @pytest.mark.parametrize(
        "frame",
        [["e", "again"], ["G", "ended", "again"], ["G", "hung", "again"], HELLO, ["p", 1, 1.0], ["nonsense"]],
        ids=str,
    )
    def test_a_frame_said_over_and_over_does_not_fill_the_timeline(self, frame: list[object]) -> None:
        host = Listening()
        events = []
        for _ in range(60):
            host.clock.pass_(1)
            events += host.said(*[frame] * 100)
        assert len(events) < 150

    def test_driver_that_flaps_between_hung_and_back_does_not_either(self) -> None:
        host = Listening()
        events = []
        for _ in range(60):
            host.clock.pass_(1)
            events += host.said(*[["G", "hung", ""], ["g", {"f": []}]] * 50)
        assert len(events) < 150

    def test_bytes_are_bounded_too(self) -> None:
        clock = Steady()
        reader = KitReader(lambda: clock.wall, lambda: clock.monotonic)
        reader.feed(MAGIC)
        big = wire(["e", "x" * 900_000])
        events = [event for _ in range(20) for event in reader.feed(big)]
        assert sum(isinstance(event, Trouble) and event.kind == "probe-error" for event in events) <= 9
        assert any(isinstance(event, Trouble) and event.kind == "flood" for event in events)
