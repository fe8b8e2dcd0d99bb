"""What a step writes down to find its work again: a few named texts as JSON, and the names under which hosts know it."""

from __future__ import annotations

import hashlib

import msgspec

from backends import decoding
from backends.errors import Stop

MOST_ID = 60
"""Letters that the id of a job on a host may have, with room to spare."""
REASON_LETTERS = 10
"""An override needs at least this much of a reason."""


def packed(**values: str | float) -> str:
    """A token that holds these."""
    return msgspec.json.encode(values).decode()


def unpacked(token: str) -> dict[str, str | float]:
    """What `packed` packed. Raises Stop: the journal was written by something else."""
    try:
        return decoding.json(token, type=dict[str, str | float])
    except msgspec.MsgspecError as error:
        raise Stop(f"what the step wrote down is not understood: {token[:80]}", action="go on with a step") from error


def job_id(key: str) -> str:
    """The id under which the work of `key` is known elsewhere: the key itself where it is short enough."""
    if len(key) <= MOST_ID:
        return key
    return f"{key[: MOST_ID - 17]}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def is_reason(text: str) -> bool:
    """Whether a person wrote enough of a reason to overrule a refusal."""
    return sum(letter.isalnum() for letter in text) >= REASON_LETTERS
