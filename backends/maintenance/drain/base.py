"""What every scheduler is asked and told: how a node stands, to give it no more work, to give it work again.

A broker keeps nothing between two calls. Who drained a node is told by the reason that stands there: ours names the run
and who started it; anything else is somebody else's and is left alone.
"""

from __future__ import annotations

import re
from typing import Protocol

from backends.errors import SkipHost
from backends.maintenance.model import RunPlan
from backends.maintenance.worker import Place
from backends.metrics.sample import Record

NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}\Z")
MOST_JOBS = 1000
"""More of a node are not kept: nobody reads them, and a host's scheduler may say anything."""
SHOWN_JOBS = 3
LONGEST_REASON = 200
_UNWANTED = re.compile(r"[^A-Za-z0-9 _.,:@+/()#-]+")


class Job(Record, frozen=True, kw_only=True):
    """Work that runs on a node and is waited for."""

    id: str
    """As its scheduler names it: a job's number, namespace/pod, a task's id."""
    user: str = ""
    left_seconds: float | None = None
    """Until its time limit; None: it has none, or it is not known."""
    name: str = ""


class Standing(Record, frozen=True, kw_only=True):
    """How a node stands with its scheduler at one moment."""

    node: str
    state: str
    """As the scheduler calls it ("MIXED+DRAIN")."""
    drained: bool
    """Somebody has taken it out of service: it gets no new work."""
    serving: bool
    """It answers its scheduler and gets work."""
    idle: bool
    """Nothing runs there that has to be waited for."""
    reason: str = ""
    """Why it is out of service, in the words of whoever did it."""
    who: str = ""
    """Who did it, where the scheduler tells."""
    jobs: tuple[Job, ...] = ()
    held_up: str = ""
    """What keeps work from leaving, besides its own duration ("disruption budget web/db allows none")."""
    by_scheduler: bool = False
    """The scheduler itself took it out (it did not answer, it rebooted), no person."""
    silent: bool = False
    """Its own daemon does not answer the scheduler."""

    @property
    def author(self) -> str:
        """Who drained it and why, in a few words."""
        return ": ".join(part for part in (self.who, self.reason) if part) or "nobody says who or why"


class Prior(Record, frozen=True, kw_only=True):
    """How a node stood before the run changed anything: what a resume brings back."""

    state: str = ""
    drained: bool = False
    who: str = ""
    reason: str = ""


class Broker(Protocol):
    """One scheduler, as far as one host goes. Calls block with deadlines of their own.

    All raise:
        RetryLater: the scheduler does not answer at the moment.
        AskOperator: it refuses us (rights), or a person must decide.
        SkipHost: it does not know such a node, or its program is missing.
    """

    @property
    def scheduler(self) -> str:
        """Its name for sentences ("Slurm")."""

    @property
    def names_author(self) -> bool:
        """Whether a drained node's reason tells who drained it. Otherwise what the run wrote down has to do."""

    def standing(self, place: Place) -> Standing:
        """How the host's node stands. Changes nothing."""

    def drain(self, place: Place, reason: str) -> None:
        """Give it no new work, with `reason`. Told again, it changes nothing. Ends nothing that runs."""

    def progress(self, place: Place) -> Standing:
        """How far a drained node is; does what has to be done again and again (evictions) on the way."""

    def resume(self, place: Place, prior: Prior) -> None:
        """Take our drain back, so that it stands as `prior` says. Told again, it changes nothing."""

    def hint(self, node: str) -> str:
        """What a person does when the node does not come back, in one sentence."""


def reason_of(run: RunPlan) -> str:
    """The reason that marks a drain as this run's: the same at every attempt, of characters no scheduler changes."""
    text = f"swarm {run.id} {run.who}: {run.name}"
    return " ".join(_UNWANTED.sub("-", text).split())[:LONGEST_REASON].rstrip()


def is_ours(standing: Standing, reason: str) -> bool:
    """Whether the drain is this run's. (Slurm appends " : reboot issued" to what stands there.)"""
    return standing.drained and (standing.reason == reason or standing.reason.startswith(f"{reason} : "))


def node_name(pattern: str, host: str) -> str:
    """What the scheduler calls a host. Raises SkipHost for what cannot be a node's name."""
    name = pattern.replace("{host}", host)
    if not NODE_NAME.match(name):
        raise SkipHost(
            f"{name!r} cannot be a node's name", host=host, action="drain", hint="see node in [[maintenance.drains]]"
        )
    return name


def jobs_text(jobs: tuple[Job, ...]) -> str:
    """Jobs with their users: "41 of alice, 43 of bob and 2 more"."""
    shown = ", ".join(f"{job.id} of {job.user}" if job.user else job.id for job in jobs[:SHOWN_JOBS])
    return f"{shown} and {len(jobs) - SHOWN_JOBS} more" if len(jobs) > SHOWN_JOBS else shown


def longest(jobs: tuple[Job, ...]) -> float | None:
    """Seconds until the last of them must have ended; None when one has no limit."""
    left = [job.left_seconds for job in jobs]
    known = [seconds for seconds in left if seconds is not None]
    return max(known) if known and len(known) == len(left) else None
