"""What a run does now: from where it stands and what the fleet is like to begin, look, skip, open a batch, stop or end. Pure.

Hosts in work go on whatever becomes of the run; only a pause keeps them from their next step. Whether another host may begin
is in `opening.py`.
"""

from __future__ import annotations

from backends.maintenance import opening
from backends.maintenance.does import NO_PACE, Act, Do, Pace
from backends.maintenance.model import HostRun, RunState, RunStatus, Stage
from backends.maintenance.places import everybody_over, step_over, summary
from backends.maintenance.world import World


def decide(state: RunState, world: World, pace: Pace = NO_PACE) -> tuple[Do, ...]:
    """Everything that is to be done now, hosts in the order of the plan.

    Args:
        state: the run.
        world: the fleet, every host of it.
        pace: what the process knows besides: which hosts are being talked to, how much time really passed.
    """
    if state.status in (RunStatus.WAITING, RunStatus.ENDED):
        return ()
    if everybody_over(state):
        return (Do(act=Act.END, text=summary(state)),)
    paused = state.status is RunStatus.PAUSED
    going = [
        do
        for host in state.hosts.values()
        if host.stage is Stage.WORKING and host.host not in pace.busy and (do := _further(state, host, paused))
    ]
    if state.status is RunStatus.RUNNING:
        going += opening.opening(state, world, pace)
    elif state.status is RunStatus.STOPPED:
        going += opening.cut_off(state, world, pace)
    return tuple(going)


def _further(state: RunState, host: HostRun, paused: bool) -> Do | None:
    """The next thing for a host in work; None: it waits for the end of the pause."""
    if host.begun and host.token:
        return Do(act=Act.LOOK, host=host.host, step=host.step)
    over = not host.begun and step_over(host)
    if over and host.step == len(state.plan.steps) - 1:
        return Do(act=Act.DONE, host=host.host, step=host.step)
    return None if paused else Do(act=Act.BEGIN, host=host.host, step=host.step + over)
