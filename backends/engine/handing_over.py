"""What the hand-over of a shift is made of, collected from all parts of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.alerts.handover import handover
from backends.alerts.handover_facts import Due, Facts, Out, Work
from backends.alerts.model import Edge
from backends.alerts.outbox_store import FINISHED
from backends.engine import alert_rows
from backends.errors import RetryLater
from backends.inventory import ranges
from backends.states import HostState

if TYPE_CHECKING:
    from backends.engine.duty import Duty
    from backends.engine.engine import Engine

MOST_EDGES = 20_000
WORKING = (HostState.UP, HostState.CONNECTING)


def markdown(engine: Engine, duty: Duty, seconds: float, by: str = "") -> str:
    """The hand-over of the last `seconds`."""
    return handover(facts(engine, duty, seconds, by))


def facts(engine: Engine, duty: Duty, seconds: float, by: str) -> Facts:
    """Everything as it is now; what cannot be read is named in `problems`."""
    view, now = duty.alerting.view(None, None), duty.now()
    edges, trouble = _edges(duty, now - seconds)
    problems = [each for each in (view.problem, trouble, engine.config_error) if each]
    return Facts(
        now=now,
        seconds=seconds,
        by=by,
        hosts=len(engine.hosts),
        alerts=view.alerts or (),
        edges=edges,
        silences=view.silences,
        mutes=view.mutes,
        targets=view.targets,
        deliveries=tuple(alert_rows.delivery(row) for row in duty.alerting.outbox.rows() if row.state not in FINISHED),
        pulse=view.pulse,
        out=tuple(
            Out(host=row.name, state=str(row.state), since=row.since, text=row.reason)
            for row in engine.fleet.rows()
            if row.state not in WORKING
        ),
        work=tuple(Work(text=each) for each in engine.in_flight()),
        due=_due(engine, now + seconds),
        problems=tuple(problems),
    )


def _edges(duty: Duty, since: float) -> tuple[tuple[Edge, ...], str]:
    try:
        return duty.alerting.book.history(since=since, limit=MOST_EDGES), ""
    except RetryLater as error:
        return (), error.message


def _due(engine: Engine, until: float) -> tuple[Due, ...]:
    """Backups that are to be made until then, hosts with the same set at the same hour together."""
    if not engine.has_backups:
        return ()
    found: dict[tuple[str, str, int], list[str]] = {}
    for each in engine.backups.view(list(engine.hosts), None).sets or ():
        if each.due is not None and each.due <= until:
            found.setdefault(
                (each.set, each.repository.rpartition("/")[0] or each.repository, int(each.due // 3600)), []
            ).append(each.host)
    return tuple(
        Due(time=hour * 3600.0, text=f"backup of {name} of {ranges.fold(hosts)} to {place}")
        for (name, place, hour), hosts in sorted(found.items(), key=lambda item: item[0][2])
    )
