"""Detached jobs and preflight on real systemd hosts: nothing that happens to the connection reaches the job."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from backends.clock import SystemClock
from backends.config.load import load
from backends.errors import RetryLater, SkipHost
from backends.execution import ExecResult, OnOutput
from backends.hostkit.job_follow import JobFollower
from backends.hostkit.job_plan import PACKAGES, Job, JobStep
from backends.hostkit.job_report import JobReport
from backends.hostkit.jobs import Jobs
from backends.inventory.build import build
from backends.ssh.exec import command_line
from backends.states import HostState
from backends.updates.preflight import ask
from backends.updates.reboot import Observation, Phase, Request, begin, observe
from tests.conftest import POOR_HOST
from tests.e2e.test_ssh_states import watching
from tests.lab import faults
from tests.lab.fleet import Lab, until, wait_until_answering
from tests.lab.host import LabHost

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

HOST = "lab6"
SECONDS = 25
HOLD = "/run/lab-hold"
COUNT = (
    'i=0; while [ $i -lt "$1" ]; do i=$((i+1)); echo "$i"; echo "pmstatus:$i" >&9; sleep 1; done;'
    f" while [ -e {HOLD} ]; do sleep 0.2; done"
)
"""As long as it is held it does not end: every misfortune finds it at work, however loaded the machine is."""


@dataclass(frozen=True)
class OpenSsh:
    """Implements `Exec` with one new connection for every command."""

    place: LabHost
    user: str = "root"

    @property
    def host(self) -> str:
        return self.place.name

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        ssh = self.place.ssh_argv([command_line(argv)])
        try:
            done = subprocess.run(
                [ssh[0], "-l", self.user, *ssh[1:]], input=stdin, capture_output=True, timeout=timeout_seconds
            )
        except subprocess.TimeoutExpired as error:
            raise RetryLater("timed out", host=self.host) from error
        if done.returncode == 255:
            raise RetryLater(done.stderr.decode("utf-8", "replace"), host=self.host)
        return ExecResult(exit_status=done.returncode, stdout=done.stdout[:limit_bytes], stderr=done.stderr)


@pytest.fixture
def host(lab: Lab) -> Iterator[LabHost]:
    """A host on which nothing runs, before and after."""
    place = lab.host(HOST)
    yield place
    faults.join(place)
    place.inside(["systemctl", "kill", "--kill-who=all", "--signal=KILL", f"{PACKAGES}.service"])
    place.does("rm", "-f", HOLD)
    assert until(lambda: unit_state(place) in ("inactive", "failed"), 60.0)
    place.does("systemctl", "reset-failed")


def unit_state(host: LabHost) -> str:
    """What systemd says of the job's unit: "active", "failed", "inactive" when it is gone."""
    return host.inside(["systemctl", "is-active", f"{PACKAGES}.service"]).stdout.strip()


def counting(seconds: int, run: str, *more: JobStep, cancellable: bool = False) -> Job:
    count = JobStep(id="apply", argv=("sh", "-c", COUNT, "sh", str(seconds)), cancellable=cancellable)
    timers = JobStep(id="timers", argv=("echo", "timers given back"), always=True)
    return Job(name=PACKAGES, title="update 3 packages", who="eve", run=run, steps=(count, *more, timers))


def numbers(report: JobReport) -> list[int]:
    return [int(line) for line in report.out.split() if line.isdigit()]


def ended(jobs: Jobs, run: str, seconds: float = 120.0) -> JobReport:
    assert until(lambda: jobs.read(PACKAGES, run=run).state != "running", seconds)
    return jobs.read(PACKAGES, run=run)


def test_nothing_that_happens_to_ssh_interrupts_a_job(lab: Lab, host: LabHost) -> None:
    new = Jobs(OpenSsh(host), "none")
    config = load(lab.ground.config)
    ours = [each for each in build(config, lab.ground.config) if each.name == HOST]
    host.does("touch", HOLD)
    with watching(ours, config.ssh) as (source, watcher):
        watcher.until_state(HOST, HostState.UP)
        way = source.exec(HOST)
        assert way is not None
        Jobs(way, "none").start(counting(SECONDS, "r1"))
        follower = JobFollower(Jobs(way, "none"), PACKAGES, "r1")
        assert until(lambda: follower.read().out_size >= 4, 60.0)
        host.does("systemctl", "restart", "ssh")
        host.does("pkill", "-KILL", "-x", "sshd")
        host.does("systemctl", "restart", "ssh")
        watcher.until(
            lambda: any(s.state is not HostState.UP for _, s in watcher.states[HOST][1:]), 60, "the link is lost"
        )
        wait_until_answering([host], 60.0)
        with pytest.raises(RetryLater, match=r"update 3 packages .* started by eve .* run r1"):
            new.start(counting(1, "r2"))
        with pytest.raises(RetryLater, match="step apply must not be interrupted"):
            new.cancel(PACKAGES, "r1", "bob")
        faults.cut(host)
        with pytest.raises(RetryLater):
            new.read(PACKAGES, run="r1")
        faults.join(host)
        wait_until_answering([host], 60.0)
        host.does("rm", HOLD)
        report = ended(new, "r1")
        assert (report.state, report.result, report.exit_status) == ("finished", "done", 0)
        assert numbers(report) == list(range(1, SECONDS + 1))
        assert report.out.endswith(b"timers given back\n")
        assert report.status.count(b"pmstatus:") == SECONDS
        assert report.meta is not None and report.meta.launcher == "systemd"
        watcher.until(
            lambda: (current := watcher.current(HOST)) is not None and current.state is HostState.UP, 120, "back"
        )
        assert follower.read().state == "finished"  # the one that lost its link reads on, nothing twice
        assert follower.output.split("\n")[:SECONDS] == [str(number) for number in range(1, SECONDS + 1)]
    assert until(lambda: host.does("systemctl", "show", "--value", "-p", "LoadState", PACKAGES) == "not-found\n", 30.0)


