"""Decoding in many threads, types of which nobody has decoded any before."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Annotated

import msgspec
import pytest

from backends import decoding

THREADS, TYPES = 6, 40
"""Enough for plain msgspec to end the process within the first few."""
SCRIPT = "from tests.unit.test_decoding import race; race({name!r})"
Decode = Callable[[bytes, type], object]
DECODE: dict[str, tuple[Callable[[object], bytes], Decode]] = {
    "json": (msgspec.json.encode, lambda raw, kind: decoding.json(raw, type=kind)),
    "msgpack": (msgspec.msgpack.encode, lambda raw, kind: decoding.msgpack(raw, type=kind)),
    "convert": (msgspec.json.encode, lambda raw, kind: decoding.convert(msgspec.json.decode(raw), kind)),
}


def race(name: str) -> None:
    """Let threads decode type after type at the same moment. In a process of its own: it may not survive it."""
    sys.setswitchinterval(1e-6)
    encode, decode = DECODE[name]
    raw = encode({f"f{number}": {"x": {"y": 1}} for number in range(30)})
    for number in range(TYPES):
        inner = msgspec.defstruct(f"I{number}", [("y", int)])
        middle = msgspec.defstruct(f"M{number}", [("x", inner)])
        outer = msgspec.defstruct(f"O{number}", [(f"f{field}", middle) for field in range(30)])
        _together(partial(decode, raw, outer))


def _together(work: Callable[[], object]) -> None:
    gate = threading.Barrier(THREADS)

    def go() -> None:
        gate.wait()
        work()

    crew = [threading.Thread(target=go) for _ in range(THREADS)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()


@pytest.mark.parametrize("name", ["json", "msgpack", "convert"])
def test_threads_that_decode_a_type_for_the_first_time_do_not_end_the_process(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(name=name)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_type_is_worked_out_once() -> None:
    assert decoding.json_decoder(list[int]) is decoding.json_decoder(list[int])
    assert decoding.msgpack_decoder(list[int]) is decoding.msgpack_decoder(list[int])


def test_what_is_wrong_is_told_as_by_msgspec() -> None:
    with pytest.raises(msgspec.ValidationError, match="int"):
        decoding.json(b'["x"]', type=list[int])
    with pytest.raises(msgspec.DecodeError):
        decoding.msgpack(b"\xc1", type=int)
    with pytest.raises(msgspec.ValidationError, match=">= 1"):
        decoding.convert(0, Annotated[int, msgspec.Meta(ge=1, examples=[[1]])])
