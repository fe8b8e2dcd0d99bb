"""What an edge means for the host that it names. Pure; raises Stop for what cannot have happened."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from backends.errors import Stop
from backends.maintenance.model import Edge, HostRun, RunState, RunStatus, Stage, StepResult
from backends.maintenance.places import step_over

Change = Callable[[HostRun, Edge], HostRun]


def one(change: Change) -> Callable[[RunState, Edge], RunState]:
    """A change of one host as a change of the run."""

    def changed(state: RunState, edge: Edge) -> RunState:
        return _put(state, change(_host(state, edge), edge))

    return changed


def intended(state: RunState, edge: Edge) -> RunState:
    """A step is about to begin: the first of a host, the next, or the same once more."""
    host = _host(state, edge)
    if not edge.key or not 0 <= edge.step < len(state.plan.steps):
        raise _impossible(host, edge, "there is no such step")
    if host.stage is Stage.QUEUED:
        return _put(state, _first(state, host, edge))
    if host.stage is not Stage.WORKING or host.begun:
        raise _impossible(host, edge, "something else goes on there")
    if edge.step != host.step + step_over(host):
        raise _impossible(host, edge, "it is not the turn of that step")
    attempt = host.attempt if edge.step == host.step else 0
    return _put(state, replace(_in_step(host, edge), attempt=attempt))


def _first(state: RunState, host: HostRun, edge: Edge) -> HostRun:
    batch = next(each.batch for each in state.plan.hosts if each.host == host.host)
    if edge.step != 0 or batch != state.batch or state.status is not RunStatus.RUNNING:
        raise _impossible(host, edge, "it is not its turn")
    alerts = edge.facts.get("alerts", "0")
    return replace(
        _in_step(host, edge),
        stage=Stage.WORKING,
        began=edge.time,
        alerts_before=int(alerts) if alerts.isascii() and alerts.isdigit() else 0,
        ill_before=edge.facts.get("ill") == "yes",
    )


def _in_step(host: HostRun, edge: Edge) -> HostRun:
    return replace(
        host, step=edge.step, key=edge.key, begun=True, token="", text="", hint="", step_began=edge.time, ended=None
    )


def begun(host: HostRun, edge: Edge) -> HostRun:
    """The worker has begun, or has a new token."""
    _demand_in_step(host, edge)
    if not edge.token:
        raise _impossible(host, edge, "without a token")
    return replace(host, token=edge.token, tokens={**host.tokens, edge.step: edge.token})


def asking(host: HostRun, edge: Edge) -> HostRun:
    """A person must decide."""
    _demand_in_step(host, edge)
    return replace(host, stage=Stage.ASKING, text=edge.text, hint=edge.hint)


def answered(host: HostRun, edge: Edge) -> HostRun:
    """Somebody did: the step is begun anew, under a new key, with the answer as its reason."""
    _demand(host, edge, host.stage is Stage.ASKING and edge.step == host.step, "it asks nothing there")
    return replace(_once_more(host), reason=edge.text, answered_by=edge.who)


def retried(host: HostRun, edge: Edge) -> HostRun:
    """The same step once more, under a new key."""
    left = host.stage is Stage.SKIPPED and host.step >= 0
    may = host.stage in (Stage.FAILED, Stage.ASKING) or left
    _demand(host, edge, may and edge.step == host.step, "it did not fail in that step")
    return replace(_once_more(host), reason="", answered_by="")


def _once_more(host: HostRun) -> HostRun:
    attempt = host.attempt + 1
    return replace(
        host, stage=Stage.WORKING, attempt=attempt, begun=False, key="", token="", text="", hint="", ended=None
    )


def step_ended(host: HostRun, edge: Edge) -> HostRun:
    """A step is over. A failed host stays as it is."""
    _demand_in_step(host, edge)
    tokens = {**host.tokens, edge.step: edge.token} if edge.token else host.tokens
    began = host.step_began if host.step_began is not None else edge.time
    result = StepResult(
        step=edge.step,
        good=edge.good,
        text=edge.text,
        began=began,
        ended=max(began, edge.time),
        facts=edge.facts,
    )
    host = replace(host, results=(*host.results, result), tokens=tokens, begun=False, key="", token="")
    if edge.good:
        return replace(host, text="", hint="", reason="", answered_by="")
    return replace(host, stage=Stage.FAILED, text=edge.text, hint=edge.hint, ended=edge.time)


def done(state: RunState, edge: Edge) -> RunState:
    """All its steps are over."""
    host = _host(state, edge)
    last = host.step == len(state.plan.steps) - 1 and step_over(host)
    _demand(host, edge, host.stage is Stage.WORKING and last, "steps are left")
    return _put(state, replace(host, stage=Stage.DONE, text=edge.text, hint="", ended=edge.time))


def skipped(host: HostRun, edge: Edge) -> HostRun:
    """It is left out; one that was begun is left as it is."""
    may = host.stage in (Stage.QUEUED, Stage.ASKING, Stage.FAILED)
    _demand(host, edge, may, f"it is {host.stage}")
    return replace(host, stage=Stage.SKIPPED, text=edge.text, hint=edge.hint, ended=edge.time, begun=False)


def _host(state: RunState, edge: Edge) -> HostRun:
    host = state.hosts.get(edge.host)
    if host is None:
        raise Stop(f"edge {state.edges + 1} ({edge.kind}) names a host that is not in the run", host=edge.host)
    return host


def _put(state: RunState, host: HostRun) -> RunState:
    return replace(state, hosts={**state.hosts, host.host: host})


def _demand_in_step(host: HostRun, edge: Edge) -> None:
    going = host.stage is Stage.WORKING and host.begun and edge.step == host.step
    _demand(host, edge, going, "that step does not go on there")


def _demand(host: HostRun, edge: Edge, true: bool, why: str) -> None:
    if not true:
        raise _impossible(host, edge, why)


def _impossible(host: HostRun, edge: Edge, why: str) -> Stop:
    return Stop(f"{edge.kind} of step {edge.step} cannot be: {why}", host=host.host)
