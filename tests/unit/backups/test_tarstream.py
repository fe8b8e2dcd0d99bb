"""A host's tar stream as what is fed to Borg: bounded, and never at its end unless it is whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.backups.channels import Spool
from backends.backups.tarstream import BUFFER_BYTES, TarSource, tar_launch
from backends.errors import RetryLater, SkipHost
from tests.unit.backups.fakehost import FakeDuplex, FakeHost

GREETING = b"welcome\n\nswarm-kit 1 tar\n"


def source(act: Callable[[FakeDuplex], None], **more: object) -> tuple[TarSource, FakeHost]:
    host = FakeHost(act)
    return TarSource(host, tar_launch(("/srv",)), **more), host  # type: ignore[arg-type]


def all_of(stream: TarSource) -> bytes:
    return b"".join(iter(stream, b""))


def test_a_whole_stream_ends() -> None:
    errors: list[bytes] = []

    def act(duplex: FakeDuplex) -> None:
        duplex.err(b'{"type":"file_status","status":"C","path":"x"}\n')
        duplex.out(GREETING + b"one")
        duplex.out(b"two")
        duplex.end(0)

    stream, _ = source(act, on_err=errors.append)
    assert all_of(stream) == b"onetwo"
    assert stream() == b""
    assert b'"status":"C"' in errors[0]


@pytest.mark.parametrize("cut", range(0, 40, 7))
def test_a_lost_link_raises_at_any_byte(cut: int) -> None:
    def act(duplex: FakeDuplex) -> None:
        duplex.out((GREETING + b"x" * 20)[:cut])
        duplex.end(None)

    stream, _ = source(act)
    with pytest.raises(RetryLater):
        all_of(stream)
    with pytest.raises(RetryLater):
        stream()


def test_a_program_that_fails_raises_with_its_words() -> None:
    def act(duplex: FakeDuplex) -> None:
        duplex.out(GREETING + b"x" * 1024)
        duplex.err(b"No module \x1b[31mnamed 'tarfile'\n")
        duplex.end(70)

    with pytest.raises(SkipHost, match="ended with 70: No module named 'tarfile'"):
        all_of(source(act)[0])


def test_no_python_there() -> None:
    def act(duplex: FakeDuplex) -> None:
        duplex.out(b"\nswarm-kit 1 NOPYTHON\n")
        duplex.end(86)

    with pytest.raises(SkipHost, match="no working python3"):
        all_of(source(act)[0])


def test_a_stream_that_stands_still_is_given_up() -> None:
    stream, host = source(lambda duplex: duplex.out(GREETING), stall_seconds=0.1)
    with pytest.raises(RetryLater, match="nothing came"):
        stream()
    assert host.programs[0].closed.is_set()


def test_a_slow_taker_stops_the_host() -> None:
    sent: list[int] = []

    def act(duplex: FakeDuplex) -> None:
        duplex.out(GREETING)
        for number in range(BUFFER_BYTES // 65536 * 4):
            duplex.out(bytes(65536))
            sent.append(number)
        duplex.end(0)

    stream, _ = source(act)
    stream.open()
    time.sleep(0.3)
    assert len(sent) * 65536 <= BUFFER_BYTES + 65536
    assert len(all_of(stream)) == BUFFER_BYTES * 4


def test_close_lets_a_waiting_host_go() -> None:
    over = threading.Event()

    def act(duplex: FakeDuplex) -> None:
        duplex.out(GREETING)
        for _ in range(1000):
            duplex.out(bytes(65536))
        over.set()

    stream, host = source(act)
    stream()
    stream.close()
    assert over.wait(5) and host.programs[0].closed.is_set()
    with pytest.raises(RetryLater):
        stream()


@given(st.lists(st.binary(min_size=1, max_size=50)), st.integers(1, 100))
def test_a_spool_gives_what_was_put(pieces: list[bytes], limit: int) -> None:
    spool = Spool(limit)

    def put() -> None:
        for piece in pieces:
            spool.put(piece)
        spool.end()

    thread = threading.Thread(target=put)
    thread.start()
    assert b"".join(iter(lambda: spool.take(5), b"")) == b"".join(pieces)
    thread.join()
