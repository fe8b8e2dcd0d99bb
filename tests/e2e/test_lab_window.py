"""A whole maintenance window on eight real hosts, two of them under Slurm: from the dry run to the report, through three
troubles and ten deaths of the engine."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from backends.maintenance.dry_run import DryRun
from backends.maintenance.model import Stage
from backends.maintenance.views import RunView
from backends.maintenance.worker import Told
from tests.e2e import window
from tests.e2e.enginerun import until
from tests.e2e.window import CONTROLLER, FAILING, GONE, NODES, SHORT, TROUBLED, WELL, Site
from tests.lab import aptfield, faults

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

NODE = NODES[0]
"""Has a job when the run comes to it."""
KILLS = 10
RUN_SECONDS = 900.0
BUSY = "while [ ! -e /root/go ]; do sleep 0.3; done; date > /root/finished"


@dataclass
class Story:
    """What was seen of one run from its beginning to its end."""

    site: Site
    run: str
    job: str
    waits: list[tuple[str, float | None]] = field(default_factory=list)
    """What the drain of the busy node said, and when it expected its end."""
    most: int = 0
    """Hosts that the run had away at once."""
    limit: int = 0
    killed_while: list[str] = field(default_factory=list)
    """What was going on each time."""
    told: list[str] = field(default_factory=list)
    """What the receiver was told up to the end of the run, but for the run's own notices."""
    end: RunView | None = None

    def look(self) -> bool:
        """Take note of how it stands; whether it has ended."""
        seen = self.site.view(self.run)
        look = seen.looks.get(NODE)
        if look is not None and look.state == "draining":
            self.waits.append((look.text, look.eta))
        self.most, self.limit = max(self.most, len(window.at_work(seen))), seen.headroom.limit
        self.end = seen
        return seen.ended is not None

    def doing(self) -> str:
        """Which steps are being done, for people who read a failure."""
        hosts = (self.end.hosts if self.end else None) or {}
        return ", ".join(f"{name}:{host.step}" for name, host in hosts.items() if host.stage is Stage.WORKING)

    def watch(self, seconds: float) -> bool:
        """Look until it has ended or so long; whether it has ended."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if self.look():
                return True
            time.sleep(0.2)
        return False

    def kill(self) -> None:
        """The engine is gone from one moment to the next, and another begins."""
        self.killed_while.append(self.doing())
        self.site.lives[-1].stop(signal.SIGKILL)
        self.site.start()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with window.site(tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="module")
def story(site: Site) -> Story:
    """The run named `window`, over: composed, tried dry, started, killed ten times at random moments."""
    job = site.cluster.submit_script(site.lab.host(NODE), BUSY, minutes=30)
    until(lambda: site.cluster.job_state(job) == "RUNNING", 180, "the job to run")
    faults.nocomeback(site.lab.host(GONE))
    window.lose_a_gpu_at_boot(site.lab.host(SHORT))
    dry = composed(site)
    assert not dry.red, dry.findings
    site.keeper.well("run", "start", dry.plan.hash, "--yes")
    with site.client() as client:
        told = Story(site, client.runs.list().runs[0].run, job)
    moments = random.Random(dry.plan.hash)
    for count in range(KILLS):
        assert not told.watch(moments.uniform(2.0, 12.0)), "it is over before the engine was killed ten times"
        told.kill()
        if count == KILLS // 2:
            until(lambda: told.look() or bool(told.waits), 300, "the drain of the busy node")
            (site.lab.host(NODE).root / "root/go").touch()
    assert told.watch(RUN_SECONDS), told.end
    told.told = site.titles()
    return told


def composed(site: Site) -> DryRun:
    """The dry run, once the engine knows which hosts are of a kind, for GPUs are told some seconds after their host is up,
    and every host could be asked what it would change."""
    found: list[DryRun] = []

    def known() -> bool:
        with site.client() as client:
            found.append(client.runs.compose("window"))
        canaries = {host.host for host in found[-1].plan.hosts if host.canary}
        return canaries == {*window.CANARIES} and all(row.changes for row in found[-1].rows)

    until(known, 240, "the plan that is meant")
    return found[-1]


def test_the_hosts_with_troubles_are_named_and_the_others_are_done(story: Story) -> None:
    hosts = story.site.hosts(story.run)
    assert {name: hosts[name].stage for name in WELL} == dict.fromkeys(WELL, Stage.DONE), hosts
    assert {name: hosts[name].stage for name in TROUBLED} == dict.fromkeys(TROUBLED, Stage.FAILED), hosts
    assert "lab-broken" in hosts[FAILING].text
    assert "not done after 1m30s" in hosts[GONE].text and "does not answer any more" in hosts[GONE].text
    assert "console" in hosts[GONE].hint
    assert "GPU" in hosts[SHORT].text
    assert all(hosts[name].hint for name in TROUBLED)


def test_the_budget_holds_all_the_time(story: Story) -> None:
    """Five hosts are in the last batch, of which three end as they must not: only four may be away."""
    assert story.most == story.limit == 4


def test_nothing_is_done_twice(story: Story) -> None:
    hosts = {name: story.site.lab.host(name) for name in (*WELL, *TROUBLED)}
    assert {name: window.commands(host) for name, host in hosts.items()} == dict.fromkeys(hosts, 1), story.killed_while
    for name in (*WELL, SHORT):
        assert window.upgrades(hosts[name])["lab-app"] == 1, (name, story.killed_while)
        assert window.reboots(hosts[name]) == 1, (name, story.killed_while)
        assert aptfield.version(hosts[name], "lab-app") == "1.1-1"
    assert window.reboots(hosts[FAILING]) == 0
    with story.site.client() as client:
        archives = [archive for name in hosts for archive in client.backups.archives(name, "config", f"vault/{name}")]
    assert len(archives) == len(hosts), (archives, story.killed_while)


def test_a_running_job_delays_its_nodes_drain_with_its_eta_and_is_never_killed(story: Story) -> None:
    assert story.waits, "nobody saw it wait"
    text, eta = story.waits[-1]
    assert f"{story.job} of root" in text and "left" in text
    assert eta is not None and eta > time.time()
    assert (story.site.lab.host(NODE).root / "root/finished").exists()
    assert story.site.cluster.job_state(story.job) == "COMPLETED"
    for node in story.site.cluster.nodes:
        until(lambda node=node: story.site.cluster.state(node) == "IDLE", 180, f"{node.name} back in service")  # type: ignore[misc]


def test_no_alert_comes_from_a_host_in_maintenance_and_one_digest_afterwards(story: Story) -> None:
    assert story.told == []
    until(lambda: len(story.site.titles()) > 0, 240, "the digest")
    (digest,) = story.site.titles()
    assert "after the maintenance" in digest
    with story.site.client() as client:
        until(lambda: client.alerts.mutes() == (), what="the end of the mutes")


def test_the_report_tells_it_all(story: Story) -> None:
    text = story.site.keeper.well("run", "report", story.run).out
    assert all(name in text for name in (*WELL, *TROUBLED))
    assert "lab-broken" in text and "does not answer any more" in text and "GPU" in text
    assert f"{story.job} of root" in text and CONTROLLER in text


SMALL = (NODES[1], "lab4", "lab8")
"""Hosts that are well before and after the run named `window`."""
SLOWLY = ("--steps", "drain,command:rest,resume", "--batches", "1", "--max-unavailable", "1", "--soak", "0")


def begun(site: Site, *names: str) -> str:
    """A run over these hosts, one at a time, that does nothing but rest on each; its id."""
    until(lambda: not still_held(site, *names), 180, "the hosts to be free")
    words = ("--hosts", ",".join(names), *SLOWLY)
    made = site.keeper.does("run", "plan", *words, "--json").json(DryRun)
    site.keeper.well("run", "start", made.plan.hash, "--yes")
    with site.client() as client:
        return client.runs.list().runs[0].run


def still_held(site: Site, *names: str) -> set[str]:
    with site.client() as client:
        return {each.host for each in client.runs.held()} & {*names}


def stages(site: Site, run: str) -> set[Stage]:
    return {host.stage for host in site.hosts(run).values()}


def test_a_pause_begins_nothing_a_resume_goes_on_and_an_abort_leaves_nobody_half_way(site: Site) -> None:
    run = begun(site, *SMALL)
    until(lambda: Stage.WORKING in stages(site, run), 180, "the first host")
    assert "paused" in site.keeper.well("run", "pause", run, "--note", "storage team").out
    until(lambda: not resting(site, run), 180, "the step at hand to end")
    before = site.hosts(run)
    time.sleep(3.0)
    assert {name: host.step for name, host in site.hosts(run).items()} == {
        name: host.step for name, host in before.items()
    }
    assert Stage.QUEUED in stages(site, run)

    site.keeper.well("run", "resume", run)
    until(lambda: Stage.DONE in stages(site, run) and Stage.WORKING in stages(site, run), 180, "the second host")
    site.keeper.does("run", "abort", run, "--yes", "--note", "storm")
    until(lambda: site.has_ended(run), 180, "the end")
    assert stages(site, run) == {Stage.DONE, Stage.SKIPPED}
    assert sum(host.stage is Stage.DONE for host in site.hosts(run).values()) == 2, "who was in work has finished"
    text = site.keeper.well("run", "report", run).out
    assert "storage team" in text and "storm" in text
    until(lambda: site.cluster.state(site.lab.host(NODES[1])) == "IDLE", 180, "the node in service")


def resting(site: Site, run: str) -> list[str]:
    """Hosts whose step at hand is still looked at."""
    seen = site.view(run)
    return [name for name, look in seen.looks.items() if look.told is Told.GOING]


def test_a_second_console_follows_and_is_refused_the_same_host(site: Site) -> None:
    pair = [site.lab.host(name) for name in SMALL[1:]]
    aptfield.beside(aptfield.hold, pair)
    run = begun(site, *SMALL[1:])
    follower = site.keeper.begins("run", "watch", run, "--json")
    try:
        until(lambda: Stage.WORKING in stages(site, run), 180, "the first host")
        (host,) = [name for name, each in site.hosts(run).items() if each.stage is Stage.WORKING]
        made = site.keeper.does("run", "plan", "--hosts", host, "--steps", "command:rest")
        assert made.status != 0 and f"is held by run {run}" in made.out
        reboot = site.keeper.does("updates", "reboot", host, "--yes")
        assert reboot.status != 0 and f"held by maintenance run {run}" in reboot.out + reboot.err
        assert f"{host} " in site.keeper.well("run", "held").out
        aptfield.beside(aptfield.release, pair)
        out, _ = follower.communicate(timeout=300)
    finally:
        aptfield.beside(aptfield.release, pair)
        follower.kill()  # one that outlives its engine would start another, and that one would outlive the lab
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[-1]["kind"] == "end" and lines[-1]["text"] == "2 done"
    assert {line["host"] for line in lines if line["kind"] == "host"} == {*SMALL[1:]}
    until(lambda: not still_held(site, *SMALL), what="the hosts to be free again")
