"""A hash is of what was agreed on: whatever is changed afterwards makes another one."""

from __future__ import annotations

import pytest
from msgspec import json
from msgspec.structs import replace

from backends.maintenance.model import RunPlan
from backends.maintenance.plan_hash import digest, intact, sealed
from tests.unit.maintenance.planning import earlier

PLAN = earlier().plan


def test_a_sealed_plan_is_intact_also_when_it_was_on_the_disk() -> None:
    assert intact(PLAN) and not intact(replace(PLAN, hash=""))
    assert intact(json.decode(json.encode(PLAN), type=RunPlan))


def test_where_an_equal_value_came_from_does_not_count() -> None:
    hosts = tuple(replace(each, scheduler="".join(("no", "ne"))) for each in PLAN.hosts)
    told = sealed(replace(PLAN, promote="".join(("au", "to")), soak_seconds=float("600"), hosts=hosts))
    usual = sealed(replace(PLAN, hosts=tuple(replace(each, scheduler="none") for each in PLAN.hosts)))
    assert told.hash == usual.hash
    assert intact(json.decode(json.encode(told), type=RunPlan))


@pytest.mark.parametrize("more", [{"id": "r-2"}, {"hash": "x"}])
def test_its_id_is_not_what_is_agreed_on(more: dict[str, object]) -> None:
    assert digest(replace(PLAN, **more)) == PLAN.hash


@pytest.mark.parametrize(
    "more",
    [{"who": "bob"}, {"hosts": ()}, {"soak_seconds": 1.0}, {"update_hash": "x"}, {"window_end": 1.0}, {"approvals": 3}],
)
def test_everything_else_is(more: dict[str, object]) -> None:
    assert not intact(replace(PLAN, **more))
    assert intact(sealed(replace(PLAN, **more)))
