"""A custom command as a step: a detached job of the host, so that no lost link ends it; its exit status is the truth."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Protocol

from backends.errors import BadInput, RetryLater, SkipHost
from backends.hostkit.job_plan import Job, JobStep
from backends.hostkit.job_report import JobReport
from backends.maintenance import facts
from backends.maintenance.steps.token import job_id, packed, unpacked
from backends.maintenance.worker import Look, Place, Told
from backends.text import clean_lines

COMMAND_JOB = "swarm-run"
"""The name of every such job: two of them never run at once on a host."""
TAIL_CHARACTERS = 4000
OUTPUT_CHARACTERS = 256 << 10
BEYOND = 1 << 40
"""An offset behind every output: only its size is asked for."""


class HostJobs(Protocol):
    """The jobs of one host (`backends.hostkit.jobs.Jobs`)."""

    def start(self, job: Job) -> None:
        """Start it. Raises SwarmError."""

    def read(self, name: str, *, run: str = "", out: int = 0, status: int = 0) -> JobReport:
        """How it stands. Raises SwarmError."""


class CommandWorker:
    """`commands`: name → argv, as the configuration says now."""

    def __init__(self, jobs: Callable[[str], HostJobs], commands: Callable[[], Mapping[str, tuple[str, ...]]]):
        self._jobs, self._commands = jobs, commands

    def begin(self, place: Place) -> str:
        """Start the job, unless the host knows it already. Raises SwarmError."""
        host, run = place.host.host, job_id(place.key)
        argv = self._commands().get(place.step.argument)
        if argv is None:
            hint = "[[maintenance.commands]] names the commands"
            raise BadInput(
                f"no command is called {place.step.argument!r}", host=host, action="run a command", hint=hint
            )
        jobs = self._jobs(host)
        if jobs.read(COMMAND_JOB, run=run).state == "none":
            step = JobStep(id="command", argv=argv, environment={"SWARM_RUN": place.run.id, "SWARM_HOST": host})
            title = f"{place.step.text} of run {place.run.id}"
            jobs.start(Job(name=COMMAND_JOB, title=title, who=place.run.who, run=run, steps=(step,)))
        return packed(run=run, command=shlex.join(argv))

    def look(self, place: Place, token: str) -> Look:
        """How the host says that it stands. Raises SwarmError."""
        known = unpacked(token)
        report = self._jobs(place.host.host).read(COMMAND_JOB, run=str(known["run"]))
        if report.state == "running":
            return Look(told=Told.GOING, state="running", text=str(known["command"]))
        values = {facts.COMMAND: str(known["command"])}
        if report.state in ("none", "vanished"):
            why = report.reason or "the host knows nothing of it any more"
            hint = "look whether it may be run again, then retry"
            return Look(told=Told.FAILED, text=f"the command ended unseen: {why}", hint=hint, facts=values)
        tail = self._tail(place, token)
        values |= {facts.EXIT_STATUS: str(report.exit_status), facts.OUTPUT: tail}
        if report.result == "done":
            return Look(told=Told.DONE, text=f"{place.step.argument}: exit status 0", facts=values)
        last = tail.rstrip().rpartition("\n")[2][:200]
        text = f"{place.step.argument}: exit status {report.exit_status}" + (f": {last}" if last else "")
        text = f"{text} (cancelled by {report.cancelled_by})" if report.cancelled_by else text
        return Look(told=Told.FAILED, text=text, hint="its output is under Enter; cure it, then retry", facts=values)

    def output(self, place: Place, token: str) -> str:
        """The end of what it printed. Raises SwarmError."""
        jobs, run = self._jobs(place.host.host), str(unpacked(token)["run"])
        size = jobs.read(COMMAND_JOB, run=run, out=BEYOND).out_size
        report = jobs.read(COMMAND_JOB, run=run, out=max(0, size - OUTPUT_CHARACTERS))
        return clean_lines(report.out.decode("utf-8", "replace"), limit=OUTPUT_CHARACTERS)

    def _tail(self, place: Place, token: str) -> str:
        try:
            return self.output(place, token)[-TAIL_CHARACTERS:]
        except (RetryLater, SkipHost):  # the verdict is known; only its last words are not to be had
            return ""
