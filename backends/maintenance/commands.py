"""What a person may ask of a run, checked against where it stands: each becomes one edge, or is refused in a sentence. Pure."""

from __future__ import annotations

from backends.errors import BadInput
from backends.maintenance.model import Edge, EdgeKind, HostRun, RunState, RunStatus, Stage
from backends.maintenance.places import everybody_over, person
from backends.text import clean

TEXT = 2000
_GOING = (RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.STOPPED)
_STARTED = (*_GOING, RunStatus.ABORTED)


def approve(state: RunState, hash: str, who: str, now: float) -> Edge:
    """Somebody besides the author says yes to exactly this plan."""
    _demand(state, state.status is RunStatus.WAITING, f"it is {state.status} already")
    _same_plan(state, hash)
    _demand(state, bool(person(who)), "nobody is named who approves")
    _demand(state, person(who) != person(state.plan.who), f"{person(who)} made the plan: somebody else must approve it")
    before = {person(each.who) for each in state.approvals}
    _demand(state, person(who) not in before, f"{person(who)} has approved it already")
    return Edge(time=now, kind=EdgeKind.APPROVED, who=who, text=hash)


def start(state: RunState, hash: str, who: str, now: float) -> Edge:
    """Begin."""
    _demand(state, state.status is RunStatus.WAITING, f"it is {state.status} already")
    if hash:
        _same_plan(state, hash)
    missing = state.plan.approvals - len({person(each.who) for each in state.approvals if each.hash == state.plan.hash})
    if missing > 0:
        many = f"{missing} more {'person' if missing == 1 else 'people'}"
        raise BadInput(
            f"run {state.plan.id} must be approved by {many} before it starts",
            hint=f"somebody besides {person(state.plan.who)}: swarm-tui run approve {state.plan.id}",
        )
    end = state.plan.window_end
    _demand(state, end is None or now < end, "its window is over")
    return Edge(time=now, kind=EdgeKind.STARTED, who=who)


def pause(state: RunState, text: str, who: str, now: float) -> Edge:
    """Begin nothing; steps in work come to their end."""
    _demand(state, state.status in (RunStatus.RUNNING, RunStatus.STOPPED), f"it is {state.status}")
    said = f"paused by {who}: {text}" if text else f"paused by {who}"
    return Edge(time=now, kind=EdgeKind.PAUSED, who=who, text=clean(said, TEXT), hint="resume it, or abort it")


def resume(state: RunState, text: str, who: str, now: float) -> Edge:
    """Go on after a pause or a stop."""
    _demand(state, state.status in (RunStatus.PAUSED, RunStatus.STOPPED), f"it is {state.status}")
    return Edge(time=now, kind=EdgeKind.RESUMED, who=who, text=clean(text, TEXT))


def abort(state: RunState, text: str, who: str, now: float) -> Edge:
    """For good: hosts in work come to their end, the others are skipped."""
    _demand(state, state.status in (RunStatus.WAITING, *_GOING), f"it is {state.status}")
    said = f"aborted by {who}: {text}" if text else f"aborted by {who}"
    return Edge(time=now, kind=EdgeKind.ABORTED, who=who, text=clean(said, TEXT))


def promote(state: RunState, who: str, now: float) -> Edge:
    """The canaries are good enough."""
    _demand(state, state.status in _GOING, f"it is {state.status}")
    _demand(state, not state.promoted, "nobody needs to say go on now")
    _demand(state, state.batch_ended is not None, "its canaries are not over yet")
    return Edge(time=now, kind=EdgeKind.PROMOTED, who=who)


def skip(state: RunState, host: str, text: str, who: str, now: float) -> Edge:
    """Leave a host out, or leave it as it is."""
    run = _host(state, host)
    _demand(state, state.status in _STARTED, f"it is {state.status}", host)
    may = run.stage in (Stage.QUEUED, Stage.ASKING, Stage.FAILED)
    why = "it is in work, which is never broken off" if run.stage is Stage.WORKING else f"it is {run.stage}"
    _demand(state, may, why, host)
    what = "skipped" if run.stage is Stage.QUEUED else "left as it is"
    said = f"{what} by {who}: {text}" if text else f"{what} by {who}"
    before = f"; {run.text}" if run.stage is not Stage.QUEUED and run.text else ""
    return Edge(
        time=now,
        kind=EdgeKind.SKIPPED,
        who=who,
        host=host,
        step=run.step,
        text=clean(said + before, TEXT),
        hint=run.hint,
    )


def retry(state: RunState, host: str, text: str, who: str, now: float) -> Edge:
    """The step in which a host failed once more; also after the end of the run."""
    run = _host(state, host)
    left = run.stage is Stage.SKIPPED and run.step >= 0
    _demand(state, state.status is not RunStatus.WAITING, "it has not started", host)
    _demand(state, left or run.stage in (Stage.FAILED, Stage.ASKING), f"it is {run.stage}", host)
    return Edge(time=now, kind=EdgeKind.RETRIED, who=who, host=host, step=run.step, text=clean(text, TEXT))


def answer(state: RunState, host: str, text: str, who: str, now: float) -> Edge:
    """What a person says to a host that asks."""
    run = _host(state, host)
    _demand(state, run.stage is Stage.ASKING, "it asks nothing", host)
    said = clean(text.strip(), TEXT)
    _demand(state, bool(said), "an answer has words", host)
    return Edge(time=now, kind=EdgeKind.ANSWERED, who=who, host=host, step=run.step, text=said)


def note(state: RunState, text: str, host: str, who: str, now: float) -> Edge:
    """Something for the report."""
    if host:
        _host(state, host)
    said = clean(text.strip(), TEXT)
    _demand(state, bool(said), "a note has words", host)
    return Edge(time=now, kind=EdgeKind.NOTE, who=who, host=host, text=said)


def phrase(state: RunState) -> str:
    """A run that goes on, for whoever wants to end the engine."""
    working = sum(host.stage in (Stage.WORKING, Stage.ASKING) for host in state.hosts.values())
    queued = sum(host.stage is Stage.QUEUED for host in state.hosts.values())
    hosts = "1 host" if working == 1 else f"{working} hosts"
    left = "" if everybody_over(state) else f": {hosts} in work, {queued} to go"
    about = ", ".join(word for word in (state.plan.name, str(state.status)) if word)
    return f"maintenance run {state.plan.id} ({about}){left}"


def _same_plan(state: RunState, hash: str) -> None:
    _demand(
        state, hash == state.plan.hash, f"its plan is {state.plan.hash[:12]}, not {clean(hash, 80)[:12] or 'nothing'}"
    )


def _host(state: RunState, host: str) -> HostRun:
    run = state.hosts.get(host)
    if run is None:
        raise BadInput(f"run {state.plan.id} has no such host", host=clean(host, 80))
    return run


def _demand(state: RunState, true: bool, why: str, host: str = "") -> None:
    if not true:
        raise BadInput(f"run {state.plan.id}: {why}", host=host or None, hint=f"swarm-tui run show {state.plan.id}")
