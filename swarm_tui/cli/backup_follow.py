"""Following jobs from the command line until they end."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click

from backends.backups.model import ENDED, Job, JobState
from swarm_tui.cli.output import write_json
from swarm_tui.client import EngineClient
from swarm_tui.exits import FAILED, OK, UNKNOWN, WARNING
from swarm_tui.present import backup_lines as text

POLL_SECONDS = 0.5
SAY_SECONDS = 2.0
"""Between two lines of live counters of one job."""

detach_option = click.option("--detach", is_flag=True, help="Do not wait for the end; `backup show JOB` tells.")


def meant(select: str, places: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A selector of hosts, or the key of a repository ("vault/gpu01") as it is shown everywhere: host and place then."""
    if "/" not in select:
        return select, places
    place, _, host = select.partition("/")
    return host.removesuffix("+secrets"), (place, *places)


def finished(client: EngineClient, jobs: Sequence[Job], as_json: bool, detach: bool) -> int:
    """Follow jobs to their end (unless `detach`), show them, and say how it went as an exit status."""
    if not detach:
        jobs = followed(client, jobs)
    if as_json:
        write_json(jobs)
    else:
        click.echo("\n".join(line for job in jobs for line in text.job_lines(job)) or "nothing to do")
    return OK if detach else status_of(jobs)


def followed(client: EngineClient, jobs: Sequence[Job]) -> tuple[Job, ...]:
    """Lines on stderr as jobs go on, until all have ended. Ctrl-C stops looking, not the jobs."""
    known = {job.id: job for job in jobs}
    said: dict[str, tuple[str, float]] = {}
    while True:
        for job in known.values():
            _say(job, said)
        if not text.running(tuple(known.values())):
            return tuple(known.values())
        time.sleep(POLL_SECONDS)
        for job in text.running(tuple(known.values())):
            known[job.id] = client.backups.job(job.id)


def _say(job: Job, said: dict[str, tuple[str, float]]) -> None:
    words, now = text.job_words(job), time.monotonic()
    before, at = said.get(job.id, ("", 0.0))
    moved = words.partition(" — ")[0] != before.partition(" — ")[0]
    if words != before and (moved or now - at >= SAY_SECONDS):
        said[job.id] = words, now
        click.echo(words, err=True)


def status_of(jobs: Sequence[Job]) -> int:
    """0 all done, 1 some with warnings, 2 some failed or were cancelled, 3 nothing was to be done."""
    states = {job.state for job in jobs}
    if not states:
        return UNKNOWN
    if states & {JobState.FAILED, JobState.CANCELLED}:
        return FAILED
    return OK if states == {JobState.DONE} else WARNING if states <= ENDED else UNKNOWN
