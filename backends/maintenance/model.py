"""The words of a maintenance run: its plan, which never changes, and where it stands, which is the sum of its edges.

A run takes hosts through steps, in batches. A host's place is the number of its step and how far that is; everything that
must survive a crash is in the edges of the journal, and everything else is asked of the hosts again.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from backends.metrics.sample import Record

Scheduler = Literal["none", "slurm", "kubernetes", "ray", "command"]
Promote = Literal["auto", "key"]


class StepKind(StrEnum):
    """What is done to a host. The first word of a step as the configuration writes it ("update:security")."""

    DRAIN = "drain"
    SNAPSHOT = "snapshot"
    BACKUP = "backup"
    PROOF = "proof"
    UPDATE = "update"
    REBOOT = "reboot"
    REBOOT_IF_NEEDED = "reboot-if-needed"
    CHECK = "check"
    COMMAND = "command"
    GATE = "gate"
    RESUME = "resume"


class Step(Record, frozen=True, kw_only=True):
    """One step, the same for every host of the run."""

    kind: StepKind
    argument: str = ""
    """After the colon: a backup set (with the age of a proof), "security", the name of a command, the question of a gate."""
    timeout_seconds: float = 3600.0
    """After this the step has failed, except that what runs on the host is never killed."""

    @property
    def text(self) -> str:
        """As the configuration writes it."""
        return f"{self.kind}:{self.argument}" if self.argument else str(self.kind)


class HostPlan(Record, frozen=True, kw_only=True):
    """One host of a plan."""

    host: str
    kind: str
    """What it has in common with others: GPUs, system, kernel ("8×H100 · Debian 12 · 6.1"). One canary for each."""
    domains: tuple[str, ...] = ()
    """What it fails together with (its parents in the inventory): a rack, a switch."""
    batch: int = 0
    """Its batch, from 0. Canaries are batch 0 where the plan has canaries."""
    canary: bool = False
    scheduler: Scheduler = "none"
    tags: tuple[str, ...] = ()
    estimate_seconds: float | None = None
    """From start to end, by what earlier runs took (p90 of its kind); None: nothing is known."""


class Budget(Record, frozen=True, kw_only=True):
    """How much may be away at once, as numbers of hosts."""

    fleet: int
    """Hosts of the run's fleet that may be unavailable at once: ours in work or failed, and those that are down anyway."""
    domain: int | None = None
    """The same within each failure domain; None: no limit there."""
    failed: int
    """At so many failed hosts (unreachable ones count) the run begins no other; at least 1."""


class Approval(Record, frozen=True, kw_only=True):
    """Somebody besides the author said yes to exactly this plan."""

    who: str
    time: float
    hash: str


class RunPlan(Record, frozen=True, kw_only=True):
    """What was agreed on. Its hash is over everything in it but `id` and `hash`."""

    id: str
    name: str
    """Of `[[runs]]`, or what the operator called it."""
    who: str
    created: float
    hosts: tuple[HostPlan, ...]
    """In the order in which they are taken."""
    steps: tuple[Step, ...]
    budget: Budget
    batches: int = 1
    soak_seconds: float = 600.0
    """Between the end of a batch (the canaries first) and the next one."""
    promote: Promote = "auto"
    """"key": after the canaries somebody must say go on."""
    window_start: float | None = None
    """Epoch seconds before which nothing begins; None: at once."""
    window_end: float | None = None
    """Epoch seconds; no host begins that would probably not be done by then. None: no window."""
    update_plan: str = ""
    """Id of the plan of updates that its update step applies; "" when there is no such step, or nothing waits."""
    update_hash: str = ""
    approvals: int = 0
    """How many others must approve it before it starts."""
    selector: str = ""
    """How the hosts were chosen."""
    scheduled: bool = False
    """Nobody was there when it began."""
    hash: str = ""


class Stage(StrEnum):
    """Where a host is, coarsely. What exactly it does is `HostRun.state`."""

    QUEUED = "queued"
    WORKING = "working"
    ASKING = "needs-operator"
    """It waits for a person: a gate, a refusal that somebody may overrule. It counts as unavailable."""
    DONE = "done"
    FAILED = "failed-held"
    """It stays as it is (drained), named, and keeps eating the budget."""
    SKIPPED = "skipped"


OVER = frozenset({Stage.DONE, Stage.FAILED, Stage.SKIPPED})


class RunStatus(StrEnum):
    WAITING = "waiting"
    """For approvals or its first moment."""
    RUNNING = "running"
    PAUSED = "paused"
    """By a person: what is in work comes to the end of its step, nothing is begun."""
    STOPPED = "stopped"
    """By itself (budget, verdict, cut-off): hosts in work are finished, no other is begun. A person may resume it."""
    ABORTED = "aborted"
    """By a person, for good: hosts in work are finished, the others are skipped."""
    ENDED = "ended"


