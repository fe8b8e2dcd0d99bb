"""How hard a simulated host works at one moment, and the repeatable noise in it; every number of a sample follows from this."""

from __future__ import annotations

import math

from backends.sources.demo_fleet import DemoHost

CHECKPOINT_SECONDS = 180.0
"""Between two checkpoints of a training, in which the GPUs wait for the disks."""


def noise(seed: int, *keys: int) -> float:
    """A repeatable number in 0–1 for these keys (a cheap integer hash, good enough to look random)."""
    value = seed & 0xFFFFFFFF
    for key in keys:
        value = ((value ^ (key & 0xFFFFFFFF)) * 0x9E3779B1) & 0xFFFFFFFF
        value ^= value >> 15
    return ((value * 0x85EBCA6B) & 0xFFFFFFFF) / 4294967296.0


TABLE = tuple(noise(1, index) - 0.5 for index in range(4096))
"""Ready-made noise around 0, for values that exist once a core: a slice costs a fraction of a hash a core."""


def wave(time: float, period: float, phase: float) -> float:
    """A sine in 0–1."""
    return 0.5 + 0.5 * math.sin(2 * math.pi * (time / period + phase))


class Mood:
    """How hard a host works at one moment; everything else is derived from it."""

    __slots__ = ("checkpoint", "cpu", "gpu", "host", "jitter", "seed", "time")

    def __init__(self, host: DemoHost, seed: int, time: float):
        self.host, self.seed, self.time = host, seed, time
        self.jitter = noise(seed, host.index, int(time))
        phase = noise(seed, host.index)
        into = (time + phase * CHECKPOINT_SECONDS) % CHECKPOINT_SECONDS
        self.checkpoint = host.story == "training" and into < 12.0
        self.gpu, self.cpu = self._levels(phase)

    def _levels(self, phase: float) -> tuple[float, float]:
        slow = wave(self.time, 600.0, phase)
        match self.host.story:
            case "data-loader":  # saw-tooth: a batch, then waiting for the next
                busy = 0.9 if (self.time + phase * 10) % 6.0 < 2.0 else 0.04
                return busy, 0.12 + 0.03 * slow
            case "idle" | "idle-allocated":
                return 0.0, 0.01 + 0.01 * slow
            case "batch" | "memory-full":
                return 0.0, 0.55 + 0.4 * slow
            case "storage-bound":
                return 0.0, 0.08 + 0.05 * slow
            case "users" | "disk-full":
                return 0.0, 0.1 + 0.25 * slow
            case _:
                return (0.03 if self.checkpoint else 0.88 + 0.1 * slow), 0.18 + 0.08 * slow
