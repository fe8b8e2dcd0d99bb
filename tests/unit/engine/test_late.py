"""Parts of the engine are made once, when asked for, and not any more when it ends."""

from __future__ import annotations

import threading

import pytest

from backends.engine.late import Late
from backends.errors import Stop


class Clerk:
    """A part."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def stop(self) -> None:
        self.did.append("stop")

    def in_flight(self) -> tuple[str, ...]:
        return ("filing",)


class Desk:
    def __init__(self) -> None:
        self.made = 0
        self.stopping = threading.Event()
        self.late = Late(self.make, self.begin, stopping=self.stopping, what="ask the clerk")

    def make(self) -> Clerk:
        self.made += 1
        return Clerk()

    def begin(self, clerk: Clerk) -> None:
        assert self.late.get() is clerk  # whoever is asked by it finds it already
        clerk.did.append("begin")


def test_it_is_made_once_when_somebody_asks() -> None:
    desk = Desk()
    assert desk.late.made is None and desk.late.in_flight() == () and desk.made == 0
    clerk = desk.late.get()
    assert desk.late.get() is clerk and desk.made == 1 and desk.late.in_flight() == ("filing",)
    desk.late.stop()
    assert clerk.did == ["begin", "stop"]


def test_many_threads_get_the_same() -> None:
    desk, found = Desk(), list[Clerk]()
    threads = [threading.Thread(target=lambda: found.append(desk.late.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.made == 1 and len({id(each) for each in found}) == 1


def test_nothing_is_made_when_the_engine_ends() -> None:
    desk = Desk()
    desk.stopping.set()
    with pytest.raises(Stop, match="the engine ends"):
        desk.late.get()
    desk.late.stop()
    assert desk.made == 0
