"""What makes a plan this plan: approval names the hash, and starting refuses another one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from backends.maintenance.model import RunPlan

NOT_AGREED_ON = ("id", "hash")


def digest(plan: RunPlan) -> str:
    """SHA-256 in hex over everything in it but its id and its hash."""
    what = _whole(plan)
    for name in NOT_AGREED_ON:
        del what[name]
    return hashlib.sha256(msgspec.json.encode(what, order="deterministic")).hexdigest()


def sealed(plan: RunPlan) -> RunPlan:
    """The plan with its hash."""
    return msgspec.structs.replace(plan, hash=digest(plan))


def intact(plan: RunPlan) -> bool:
    """Whether it is as it was when it got its hash."""
    return plan.hash == digest(plan)


def _whole(value: Any) -> Any:
    """With every field: which ones the encoder leaves out as defaults depends on where an equal value came from."""
    if isinstance(value, msgspec.Struct):
        return {name: _whole(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): _whole(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(each) for each in value]
    return value
