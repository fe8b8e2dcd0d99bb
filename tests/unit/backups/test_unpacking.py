"""A tar stream into a host: what goes wrong on the way is an error with the host's own words, never a success."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable

import pytest

from backends.backups.unpacking import TarSink
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.hostkit.travel import Launch
from backends.sources.local_channels import LocalChannels
from tests.unit.backups.restorehost import Field, restore_field, texts

__all__ = ["restore_field"]

LAUNCH = Launch("a program", b"payload")


class FakeDuplex:
    """A program that takes `room` bytes, says something and ends."""

    def __init__(self, room: int, status: int | None):
        self.ended, self._room, self._status = threading.Event(), room, status
        self.closed = False

    @property
    def exit_status(self) -> int | None:
        return self._status

    def send(self, data: bytes, timeout_seconds: float) -> None:
        self._room -= len(data)
        if self._room < 0:
            self.ended.set()
            raise BrokenPipeError("gone")

    def end_input(self) -> None:
        self.ended.set()

    def close(self) -> None:
        self.closed = True


class FakeChannels:
    host = "gpu01"

    def __init__(self, duplex: FakeDuplex, says: bytes):
        self._duplex, self._says = duplex, says

    def open(self, command: str, *, on_out: Callable[[bytes], None], **more: object) -> FakeDuplex:
        on_out(self._says)
        return self._duplex


def sink(says: bytes = b"", *, room: int = 1 << 20, status: int | None = 0) -> tuple[TarSink, FakeDuplex]:
    duplex = FakeDuplex(room, status)
    return TarSink(FakeChannels(duplex, says), LAUNCH), duplex


def test_a_stream_that_is_taken_to_its_end_is_good() -> None:
    made, duplex = sink(b"motd\n")
    made.write(b"x" * 1000)
    made.finish()
    assert made.bytes == 1000 and duplex.closed


@pytest.mark.parametrize(
    ("says", "status", "error", "text"),
    [
        (b"tar: x: Cannot open: No space left on device\n", 2, SkipHost, "tar ended with 2: tar: x: Cannot open"),
        (b"", 2, SkipHost, "it said nothing"),
        (b"anything", None, RetryLater, "link was lost"),
        (b"\nswarm-kit 1 NOPYTHON\n", 86, SkipHost, "no working python3"),
        (b"\nswarm-kit 1 NOSUDO a password is required\n", 87, AskOperator, "sudo refused"),
        (b"\x1b[2Jtar: \xff\n", 1, SkipHost, "tar: \ufffd"),
    ],
)
def test_why_it_was_not_taken(says: bytes, status: int | None, error: type[SwarmError], text: str) -> None:
    for room in (10, 1 << 20):  # in the middle, and at the end
        made, duplex = sink(says, room=room, status=status)
        with pytest.raises(error, match=text):
            made.write(b"x" * 100)
            made.finish()
        assert duplex.closed


def test_nothing_goes_into_a_closed_stream() -> None:
    made, _ = sink()
    made.close()
    with pytest.raises(RetryLater, match="closed"):
        made.write(b"x")


def test_a_stream_that_breaks_off_is_no_success(field: Field) -> None:
    """With the real tar: cut in the middle of a file."""
    plain = tar_of({"a": "1" * 20_000})
    field.prepare()
    whole = TarSink(LocalChannels("here"), field.placing.unpack_launch("r1"))
    whole.write(plain)
    whole.finish()
    assert texts(field.scratch() / "tree") == {"a": "1" * 20_000}
    broken = TarSink(LocalChannels("here"), field.placing.unpack_launch("r1"))
    broken.write(plain[:9000])
    with pytest.raises(SkipHost, match=r"tar ended with 2: .*Unexpected EOF"):
        broken.finish()


def tar_of(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return made.getvalue()
