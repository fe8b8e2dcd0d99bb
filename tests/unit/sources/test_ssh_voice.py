"""What is said about a host by two threads: the last word is the one that is shown."""

from __future__ import annotations

import threading

from backends.clock import ManualClock
from backends.metrics.sample import HostFacts, Sample
from backends.sources.base import LinkInfo, StateChange
from backends.sources.ssh_voice import Voice
from backends.states import HostState


class SlowSink:
    """Takes its time over "stale"; meanwhile a sample comes in on the link's thread."""

    def __init__(self) -> None:
        self.states: list[HostState] = []
        self.voice: Voice | None = None
        self.link_thread: threading.Thread | None = None

    def state(self, host: str, change: StateChange) -> None:
        if change.state is HostState.STALE:
            assert self.voice is not None
            self.link_thread = threading.Thread(target=self.voice.sample, args=(Sample(time=1.0),))
            self.link_thread.start()
            self.link_thread.join(0.1)  # as long as it can get ahead; it must not
        self.states.append(change.state)

    def sample(self, host: str, sample: Sample) -> None:
        """Nothing to do."""

    def facts(self, host: str, facts: HostFacts) -> None:
        """Nothing to do."""

    def link(self, host: str, link: LinkInfo) -> None:
        """Nothing to do."""

    def note(self, host: str, kind: str, text: str) -> None:
        """Nothing to do."""


def test_a_sample_that_comes_while_stale_is_being_said_ends_as_up() -> None:
    sink = SlowSink()
    voice = sink.voice = Voice("a", sink, ManualClock())
    voice.sample(Sample(time=0.0))
    voice.once(HostState.STALE, "connected, but no sample for 4 s")
    assert sink.link_thread is not None
    sink.link_thread.join(5)
    assert sink.states == [HostState.UP, HostState.STALE, HostState.UP]
