"""A sink that remembers what an SSH source said, and waits for it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

from backends.metrics.sample import HostFacts, Sample
from backends.sources.base import LinkInfo, StateChange
from backends.states import HostState

WAIT_SECONDS = 45.0
"""For what takes a moment; a loaded machine takes many times as long, and a wait that ends well costs nothing."""

LOOK_SECONDS = 0.1
"""A condition may be about what no sink is told."""


class Watcher:
    """Records everything, with the monotonic time at which it came."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self.states: dict[str, list[tuple[float, StateChange]]] = {}
        self.samples: dict[str, list[tuple[float, Sample]]] = {}
        self.known: dict[str, HostFacts] = {}
        self.links: dict[str, LinkInfo] = {}
        self.notes: list[tuple[str, str, str]] = []

    def facts(self, host: str, facts: HostFacts) -> None:
        with self._news:
            self.known[host] = facts
            self._news.notify_all()

    def sample(self, host: str, sample: Sample) -> None:
        with self._news:
            self.samples.setdefault(host, []).append((time.monotonic(), sample))
            self._news.notify_all()

    def state(self, host: str, change: StateChange) -> None:
        with self._news:
            self.states.setdefault(host, []).append((time.monotonic(), change))
            self._news.notify_all()

    def link(self, host: str, link: LinkInfo) -> None:
        with self._news:
            self.links[host] = link
            self._news.notify_all()

    def note(self, host: str, kind: str, text: str) -> None:
        with self._news:
            self.notes.append((host, kind, text))
            self._news.notify_all()

    def current(self, host: str) -> StateChange | None:
        """The newest state of `host`."""
        said = self.states.get(host)
        return said[-1][1] if said else None

    def until(self, condition: Callable[[], bool], seconds: float = WAIT_SECONDS, what: str = "") -> None:
        """Wait until `condition` holds; fails with what was seen instead."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not condition():
                if time.monotonic() > deadline:
                    last = {host: said[-1][1] for host, said in self.states.items()}
                    raise AssertionError(f"not within {seconds:g} s: {what}; states: {last}; notes: {self.notes}")
                self._news.wait(LOOK_SECONDS)

    def until_state(self, host: str, state: HostState, seconds: float = WAIT_SECONDS) -> StateChange:
        """Wait until `host` is in `state`; returns the change that says so."""
        self.until(lambda: (now := self.current(host)) is not None and now.state is state, seconds, f"{host} {state}")
        change = self.current(host)
        assert change is not None
        return change

    def until_samples(self, host: str, count: int = 1, seconds: float = WAIT_SECONDS) -> None:
        """Wait for `count` more samples of `host`."""
        have = len(self.samples.get(host, ()))
        self.until(lambda: len(self.samples.get(host, ())) >= have + count, seconds, f"{count} samples of {host}")

    def longest_gap(self, host: str, since: float) -> float:
        """The longest time between two samples of `host` that came after the monotonic time `since`."""
        times = [at for at, _ in self.samples[host] if at >= since]
        return max(later - earlier for earlier, later in itertools.pairwise(times))
