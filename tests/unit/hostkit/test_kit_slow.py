"""How the parent gives up on a worker that does not come back from a read, and goes on without it."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from backends.hostkit.events import Trouble
from backends.metrics.sample import Sample
from tests.unit.hostkit.kit import RunningKit, children_of, eventually, is_alive
from tests.unit.hostkit.parts import part


class Poller:
    """Remembers what is watched."""

    def __init__(self) -> None:
        self.watched: set[int] = set()

    def register(self, descriptor: int, events: int) -> None:
        assert events == select.POLLIN
        self.watched.add(descriptor)

    def unregister(self, descriptor: int) -> None:
        self.watched.remove(descriptor)


class System:
    """The parent's operating system: real pipes, but no process behind them and nobody to kill."""

    def __init__(self) -> None:
        self.pipes: list[tuple[int, int]] = []
        self.closed: list[int] = []
        self.workers = 0
        self.killed: list[int] = []
        self.undead = False

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def pipe(self) -> tuple[int, int]:
        self.pipes.append(os.pipe())
        return self.pipes[-1]

    def close(self, descriptor: int) -> None:
        self.closed.append(descriptor)

    def fork(self) -> int:
        self.workers += 1
        return 900_000 + self.workers

    def kill(self, pid: int, number: int) -> None:
        self.killed.append(pid)

    def waitpid(self, pid: int, how: int) -> tuple[int, int]:
        return (0 if self.undead else pid), 0


class Parent:
    """The parent's side with workers that a test plays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        module = part("kit_slow")
        self.now = 100.0
        self.sent: list[bytes] = []
        self.poller = Poller()
        self.system = System()
        monkeypatch.setattr(module, "os", self.system)
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.slow = module.Slow("/proc", "/sys", self.poller, self.sent.append)

    @property
    def workers(self) -> int:
        return self.system.workers

    def asked(self) -> bytes:
        """What the newest worker was asked so far."""
        requests = self.system.pipes[-2][0]
        os.set_blocking(requests, False)
        try:
            return os.read(requests, 4096)
        except BlockingIOError:
            return b""

    def says(self, *lines: bytes) -> None:
        os.write(self.system.pipes[-1][1], b"".join(line + b"\n" for line in lines))
        assert self.slow.readable(self.slow.answers)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.slow.check(self.now)

    def end(self) -> None:
        for pair in self.system.pipes:
            for descriptor in pair:
                os.close(descriptor)


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Parent]:
    parent = Parent(monkeypatch)
    yield parent
    parent.end()


class TestParent:
    """Starts the worker, forwards its frames, notices when it hangs."""

    def test_a_round_is_asked_for_forwarded_and_ended(self, parent: Parent) -> None:
        assert parent.slow.ask(b"f")
        assert (parent.workers, parent.asked()) == (1, b"f\n")
        parent.says(b">fs /", b'["f",[],null]', b"<5000")
        assert parent.sent == [b'["f",[],null]']
        assert parent.slow.cost() == (5000, 0)
        assert parent.slow.due() == float("inf")

    def test_rounds_are_done_one_after_the_other_by_one_worker(self, parent: Parent) -> None:
        parent.slow.ask(b"f")
        parent.slow.ask(b"s")
        assert parent.asked() == b"f\n"
        parent.says(b"<1")
        assert (parent.asked(), parent.workers) == (b"s\n", 1)

    def test_a_round_that_goes_on_is_not_asked_for_again(self, parent: Parent) -> None:
        parent.slow.ask(b"f")
        assert not parent.slow.ask(b"f")
        parent.says(b"<1")
        assert parent.slow.ask(b"f")

    def test_every_step_has_two_seconds_of_its_own(self, parent: Parent) -> None:
        parent.slow.ask(b"f")
        for mount in (b">fs /a", b">fs /b", b">fs /c"):
            parent.passes(1.9)
            parent.says(mount)
        assert (parent.workers, parent.slow.skip) == (1, {})

    def test_a_step_that_hangs_is_skipped_and_the_round_starts_again(self, parent: Parent) -> None:
        parent.slow.ask(b"f")
        parent.says(b">fs /", b">fs /dead")
        parent.passes(2.1)
        assert parent.system.killed == [900_001]
        assert (parent.workers, parent.asked()) == (2, b"f\n")
        assert list(parent.slow.skip) == ["fs /dead"]

    def test_it_is_tried_again_after_a_minute_then_ever_more_seldom(self, parent: Parent) -> None:
        waits = []
        for _ in range(6):
            parent.slow.ask(b"f")
            parent.says(b">fs /dead")
            parent.passes(2.1)
            waits.append(round(parent.slow.skip["fs /dead"][0] - parent.now))
        assert waits == [60, 120, 240, 480, 600, 600]

    def test_a_worker_that_never_began_loses_its_round_only(self, parent: Parent) -> None:
        parent.slow.ask(b"f")
        parent.slow.ask(b"s")
        parent.passes(2.1)
        assert parent.slow.skip == {}
        assert (parent.workers, parent.asked()) == (2, b"s\n")

    def test_workers_that_cannot_be_killed_do_not_pile_up(self, parent: Parent) -> None:
        parent.system.undead = True
        for mount in (b"a", b"b", b"c"):
            parent.slow.ask(b"f")
            if parent.slow.pid:
                parent.says(b">fs /" + mount)
            parent.passes(2.1)
        assert parent.workers == 2
        assert parent.slow.absent == {"slow": "2 reads never came back: fs /a, fs /b"}
        parent.system.undead = False
        parent.slow.ask(b"f")
        assert (parent.workers, parent.slow.absent) == (3, {})

    def test_a_worker_that_ends_is_replaced_at_the_next_round(self, parent: Parent) -> None:
        parent.slow.ask(b"f")
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, parent.system.pipes[-1][1])
        os.close(nothing)
        assert parent.slow.readable(parent.slow.answers)
        assert parent.slow.due() == float("inf")
        parent.slow.ask(b"f")
        assert parent.workers == 2
        assert len(parent.poller.watched) == 1

    def test_lines_cut_anywhere_mean_the_same(self, parent: Parent) -> None:
        parent.slow.ask(b"f")
        for byte in b'>fs /\n["f",[],null]\n<77\n':
            os.write(parent.system.pipes[-1][1], bytes([byte]))
            parent.slow.readable(parent.slow.answers)
        assert parent.sent == [b'["f",[],null]']
        assert parent.slow.cost() == (77, 0)

    def test_another_descriptor_is_not_its_business(self, parent: Parent) -> None:
        assert not parent.slow.readable(0)


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_said() -> None:
    with RunningKit() as kit:
        kit.until(Sample, lambda one: one.filesystems)
        (worker,) = children_of(kit.process.pid)
        os.kill(worker, 9)
        assert eventually(lambda: not is_alive(worker))
        count = kit.output.count(b'["l",')
        assert eventually(lambda: kit.pump(0.1) and kit.output.count(b'["l",') > count, 12)
        assert not [event for event in kit.events if isinstance(event, Trouble)]
