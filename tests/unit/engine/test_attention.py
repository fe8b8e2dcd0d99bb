"""Who is looked at: the focus goes on once and comes off by itself."""

from __future__ import annotations

import threading

import pytest

from backends.clock import ManualClock
from backends.engine.attention import FOCUS_SECONDS, Attention
from backends.errors import BadInput


class Scene:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.told: list[tuple[str, bool]] = []
        self.attention = Attention(self.clock.monotonic, lambda host, on: self.told.append((host, on)))

    def after(self, seconds: float) -> list[tuple[str, bool]]:
        """What was told once the time has passed."""
        self.clock.advance(seconds)
        self.attention.expire()
        told, self.told = self.told, []
        return told


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_first_look_puts_the_focus_on_and_more_of_them_change_nothing(scene: Scene) -> None:
    for _ in range(3):
        scene.attention.look("a")
    assert scene.told == [("a", True)]


def test_it_comes_off_when_nobody_looks_any_more(scene: Scene) -> None:
    scene.attention.look("a")
    assert scene.after(FOCUS_SECONDS) == [("a", True)]
    assert scene.after(0.1) == [("a", False)]
    assert scene.after(100) == []


def test_looking_again_and_again_keeps_it_on(scene: Scene) -> None:
    scene.attention.look("a")
    scene.told.clear()
    for _ in range(10):
        assert scene.after(FOCUS_SECONDS - 1) == []
        scene.attention.look("a")
    assert scene.told == []


def test_hosts_are_looked_at_independently(scene: Scene) -> None:
    scene.attention.look("a")
    assert scene.after(6) == [("a", True)]
    scene.attention.look("b")
    assert scene.after(6) == [("b", True), ("a", False)]
    assert scene.after(6) == [("b", False)]


def test_a_look_after_the_end_begins_anew(scene: Scene) -> None:
    scene.attention.look("a")
    scene.after(FOCUS_SECONDS + 1)
    scene.attention.look("a")
    assert scene.told == [("a", True)]


def test_a_wall_clock_that_jumps_changes_nothing(scene: Scene) -> None:
    scene.attention.look("a")
    scene.told.clear()
    scene.clock.step_wall(86_400)
    assert scene.after(1) == []


def test_a_source_that_refuses_is_asked_again_at_the_next_look() -> None:
    tries: list[str] = []

    def refuse(host: str, on: bool) -> None:
        tries.append(host)
        raise BadInput("no such host")

    attention = Attention(ManualClock().monotonic, refuse)
    for _ in range(2):
        with pytest.raises(BadInput):
            attention.look("ghost")
    assert tries == ["ghost", "ghost"]
    attention.expire()


def test_many_may_look_at_once(scene: Scene) -> None:
    def look() -> None:
        for _ in range(200):
            scene.attention.look("a")

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scene.told == [("a", True)]