def test_a_step_that_may_be_cancelled_is_and_the_name_is_free_again(host: LabHost) -> None:
    jobs = Jobs(OpenSsh(host, "ops"), "sudo")
    jobs.start(counting(60, "r3", JobStep(id="restart", argv=("echo", "never")), cancellable=True))
    assert until(lambda: jobs.read(PACKAGES, run="r3").can_cancel, 60.0)
    jobs.cancel(PACKAGES, "r3", "bob from 10.0.0.8")
    report = ended(jobs, "r3")
    assert (report.result, report.cancelled_by) == ("cancelled", "bob from 10.0.0.8")
    assert [step.state for step in report.steps] == ["failed", "skipped", "done"]
    jobs.start(counting(0, "r4"))
    assert ended(jobs, "r4").result == "done"
    jobs.forget(PACKAGES, "r4")
    assert jobs.read(PACKAGES).state == "none"
    with pytest.raises(SkipHost):
        jobs.cancel(PACKAGES, "r4", "bob")


def test_a_reboot_waits_for_the_step_and_the_rest_is_skipped(host: LabHost) -> None:
    jobs = Jobs(OpenSsh(host), "none")
    jobs.start(counting(8, "r5", JobStep(id="restart", argv=("echo", "never"))))
    assert until(lambda: jobs.read(PACKAGES, run="r5").current is not None, 60.0)
    before, asked = host.boot_id() or "", time.monotonic()
    proof = begin(Request(boot_id=before, asked=asked, soak_seconds=1.0))
    faults.reboot(host)

    def look() -> bool:
        nonlocal proof
        proof = observe(proof, observation(host))
        return proof.over

    assert until(look, 300.0)
    assert proof.phase is Phase.DONE
    report = ended(jobs, "r5")
    assert numbers(report) == list(range(1, 9))
    assert report.out.endswith(b"timers given back\n")
    assert (report.result, [step.state for step in report.steps]) == ("cancelled", ["done", "skipped", "done"])


def observation(host: LabHost) -> Observation:
    """One look at the host over a connection of its own."""
    try:
        done = host.ssh("cat /proc/sys/kernel/random/boot_id /proc/uptime; uname -r", timeout_seconds=30.0)
    except RetryLater as error:  # it went away in the middle of an answer
        return Observation(time=time.monotonic(), error=error.message)
    words = done.stdout.split()
    if done.returncode != 0 or len(words) < 4:
        return Observation(time=time.monotonic(), error=done.stderr.strip()[-100:] or "no answer")
    return Observation(time=time.monotonic(), boot_id=words[0], uptime_seconds=float(words[1]), kernel=words[3])


def test_a_power_loss_in_the_middle_is_named_and_the_name_is_free_again(lab: Lab, host: LabHost) -> None:
    jobs = Jobs(OpenSsh(host), "none")
    jobs.start(counting(60, "r6"))
    assert until(lambda: jobs.read(PACKAGES, run="r6").current is not None, 60.0)
    faults.crash(host)
    assert until(lambda: not host.is_on(), 60.0)
    lab.start(HOST)
    report = jobs.read(PACKAGES, run="r6")
    assert (report.state, report.reason) == ("vanished", "interrupted by a reboot")
    assert report.steps[0].state == "failed"
    jobs.start(counting(0, "r7"))
    assert ended(jobs, "r7").result == "done"


def test_a_killed_unit_is_named_and_the_name_is_free_again(host: LabHost) -> None:
    jobs = Jobs(OpenSsh(host), "none")
    jobs.start(counting(60, "r8"))
    assert until(lambda: jobs.read(PACKAGES, run="r8").current is not None, 60.0)
    host.does("systemctl", "kill", "--kill-who=all", "--signal=KILL", f"{PACKAGES}.service")
    report = ended(jobs, "r8")
    assert (report.state, report.reason) == ("vanished", "its script was killed during step apply")
    assert until(lambda: unit_state(host) == "failed", 30.0)
    jobs.start(counting(0, "r9"))
    assert ended(jobs, "r9").result == "done"


@pytest.mark.parametrize("name", [HOST, POOR_HOST])
def test_preflight_of_a_real_host_reads_every_fact(lab: Lab, name: str) -> None:
    """One of them has python3-minimal alone."""
    place = lab.host(name)
    place.does("systemd-run", "--quiet", "--unit=broken", "false")
    try:
        assert until(lambda: place.inside(["systemctl", "is-failed", "broken"]).stdout == "failed\n", 60.0)
        found = ask(OpenSsh(place), "none", SystemClock())
    finally:
        place.does("systemctl", "reset-failed", "broken")
    assert found.missing == {}
    assert found.kernel is not None and found.kernel.boot_id == place.boot_id()
    assert found.managers == ("apt-get",)
    assert "broken.service" in (found.failed_units or ())
    assert found.dpkg_rows is not None and found.stale is not None and found.timers is not None
    assert {space.path for space in found.space or ()} >= {"/", "/boot"}
    assert found.clock_skew_seconds is not None and abs(found.clock_skew_seconds) < 5 + found.clock_error_seconds
