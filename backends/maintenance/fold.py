"""A run as the sum of its edges: one edge more, one state further. Pure; what cannot have happened is refused.

The edges of hosts are in `fold_hosts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from backends.errors import Stop
from backends.maintenance import fold_hosts
from backends.maintenance.model import (
    OVER,
    Approval,
    Edge,
    EdgeKind,
    HostRun,
    Note,
    RunPlan,
    RunState,
    RunStatus,
    Stage,
)
from backends.maintenance.places import everybody_over, failed

LIVE = frozenset({RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.STOPPED, RunStatus.ABORTED})
"""Started and not over: hosts may be in work."""


def fold(state: RunState | None, edge: Edge) -> RunState:
    """The state after `edge`. Raises Stop: the edge cannot follow on what is known."""
    if state is None:
        return _created(edge)
    rule = _RULES.get(edge.kind)
    if rule is None:
        raise impossible(state, edge, "a run is created once")
    statuses, change = rule
    if state.status not in statuses:
        raise impossible(state, edge, f"the run is {state.status}")
    return replace(change(state, edge), edges=state.edges + 1)


def folded(edges: Iterable[Edge]) -> RunState:
    """The state after all of them. Raises Stop: they do not follow on each other, or there are none."""
    state: RunState | None = None
    for edge in edges:
        state = fold(state, edge)
    if state is None:
        raise Stop("no run: its journal says nothing")
    return state


def impossible(state: RunState, edge: Edge, why: str) -> Stop:
    """What a journal with such a line deserves."""
    return Stop(f"edge {state.edges + 1} ({edge.kind}) cannot be: {why}", host=edge.host or None)


def needs_nobody(plan: RunPlan, batch: int) -> bool:
    """Nobody must say go on after this batch: only canaries are promoted, and only where the plan says so."""
    return plan.promote == "auto" or not any(host.canary for host in plan.hosts if host.batch == batch)


def _created(edge: Edge) -> RunState:
    if edge.kind is not EdgeKind.CREATED or edge.plan is None:
        raise Stop(f"a journal begins with a plan, not with {edge.kind}")
    hosts = {host.host: HostRun(host=host.host) for host in edge.plan.hosts}
    return RunState(plan=edge.plan, hosts=hosts, promoted=needs_nobody(edge.plan, 0), edges=1)


def _approved(state: RunState, edge: Edge) -> RunState:
    return replace(state, approvals=(*state.approvals, Approval(who=edge.who, time=edge.time, hash=edge.text)))


def _started(state: RunState, edge: Edge) -> RunState:
    return replace(state, status=RunStatus.RUNNING, began=edge.time)


def _paused(state: RunState, edge: Edge) -> RunState:
    return replace(state, status=RunStatus.PAUSED, why=edge.text, hint=edge.hint)


def _resumed(state: RunState, edge: Edge) -> RunState:
    """After a stop: whoever lets it go on knows what stopped it, and only more of it stops it again."""
    if state.status is RunStatus.STOPPED:
        state = replace(state, excused=failed(state), overruled=state.batch)
    return replace(state, status=RunStatus.RUNNING, why="", hint="")


def _stopped(state: RunState, edge: Edge) -> RunState:
    return replace(state, status=RunStatus.STOPPED, why=edge.text, hint=edge.hint)


def _aborted(state: RunState, edge: Edge) -> RunState:
    text = f"aborted by {edge.who}" if edge.who else "aborted"
    hosts = {
        name: replace(host, stage=Stage.SKIPPED, text=text, ended=edge.time) if host.stage is Stage.QUEUED else host
        for name, host in state.hosts.items()
    }
    return replace(state, status=RunStatus.ABORTED, why=edge.text, hint=edge.hint, hosts=hosts)


def _ended(state: RunState, edge: Edge) -> RunState:
    if not everybody_over(state):
        raise impossible(state, edge, "hosts are left")
    why, hint = ("", "") if state.status is RunStatus.PAUSED else (state.why, state.hint)
    return replace(state, status=RunStatus.ENDED, ended=edge.time, why=why, hint=hint)


def _batch(state: RunState, edge: Edge) -> RunState:
    if edge.step != state.batch + 1 or state.batch_ended is None or not state.promoted:
        raise impossible(state, edge, f"batch {state.batch} is not over")
    promoted = needs_nobody(state.plan, edge.step)
    return replace(state, batch=edge.step, batch_ended=None, promoted=promoted)


def _batch_over(state: RunState, edge: Edge) -> RunState:
    left = [each.host for each in state.plan.hosts if each.batch == state.batch]
    if state.batch_ended is not None or any(state.hosts[name].stage not in OVER for name in left):
        raise impossible(state, edge, f"batch {state.batch} is not over, or was so before")
    return replace(state, batch_ended=edge.time)


def _promoted(state: RunState, edge: Edge) -> RunState:
    return replace(state, promoted=True)


def _note(state: RunState, edge: Edge) -> RunState:
    note = Note(time=edge.time, who=edge.who, text=edge.text, host=edge.host)
    return replace(state, notes=(*state.notes, note))


def _retried(state: RunState, edge: Edge) -> RunState:
    """Also after the end of a run, which then goes on for this host; the batch is not over while it is in work."""
    state = fold_hosts.one(fold_hosts.retried)(state, edge)
    same = any(each.batch == state.batch for each in state.plan.hosts if each.host == edge.host)
    excused = tuple(name for name in state.excused if name != edge.host)
    state = replace(state, batch_ended=None if same else state.batch_ended, excused=excused)
    if state.status is not RunStatus.ENDED:
        return state
    return replace(state, status=RunStatus.RUNNING, ended=None, why="", hint="")


Rule = tuple[frozenset[RunStatus], Callable[[RunState, Edge], RunState]]
_RUNNING, _WAITING = frozenset({RunStatus.RUNNING}), frozenset({RunStatus.WAITING})
_ALWAYS = frozenset(RunStatus)
_BATCHES = frozenset({RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.STOPPED})
_RULES: Mapping[EdgeKind, Rule] = {
    EdgeKind.APPROVED: (_WAITING, _approved),
    EdgeKind.STARTED: (_WAITING, _started),
    EdgeKind.PAUSED: (frozenset({RunStatus.RUNNING, RunStatus.STOPPED}), _paused),
    EdgeKind.RESUMED: (frozenset({RunStatus.PAUSED, RunStatus.STOPPED}), _resumed),
    EdgeKind.STOPPED: (_RUNNING, _stopped),
    EdgeKind.ABORTED: (_WAITING | _BATCHES, _aborted),
    EdgeKind.ENDED: (LIVE, _ended),
    EdgeKind.BATCH: (_RUNNING, _batch),
    EdgeKind.BATCH_OVER: (_RUNNING, _batch_over),
    EdgeKind.PROMOTED: (_BATCHES, _promoted),
    EdgeKind.NOTE: (_ALWAYS, _note),
    EdgeKind.INTENDED: (frozenset({RunStatus.RUNNING, RunStatus.STOPPED, RunStatus.ABORTED}), fold_hosts.intended),
    EdgeKind.BEGUN: (LIVE, fold_hosts.one(fold_hosts.begun)),
    EdgeKind.ASKING: (LIVE, fold_hosts.one(fold_hosts.asking)),
    EdgeKind.ANSWERED: (LIVE, fold_hosts.one(fold_hosts.answered)),
    EdgeKind.STEP_OVER: (LIVE, fold_hosts.one(fold_hosts.step_ended)),
    EdgeKind.HOST_DONE: (LIVE, fold_hosts.done),
    EdgeKind.SKIPPED: (LIVE, fold_hosts.one(fold_hosts.skipped)),
    EdgeKind.RETRIED: (LIVE | {RunStatus.ENDED}, _retried),
}
