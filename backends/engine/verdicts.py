"""Bottleneck verdicts: a thinned window of samples for each host, judged when somebody looks and in turn for the row.

The windows hold encoded samples: a decoded one of an eight-GPU host is some 18 KB of small objects, encoded it is 5 KB,
which for a thousand hosts is 80 MB instead of 290 MB; decoding a window when it is judged takes a quarter millisecond.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from backends import decoding
from backends.checks.verdict import Verdict
from backends.clock import Clock
from backends.metrics.sample import HostFacts, Sample

STEP_SECONDS = 4.5
"""Between two kept samples: every fifth at 1 Hz. A saw-tooth that is faster comes out as spread all the same."""
KEPT = 16
"""75 seconds: the rules want a window of 60 s or more (reference: monitoring §5)."""
ROUND_SECONDS = 10.0
"""Within this time every host's row gets a fresh verdict."""
TICK_SECONDS = 0.25

_encode = msgspec.msgpack.Encoder().encode
_decode = decoding.msgpack_decoder(Sample).decode

Judge = Callable[[Sequence[Sample], HostFacts | None], Sequence[Verdict]]


class Verdicts:
    """Keeps the windows and judges them."""

    def __init__(self, judge: Judge):
        self._judge = judge
        self._windows: dict[str, deque[tuple[float, bytes]]] = {}
        self._next = 0

    def sample(self, host: str, sample: Sample) -> None:
        """Keep `sample` if the last kept one is old enough; called on its source's thread."""
        window = self._windows.get(host)
        if window is None:
            window = self._windows.setdefault(host, deque(maxlen=KEPT))
        newest = window[-1][0] if window else sample.time - STEP_SECONDS
        if 0 <= sample.time - newest < STEP_SECONDS:
            return
        if sample.time < newest:
            window.clear()  # the clock went back: what came before proves nothing about now
        window.append((sample.time, _encode(sample)))

    def keep(self, hosts: Iterable[str]) -> None:
        """Forget the windows of every other host."""
        wanted = set(hosts)
        for name in [name for name in self._windows if name not in wanted]:
            self._windows.pop(name, None)

    def clear(self) -> None:
        """Forget all windows."""
        self._windows.clear()

    def of(self, host: str, facts: HostFacts | None) -> tuple[Verdict, ...]:
        """The verdicts about `host` now, the weightiest first."""
        window = self._windows.get(host)
        if not window:
            return ()
        return tuple(self._judge([_decode(data) for _, data in list(window)], facts))

    def step(
        self, hosts: Sequence[str], facts_of: Callable[[str], HostFacts | None], tell: Callable[[str, str], None]
    ) -> None:
        """Judge the next few hosts and tell their row's text."""
        count = -(-len(hosts) * TICK_SECONDS // ROUND_SECONDS)
        for _ in range(int(count)):
            self._next = (self._next + 1) % len(hosts)
            host = hosts[self._next]
            tell(host, headline(self.of(host, facts_of(host))))

    def loop(
        self,
        clock: Clock,
        stop: threading.Event,
        hosts: Callable[[], Sequence[str]],
        facts_of: Callable[[str], HostFacts | None],
        tell: Callable[[str, str], None],
    ) -> None:
        """Judge in turn until `stop`; the body of an own thread."""
        while not clock.wait(stop, TICK_SECONDS):
            self.step(hosts(), facts_of, tell)


def headline(verdicts: Sequence[Verdict]) -> str:
    """What a row has room for: the kind of the weightiest finding; "" when there is none."""
    found = [verdict for verdict in verdicts if verdict.kind not in ("ok", "unknown")]
    if not found:
        return ""
    worst = max(found, key=lambda verdict: (verdict.severity.rank, _CONFIDENCE[verdict.confidence]))
    return worst.kind if worst.subject == "host" else f"{worst.kind} ({worst.subject})"


_CONFIDENCE = {"low": 0, "medium": 1, "high": 2}
