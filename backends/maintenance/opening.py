"""Whether another host may begin, or the next batch, or whether the run stops by itself. Pure."""

from __future__ import annotations

from backends.maintenance.does import NO_PACE, Act, Do, Pace
from backends.maintenance.headroom import GONE, Taking
from backends.maintenance.model import OVER, HostPlan, RunState, Stage
from backends.maintenance.places import failed, named
from backends.maintenance.verdict import judge
from backends.maintenance.world import World
from backends.units import span

LATE = "it would not be done before the end of the window"
OVER_TEXT = "the window was over before its turn"
AGAIN = "plan it again for another window: swarm-tui run plan"
FREE = "when it is back in service, plan it again: swarm-tui run plan"
GIVE_BACK = "whoever drained it gives it back; then plan it again: swarm-tui run plan"
STUCK = "bring them back (retry or skip those that failed), or abort the run and plan it with a higher max_unavailable"
_AT_WORK = (Stage.WORKING, Stage.ASKING)


def opening(state: RunState, world: World, pace: Pace) -> list[Do]:
    """For a run that goes on."""
    queued = [each for each in state.plan.hosts if state.hosts[each.host].stage is Stage.QUEUED]
    if not queued:
        return _last(state)
    stop = _stop(state, world, queued)
    if stop is not None:
        return [stop]
    start = state.plan.window_start
    if start is not None and world.now < start:
        return [_wait(f"the window opens in {span(start - world.now)}")]
    members = [each for each in state.plan.hosts if each.batch == state.batch]
    if all(state.hosts[each.host].stage in OVER for each in members):
        return _next_batch(state, world, pace, members)
    return _take(state, world, pace, members)


def cut_off(state: RunState, world: World, pace: Pace) -> list[Do]:
    """For a run that has stopped: at the end of its window nobody's turn comes any more."""
    end = state.plan.window_end
    if end is None or world.now < end or not pace.steady:
        return []
    return [_skip(name, OVER_TEXT) for name, host in state.hosts.items() if host.stage is Stage.QUEUED]


def unfit(state: RunState, world: World, host: str, pace: Pace = NO_PACE) -> str:
    """Why a host may not begin whatever the budget says; "" when it may."""
    view = world.hosts.get(host)
    if view is None:
        return GONE
    if not view.up:
        return view.why or "down"
    if view.held_by:
        return f"held by {view.held_by}"
    return pace.elsewhere.get(host, "")


def waiting_unfit(state: RunState, world: World, pace: Pace) -> tuple[str, ...]:
    """Hosts of the batch that may begin now and cannot."""
    return tuple(
        each.host
        for each in state.plan.hosts
        if each.batch == state.batch
        and state.hosts[each.host].stage is Stage.QUEUED
        and unfit(state, world, each.host, pace)
    )


def estimate(plan: HostPlan, world: World) -> float:
    """Seconds that this host will probably take; 0 when nothing is known."""
    known = world.estimates.get(plan.kind, plan.estimate_seconds)
    return max(0.0, known or 0.0)


def fits(state: RunState, world: World, plan: HostPlan) -> bool:
    """It would probably be done before the window is over."""
    end = state.plan.window_end
    return end is None or (world.now < end and world.now + estimate(plan, world) <= end)


def _stop(state: RunState, world: World, queued: list[HostPlan]) -> Do | None:
    """What ends the beginning of hosts, as long as there are hosts to begin."""
    names, most = failed(state), state.plan.budget.failed
    if len(names) >= most and set(names) - set(state.excused):
        text = f"{len(names)} {'host has' if len(names) == 1 else 'hosts have'} failed ({named(names)}); the limit is {most}"
        return Do(act=Act.STOP, text=text, hint="look at them: retry or skip each, then resume the run or abort it")
    if not any(fits(state, world, each) for each in queued):
        return _cut(state, world, queued)
    if state.overruled == state.batch:
        return None
    verdict = judge(state, world)
    if not verdict.worse:
        return None
    return Do(act=Act.STOP, text=verdict.text, hint="look at their alerts; resume the run if they are harmless")


