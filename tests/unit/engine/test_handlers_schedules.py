"""The API of schedules: what its methods hand to the engine's schedules, and what comes back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from backends.engine.engine import Engine
from backends.engine.handlers_table import TABLE
from backends.engine.session import Session
from backends.engine.wire import METHODS
from backends.schedule.views import SchedulesView
from tests.unit import schedule_calls

ANNA = cast("Session", SimpleNamespace(actor="anna"))


@pytest.mark.parametrize(
    ("method", "params", "asked"),
    [
        ("schedules.list", {}, ("view",)),
        ("schedules.due", {}, ("due", False)),
        ("schedules.due", {"at_once": True}, ("due", True)),
        ("schedules.run", {"name": "nightly"}, ("run", "nightly", "anna")),
    ],
)
def test_every_method_reaches_the_schedules(method: str, params: dict[str, Any], asked: tuple[Any, ...]) -> None:
    calls: list[tuple[Any, ...]] = []

    def told(*words: Any) -> SchedulesView:
        calls.append(words)
        return schedule_calls.VIEW

    schedules = SimpleNamespace(
        view=lambda: told("view"),
        due=lambda *, at_once: told("due", at_once),
        run=lambda name, actor: told("run", name, actor),
    )
    engine = cast("Engine", SimpleNamespace(schedules=schedules))
    found = TABLE.methods[method]
    assert found.handler(engine, ANNA, found.params(**params)) == schedule_calls.VIEW
    assert calls == [asked]


def test_all_that_is_offered_can_be_called() -> None:
    offered = {name for name in TABLE.methods if name.startswith("schedules.")}
    assert offered == {name for name in METHODS if name.startswith("schedules.")} == set(schedule_calls.CALLS)
