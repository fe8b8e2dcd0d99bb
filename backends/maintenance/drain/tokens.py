"""What a drain and a resume write down in the run's journal, so that a later process knows what was found and done."""

from __future__ import annotations

import msgspec

from backends import decoding
from backends.errors import Stop
from backends.maintenance.drain.base import Prior
from backends.maintenance.model import StepKind
from backends.maintenance.worker import Place
from backends.metrics.sample import Record


class DrainToken(Record, frozen=True, kw_only=True):
    """Of a drain. Written before anything is changed; again when there is more to know."""

    node: str
    reason: str
    """With which this run drains."""
    prior: Prior
    kept: bool = False
    """Somebody else had drained it and a person said to keep that: nothing is changed, nothing is resumed."""
    asked: bool = False
    """The scheduler has taken our drain."""
    jobs: tuple[str, ...] = ()
    """What ran then, as "number of user"."""


class ResumeToken(Record, frozen=True, kw_only=True):
    """Of a resume."""

    since: float
    """Epoch seconds at which it began to wait for the node."""


def write(token: DrainToken | ResumeToken) -> str:
    return msgspec.json.encode(token).decode()


def read_drain(text: str) -> DrainToken:
    """Raises Stop for what is none: nothing may be resumed on a guess."""
    try:
        return decoding.json(text, type=DrainToken)
    except msgspec.MsgspecError as error:
        raise Stop("what the drain wrote down cannot be read", action="read the run's journal") from error


def read_resume(text: str) -> ResumeToken:
    """Raises Stop for what is none."""
    try:
        return decoding.json(text, type=ResumeToken)
    except msgspec.MsgspecError as error:
        raise Stop("what the resume wrote down cannot be read", action="read the run's journal") from error


def drain_before(place: Place) -> DrainToken | None:
    """What the run's last drain before this step wrote down for this host; None when it drained nothing."""
    for number in range(min(place.number, len(place.run.steps)) - 1, -1, -1):
        if place.run.steps[number].kind is StepKind.DRAIN and place.tokens.get(number):
            return read_drain(place.tokens[number])
    return None


def earlier_attempt(place: Place) -> DrainToken | None:
    """What an earlier attempt at this very drain wrote down."""
    text = place.tokens.get(place.number, "")
    return read_drain(text) if text else None
