"""The fleet as a plan must know it: what is known of each host now, filled in by the engine and judged by pure code."""

from __future__ import annotations

from collections.abc import Mapping

from backends.maintenance.model import RunState, Scheduler
from backends.maintenance.proof import Copy
from backends.metrics.sample import HostFacts, Record
from backends.states import HostState
from backends.updates.model import Caution, Change, HostPlan, Plan


class Standing(Record, frozen=True, kw_only=True):
    """How a host stands at its scheduler."""

    scheduler: Scheduler = "none"
    node: str = ""
    """What it is called there."""
    controller: str = ""
    """Host from which the scheduler is asked; "": the host itself, or there is none."""
    asked: bool = True
    """The scheduler gave an answer about it; `problem` says why not."""
    problem: str = ""
    hint: str = ""
    drained: bool = False
    """Somebody else has taken it out of service (this run did not)."""
    by: str = ""
    """Who, as far as the scheduler tells."""
    reason: str = ""
    jobs: int | None = None
    wait_seconds: float | None = None
    """What the longest of its jobs has left."""


class FleetHost(Record, frozen=True, kw_only=True):
    """One host of the inventory, in the run or not."""

    host: str
    state: HostState = HostState.UP
    reason: str = ""
    """Why it is in that state."""
    facts: HostFacts | None = None
    gpus: tuple[str, ...] | None = None
    """Models, one entry a GPU; None: not measured."""
    driver: str = ""
    """Of the GPUs."""
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    """What it fails together with."""
    standing: Standing = Standing()
    pending: tuple[Change, ...] | None = None
    """Updates that wait there; None: not known."""
    cautions: tuple[Caution, ...] = ()
    """What its last look at updates warned of."""
    gate: tuple[str, ...] = ()
    """What forbids a reboot there now, one sentence each."""
    reboot: bool | None = None
    """Something there asks for a reboot."""
    alerts: int = 0
    """That fire there, of warning or worse."""
    ill: bool = False
    """Its last health check was critical."""
    backup_age: Mapping[str, float] = {}
    """Backup set → seconds since its newest archive; a set without one is missing."""
    held_by: str = ""
    """Another run or job that has it now."""
    copies: Mapping[str, tuple[Copy, ...]] = {}
    """Backup set → how it stands in each repository; only of sets of which the run wants a proof."""


class Blackout(Record, frozen=True, kw_only=True):
    """A time in which nothing may be changed."""

    start: float
    """Epoch seconds."""
    end: float
    text: str = ""
    """Why."""
    hosts: tuple[str, ...] | None = None
    """Whom it concerns; None: everybody."""


class Site(Record, frozen=True, kw_only=True):
    """What composing a plan must know besides the hosts."""

    now: float
    """Epoch seconds."""
    who: str
    """Author of the plan."""
    sets: Mapping[str, tuple[str, ...]] = {}
    """Backup set → hosts that have a repository for it."""
    proof_seconds: float = 7 * 86400.0
    """How old the proof of a backup may be where its step does not say."""
    commands: Mapping[str, float] = {}
    """Name of a command step → its time-out in seconds; 0: the usual one."""
    approval_tags: tuple[str, ...] = ()
    """Hosts with one of these tags want somebody else's approval."""
    operators: int | None = None
    """How many people could approve; None: not known."""
    blackouts: tuple[Blackout, ...] = ()
    updates: Plan | None = None
    """What an update step would do, simulated on the hosts; None: not made, or there is no such step."""
    history: tuple[RunState, ...] = ()
    """Runs that are over, for estimates."""
    read_only: bool = False
    """This engine changes nothing."""

    @property
    def planned(self) -> dict[str, HostPlan]:
        """Host → what an update would do there; empty when nothing was simulated."""
        return {host.host: host for host in self.updates.hosts} if self.updates is not None else {}
