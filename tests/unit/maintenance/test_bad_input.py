"""What can be wrong with a maintenance window: each has a state, a message and a next step, before it starts and while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.checks.health_difference import Change, Difference
from backends.checks.health_finding import Finding as HealthFinding
from backends.errors import BadInput
from backends.execution import ExecResult
from backends.maintenance.compose import compose
from backends.maintenance.drain.settings import DrainSettings
from backends.maintenance.drain.slurm import Slurm
from backends.maintenance.drain.worker import DrainWorker, ResumeWorker
from backends.maintenance.dry_run import Finding
from backends.maintenance.fleet import FleetHost, Standing
from backends.maintenance.model import HostRun, RunState, RunStatus, Stage, StepKind
from backends.maintenance.report import markdown
from backends.maintenance.request import Request
from backends.maintenance.simulated import Fault
from backends.maintenance.steps.check import CheckWorker
from backends.maintenance.steps.reboot import RebootWorker
from backends.maintenance.worker import Look, Told, Worker
from backends.states import Severity
from tests.unit.maintenance import planning
from tests.unit.maintenance.drain.speaking import Speaking, captured
from tests.unit.maintenance.drain.test_worker import Simulated
from tests.unit.maintenance.machine import NEVER, NEW, OLD, Machine
from tests.unit.maintenance.running import ANN, NOW, Site, hosts, plan
from tests.unit.maintenance.steps.test_check import Checks

WANTED = Request(name="monthly", steps=planning.STEPS, max_unavailable="1", max_failed=1, canary=False)
REBOOTING = ("drain", "reboot", "check", "resume")


def before(kind: str, request: Request, *there: FleetHost) -> Finding:
    """The worst that the dry run says of that kind."""
    run = compose(
        request, [each.host for each in there], planning.fleet(*there), planning.site(history=(planning.earlier(),))
    )
    return next(each for each in run.findings if each.kind == kind)


def told(state: RunState, name: str, stage: Stage, text: str, hint: str) -> HostRun:
    """State, message and next step of a host, on the board and in the report."""
    host = state.hosts[name]
    assert (host.stage, text in host.text, hint in host.hint) == (stage, True, True), (host.stage, host.text, host.hint)
    line = next(line for line in markdown(state).splitlines() if line.startswith("- ") and name in line)
    assert "→" in line
    return host


def rebooted(folder: Path, machine: Mapping[str, float | str], soak_seconds: float = 0.0) -> tuple[Site, Machine, str]:
    """A run with the real reboot step over such a machine; h0 is it."""
    made: list[Machine] = []

    def wrap(workers: Mapping[StepKind, Worker]) -> Mapping[StepKind, Worker]:
        return {**workers, StepKind.REBOOT: RebootWorker(made[0])}

    site = Site(folder, hosts(1))
    made.append(Machine(site.clock, **machine))  # type: ignore[arg-type]
    site.wrap = wrap
    site.again()
    return site, made[0], site.begin(plan(site.hosts, steps=REBOOTING, soak_seconds=soak_seconds))


# A plan that can never satisfy its budget --------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["max_unavailable", "max_unavailable_per_domain"])
def test_a_budget_of_nobody_is_red_in_the_dry_run(limit: str) -> None:
    found = before("budget", replace(WANTED, **{limit: "0"}), planning.host("gpu1", parents=("rack1",)))
    assert found.severity is Severity.CRITICAL
    assert f"{limit} is 0: no host may ever be taken" in found.text and 'at least "1"' in found.hint


def test_a_budget_that_hosts_out_of_service_use_up_is_red_in_the_dry_run() -> None:
    gone = planning.host("gpu2", standing=Standing(scheduler="slurm", drained=True, by="bob", reason="fan"))
    found = before("budget", WANTED, planning.host("gpu1"), gone)
    assert found.severity is Severity.CRITICAL and "none can begin" in found.text
    assert found.hint == "bring them back, or raise max_unavailable" and found.hosts == ("gpu2",)


def test_a_plan_whose_budget_lets_nobody_be_away_is_not_created(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))
    with pytest.raises(BadInput, match="it could never begin") as caught:
        site.runner.create(plan(site.hosts, fleet=0), ANN)
    assert "swarm-tui run plan" in (caught.value.hint or "")


def test_a_budget_that_is_used_up_while_it_runs_waits_and_says_what_to_do(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2), {"h1": Fault.DOWN})
    run = site.begin(plan(site.hosts, fleet=1))
    site.tick(times=100)
    why = site.runner.why(run)
    assert (site.runner.state(run).status, site.stages(run)["h0"]) == (RunStatus.RUNNING, Stage.QUEUED)
    assert "the budget of 1 is used up by h1 (unreachable)" in why and "bring them back" in why
    site.fleet.repair("h1")
    assert {host.stage for host in site.until_ended(run).hosts.values()} == {Stage.DONE}


# A window too short for one host -----------------------------------------------------------------------------------------


def test_a_window_too_short_for_one_host_is_red_in_the_dry_run() -> None:
    found = before("window", replace(WANTED, window_end=planning.NOW + 60), planning.host("gpu1"))
    assert found.severity is Severity.CRITICAL and "too short for one host" in found.text
    assert found.hint == "give a later end, or fewer steps"


def test_a_window_too_short_for_one_host_begins_nobody(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(1))
    run = site.begin(plan(site.hosts, window_end=NOW + 300))
    site.tick(times=3)
    stopped = site.runner.state(run)
    assert stopped.status is RunStatus.STOPPED and "the window ends in" in stopped.why
    assert stopped.hint == "hosts in work are finished; plan the others for another window"
    told(site.until_ended(run), "h0", Stage.SKIPPED, "the window was over", "plan it again for another window")
    assert site.fleet.deeds == []


# A host already drained by somebody else ---------------------------------------------------------------------------------


def test_a_host_that_somebody_drained_is_named_in_the_dry_run() -> None:
    drained = planning.host("gpu1", standing=Standing(scheduler="slurm", drained=True, by="alice", reason="fan"))
    found = before("drained", WANTED, drained, planning.host("gpu2"))
    assert "drained by alice: fan" in found.text and "whoever drained it gives it back" in found.hint
    assert found.hosts == ("gpu1",)


def test_a_host_that_somebody_drained_is_left_out_with_who_and_what_next(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2), {"h0": Fault.DRAINED})
    state = site.until_ended(site.begin(plan(site.hosts)))
    told(state, "h0", Stage.SKIPPED, "drained by alice: fan", "whoever drained it gives it back; then plan it again")
    assert (state.hosts["h1"].stage, site.kinds("h0"), site.fleet.drained()) == (Stage.DONE, [], {"h0": "alice"})


def test_a_host_that_somebody_drains_in_the_same_moment_asks_and_is_never_resumed(tmp_path: Path) -> None:
    slurm = Simulated()
    slurm.by_another("fan", "alice")
    site = Site(tmp_path, hosts(1))
    site.wrap = lambda workers: {
        **workers,
        StepKind.DRAIN: DrainWorker(lambda host: slurm, site.clock),
        StepKind.RESUME: ResumeWorker(lambda host: slurm, site.clock),
    }
    site.again()
    run = site.begin(plan(site.hosts))
    site.until(lambda: site.stage(run, "h0") is Stage.ASKING)
    told(
        site.runner.state(run),
        "h0",
        Stage.ASKING,
        "out of service already: alice: fan",
        "skip the host; or answer keep",
    )
    site.runner.answer(run, "h0", "keep", who=ANN)
    assert "left drained" in site.until_ended(run).hosts["h0"].results[-1].text
    assert (slurm.drains, slurm.resumes, slurm.now.who) == (0, 0, "alice")


# A scheduler that is down ------------------------------------------------------------------------------------------------


def test_a_scheduler_that_is_down_is_red_in_the_dry_run() -> None:
    silent = Standing(scheduler="slurm", controller="login1", asked=False, problem="connect failure")
    found = before("scheduler", WANTED, planning.host("gpu1", standing=silent))
    assert found.severity is Severity.CRITICAL and "slurm on login1 does not say how it stands" in found.text
    assert found.hint == "bring the scheduler back, or leave the host out"


def with_slurm(folder: Path, moment: list[str]) -> Site:
    """The drain step asks a Slurm that answers as captured at that moment."""

    def answer(argv: list[str], _stdin: bytes) -> ExecResult:
        return captured("slurm", f"{'jobs' if argv[0] == 'squeue' else 'node'}-{moment[0]}")

    slurm = Slurm(DrainSettings(scheduler="slurm", node="lab2"), Speaking(answer))
    site = Site(folder, hosts(1))
    site.wrap = lambda workers: {**workers, StepKind.DRAIN: DrainWorker(lambda host: slurm, site.clock)}
    site.again()
    return site


def test_a_scheduler_that_is_down_is_waited_for_and_said_so(tmp_path: Path) -> None:
    moment = ["stopped"]
    site = with_slurm(tmp_path, moment)
    run = site.begin(plan(site.hosts))
    site.tick(times=20)
    look = site.runner.looks(run)["h0"]
    assert (site.stage(run, "h0"), look.state) == (Stage.WORKING, "waiting")
    assert "Slurm does not answer: slurm_load_node error: Unable to contact slurm controller" in look.text
    assert look.hint.startswith("see why Slurm does not answer on ctl; it is asked again")
    moment[0] = "idle"
    site.until(lambda: bool(site.runner.state(run).hosts["h0"].token))


def test_a_scheduler_that_stays_down_fails_the_host_when_the_drain_has_no_time_left(tmp_path: Path) -> None:
    site = with_slurm(tmp_path, ["stopped"])
    run = site.begin(plan(site.hosts))
    site.until(lambda: site.stage(run, "h0") is Stage.FAILED)
    text = "it could not begin after 1h; last: Slurm does not answer"
    told(site.runner.state(run), "h0", Stage.FAILED, text, "see why Slurm does not answer on ctl")
    assert site.fleet.deeds == []


# A host that does not come back ------------------------------------------------------------------------------------------


def test_a_host_that_does_not_come_back_fails_and_stays_drained(tmp_path: Path) -> None:
    site, machine, run = rebooted(tmp_path, {"back": NEVER})

    def seen() -> Look:
        return site.runner.looks(run).get("h0") or Look(told=Told.GOING)

    site.until(lambda: "is not back 20 min" in seen().text)
    assert "console or BMC" in seen().hint
    site.until(lambda: site.stage(run, "h0") is Stage.FAILED)
    text = "not done after 1h; what runs on the host goes on; last: is not back 20 min after the request"
    told(site.runner.state(run), "h0", Stage.FAILED, text, "look at its console or BMC; when it answers again, retry")
    assert (machine.asked, "resume" in site.kinds("h0"), site.fleet.drained()) == (1, False, {"h0": run})


def test_a_host_that_comes_back_late_is_not_rebooted_again_by_a_retry(tmp_path: Path) -> None:
    site, machine, run = rebooted(tmp_path, {"back": 5000.0})
    site.until(lambda: site.stage(run, "h0") is Stage.FAILED)
    site.runner.retry(run, "h0", who=ANN)
    assert site.until_ended(run).hosts["h0"].stage is Stage.DONE
    assert machine.asked == 1


# … that comes back with the old kernel -----------------------------------------------------------------------------------


def test_a_host_that_comes_back_with_the_old_kernel_fails_with_both_kernels(tmp_path: Path) -> None:
    site, machine, run = rebooted(tmp_path, {"kernel": OLD})
    site.until(lambda: site.stage(run, "h0") is Stage.FAILED)
    text = f"came back with kernel {OLD} instead of {NEW}"
    host = told(site.runner.state(run), "h0", Stage.FAILED, text, "choose the planned kernel in its boot loader")
    assert host.results[-1].facts["kernel_after"] == OLD and "resume" not in site.kinds("h0")
    machine.kernel = NEW
    site.runner.retry(run, "h0", who=ANN)
    assert site.until_ended(run).hosts["h0"].stage is Stage.DONE and machine.asked == 2


# … one GPU short ---------------------------------------------------------------------------------------------------------


class Looked(Checks):
    """A look is over as soon as it is asked for."""

    def run(self, host: str) -> None:
        super().run(host)
        self.seen = self.now()


def test_a_host_one_gpu_short_is_not_given_back(tmp_path: Path) -> None:
    checks = Looked()
    short = HealthFinding(check="G02", object="gpus", severity=Severity.CRITICAL, text="7 of 8 GPUs")
    checks.found = Difference(worse=(Change(check="G02", object="gpus", after=short),))
    site = Site(tmp_path, hosts(1))
    checks.clock = site.clock
    site.wrap = lambda workers: {**workers, StepKind.CHECK: CheckWorker(checks)}
    site.again()
    run = site.begin(plan(site.hosts, steps=REBOOTING))
    site.until(lambda: site.stage(run, "h0") is Stage.FAILED)
    state = site.runner.state(run)
    told(
        state,
        "h0",
        Stage.FAILED,
        "worse than before: 7 of 8 GPUs",
        "cure it and retry; skip leaves the host as it is, drained",
    )
    assert "| G02 gpus" not in markdown(state) and "G02 gpus" in markdown(state)
    assert "resume" not in site.kinds("h0") and site.fleet.drained() == {"h0": run}


# … or reboots twice ------------------------------------------------------------------------------------------------------


def test_a_host_that_reboots_twice_fails_with_the_log_to_look_at(tmp_path: Path) -> None:
    site, machine, run = rebooted(tmp_path, {"again": 120.0}, soak_seconds=300.0)
    site.until(lambda: site.stage(run, "h0") is Stage.FAILED)
    told(site.runner.state(run), "h0", Stage.FAILED, "rebooted again by itself", "journalctl -b -1")
    assert machine.asked == 1 and "resume" not in site.kinds("h0")


# A clock change mid-run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("jump", "way"), [(-90_000.0, "1d1h back"), (90_000.0, "1d1h ahead")])
def test_a_clock_change_fails_nobody_and_is_noted_with_what_to_look_at(tmp_path: Path, jump: float, way: str) -> None:
    site = Site(tmp_path, hosts(2))
    run = site.begin(plan(site.hosts, fleet=1, window_end=NOW + 400_000.0))
    site.tick(times=3)
    site.clock.step_wall(jump)
    site.tick()
    assert (site.runner.state(run).status, site.stage(run, "h0")) == (RunStatus.RUNNING, Stage.WORKING)
    (note,) = site.runner.state(run).notes
    assert f"the clock of this machine jumped {way}; no step fails and no batch opens for that" in note.text
    assert "see that its time is right (timedatectl)" in note.text and f"swarm-tui run show {run}" in note.text
    assert any("jumped" in text and severity is Severity.WARNING for text, severity in site.told)
    state = site.until_ended(run)
    assert {host.stage for host in state.hosts.values()} == {Stage.DONE}
    assert "timedatectl" in markdown(state)


def test_a_clock_put_ahead_of_the_window_stops_it_and_gives_nobody_up_at_once(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts(2))
    run = site.begin(plan(site.hosts, fleet=1, window_end=NOW + 10_000.0))
    site.tick(times=3)
    site.clock.step_wall(90_000.0)
    site.tick(times=3)
    stopped = site.runner.state(run)
    assert (stopped.status, stopped.hosts["h1"].stage) == (RunStatus.STOPPED, Stage.QUEUED)
    assert "the window is over" in stopped.why and "another window" in stopped.hint
    site.clock.step_wall(-90_000.0)
    site.runner.resume(run, who=ANN)
    assert {host.stage for host in site.until_ended(run).hosts.values()} == {Stage.DONE}
