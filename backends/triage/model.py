"""What a triage is made of, as plain frozen data. Times are epoch seconds (UTC), durations seconds, sizes bytes."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from backends.hostkit.triage_answer import Section
from backends.metrics.sample import Record
from backends.states import Severity

Confidence = Literal["low", "medium", "high"]


class StepState(StrEnum):
    """What a step came to. What could not be looked at is never OK."""

    OK = "ok"
    WARN = "warn"
    """Something is wrong, or it cannot be told."""
    FAIL = "fail"
    STUCK = "stuck"
    """It did not answer in its time."""
    NOPERM = "noperm"
    """It may not be looked at: not clean, not known."""

    @property
    def rank(self) -> int:
        """0 (ok) … 4 (stuck), for sorting."""
        return _RANK[self]


_RANK = {StepState.OK: 0, StepState.NOPERM: 1, StepState.WARN: 2, StepState.FAIL: 3, StepState.STUCK: 4}

TITLES = ("alive", "kernel log", "PCI", "GPUs", "load", "disks", "services", "network", "changes")
"""Of the steps 1–9."""


class Step(Record, frozen=True, kw_only=True):
    """One of the nine, judged."""

    number: int
    title: str
    state: StepState
    text: str
    """One line: what is wrong, or what was seen."""
    seconds: float = 0.0


class Finding(Record, frozen=True, kw_only=True):
    """One thing that is wrong, with what to do next."""

    kind: str
    """ "xid", "driver-hung", "gpu-count", "reboot", "read-only", "disk-full", "oom", "hung-task", "unit", "link" …"""
    step: int
    severity: Severity
    text: str
    """A clause without a full stop: "XID 79 (fell off the bus) on GPU 3"."""
    evidence: tuple[str, ...] = ()
    next_step: str = ""
    confidence: Confidence = "high"
    time: float | None = None
    """When it happened, by the host's clock; None: it is so now."""
    weight: int = 0
    """Among those of one severity the higher one is the likelier cause of the others."""


class Change(Record, frozen=True, kw_only=True):
    """Something that was changed on or for a host, by us or by others."""

    time: float
    kind: str
    """ "package", "kernel", "driver", "reboot", "config", "command", "patch"."""
    text: str
    ref: str = ""
    """What it has in common with the same change elsewhere: "linux-image 6.1.0-13", "batch 7"."""


class Strip(Record, frozen=True, kw_only=True):
    """The verdict in one or two sentences."""

    text: str
    severity: Severity
    confidence: Confidence = "high"
    next_step: str = ""
    findings: tuple[Finding, ...] = ()
    """All of them, worst first."""


class Bundle(Record, frozen=True, kw_only=True):
    """One triage of one host."""

    host: str
    time: float
    """By our clock, when it was asked for."""
    seconds: float = 0.0
    """Until the answer was here."""
    begin: float = 0.0
    """By the host's clock, when it began to look."""
    root: bool = False
    reason: str = ""
    """Why it was made: "asked", "alert gpu.xid"."""
    strip: Strip
    steps: tuple[Step, ...] = ()
    sections: tuple[Section, ...] = ()

    def section(self, name: str) -> Section | None:
        """The section of that name."""
        return next((each for each in self.sections if each.name == name), None)

    @property
    def state(self) -> StepState:
        """The worst of its steps."""
        return max((step.state for step in self.steps), key=lambda each: each.rank, default=StepState.OK)
