"""The part of the API that is about schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.engine.handlers import TABLE as TABLE
from backends.engine.handlers import Name
from backends.engine.methods import NoParams, Params
from backends.engine.session import Session
from backends.schedule.views import SchedulesView

if TYPE_CHECKING:
    from backends.engine.engine import Engine


class RunSchedule(Params, frozen=True):
    name: Name


class DoDue(Params, frozen=True):
    at_once: bool = False
    """Hosts do not wait for their own moments."""


@TABLE.method("schedules.list", NoParams)
def list_(engine: Engine, session: Session, params: NoParams) -> SchedulesView:
    return engine.schedules.view()


@TABLE.method("schedules.due", DoDue, slow=True)
def due(engine: Engine, session: Session, params: DoDue) -> SchedulesView:
    return engine.schedules.due(at_once=params.at_once)


@TABLE.method("schedules.run", RunSchedule, slow=True)
def run(engine: Engine, session: Session, params: RunSchedule) -> SchedulesView:
    return engine.schedules.run(params.name, session.actor)
