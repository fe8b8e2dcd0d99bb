"""Reads what `ray list … --format json` prints (2.60)."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from backends import decoding
from backends.errors import SwarmError
from backends.maintenance.drain.base import MOST_JOBS, Job
from backends.text import clean

RUNNING = frozenset(
    {
        "RUNNING",
        "RUNNING_IN_RAY_GET",
        "RUNNING_IN_RAY_WAIT",
        "SUBMITTED_TO_WORKER",
        "PENDING_ARGS_FETCH",
        "GETTING_AND_PINNING_ARGS",
    }
)
LIVING = frozenset({"ALIVE", "PENDING_CREATION", "RESTARTING", "DEPENDENCIES_UNREADY"})
DRAINED = ("Terminated due to preemption: ", "Terminated due to idle: ", "Terminated due to idle (no Ray activity): ")
"""How the state of a node begins that ended because it was told to; what follows is the reason given."""


class RayNode(msgspec.Struct, frozen=True):
    """One life of a node: each start of Ray there is another one, with another id."""

    node_id: str
    node_ip: str = ""
    node_name: str = ""
    is_head_node: bool = False
    state: str = ""
    state_message: str | None = None
    start_time_ms: str | None = None

    @property
    def alive(self) -> bool:
        return self.state == "ALIVE"

    @property
    def drained_because(self) -> str | None:
        """The reason with which it was drained; None when it ended otherwise, or lives."""
        message = clean(self.state_message or "", 400)
        found = next((message.removeprefix(each) for each in DRAINED if message.startswith(each)), None)
        return None if self.alive else found


class _Task(msgspec.Struct, frozen=True):
    task_id: str
    name: str = ""
    state: str = ""
    type: str = ""
    job_id: str | None = None


class _Actor(msgspec.Struct, frozen=True):
    actor_id: str
    name: str | None = None
    class_name: str | None = None
    state: str = ""
    job_id: str | None = None


def nodes(text: str) -> tuple[RayNode, ...]:
    """Raises SwarmError for what is no list of nodes."""
    return tuple(_read(text, list[RayNode]))


def tasks(text: str) -> tuple[Job, ...]:
    """Tasks that run; those of actors count with their actor."""
    found = [each for each in _read(text, list[_Task]) if each.state in RUNNING and each.type != "ACTOR_TASK"]
    return tuple(_job(f"task {each.name}", each.task_id, each.job_id) for each in found[:MOST_JOBS])


def actors(text: str) -> tuple[Job, ...]:
    """Actors that live."""
    found = [each for each in _read(text, list[_Actor]) if each.state in LIVING]
    return tuple(
        _job(f"actor {each.name or each.class_name or ''}", each.actor_id, each.job_id) for each in found[:MOST_JOBS]
    )


def newest(found: tuple[RayNode, ...], name: str) -> RayNode | None:
    """The node of that name or address: the one that lives, or the last that did."""
    same = [node for node in found if name in (node.node_name, node.node_ip)]
    return max(same, key=lambda node: (node.alive, node.start_time_ms or ""), default=None)


def _job(what: str, identity: str, job: str | None) -> Job:
    return Job(id=clean(f"{what} {identity[:12]}", 128), user=f"job {clean(job, 32)}" if job else "")


_Each = TypeVar("_Each", RayNode, _Task, _Actor)


def _read(text: str, kind: type[list[_Each]]) -> list[_Each]:
    try:
        return decoding.json(text, type=kind)
    except msgspec.MsgspecError as error:
        raise SwarmError(f"Ray's answer cannot be read: {clean(str(error), 200)}", action="ask Ray") from error
