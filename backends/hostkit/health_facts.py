"""The answers of `programs/health.py` and `health_light.py` → what the checks know of a host: bounded, sanitised, each fact on its own.

A fact that is None is not on this host; one that could not be had is in `missing` with its reason.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, get_type_hints

import msgspec

from backends import decoding
from backends.clock import Clock
from backends.errors import RetryLater
from backends.execution import Exec
from backends.hostkit.answer import answer_line
from backends.hostkit.health_model import HealthFacts
from backends.hostkit.travel import Become, Launch, program_launch
from backends.text import clean

PARTS = (
    "kit_text",
    "kit_ask",
    "kit_devices",
    "kit_stale",
    "kit_health_answer",
    "kit_health_host",
    "kit_health_devices",
    "kit_health_gpu",
)
LIGHT_PARTS = PARTS[:-1]
TIMEOUT_SECONDS = 120.0
"""Six facts at a time; each gives up by itself after 3, 10, 20 or 30 s."""
LIGHT_SECONDS = 25.0
"""All six at once, each gives up after 10 s; starting Python on a busy host takes its time."""
ANSWER_BYTES = 4 << 20
ACTION = "read the health facts"
TEXT, LONG_TEXT = 300, 65536
MOST = 4096
DEEPEST = 8
_OURS = frozenset(("time", "root", "missing"))
_MAPS = {"smart ": "smart", "optics ": "optics", "runtime ": "runtimes", "name ": "names"}
"""Facts of which there is one for each device: how their name begins, and the field that they fill."""
_TYPES = {name: hint for name, hint in get_type_hints(HealthFacts).items() if name not in _OURS}


class _Fact(msgspec.Struct, frozen=True):
    value: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


class _Answer(msgspec.Struct, frozen=True):
    begin: float
    end: float
    root: bool
    facts: dict[str, msgspec.Raw]


def ask(host: Exec, become: Become, clock: Clock, *, slow: bool = True, names: tuple[str, ...] = ()) -> HealthFacts:
    """The facts of `host` now. Changes nothing there; needs no root, but says where it would have helped.

    Args:
        host: where.
        become: its way to root.
        clock: ours; `HealthFacts.time` is read from it.
        slow: also ask nvidia-smi, the disks, optics and the board, which takes seconds.
        names: host names to look up there.

    Raises:
        RetryLater: not connected, link lost, timed out, or the answer is not one.
        SkipHost: no usable python3.
        AskOperator: sudo refused.
    """
    launch = program_launch("health", {"slow": slow, "names": list(names)}, become, PARTS)
    return _asked(host, launch, clock, TIMEOUT_SECONDS)


def ask_light(host: Exec, become: Become, clock: Clock) -> HealthFacts:
    """Only boot, mounts, arrays, waiting processes, failed units and chrony's clock: for once a minute. Raises as `ask`."""
    return _asked(host, _light(become), clock, LIGHT_SECONDS)


@lru_cache(maxsize=2)
def _light(become: Become) -> Launch:
    """Packing takes milliseconds, and this one is sent to every host each minute."""
    return program_launch("health_light", {}, become, LIGHT_PARTS)


def _asked(host: Exec, launch: Launch, clock: Clock, seconds: float) -> HealthFacts:
    result = host.run(
        ["/bin/sh", "-c", launch.command],
        stdin=launch.payload,
        timeout_seconds=seconds,
        limit_bytes=ANSWER_BYTES,
        become=False,  # the launcher itself becomes root, after it has found python3
    )
    return decode(answer_line(result.stdout, host=host.host, action=ACTION), clock.now(), host.host)


def decode(line: bytes, now: float, host: str | None = None) -> HealthFacts:
    """The facts in an answer. One that is not what it should be is missing, with the reason.

    Args:
        line: JSON as the host sent it.
        now: our clock, epoch seconds.
        host: for the error.

    Raises:
        RetryLater: it is no answer at all.
    """
    try:
        answer = decoding.json(line, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RetryLater(f"answer not understood: {clean(str(error), TEXT)}", host=host, action=ACTION) from error
    missing: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, raw in list(answer.facts.items())[:512]:
        _take(clean(name, 120), raw, values, missing)
    for name in _TYPES:
        if name not in values and name not in missing and name not in _MAPS.values():
            missing[name] = "not asked"
    return HealthFacts(time=now, root=answer.root, missing=missing, **values)


def _take(name: str, raw: msgspec.Raw, values: dict[str, Any], missing: dict[str, str]) -> None:
    start = next((start for start in _MAPS if name.startswith(start)), "")
    field = _MAPS.get(start, name)
    if field not in _TYPES or (field in _MAPS.values() and not start):
        return
    try:
        fact = decoding.json(raw, type=_Fact)
        if fact.error:
            missing[name] = clean(fact.error, TEXT)
            return
        value = _safe(decoding.json(fact.value, type=object))
        if not start:
            values[field] = decoding.convert(value, _TYPES[field])
        elif value is not None:
            one = decoding.convert({name[len(start) :]: value}, _TYPES[field])
            values[field] = {**values.get(field, {}), **one}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        missing[name] = f"not understood: {clean(str(error), TEXT)}"


def _safe(value: Any, depth: int = 0, limit: int = TEXT) -> Any:
    """Plain data with every text sanitised, every list bounded. JSON within a text keeps its length."""
    if isinstance(value, str):
        return clean(value, limit)
    if depth > DEEPEST:
        return None
    if isinstance(value, list):
        return [_safe(item, depth + 1) for item in value[:MOST]]
    if isinstance(value, dict):
        items = list(value.items())[:MOST]
        return {clean(k, TEXT): _safe(v, depth + 1, LONG_TEXT if k == "text" else TEXT) for k, v in items}
    return value