def _cut(state: RunState, world: World, queued: list[HostPlan]) -> Do:
    left = (state.plan.window_end or 0.0) - world.now
    if left <= 0:
        text = f"the window is over; {len(queued)} hosts did not begin"
    else:
        shortest = min(estimate(each, world) for each in queued)
        text = f"the window ends in {span(left)} and a host takes {span(shortest)}; {len(queued)} did not begin"
    return Do(act=Act.STOP, text=text, hint="hosts in work are finished; plan the others for another window")


def _last(state: RunState) -> list[Do]:
    """Nothing more can be opened: what it waits for is an answer, or the end of what is in work."""
    asking = tuple(name for name, host in state.hosts.items() if host.stage is Stage.ASKING)
    working = any(host.stage is Stage.WORKING for host in state.hosts.values())
    if working or not asking:
        return []
    return [_wait(f"{named(asking)} {'waits' if len(asking) == 1 else 'wait'} for an answer")]


def _next_batch(state: RunState, world: World, pace: Pace, members: list[HostPlan]) -> list[Do]:
    if state.batch_ended is None:
        return [Do(act=Act.BATCH_OVER)]
    soaked = pace.soaked if pace.soaked is not None else max(0.0, world.now - state.batch_ended)
    began = any(state.hosts[each.host].step >= 0 for each in members)
    left = state.plan.soak_seconds - soaked if began else 0.0
    if left > 0:
        return [_wait(f"batch {state.batch + 1} is over and soaks for another {span(left)}")]
    if not state.promoted:
        return [_wait(f"the canaries are over: somebody must say go on; {judge(state, world).text}")]
    return [Do(act=Act.BATCH, step=state.batch + 1, text=judge(state, world).text if began else "")]


def _take(state: RunState, world: World, pace: Pace, members: list[HostPlan]) -> list[Do]:
    """Hosts of the batch in their order, as long as there is room; those that cannot begin are told why."""
    taking = Taking(state, world, pace.elsewhere)
    begins: list[Do] = []
    outside: list[Do] = []
    blocked = ""
    for each in members:
        if state.hosts[each.host].stage is not Stage.QUEUED or each.host in pace.busy:
            continue
        why = unfit(state, world, each.host, pace) or ("" if fits(state, world, each) else LATE)
        if why:
            outside.append(Do(act=Act.WAIT, host=each.host, text=why))
        elif not taking.has_room(each):
            blocked = blocked or taking.refusal(each)
        else:
            taking.take(each)
            begins.append(Do(act=Act.BEGIN, host=each.host, step=0))
    idle = not begins and not any(state.hosts[each.host].stage in _AT_WORK for each in members)
    if idle and not blocked:
        outside = [_given_up(do, pace) for do in outside]
    if blocked:
        alone = idle and not pace.elsewhere and not any(host.stage in _AT_WORK for host in state.hosts.values())
        return [*begins, *outside, _wait(f"{blocked}; {STUCK}" if alone else blocked)]
    if begins:
        return [*begins, *outside]
    return [*outside, *(_whom(outside) if idle else _last(state))]


def _given_up(do: Do, pace: Pace) -> Do:
    """The batch has nothing else to do: who cannot begin is left out, after some patience with those who may come back."""
    late = do.text == LATE and pace.steady
    patient = do.text == LATE or pace.unfit.get(do.host, 0.0) < pace.patience
    return _skip(do.host, do.text) if late or not patient else do


def _whom(outside: list[Do]) -> list[Do]:
    waits = tuple(f"{do.host} ({do.text})" for do in outside if do.act is Act.WAIT)
    return [_wait(f"no host of the batch can begin: {named(waits)}")] if waits else []


def _skip(host: str, text: str) -> Do:
    drained = text.startswith("drained by")
    hint = AGAIN if text in (LATE, OVER_TEXT) else GIVE_BACK if drained else FREE
    return Do(act=Act.SKIP, host=host, text=text, hint=hint)


def _wait(text: str) -> Do:
    return Do(act=Act.WAIT, text=text)
