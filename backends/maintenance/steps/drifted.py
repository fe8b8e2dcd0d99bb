"""The configuration's part of the check: what differs is told, apart as the plan explains it or not. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from backends.maintenance import facts
from backends.maintenance.drift_plan import Drift
from backends.maintenance.steps.token import is_reason
from backends.maintenance.worker import Look, Place, Told

_SHOWN = 3


def with_drift(look: Look, place: Place, drift: Drift) -> Look:
    """The verdict with what differs; what nothing explains, and what is not known, asks where the site wants that."""
    if not drift.changes and not drift.problem:
        return look
    look = replace(look, text=f"{look.text}; {_said(drift)}", facts={**look.facts, **_facts(drift)})
    doubtful = drift.unexplained or drift.problem
    if not doubtful or not drift.ask or look.told is not Told.DONE:
        return look
    if is_reason(place.reason):
        return replace(look, facts={**look.facts, facts.OVERRULED: place.reason})
    hint = (
        f"swarm-tui drift {place.host.host} shows the lines; put it back and retry, or answer with a reason of at least "
        "ten letters: it is then given back as it is"
    )
    return replace(look, told=Told.ASKING, state="not known" if drift.problem else "drifted", hint=hint)


def _said(drift: Drift) -> str:
    planned, others = len(drift.explained), drift.unexplained
    parts = [f"whether its configuration differs is not known: {drift.problem}"] if drift.problem else []
    if planned:
        parts.append(f"{planned} {'file' if planned == 1 else 'files'} of its configuration changed as planned")
    if others:
        shown = ", ".join(each.text for each in others[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        parts.append(f"not explained by the plan: {shown}{more}")
    return "; ".join(parts)


def _facts(drift: Drift) -> dict[str, str]:
    values = {
        facts.DRIFT: facts.written((each.text,) for each in drift.unexplained),
        facts.DRIFT_PLANNED: facts.written((each.text, each.why) for each in drift.explained),
    }
    return {key: value for key, value in values.items() if value}
