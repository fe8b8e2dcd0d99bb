"""Commands as steps, over a host's jobs in memory."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.errors import BadInput
from backends.hostkit.job_plan import Job, check
from backends.hostkit.job_report import JobReport
from backends.maintenance import facts
from backends.maintenance.steps.command import BEYOND, COMMAND_JOB, CommandWorker
from backends.maintenance.worker import Look, Told
from tests.unit.maintenance.steps.places import HOST, place

HERE = place("command:warm-cache")
ARGV = ("/usr/local/bin/warm cache", "--all")


class HostJobs:
    """What one host knows of jobs."""

    def __init__(self) -> None:
        self.started: list[Job] = []
        self.report = JobReport(name=COMMAND_JOB, state="none")
        self.out = b""

    def start(self, job: Job) -> None:
        check(job)
        self.started.append(job)
        self.report = replace(self.report, state="running")

    def read(self, name: str, *, run: str = "", out: int = 0, status: int = 0) -> JobReport:
        return replace(self.report, out=b"" if out == BEYOND else self.out[out:], out_size=len(self.out))


@pytest.fixture
def jobs() -> HostJobs:
    return HostJobs()


def worker(jobs: HostJobs) -> CommandWorker:
    return CommandWorker(lambda host: jobs, lambda: {"warm-cache": ARGV})


def end(jobs: HostJobs, **values: object) -> Look:
    token = worker(jobs).begin(HERE)
    jobs.report = replace(jobs.report, **values)
    return worker(jobs).look(HERE, token)


def test_the_host_knows_whether_it_was_begun(jobs: HostJobs) -> None:
    tokens = {worker(jobs).begin(HERE) for _ in range(3)}
    assert len(tokens) == 1 and len(jobs.started) == 1
    (step,) = jobs.started[0].steps
    assert step.argv == ARGV and step.environment == {"SWARM_RUN": "r-1", "SWARM_HOST": HOST}


def test_a_command_that_nobody_configured_fails(jobs: HostJobs) -> None:
    with pytest.raises(BadInput, match="other"):
        worker(jobs).begin(place("command:other"))


def test_exit_status_zero_is_good(jobs: HostJobs) -> None:
    jobs.out = b"warm\n"
    look = end(jobs, state="finished", exit_status=0, result="done")
    assert look.told is Told.DONE and look.facts[facts.EXIT_STATUS] == "0" and look.facts[facts.OUTPUT] == "warm\n"
    assert look.facts[facts.COMMAND] == "'/usr/local/bin/warm cache' --all"


def test_any_other_is_a_failure_with_its_last_line(jobs: HostJobs) -> None:
    jobs.out = b"first\n\x1b[31mno cache\n"
    look = end(jobs, state="finished", exit_status=3, result="failed")
    assert look.told is Told.FAILED and "exit status 3" in look.text and "no cache" in look.text
    assert "\x1b" not in look.text + look.facts[facts.OUTPUT]


@pytest.mark.parametrize("state", ["vanished", "none"])
def test_an_end_that_nobody_saw_is_a_failure(jobs: HostJobs, state: str) -> None:
    look = end(jobs, state=state, reason="interrupted by a reboot" if state == "vanished" else "")
    assert look.told is Told.FAILED and "unseen" in look.text


def test_output_is_the_end_of_it_and_bounded(jobs: HostJobs) -> None:
    token = worker(jobs).begin(HERE)
    jobs.out = b"a line\n" * (1 << 18) + b"the end"
    text = worker(jobs).output(HERE, token)
    assert text.endswith("the end") and len(text) <= 256 << 10
    assert worker(jobs).look(HERE, token).told is Told.GOING
