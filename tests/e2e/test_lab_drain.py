"""Drains and resumes on a real Slurm (one controller, two nodes, the distribution's packages) through SSH.

What is not here: Kubernetes and Ray have no cluster in the lab; see tests/unit/maintenance/drain.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import pytest
from msgspec.structs import replace

from backends.clock import SystemClock
from backends.errors import AskOperator, RetryLater, SkipHost
from backends.maintenance.drain.base import Broker, reason_of
from backends.maintenance.drain.choose import brokers
from backends.maintenance.drain.settings import DrainSettings
from backends.maintenance.drain.worker import DrainWorker, ResumeWorker
from backends.maintenance.model import HostPlan
from backends.maintenance.worker import Look, Place, Told
from tests.conftest import standing
from tests.e2e.test_lab_jobs import OpenSsh
from tests.lab import faults, slurm
from tests.lab.fleet import Lab, until, wait_until_answering
from tests.lab.host import LabHost
from tests.lab.slurm import Cluster
from tests.unit.maintenance.drain.places import drain_place, resume_place

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

SETTINGS = DrainSettings(scheduler="slurm", controller="lab1")
HOLD = "/run/lab-hold"
"""As long as it is there, a job on that node does not end."""
MOMENT = 180.0
"""Slurm does what it is told within seconds; a loaded machine takes longer."""


@pytest.fixture(scope="module")
def slurm_lab() -> Iterator[Lab]:
    with standing(3, layer="slurm") as fleet:
        yield fleet


@pytest.fixture(scope="module")
def running(slurm_lab: Lab) -> Cluster:
    return slurm.bring_up(slurm_lab.host("lab1"), [slurm_lab.host("lab2"), slurm_lab.host("lab3")])


@pytest.fixture
def cluster(running: Cluster) -> Iterator[Cluster]:
    """All nodes in service, before and after."""
    yield running
    for node in running.nodes:
        node.does("rm", "-f", HOLD)
    running.cancel_all()
    for node in running.nodes:
        if "DRAIN" in running.state(node) or "DOWN" in running.state(node):
            running.scontrol("update", f"nodename={node.name}", "state=resume")
    assert until(lambda: all(running.state(node) == "IDLE" for node in running.nodes), MOMENT)


class Steps:
    """A drain and a resume of one node, as the runner takes them: every token is written down before the next call."""

    def __init__(self, cluster: Cluster, node: LabHost):
        broker = brokers(SETTINGS, OpenSsh(cluster.controller))

        def of(_host: HostPlan) -> Broker:
            return broker

        self._drain, self._resume = DrainWorker(of, SystemClock()), ResumeWorker(of, SystemClock(), seconds=MOMENT)
        self._tokens: Mapping[int, str] = {}
        self._drain_at, self._resume_at = drain_place(node.name), resume_place(node.name, {})

    @property
    def reason(self) -> str:
        return reason_of(self._drain_at.run)

    def begin(self, answer: str = "") -> None:
        place = self._placed(self._drain_at, answer)
        self._note(place, self._drain.begin(place))

    def look(self) -> Look:
        place = self._placed(self._drain_at)
        return self._took(place, self._drain.look(place, self._tokens[place.number]))

    def drained(self) -> Look:
        """Look until the drain is over."""
        return self._until_over(self.look)

    def resume(self) -> Look:
        """From its beginning to its end."""
        place = self._placed(self._resume_at)
        self._note(place, self._resume.begin(place))
        return self._until_over(lambda: self._resume.look(place, self._tokens[place.number]))

    def _until_over(self, look: object) -> Look:
        assert callable(look)
        deadline = time.monotonic() + MOMENT
        while True:
            found = look()
            assert isinstance(found, Look)
            if found.told is not Told.GOING or time.monotonic() > deadline:
                return found
            time.sleep(0.5)

    def _placed(self, place: Place, answer: str = "") -> Place:
        return replace(place, tokens=self._tokens, reason=answer)

    def _took(self, place: Place, look: Look) -> Look:
        if look.token:
            self._note(place, look.token)
        return look

    def _note(self, place: Place, token: str) -> None:
        self._tokens = {**self._tokens, place.number: token}


def test_a_running_job_delays_the_drain_and_is_never_killed(cluster: Cluster) -> None:
    node = cluster.nodes[0]
    node.does("touch", HOLD)
    job = cluster.submit_script(node, f"while [ -e {HOLD} ]; do sleep 0.2; done", minutes=30)
    assert until(lambda: cluster.job_state(job) == "RUNNING", MOMENT)
    steps = Steps(cluster, node)
    steps.begin()
    assert cluster.state(node) in ("MIXED", "ALLOCATED")  # nothing is changed before it is written down
    look = steps.look()
    assert (look.told, look.state) == (Told.GOING, "draining")
    assert f"{job} of root" in look.text and "left" in look.text
    assert look.eta is not None and 25 * 60 < look.eta - time.time() <= 30 * 60
    assert "DRAIN" in cluster.state(node)
    node.does("rm", HOLD)
    over = steps.drained()
    assert over.told is Told.DONE, over
    assert until(lambda: cluster.job_state(job) == "COMPLETED", MOMENT)
    assert over.facts["waited for"] == f"{job} of root"
    assert steps.resume().told is Told.DONE
    assert until(lambda: cluster.state(node) == "IDLE", MOMENT)


def test_a_node_that_rebooted_while_drained_is_given_back(cluster: Cluster) -> None:
    node = cluster.nodes[1]
    steps = Steps(cluster, node)
    steps.begin()
    assert steps.drained().told is Told.DONE
    before = node.boot_id()
    faults.reboot(node)
    assert until(lambda: node.boot_id() not in (None, before), MOMENT)
    wait_until_answering([node], MOMENT)
    look = steps.resume()
    assert (look.told, look.state) == (Told.DONE, "in service"), look
    assert until(lambda: cluster.state(node) == "IDLE", MOMENT)


def test_a_node_that_slurm_has_taken_down_over_our_drain_is_given_back_when_its_daemon_is_there(
    cluster: Cluster,
) -> None:
    node = cluster.nodes[1]
    steps = Steps(cluster, node)
    steps.begin()
    assert steps.drained().told is Told.DONE
    node.does("systemctl", "stop", "slurmd")
    assert until(lambda: "DOWN" in cluster.state(node), MOMENT)
    node.does("systemctl", "start", "slurmd")
    assert steps.resume().told is Told.DONE
    assert until(lambda: cluster.state(node) == "IDLE", MOMENT)


def test_what_somebody_else_drained_is_asked_about_and_never_resumed(cluster: Cluster) -> None:
    node = cluster.nodes[0]
    cluster.scontrol("update", f"nodename={node.name}", "state=drain", "reason=bad fan")
    steps = Steps(cluster, node)
    with pytest.raises(AskOperator, match="root: bad fan") as asked:
        steps.begin()
    assert "keep" in str(asked.value.hint)
    steps.begin(answer="keep")
    assert steps.drained().told is Told.DONE
    look = steps.resume()
    assert (look.told, look.state) == (Told.DONE, "left drained")
    assert "Reason=bad fan [root@" in cluster.scontrol("-o", "show", "node", node.name)
    assert cluster.state(node) == "IDLE+DRAIN"


def test_a_drain_that_is_no_longer_ours_is_not_taken_back(cluster: Cluster) -> None:
    node = cluster.nodes[0]
    steps = Steps(cluster, node)
    steps.begin()
    assert steps.drained().told is Told.DONE
    assert f"Reason={steps.reason} [root@" in cluster.scontrol("-o", "show", "node", node.name)
    cluster.scontrol("update", f"nodename={node.name}", "reason=GPU 3 must be changed")
    look = steps.resume()
    assert (look.told, look.state) == (Told.DONE, "left drained") and "GPU 3" in look.text
    assert cluster.state(node) == "IDLE+DRAIN"


def test_a_stopped_controller_is_waited_for(cluster: Cluster) -> None:
    node = cluster.nodes[0]
    steps = Steps(cluster, node)
    cluster.stop_controller()
    try:
        with pytest.raises(RetryLater, match="Slurm does not answer"):
            steps.begin()
    finally:
        cluster.start_controller()
    steps.begin()
    cluster.stop_controller()
    try:
        with pytest.raises(RetryLater, match="Slurm does not answer"):
            steps.look()
    finally:
        cluster.start_controller()
    assert steps.drained().told is Told.DONE
    assert steps.resume().told is Told.DONE


def test_a_host_that_is_no_node_is_left_out(cluster: Cluster) -> None:
    with pytest.raises(SkipHost, match="no such node"):
        Steps(cluster, cluster.controller).begin()
