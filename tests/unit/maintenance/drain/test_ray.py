"""Ray, by what a real cluster of two nodes printed (Ray 2.60, tests/outputs/ray/README.md): it is no dependency of the tests."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.clock import ManualClock
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import ExecResult
from backends.maintenance.drain import ray_parse, tokens
from backends.maintenance.drain.base import Prior
from backends.maintenance.drain.ray import Ray
from backends.maintenance.drain.settings import DrainSettings
from backends.maintenance.drain.worker import RESUME_SECONDS, DrainWorker, ResumeWorker
from backends.maintenance.worker import Told
from tests.unit.maintenance.drain.places import DRAIN, drain_place, resume_place
from tests.unit.maintenance.drain.speaking import Speaking, captured, text

SETTINGS = DrainSettings(scheduler="ray", address="10.0.0.5:6379")
PLACE = drain_place("gpu01")
FIRST_ID = "ea01255eaa2cfcdfd1c3e9279114a5a3ed2bf2e56f63c967ae30b675"


class Cluster:
    """Ray at one moment after the other."""

    def __init__(self, nodes: str = "nodes", work: str = "busy"):
        self.nodes, self.work = nodes, work

    def __call__(self, argv: list[str], _stdin: bytes) -> ExecResult:
        if argv[1] == "drain-node":
            return ExecResult(exit_status=0)
        return captured("ray", self.nodes if argv[2] == "nodes" else f"{argv[2]}-{self.work}")


def ray(cluster: Cluster) -> tuple[Ray, Speaking]:
    exec_ = Speaking(cluster)
    return Ray(SETTINGS, exec_), exec_


def test_tasks_and_actors_are_what_is_waited_for() -> None:
    found = ray(Cluster())[0].standing(PLACE)
    assert (found.state, found.drained, found.serving, found.idle) == ("ALIVE", False, True, False)
    assert [job.id for job in found.jobs] == ["task work c2668a65bda6", "actor svc 483540475c04"]
    assert {job.user for job in found.jobs} == {"job 01000000"}


def test_a_node_is_found_by_its_address_too() -> None:
    nodes = json.loads(text("ray", "nodes"))
    worker = next(each for each in nodes if not each["is_head_node"])
    found = ray_parse.newest(ray_parse.nodes(json.dumps([{**worker, "node_ip": "10.0.0.9"}])), "10.0.0.9")
    assert found is not None and found.node_id == FIRST_ID


def test_it_is_told_to_leave_without_a_deadline() -> None:
    broker, exec_ = ray(Cluster())
    broker.drain(PLACE, "swarm r-1 alice: x")
    (argv,) = exec_.told("drain-node")
    assert argv == [
        "ray",
        "drain-node",
        "--address=10.0.0.5:6379",
        f"--node-id={FIRST_ID}",
        "--reason=DRAIN_NODE_REASON_PREEMPTION",
        "--reason-message=swarm r-1 alice: x",
    ]


def test_it_is_drained_when_it_has_left_with_our_reason() -> None:
    found = ray(Cluster("nodes-empty", "empty"))[0].progress(PLACE)
    assert (found.state, found.drained, found.idle, found.serving) == ("DEAD", True, True, False)
    assert found.reason == "swarm r-1 alice: x"


def test_a_drain_from_its_beginning_to_its_end_and_back() -> None:
    cluster, clock = Cluster(), ManualClock()
    broker, exec_ = ray(cluster)
    drain, resume = DrainWorker(lambda _host: broker, clock), ResumeWorker(lambda _host: broker, clock)
    token = drain.begin(PLACE)
    assert not exec_.told("drain-node")
    look = drain.look(PLACE, token)
    assert (look.told, look.eta) == (Told.GOING, None) and "actor svc" in look.text
    cluster.nodes, cluster.work = "nodes-empty", "empty"
    over = drain.look(PLACE, look.token)
    assert over.told is Told.DONE and "task work" in over.facts["waited for"]
    place = resume_place("gpu01", {DRAIN: over.token or look.token})
    resuming = resume.begin(place)
    assert resume.look(place, resuming).told is Told.GOING
    cluster.nodes = "nodes-rejoined"
    assert resume.look(place, resuming).told is Told.DONE


def test_a_node_on_which_nobody_starts_ray_again_fails_with_what_to_do() -> None:
    clock = ManualClock()
    broker, _ = ray(Cluster("nodes-empty", "empty"))
    resume = ResumeWorker(lambda _host: broker, clock)
    held = tokens.DrainToken(
        node="gpu01", reason="swarm r-1 alice: monthly-patch", prior=Prior(state="ALIVE"), asked=True
    )
    place = resume_place("gpu01", {DRAIN: tokens.write(held)})
    token = resume.begin(place)
    clock.advance(RESUME_SECONDS)
    look = resume.look(place, token)
    assert look.told is Told.FAILED and "start Ray there again" in look.hint


def test_a_node_that_had_left_before_is_asked_about() -> None:
    broker, _ = ray(Cluster("nodes-empty", "empty"))
    with pytest.raises(AskOperator, match="out of service already"):
        DrainWorker(lambda _host: broker, ManualClock()).begin(PLACE)


def test_the_head_is_not_drained() -> None:
    broker, exec_ = ray(Cluster())
    with pytest.raises(AskOperator, match="head of the Ray cluster"):
        broker.drain(drain_place("head"), "x")
    assert not exec_.told("drain-node")


def test_a_cluster_that_does_not_answer_is_waited_for() -> None:
    with pytest.raises(RetryLater, match="Timed out while waiting for GCS"):
        ray(Cluster("nodes-stopped"))[0].standing(PLACE)


def test_a_host_that_is_no_node_is_skipped() -> None:
    with pytest.raises(SkipHost, match="knows no node 'gpu09'"):
        ray(Cluster())[0].standing(drain_place("gpu09"))


def test_the_life_that_goes_on_counts() -> None:
    found = ray_parse.newest(ray_parse.nodes(text("ray", "nodes-rejoined")), "gpu01")
    assert found is not None and found.alive and found.node_id != FIRST_ID


@given(
    st.text(max_size=200)
    | st.lists(st.dictionaries(st.sampled_from(["node_id", "state", "task_id", "actor_id"]), st.text(max_size=5))).map(
        json.dumps
    )
)
def test_anything_is_read_or_refused(noise: str) -> None:
    for read in (ray_parse.nodes, ray_parse.tasks, ray_parse.actors):
        try:
            read(noise)
        except SwarmError:
            continue
