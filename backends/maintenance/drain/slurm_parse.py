"""Reads what scontrol and squeue print (22.05 – 24.11)."""

from __future__ import annotations

import re

from backends.errors import SwarmError
from backends.maintenance.drain.base import MOST_JOBS, Job, Standing
from backends.text import clean

_FIELD = re.compile(r"(?:^|\s)(NodeName|State)=(\S+)")
_REASON = re.compile(r"\sReason=(.*?)(?: \[([^\]@\s]+)@[^\]]*\])?\s*\Z")
_LEFT = re.compile(r"(?:(\d{1,6})-)?(?:(\d{1,4}):)?(\d{1,4}):(\d{2})\Z")
_NO_STAR = "*~#!%$@^+-"
SERVING = frozenset({"IDLE", "MIXED", "ALLOCATED"})
BUSY = frozenset({"MIXED", "ALLOCATED"})
WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
"""States of jobs that are on no node."""
OUT = frozenset({"DRAIN", "DRAINED", "DRAINING"})
AWAY = frozenset(
    {"NOT_RESPONDING", "REBOOT_ISSUED", "POWERED_DOWN", "POWERING_DOWN", "POWERING_UP", "INVALID_REG", "FAIL"}
)
DAEMON = "slurm"
"""Whom slurmctld names when it took a node down by itself."""
OWN_WORDS = (
    "Not responding",
    "Node unexpectedly rebooted",
    "Reboot timeout",
    "ResumeTimeout reached",
    "reboot complete",
)
"""What it gives as reason then."""


def standing(text: str, jobs: tuple[Job, ...]) -> Standing:
    """From `scontrol -o show node`. A node that a person set DOWN counts as drained by that person.

    Raises:
        SwarmError: it is not about exactly one node.
    """
    lines = [line for line in text.splitlines() if line.startswith("NodeName=")]
    if len(lines) != 1:
        raise SwarmError(f"Slurm told of {len(lines)} nodes instead of one", action="ask Slurm")
    fields = dict(reversed(_FIELD.findall(lines[0])))  # the first of a name counts
    base, *flags = fields.get("State", "").rstrip(_NO_STAR).split("+")
    why = _REASON.search(lines[0])
    reason, who = (clean(why[1], 400), clean(why[2] or "", 64)) if why else ("", "")
    out = base in OUT or bool(OUT & set(flags))
    own = who in ("", DAEMON) and (not reason or any(words in reason for words in OWN_WORDS))
    quiet = "NOT_RESPONDING" in flags or fields.get("State", "").endswith("*") or base in ("UNKNOWN", "FUTURE")
    return Standing(
        node=clean(fields.get("NodeName", ""), 256),
        state=clean(fields.get("State", ""), 128),
        drained=out or (base == "DOWN" and not own),
        serving=base in SERVING and not out and not AWAY & set(flags) and not quiet,
        idle=not jobs and base not in BUSY and "COMPLETING" not in flags,
        reason=reason,
        who=who,
        jobs=jobs,
        by_scheduler=own and (out or base == "DOWN"),
        silent=quiet or "REBOOT_ISSUED" in flags,
    )


def jobs(text: str) -> tuple[Job, ...]:
    """From squeue with `JOB_FORMAT`: what is on the node, the longest first; lines that are none are left out."""
    found = [job for line in text.splitlines() if (job := _job(line)) is not None]
    return tuple(sorted(found, key=lambda job: -(job.left_seconds or 0.0))[:MOST_JOBS])


def _job(line: str) -> Job | None:
    parts = line.strip().split("|", 4)
    if len(parts) != 5 or not parts[0] or parts[3] in WAITING:
        return None
    number, user, left, _state, name = (clean(part, 128) for part in parts)
    return Job(id=number, user=user, left_seconds=seconds_left(left), name=name)


def seconds_left(text: str) -> float | None:
    """From "[days-][hours:]minutes:seconds"; None for UNLIMITED, INVALID and NOT_SET. A limit that is over is 0."""
    found = _LEFT.match(text.strip().removeprefix("-"))
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return 0.0 if text.strip().startswith("-") else float(total)
