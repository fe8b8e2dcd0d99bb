"""Programs held over an open connection: bulk both ways, back-pressure, ends, and places given back."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from backends.errors import RetryLater
from backends.execution import Channels, Duplex
from backends.sources.ssh import SshSource
from backends.ssh.channels import FLOOD_BYTES, _Bounded
from backends.ssh.session import WORK_CHANNELS
from backends.states import HostState
from tests.e2e.sshwatch import Watcher
from tests.e2e.test_ssh_states import watching
from tests.lab.userlab import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
MIB = 1 << 20


@pytest.fixture
def watched(fleet: Fleet) -> Iterator[tuple[Channels, SshSource, Watcher, Fleet]]:
    with watching(fleet.inventory(), fleet.ssh()) as (source, watcher):
        watcher.until_state("h1", HostState.UP)
        channels = source.channels("h1")
        assert channels is not None
        yield channels, source, watcher, fleet


Watched = tuple[Channels, SshSource, Watcher, Fleet]


class Taken:
    """What a program printed."""

    def __init__(self) -> None:
        self.out, self.err, self.ends = bytearray(), bytearray(), 0
        self.gate = threading.Event()
        self.gate.set()

    def take(self, data: bytes) -> None:
        self.gate.wait(60)
        self.out += data

    def end(self) -> None:
        self.ends += 1

    def open(self, channels: Channels, command: str, timeout_seconds: float = 60.0) -> Duplex:
        return channels.open(
            command, on_out=self.take, on_err=self.err.extend, on_end=self.end, timeout_seconds=timeout_seconds
        )


def test_both_streams_the_status_and_one_end(watched: Watched) -> None:
    taken = Taken()
    duplex = taken.open(watched[0], "cat; echo oops >&2; exit 3")
    duplex.send(b"given", 60)
    duplex.end_input()
    assert duplex.ended.wait(60)
    assert (bytes(taken.out), bytes(taken.err), duplex.exit_status, taken.ends) == (b"given", b"oops\n", 3, 1)


def test_bulk_crosses_whole_both_ways_at_once(watched: Watched) -> None:
    taken = Taken()
    duplex = taken.open(watched[0], "exec cat")
    data = bytes(range(256)) * 4096 * 24
    duplex.send(data, 60)
    duplex.end_input()
    assert duplex.ended.wait(60)
    assert bytes(taken.out) == data


def test_a_taker_that_waits_stops_the_program_and_nothing_else(watched: Watched) -> None:
    channels, _, watcher, _ = watched
    taken = Taken()
    taken.gate.clear()
    duplex = taken.open(channels, "head -c 50000000 /dev/zero; echo done >&2")
    watcher.until_samples("h1", 4)
    assert bytes(taken.err) == b""
    watcher.until_state("h1", HostState.UP)
    taken.gate.set()
    assert duplex.ended.wait(60)
    assert len(taken.out) == 50_000_000 and bytes(taken.err) == b"done\n"


def test_a_program_that_reads_nothing_is_told(watched: Watched) -> None:
    duplex = Taken().open(watched[0], "exec sleep 60")
    with pytest.raises(TimeoutError):
        duplex.send(bytes(8 * MIB), 1.5)
    duplex.close()
    assert duplex.ended.wait(60) and duplex.exit_status is None
    with pytest.raises(OSError):
        duplex.send(b"x", 1)


def test_a_lost_link_ends_it(watched: Watched) -> None:
    channels, _, _, fleet = watched
    taken = Taken()
    duplex = taken.open(channels, "exec sleep 60")
    fleet["h1"].crash()
    assert duplex.ended.wait(60)
    assert duplex.exit_status is None and taken.ends == 1
    with pytest.raises(RetryLater, match="not connected"):
        Taken().open(channels, "true")


def test_places_are_limited_and_given_back(watched: Watched) -> None:
    channels = watched[0]
    held = [Taken().open(channels, "exec sleep 60") for _ in range(WORK_CHANNELS)]
    with pytest.raises(RetryLater, match="busy"):
        Taken().open(channels, "true", timeout_seconds=0.5)
    for duplex in held:
        duplex.close()
    last = Taken().open(channels, "true")
    assert last.ended.wait(60) and last.exit_status == 0


def test_a_foreign_host_has_none(watched: Watched) -> None:
    assert watched[1].channels("elsewhere") is None


def test_a_peer_that_sends_beyond_its_window_is_noticed() -> None:
    noticed: list[bool] = []
    pipe = _Bounded(lambda: noticed.append(True))
    for _ in range(FLOOD_BYTES // MIB):
        pipe.feed(bytes(MIB))
    assert not noticed
    pipe.feed(b"x")
    assert noticed
