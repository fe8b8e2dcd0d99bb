"""The words between deciding and doing: what is to be done, and what deciding must know of the passing of time."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from backends.metrics.sample import Record

PATIENCE_SECONDS = 120.0
"""A host that is down when its turn comes is waited for so long; an engine that has just started needs a minute to connect."""


class Act(StrEnum):
    """One kind of thing that a run does."""

    BEGIN = "begin"
    """(host, step) A step of a host; one that was intended already is begun again under its key."""
    LOOK = "look"
    """(host, step)"""
    DONE = "done"
    """(host, step) All its steps are over."""
    SKIP = "skip"
    """(host, text) It is left out."""
    BATCH_OVER = "batch-over"
    BATCH = "batch"
    """(step: its number, text: why the last one was well)"""
    STOP = "stop"
    """(text, hint) No other host begins until somebody says so."""
    END = "end"
    """(text)"""
    WAIT = "wait"
    """(host, text) Nothing is done; for the board. Without a host: what the run waits for."""


class Do(Record, frozen=True, kw_only=True):
    """One thing to be done."""

    act: Act
    host: str = ""
    step: int = -1
    text: str = ""
    hint: str = ""


class Pace(Record, frozen=True, kw_only=True):
    """What the process that carries a run out knows and no journal says."""

    busy: frozenset[str] = frozenset()
    """Hosts that are being talked to at the moment: they are left alone, and they are in work."""
    soaked: float | None = None
    """Seconds since the batch was over that really passed; None: by the wall clock."""
    unfit: Mapping[str, float] = {}
    """Host that may not begin (down, held) → for how many seconds already; one that is missing has just become so."""
    patience: float = PATIENCE_SECONDS
    steady: bool = True
    """The clock was not changed lately: an end of the window is one."""
    elsewhere: Mapping[str, str] = {}
    """Hosts that another run has in work → what for."""


NO_PACE = Pace()
"""Nothing is known but the journal and the fleet."""
