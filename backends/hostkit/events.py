"""What the kit's stream means to its reader besides facts and samples."""

from __future__ import annotations

from typing import Literal

from backends.metrics.sample import HostFacts, Record, Sample

TroubleKind = Literal[
    "no-python", "python-too-old", "no-sudo", "garbage", "flood", "probe-error", "gpu-hung", "gpu-ended", "gpu-back"
]


class Trouble(Record, frozen=True, kw_only=True):
    """Something is wrong with the stream or on the host; the reader goes on."""

    kind: TroubleKind
    text: str
    """One sentence, sanitised."""
    hint: str = ""

    @property
    def fatal(self) -> bool:
        """True when no sample will come before a person has acted."""
        return self.kind in ("no-python", "python-too-old", "no-sudo")


class Pong(Record, frozen=True, kw_only=True):
    """The answer to a ping."""

    round_trip_seconds: float
    clock_offset_seconds: float
    """Host clock minus ours, from the quickest of the last pings."""


class GpuFound(Record, frozen=True, kw_only=True):
    """The host has GPUs: answer by writing `reader.gpu(gpu_payload(vendor))`."""

    vendor: Literal["nvidia", "amd"]


KitEvent = HostFacts | Sample | Trouble | Pong | GpuFound
