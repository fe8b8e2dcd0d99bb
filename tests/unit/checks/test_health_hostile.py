"""Whatever a host says in the right types, every check judges it: numbers out of range, odd texts, counters that jump."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.checks.health_catalogue import examine
from backends.checks.health_peers import group
from backends.hostkit.health_model import HealthFacts
from backends.hostkit.kernel_message import KernelEvent
from backends.metrics.sample import Gpu, Record
from tests.unit.checks.health_cases import NOW, OUTPUTS, look, sample

NUMBERS = st.one_of(st.integers(-5, 200), st.integers(-(2**63), 2**63))
WORDS = [
    "",
    "active",
    "failed",
    "mlx5_0",
    "ACTIVE",
    "UP",
    "nvidia-smi",
    "display",
    "bridge",
    "nvidia",
    "GPU 00000000:18:00.0",
]
LINES = [line for path in sorted(OUTPUTS.glob("*.txt")) for line in path.read_text().split("\n") if line]
TEXTS = st.one_of(st.sampled_from(WORDS), st.sampled_from(LINES), st.text(max_size=20))


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type."""
    if kind in (int, float, bool, str, NoneType):
        return {int: NUMBERS, float: st.floats(-1e18, 1e18), bool: st.booleans(), str: TEXTS, NoneType: st.none()}[kind]
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of([values(each) for each in inner])
    if origin is tuple:
        return st.lists(values(inner[0]), max_size=4).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXTS, values(inner[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, Record):
        return records(kind)
    return st.just("nvidia")  # a literal


def records(kind: type[Any]) -> st.SearchStrategy[Any]:
    """A record with any of its fields."""
    hints = get_type_hints(kind)
    needed = {name for name in hints if name in ("index", "time", "kind")}
    needed |= {field.name for field in msgspec.structs.fields(kind) if field.required}
    made = {name: values(hint) for name, hint in hints.items()}
    chosen = st.fixed_dictionaries(
        {name: made[name] for name in needed}, optional={name: made[name] for name in hints if name not in needed}
    )
    return chosen.map(lambda fields: kind(**fields))


FACTS = records(HealthFacts)


@settings(max_examples=60, deadline=None)
@given(FACTS, FACTS, st.lists(records(Gpu), max_size=3), st.lists(records(KernelEvent), max_size=4))
def test_every_check_judges_whatever_comes(
    now: HealthFacts, before: HealthFacts, gpus: list[Gpu], events: list[KernelEvent]
) -> None:
    boot = now.boot
    two = [msgspec.structs.replace(one, time=at, boot=boot) for one, at in ((before, NOW - 600), (now, NOW))]
    one = look(samples=(sample(*gpus, at=NOW - 60), sample(*gpus)), facts=two[1], before=two[0], events=tuple(events))
    result = examine(one)
    assert [finding for finding in result.findings if "the check itself failed" in finding.text] == []
    msgspec.json.encode(result)
    group([one, one, one])
