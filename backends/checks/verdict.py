"""The verdict: what holds a host, a GPU or a job back, in one sentence with the numbers that say so."""

from __future__ import annotations

from typing import Literal

from backends.metrics.sample import Record
from backends.states import Severity


class Verdict(Record, frozen=True, kw_only=True):
    """One bottleneck verdict (see `backends.checks.bottleneck` for the rules and their sources)."""

    subject: str
    """"host", "gpu 3", "gpu 0-7", "job 4711", "container 3f2a…", "pod 1a2b…", "pid 812"."""
    kind: str
    """"data-loader", "storage", "pcie-copy", "memory-bandwidth", "launch-overhead", "throttled", "idle-allocated",
    "small-batch", "hang", "straggler", "imbalance", "memory-leak", "memory-pressure", "cpu", "network", "ok", "unknown"."""
    text: str
    """One sentence a person can act on."""
    evidence: tuple[str, ...] = ()
    """The numbers behind it, one phrase each."""
    confidence: Literal["low", "medium", "high"] = "low"
    next_step: str = ""
    """The next command or look, "" when there is nothing to do."""
    severity: Severity = Severity.OK