class StepResult(Record, frozen=True, kw_only=True):
    """One step of one host that is over."""

    step: int
    good: bool
    text: str = ""
    began: float = 0.0
    ended: float = 0.0
    facts: Mapping[str, str] = {}
    """For the report: packages changed, CVEs closed, archive, boot ids, jobs waited for … A value may have many lines."""


class HostRun(Record, frozen=True, kw_only=True):
    """One host of a run, now."""

    host: str
    stage: Stage = Stage.QUEUED
    step: int = -1
    """Number of the step it is in (or failed in); -1 before the first."""
    key: str = ""
    """Of this attempt at the step: what a step does on a host carries it, so that it is done once."""
    token: str = ""
    """What the step's worker wrote down when it had begun; "" until then."""
    begun: bool = False
    """The worker was told to begin: from here on the host is asked first whether it did."""
    attempt: int = 0
    text: str = ""
    """What it does or waits for, or why it failed, in one sentence."""
    hint: str = ""
    began: float | None = None
    ended: float | None = None
    step_began: float | None = None
    results: tuple[StepResult, ...] = ()
    tokens: Mapping[int, str] = {}
    """Step → last token: a later step reads what an earlier one wrote down (a resume its drain's)."""
    reason: str = ""
    """What a person answered when this step asked; the worker is told."""
    answered_by: str = ""
    alerts_before: int = 0
    """Alerts that fired there when it began; only what is more than that counts against its batch."""
    ill_before: bool = False


class Note(Record, frozen=True, kw_only=True):
    time: float
    who: str
    text: str
    host: str = ""


class RunState(Record, frozen=True, kw_only=True):
    """A run as the edges of its journal say."""

    plan: RunPlan
    status: RunStatus = RunStatus.WAITING
    why: str = ""
    """Why it is paused, stopped or aborted."""
    hint: str = ""
    batch: int = 0
    """The batch that may begin."""
    batch_ended: float | None = None
    """When the last host of `batch` was over; it soaks from then on."""
    promoted: bool = False
    """Somebody said go on, or there is no need to."""
    hosts: Mapping[str, HostRun] = {}
    approvals: tuple[Approval, ...] = ()
    notes: tuple[Note, ...] = ()
    began: float | None = None
    ended: float | None = None
    excused: tuple[str, ...] = ()
    """Failed hosts that somebody knew of who let a stopped run go on: only a further one stops it again."""
    overruled: int = -1
    """The batch whose verdict was overruled like that; -1: none."""
    edges: int = 0
    """How many edges it is the sum of; grows with each: its version."""


class EdgeKind(StrEnum):
    """What a line of the journal says. (fields that it uses besides time and who)"""

    CREATED = "created"
    """(plan)"""
    APPROVED = "approved"
    """(text: the hash)"""
    STARTED = "started"
    PAUSED = "paused"
    """(text)"""
    RESUMED = "resumed"
    """Goes on after a pause or a stop."""
    STOPPED = "stopped"
    """(text, hint)"""
    ABORTED = "aborted"
    """(text) Hosts that did not begin are skipped."""
    ENDED = "ended"
    """(text) No host is left."""
    BATCH = "batch"
    """(step: the number of the batch that may begin now)"""
    BATCH_OVER = "batch-over"
    """The batch's last host is over; it soaks."""
    PROMOTED = "promoted"
    """Somebody said go on."""
    NOTE = "note"
    """(text, host)"""
    INTENDED = "intended"
    """(host, step, key; facts with its first step: "alerts" and "ill" before it) Written before the worker is told to begin."""
    BEGUN = "begun"
    """(host, step, token) The worker has begun."""
    ASKING = "asking"
    """(host, step, text, hint) A person must decide."""
    ANSWERED = "answered"
    """(host, step, text) Somebody did: the step goes on (token "" → it is begun anew with the text as reason)."""
    STEP_OVER = "step-over"
    """(host, step, good, text, hint, token, facts)"""
    HOST_DONE = "host-done"
    """(host)"""
    SKIPPED = "skipped"
    """(host, text)"""
    RETRIED = "retried"
    """(host, step) A failed host goes on with this step, once more."""


class Edge(Record, frozen=True, kw_only=True):
    """One line of a run's journal, on the disk before it is acted on."""

    time: float
    kind: EdgeKind
    who: str = ""
    """A person, or "" for the run itself."""
    host: str = ""
    step: int = -1
    key: str = ""
    token: str = ""
    good: bool = True
    text: str = ""
    hint: str = ""
    facts: Mapping[str, str] = {}
    plan: RunPlan | None = None
