"""What a detached job is to do: plain data, checked before it travels."""

from __future__ import annotations

import re

from backends.errors import BadInput
from backends.metrics.sample import Record

PACKAGES = "swarm-pkg"
"""The name of every job that changes packages: two of them never run at once on a host."""

MOST_STEPS = 100
_NAME = re.compile(r"swarm-[a-z0-9][a-z0-9-]{0,40}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")


class JobStep(Record, frozen=True, kw_only=True):
    """One program of a job. Its standard input is empty, its output goes to `out`, its handle 9 to `status`."""

    id: str
    argv: tuple[str, ...]
    """Any bytes but NUL (undecodable ones as surrogate escapes); no shell reads them."""
    environment: dict[str, str] = {}
    """On top of PATH and HOME."""
    always: bool = False
    """Runs even when a step before it failed or the job was cancelled (giving timers back …)."""
    cancellable: bool = False
    """May be ended while it runs. Never true for a step that changes packages."""
    allow_exit: tuple[int, ...] = ()
    """Exit statuses besides 0 after which the next step runs."""


class Job(Record, frozen=True, kw_only=True):
    """Steps that one host carries out by itself, one after the other."""

    name: str
    """Of its kind, fixed: PACKAGES, …"""
    title: str
    """What is being done, for the operator who finds the host occupied."""
    who: str
    """The operator: user and where from."""
    run: str
    """Id of this very run; what the result is later asked for with."""
    steps: tuple[JobStep, ...]


def check_name(name: str) -> None:
    """Raises BadInput for what is not the name of a kind of job."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"not a job name: {name!r}", hint='like "swarm-pkg"')


def check(job: Job) -> None:
    """Raises BadInput for a job that cannot be carried out as written."""
    check_name(job.name)
    _demand(_RUN.fullmatch(job.run) is not None, f"not a run id: {job.run!r}")
    _demand(0 < len(job.steps) <= MOST_STEPS, f"a job has 1 … {MOST_STEPS} steps, not {len(job.steps)}")
    _demand(len({step.id for step in job.steps}) == len(job.steps), "two steps have the same id")
    for text in (job.title, job.who):
        _demand("\0" not in text, "a NUL byte in the title or the operator's name")
    for step in job.steps:
        _check_step(step)


def arguments_of(job: Job) -> dict[str, object]:
    """`job` as the host's program takes it. Raises BadInput."""
    check(job)
    steps = [
        {
            "id": step.id,
            "argv": list(step.argv),
            "environment": dict(step.environment),
            "always": step.always,
            "cancellable": step.cancellable,
            "allow_exit": list(step.allow_exit),
        }
        for step in job.steps
    ]
    return {"do": "start", "name": job.name, "title": job.title, "who": job.who, "run": job.run, "steps": steps}


def _check_step(step: JobStep) -> None:
    _demand(_ID.fullmatch(step.id) is not None, f"not a step id: {step.id!r}")
    program = step.argv[0] if step.argv else ""
    _demand(bool(program) and not program.startswith("-"), f"step {step.id} names no program")
    words = (*step.argv, *step.environment.values())
    _demand(all("\0" not in word for word in words), f"step {step.id} holds a NUL byte")
    _demand(all(_sendable(word) for word in words), f"step {step.id} holds text that is neither UTF-8 nor bytes")
    for name in step.environment:
        _demand(_VARIABLE.fullmatch(name) is not None, f"step {step.id}: not a variable name: {name!r}")
    _demand(all(0 < each < 256 for each in step.allow_exit), f"step {step.id}: exit statuses are 1 … 255")


def _sendable(word: str) -> bool:
    try:
        word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _demand(holds: bool, text: str) -> None:
    if not holds:
        raise BadInput(text, action="start a job")
