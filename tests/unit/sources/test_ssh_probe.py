from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from backends.clock import ManualClock
from backends.hostkit.events import KitEvent, Trouble
from backends.hostkit.gpu_bundle import gpu_payload
from backends.metrics.sample import HostFacts
from backends.sources.ssh_probe import FLOOD_BYTES_PER_SECOND, Probe

HELLO = b'\nswarm-kit 1 ready\n["h",{"hostname":"gpu01"}]\n'


class Wired:
    """The command behind the probe: takes so much at a time."""

    def __init__(self, room: int = 1 << 20) -> None:
        self.room = room
        self.written = b""
        self.closed = False

    def start(
        self,
        command: str,
        *,
        on_out: Callable[[bytes], None],
        on_err: Callable[[bytes], None],
        on_end: Callable[[], None],
        timeout_seconds: float,
    ) -> Wired:
        self.line, self.out, self.end = command, on_out, on_end
        return self

    def send(self, data: bytes, timeout_seconds: float) -> None:
        self.payload = data

    def try_send(self, data: bytes) -> int:
        taken = data[: self.room]
        self.room -= len(taken)
        self.written += taken
        return len(taken)

    def close(self) -> None:
        self.closed = True


class Heard:
    def __init__(self, wired: Wired | None = None) -> None:
        self.wired = wired or Wired()
        self.clock = ManualClock()
        self.events: list[KitEvent] = []
        self.ends = 0
        self.floods = 0
        self.probe = Probe(clock=self.clock, on_events=self._events, on_end=self._end, on_flood=self._flood)
        self.probe.start(cast("Any", self.wired), 1.0, "none")

    def _events(self, events: Sequence[KitEvent]) -> None:
        self.events += events

    def _end(self) -> None:
        self.ends += 1

    def _flood(self) -> None:
        self.floods += 1


def test_the_program_travels_and_its_words_become_events() -> None:
    heard = Heard()
    assert heard.wired.line.startswith("exec /bin/sh -c ")
    assert heard.wired.payload
    heard.wired.out(b"Welcome!\n" + HELLO)
    assert heard.probe.ready
    assert isinstance(heard.events[0], HostFacts)


def test_control_lines_wait_for_room_and_keep_their_order() -> None:
    heard = Heard(Wired(room=4))
    heard.probe.interval(2.0)
    heard.probe.focus(True)
    heard.probe.poll()
    assert heard.wired.written == b"", "nothing is written by whoever asks"
    heard.probe.flush()
    assert heard.wired.written == b"inte"
    heard.wired.room = 1000
    heard.probe.flush()
    assert heard.wired.written == b"interval 2.000\nfocus 1\npoll\n"


def test_a_ping_is_only_sent_when_nothing_is_in_its_way() -> None:
    heard = Heard()
    heard.probe.ping()
    assert heard.wired.written == b"", "the kit has not spoken yet"
    heard.wired.out(HELLO)
    heard.probe.poll()
    heard.probe.ping()
    heard.probe.flush()
    heard.probe.ping()
    assert heard.wired.written == b"poll\nping 1\n"


def test_a_gpu_is_answered_with_the_program_that_reads_it() -> None:
    heard = Heard()
    heard.wired.out(b'\nswarm-kit 1 ready\n["h",{"hostname":"gpu01","gpus":["nvidia"]}]\n')
    assert heard.wired.written == b"", "not from the transport's thread: the answer to its send would come there"
    heard.probe.flush()
    program = gpu_payload("nvidia", 1.0)
    assert heard.wired.written == b"gpu %d\n" % len(program) + program


def test_a_flood_is_said_once_and_nothing_more_is_read() -> None:
    heard = Heard()
    heard.wired.out(b"x" * (FLOOD_BYTES_PER_SECOND + 1))
    heard.wired.out(HELLO)
    assert heard.floods == 1
    assert not heard.probe.ready


def test_much_over_a_long_time_is_no_flood() -> None:
    heard = Heard()
    heard.wired.out(HELLO)
    for _ in range(5):
        heard.wired.out(b"[]\n" * (FLOOD_BYTES_PER_SECOND // 4))
        heard.clock.advance(1.0)
    assert heard.floods == 0


def test_an_end_without_a_word_says_what_the_host_said() -> None:
    heard = Heard()
    heard.wired.out(b"This account is currently not available.\n")
    heard.wired.end()
    trouble = heard.events[-1]
    assert isinstance(trouble, Trouble)
    assert "not available" in trouble.text
    assert heard.ends == 1


def test_closing_closes_the_channel() -> None:
    heard = Heard()
    heard.probe.close()
    assert heard.wired.closed
