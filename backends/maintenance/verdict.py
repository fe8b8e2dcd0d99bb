"""Whether a batch did its hosts harm: new alerts and failed health checks there, beside what untouched hosts have. Pure.

A host counts once it was given back and had a moment to settle. It is ill when more alerts fire there than before it began,
or when its health check is critical and was not. Untouched are the hosts of the run whose turn has not come.
"""

from __future__ import annotations

from backends.maintenance.model import HostRun, RunState, Stage
from backends.maintenance.places import named
from backends.maintenance.world import HostView, World
from backends.metrics.sample import Record

SETTLE_SECONDS = 120.0
"""Alerts of a reboot end by then; a run that soaks for less judges after its soak."""
FEW = 10
"""In a batch smaller than this a single ill host is enough; in a larger one it takes two."""


class Verdict(Record, frozen=True, kw_only=True):
    """The hosts of a batch beside the untouched ones."""

    judged: int = 0
    """Hosts of the batch that were given back and have settled."""
    ill: tuple[str, ...] = ()
    """Those of them that have new trouble."""
    untouched: int = 0
    untouched_ill: int = 0
    """Untouched hosts on which any alert fires or whose check is critical."""
    needed: int = 1
    """So many ill hosts make a verdict."""

    @property
    def worse(self) -> bool:
        """The batch did harm, as far as can be told."""
        if len(self.ill) < self.needed or not self.untouched:
            return False
        return len(self.ill) * self.untouched > self.untouched_ill * self.judged

    @property
    def text(self) -> str:
        """In one sentence."""
        if not self.judged:
            return "no host of this batch was given back"
        names = f" ({named(self.ill)})" if self.ill else ""
        whom = f"{len(self.ill)} of {self.judged} hosts of this batch{names} have new alerts or a critical check"
        return f"{whom}; of the untouched hosts {self.untouched_ill} of {self.untouched} have any"


def judge(state: RunState, world: World) -> Verdict:
    """The batch that may begin now, as it stands."""
    members = [each.host for each in state.plan.hosts if each.batch == state.batch]
    settled = min(SETTLE_SECONDS, state.plan.soak_seconds)
    judged = [name for name in members if _settled(state.hosts[name], world, settled)]
    untouched = [
        view
        for name, host in state.hosts.items()
        if host.stage is Stage.QUEUED and (view := world.hosts.get(name)) is not None and view.up
    ]
    return Verdict(
        judged=len(judged),
        ill=tuple(name for name in judged if _worse(state.hosts[name], world.hosts[name])),
        untouched=len(untouched),
        untouched_ill=sum(bool(view.alerts) or view.ill for view in untouched),
        needed=1 if len(members) < FEW else 2,
    )


def _settled(host: HostRun, world: World, seconds: float) -> bool:
    if host.stage is not Stage.DONE or host.host not in world.hosts:
        return False
    return world.now - (host.ended or 0.0) >= seconds


def _worse(host: HostRun, view: HostView) -> bool:
    return view.alerts > host.alerts_before or (view.ill and not host.ill_before)
