"""Maintenance runs as the API shows them: a line for each, one with everything, and who holds which host."""

from __future__ import annotations

from collections.abc import Mapping

from backends.maintenance.model import OVER, Approval, Budget, HostRun, Note, RunPlan, RunState, RunStatus, Stage
from backends.maintenance.worker import Look
from backends.metrics.sample import Record

ENDED = frozenset({RunStatus.ENDED})
"""No host of it is left."""


class RunSummary(Record, frozen=True, kw_only=True):
    """One run in a list."""

    run: str
    name: str
    who: str
    created: float
    status: RunStatus
    why: str = ""
    """Why it is paused, stopped or aborted; of a damaged journal: what is wrong with it."""
    hint: str = ""
    hash: str = ""
    hosts: int = 0
    stages: Mapping[str, int] = {}
    """Stage → how many hosts are there; stages without hosts are missing."""
    batch: int = 0
    batches: int = 1
    began: float | None = None
    ended: float | None = None
    window_end: float | None = None
    approvals: int = 0
    """Given, of `approvals_wanted`."""
    approvals_wanted: int = 0
    scheduled: bool = False
    version: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing of it goes on."""
        return self.status in ENDED

    @property
    def hosts_over(self) -> int:
        """How many hosts are done, failed or skipped."""
        return sum(self.stages.get(stage, 0) for stage in OVER)


class RunList(Record, frozen=True, kw_only=True):
    """Result of `runs.list`."""

    runs: tuple[RunSummary, ...] = ()
    """The newest first."""
    damaged: Mapping[str, str] = {}
    """Run → what is wrong with its journal: it is held, never guessed."""


class Headroom(Record, frozen=True, kw_only=True):
    """How much more may be away now."""

    away: int = 0
    """Hosts that are unavailable now: ours in work or failed, and those that are down anyway."""
    limit: int = 0
    free: int = 0
    """So many could begin now, as far as the fleet's budget goes."""
    failed: int = 0
    failed_limit: int = 1
    down: tuple[str, ...] = ()
    """Hosts that are away and not through this run."""
    domains: Mapping[str, tuple[int, int]] = {}
    """Failure domain with hosts of the run → (away, limit); empty without such a limit."""


class RunView(Record, frozen=True, kw_only=True):
    """Result of `runs.view`: one run, and how its hosts stand this moment."""

    run: str
    now: float
    """The engine's wall time, for ages and countdowns."""
    version: int
    """Number of edges; when `since` is equal to it `plan` and `hosts` are None, notes and approvals empty: as you have them."""
    status: RunStatus
    why: str = ""
    hint: str = ""
    plan: RunPlan | None = None
    """None: as you have it."""
    hosts: Mapping[str, HostRun] | None = None
    """None: nothing changed since that version."""
    batch: int = 0
    batch_ended: float | None = None
    soak_until: float | None = None
    """Epoch seconds when the batch's soak is over; None while it does not soak."""
    promoted: bool = False
    began: float | None = None
    ended: float | None = None
    approvals: tuple[Approval, ...] = ()
    notes: tuple[Note, ...] = ()
    looks: Mapping[str, Look] = {}
    """Host in work → how far its step is, as last looked at."""
    headroom: Headroom = Headroom()
    window_end: float | None = None
    window_left: float | None = None
    """Seconds until the cut-off; None without a window, negative after it."""
    estimates: Mapping[str, float] = {}
    """Kind of host → p90 of what a whole host took, in seconds."""


class NamedRun(Record, frozen=True, kw_only=True):
    """One of `[[runs]]`: what may be begun by its name."""

    name: str
    selector: str = ""
    """Which hosts it means; "": every host."""
    hosts: int = 0
    """How many these are now."""
    steps: tuple[str, ...] = ()
    window: str = ""
    """In words; "" without one."""
    problem: str = ""
    """Why the selector means no host now; "" when it does."""


class Held(Record, frozen=True, kw_only=True):
    """A host that a run has."""

    host: str
    run: str
    name: str
    who: str
    stage: Stage = Stage.QUEUED
    text: str = ""
    """What it does there now."""


def summary(state: RunState) -> RunSummary:
    """The line of one run."""
    stages: dict[str, int] = {}
    for host in state.hosts.values():
        stages[host.stage] = stages.get(host.stage, 0) + 1
    plan = state.plan
    return RunSummary(
        run=plan.id,
        name=plan.name,
        who=plan.who,
        created=plan.created,
        status=state.status,
        why=state.why,
        hint=state.hint,
        hash=plan.hash,
        hosts=len(plan.hosts),
        stages=stages,
        batch=state.batch,
        batches=plan.batches,
        began=state.began,
        ended=state.ended,
        window_end=plan.window_end,
        approvals=len(state.approvals),
        approvals_wanted=plan.approvals,
        scheduled=plan.scheduled,
        version=state.edges,
    )


def view(
    state: RunState,
    now: float,
    *,
    since: int | None = None,
    looks: Mapping[str, Look] | None = None,
    headroom: Headroom | None = None,
    estimates: Mapping[str, float] | None = None,
) -> RunView:
    """One run as a client needs it that knows its version `since`."""
    plan, same = state.plan, since == state.edges
    soaks = state.batch_ended is not None and state.status is not RunStatus.ENDED
    return RunView(
        run=plan.id,
        now=now,
        version=state.edges,
        status=state.status,
        why=state.why,
        hint=state.hint,
        plan=None if same else plan,
        hosts=None if same else state.hosts,
        batch=state.batch,
        batch_ended=state.batch_ended,
        soak_until=(state.batch_ended or 0.0) + plan.soak_seconds if soaks else None,
        promoted=state.promoted,
        began=state.began,
        ended=state.ended,
        approvals=() if same else state.approvals,
        notes=() if same else state.notes,
        looks=looks or {},
        headroom=headroom or budget_only(plan.budget),
        window_end=plan.window_end,
        window_left=None if plan.window_end is None else plan.window_end - now,
        estimates=estimates or {},
    )


def budget_only(budget: Budget) -> Headroom:
    """The limits, when nothing is known of the fleet."""
    return Headroom(limit=budget.fleet, free=budget.fleet, failed_limit=budget.failed)
