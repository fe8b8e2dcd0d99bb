"""Asks a host for its preflight facts in one round trip, and decodes them: bounded, sanitised, each fact on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_type_hints

import msgspec

from backends import decoding
from backends.clock import Clock
from backends.errors import RetryLater
from backends.execution import Exec
from backends.hostkit.answer import answer_line
from backends.hostkit.job_plan import PACKAGES, check_name
from backends.hostkit.job_report import decode_summary
from backends.hostkit.travel import Become, program_launch
from backends.text import clean
from backends.updates.preflight_model import Preflight

PARTS = ("kit_text", "kit_ask", "kit_job", "kit_boot", "kit_loader", "kit_packages", "kit_stale")
TIMEOUT_SECONDS = 200.0
"""Six facts at a time; each gives up by itself after 5, 15 or 60 s."""
ANSWER_BYTES = 4 << 20
ACTION = "read the preflight facts"
TEXT = 300
MOST = 2000
DEEPEST = 8
_OURS = {"host", "asked", "clock_skew_seconds", "clock_error_seconds", "root", "missing", "jobs"}
_TYPES = {name: hint for name, hint in get_type_hints(Preflight).items() if name not in _OURS}


class _Fact(msgspec.Struct, frozen=True):
    value: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


class _Answer(msgspec.Struct, frozen=True):
    begin: float
    end: float
    root: bool
    facts: dict[str, msgspec.Raw]


def ask(
    host: Exec, become: Become, clock: Clock, *, jobs: Sequence[str] = (PACKAGES,), needs: bool = True
) -> Preflight:
    """The facts of `host` now. Changes nothing there and takes no lock.

    Args:
        host: where.
        become: its way to root; without root some facts are missing, with the reason.
        clock: ours, for comparing.
        jobs: names of detached jobs to look for.
        needs: also ask what wants a restart, which takes the package managers' own tools several seconds.

    Raises:
        RetryLater: not connected, link lost, timed out, or the answer is not one.
        SkipHost: no usable python3.
        AskOperator: sudo refused.
    """
    for name in jobs:
        check_name(name)
    launch = program_launch("preflight", {"jobs": list(jobs), "needs": needs}, become, PARTS)
    sent = clock.now()
    result = host.run(
        ["/bin/sh", "-c", launch.command],
        stdin=launch.payload,
        timeout_seconds=TIMEOUT_SECONDS,
        limit_bytes=ANSWER_BYTES,
        become=False,  # the launcher itself becomes root, after it has found python3
    )
    return decode(answer_line(result.stdout, host=host.host, action=ACTION), host.host, sent, clock.now())


def decode(line: bytes, host: str, sent: float, received: float) -> Preflight:
    """The answer of `programs/preflight.py`. A fact that is not what it should be is missing, with the reason.

    Args:
        line: JSON as the host sent it.
        host: the host's name.
        sent: our clock before asking, epoch seconds.
        received: our clock after the answer.

    Raises:
        RetryLater: it is no answer at all.
    """
    try:
        answer = decoding.json(line, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RetryLater(f"answer not understood: {error}", host=host, action=ACTION) from error
    missing: dict[str, str] = {}
    values = {name: _value(name, answer.facts, missing) for name in _TYPES}
    jobs = _jobs(answer.facts, missing)
    on_the_way = max(0.0, (received - sent) - (answer.end - answer.begin))
    return Preflight(
        host=host,
        asked=sent,
        clock_skew_seconds=((answer.begin - sent) + (answer.end - received)) / 2,  # as NTP: the way takes equally long
        clock_error_seconds=on_the_way / 2,
        root=answer.root,
        missing=missing,
        jobs=jobs,
        **{name: value for name, value in values.items() if value is not None},
    )


def _value(name: str, facts: dict[str, msgspec.Raw], missing: dict[str, str]) -> Any:
    """One fact in its type; None when it is absent or, with a reason in `missing`, when it could not be had."""
    fact = _fact(name, facts, missing)
    if fact is None:
        return None
    try:
        return decoding.convert(_safe(decoding.json(fact.value, type=object)), _TYPES[name] | None)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        missing[name] = f"not understood: {clean(str(error), TEXT)}"
        return None


def _fact(name: str, facts: dict[str, msgspec.Raw], missing: dict[str, str]) -> _Fact | None:
    if name not in facts:
        missing[name] = "not asked"
        return None
    try:
        fact = decoding.json(facts[name], type=_Fact)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        missing[name] = f"not understood: {clean(str(error), TEXT)}"
        return None
    if fact.error:
        missing[name] = clean(fact.error, TEXT)
        return None
    return fact


def _jobs(facts: dict[str, msgspec.Raw], missing: dict[str, str]) -> dict[str, Any]:
    """The detached jobs, decoded by those who know them."""
    fact = _fact("jobs", facts, missing)
    if fact is None:
        return {}
    try:
        found = decoding.json(fact.value, type=dict[str, msgspec.Raw])
        return {clean(name, 60): decode_summary(raw) for name, raw in found.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        missing["jobs"] = f"not understood: {clean(str(error), TEXT)}"
        return {}


def _safe(value: Any, depth: int = 0) -> Any:
    """Plain data with every text sanitised, every list bounded."""
    if isinstance(value, str):
        return clean(value, TEXT)
    if depth > DEEPEST:
        return None
    if isinstance(value, list):
        return [_safe(item, depth + 1) for item in value[:MOST]]
    if isinstance(value, dict):
        return {clean(key, TEXT): _safe(item, depth + 1) for key, item in list(value.items())[:MOST]}
    return value
