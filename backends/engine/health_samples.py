"""The last quarter of an hour of each host for its health checks: one sample a minute, packed, and the newest as it came.

Packed, a kept sample of an eight-GPU host is 1.9 kB (decoded it is some 18 kB of small objects), so that a thousand such
hosts take 28 MB. Lists of processes and reasons for what is missing are judged of the newest sample only.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable

import msgspec

from backends import decoding
from backends.metrics.sample import Sample

STEP_SECONDS = 60.0
WINDOW_SECONDS = 900.0
KEPT = 15

_encode = msgspec.msgpack.Encoder().encode
_decode = decoding.msgpack_decoder(Sample).decode


class Windows:
    """The samples of a fleet. Each host's samples come from one thread at a time; others may read meanwhile."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[tuple[float, bytes]]] = {}
        self._newest: dict[str, Sample] = {}

    def sample(self, host: str, sample: Sample) -> None:
        """Remember `sample`; cheap but once a minute."""
        newest = self._newest.get(host)
        self._newest[host] = sample
        kept = self._kept.get(host)
        if kept is None:
            kept = self._kept.setdefault(host, deque(maxlen=KEPT))
        if newest is not None and sample.time < newest.time:
            kept.clear()  # the clock went back: what came before proves nothing about now
        if not kept or sample.time - kept[-1][0] >= STEP_SECONDS:
            kept.append((sample.time, zlib.compress(_encode(_slim(sample)), 1)))

    def newest(self, host: str) -> Sample | None:
        """The newest sample, as it came."""
        return self._newest.get(host)

    def of(self, host: str) -> tuple[Sample, ...]:
        """The samples of the last quarter of an hour, oldest first; the last is the newest."""
        newest = self._newest.get(host)
        if newest is None:
            return ()
        start = newest.time - WINDOW_SECONDS
        kept = [data for time, data in list(self._kept.get(host, ())) if start <= time < newest.time]
        return (*(_decode(zlib.decompress(data)) for data in kept), newest)

    def keep(self, hosts: Iterable[str]) -> None:
        """Forget every other host."""
        wanted = set(hosts)
        for name in [name for name in self._newest if name not in wanted]:
            self._newest.pop(name, None)
            self._kept.pop(name, None)


def _slim(sample: Sample) -> Sample:
    replace = msgspec.structs.replace
    gpus = tuple(replace(gpu, processes=None, mig=(), missing={}) for gpu in sample.gpus)
    cpu = replace(sample.cpu, cores=()) if sample.cpu is not None else None
    return replace(sample, processes=None, gpus=gpus, cpu=cpu, sensors=(), missing={})
