"""How a step is carried out on one host: the seam between the runner and what really happens.

A worker is told to begin once for each key, as far as the runner knows; after a crash it may be told again, and must then
find out on the host (or in its own books) whether that key was begun already. Calls block, with deadlines of their own, on a
thread of the runner; a worker never waits for the end of anything: it is looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from backends.maintenance.model import HostPlan, RunPlan, Step
from backends.metrics.sample import Record


class Place(Record, frozen=True, kw_only=True):
    """Which step of which host of which run."""

    run: RunPlan
    host: HostPlan
    number: int
    """Of the step, from 0."""
    step: Step
    key: str
    """"RUN-HOST-STEP-ATTEMPT", of letters, digits, - and _; unique for ever."""
    tokens: Mapping[int, str] = {}
    """What earlier steps of this host wrote down, by number of step."""
    reason: str = ""
    """What a person answered when the step asked; "" the first time."""


class Told(StrEnum):
    GOING = "going"
    DONE = "done"
    FAILED = "failed"
    ASKING = "asking"
    """Only a person can say how it goes on: retry, an answer that overrules, skip."""


class Look(Record, frozen=True, kw_only=True):
    """How far a step is."""

    told: Told
    state: str = ""
    """One or two words for the board: "draining", "downloading", "going down", "soak"."""
    text: str = ""
    """One sentence."""
    hint: str = ""
    """What a person does next, where it failed or asks."""
    done: float | None = None
    """0–1, as far as it is known."""
    eta: float | None = None
    """Epoch seconds of its probable end."""
    token: str = ""
    """A new token to be written down, where there is more to remember; "" keeps the old one."""
    facts: Mapping[str, str] = {}
    """For the report, with the end."""


class Worker(Protocol):
    """Carries out one kind of step."""

    def begin(self, place: Place) -> str:
        """Begin, unless `place.key` was begun already; the token to be written down (never "").

        Raises:
            RetryLater: not now (link down, busy); it is told again after a while, until the step's time is over.
            AskOperator: a person must decide first; the message becomes the question.
            SwarmError: it cannot be done on this host: the host has failed.
        """

    def look(self, place: Place, token: str) -> Look:
        """How far it is. Raises as `begin`; RetryLater: the host cannot be asked at the moment, which is no failure yet."""

    def output(self, place: Place, token: str) -> str:
        """What there is to read of it now (bounded, cleaned); "" when there is nothing."""
