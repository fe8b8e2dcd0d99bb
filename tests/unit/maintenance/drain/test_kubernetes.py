"""Kubernetes through kubectl.

There is no cluster here. What is answered was printed by a real kubectl 1.32 that talked with a small stand-in for the API
server (tests/outputs/kubernetes/README.md), so kubectl's words are real and the cluster's behaviour is as documented.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import ExecResult
from backends.maintenance.drain import kubernetes_parse
from backends.maintenance.drain.base import Prior
from backends.maintenance.drain.kubernetes import Kubernetes
from backends.maintenance.drain.settings import DrainSettings
from tests.unit.maintenance.drain.places import drain_place
from tests.unit.maintenance.drain.speaking import Speaking, captured, text

SETTINGS = DrainSettings(scheduler="kubernetes", kubeconfig="/etc/kubernetes/admin.conf", context="prod")
PLACE = drain_place("gpu01")
REASON = "swarm r-1 alice: monthly-patch"


class Cluster:
    """Answers kubectl: a cordon holds, an evicted pod goes unless a budget covers it."""

    def __init__(self, *, pods: str = "", node: str = "node"):
        self.node, self.evicted = node, list[str]()
        self.pods = json.loads(pods or text("kubernetes", "pods"))

    def __call__(self, argv: list[str], stdin: bytes) -> ExecResult:
        words = argv[4:]
        if words[0] == "patch":
            self.node = "node-cordoned" if '"unschedulable": true' in words[-1] else "node-uncordoned"
            return captured("kubernetes", "cordon")
        if words[:2] == ["create", "--raw"]:
            return self._evict(json.loads(stdin)["metadata"])
        if words[1] == "pods":
            return ExecResult(exit_status=0, stdout=json.dumps(self.pods).encode())
        return captured("kubernetes", "budgets" if words[1].startswith("poddis") else self.node)

    def _evict(self, meta: dict[str, str]) -> ExecResult:
        if meta["namespace"] == "db":
            return captured("kubernetes", "evict-refused")
        self.evicted.append(meta["name"])
        self.pods["items"] = [each for each in self.pods["items"] if each["metadata"]["name"] != meta["name"]]
        return captured("kubernetes", "evicted")

    def end(self, name: str) -> None:
        self.pods["items"] = [each for each in self.pods["items"] if each["metadata"]["name"] != name]


def kubernetes(cluster: Cluster, settings: DrainSettings = SETTINGS) -> tuple[Kubernetes, Speaking]:
    exec_ = Speaking(cluster)
    return Kubernetes(settings, exec_), exec_


def refusing(moment: str) -> Kubernetes:
    return Kubernetes(SETTINGS, Speaking(lambda _argv, _stdin: captured("kubernetes", moment)))


def with_pod(**change: object) -> str:
    """The captured pods and one more, "web/extra"."""
    found = json.loads(text("kubernetes", "pods"))
    extra = {"metadata": {"name": "extra", "namespace": "web"}, "spec": {}, "status": {"phase": "Running"}}
    return json.dumps({"items": [*found["items"], {**extra, **change}]})


def test_standing_counts_the_pods_that_have_to_leave_or_end() -> None:
    broker, exec_ = kubernetes(Cluster())
    found = broker.standing(PLACE)
    assert (found.state, found.drained, found.serving, found.idle) == ("Ready", False, True, False)
    assert [job.id for job in found.jobs] == ["web/api-7d9f-x2k", "db/pg-0", "train/llm-0"]
    assert exec_.heard[0][1:4] == ["--request-timeout=20s", "--kubeconfig=/etc/kubernetes/admin.conf", "--context=prod"]


def test_cordon_and_reason_are_one_request() -> None:
    broker, exec_ = kubernetes(Cluster())
    broker.drain(PLACE, REASON)
    (patch,) = exec_.told("--patch=")
    change = json.loads(patch[-1].removeprefix("--patch="))
    assert change == {"metadata": {"annotations": {"swarm-tui/drain": REASON}}, "spec": {"unschedulable": True}}
    found = broker.standing(PLACE)
    assert (found.state, found.drained, found.reason) == ("Ready,SchedulingDisabled", True, REASON)


def test_services_are_evicted_work_is_waited_for_and_a_budget_is_named() -> None:
    cluster = Cluster()
    broker, _ = kubernetes(cluster)
    broker.drain(PLACE, REASON)
    found = broker.progress(PLACE)
    assert cluster.evicted == ["api-7d9f-x2k"]
    assert found.held_up == "disruption budget db/pg-quorum allows no eviction of db/pg-0 at the moment"
    assert [job.id for job in found.jobs] == ["db/pg-0", "train/llm-0"]
    cluster.end("pg-0")
    cluster.end("llm-0")
    over = broker.progress(PLACE)
    assert (over.drained, over.idle, over.jobs, over.held_up) == (True, True, (), "")


def test_a_pod_that_has_gone_meanwhile_is_no_failure() -> None:
    def answer(argv: list[str], _stdin: bytes) -> ExecResult:
        return captured(
            "kubernetes", "evict-gone" if "create" in argv else "pods" if "pods" in argv else "node-cordoned"
        )

    assert Kubernetes(SETTINGS, Speaking(answer)).progress(PLACE).drained


def test_a_pod_that_ends_already_is_not_evicted_again() -> None:
    cluster = Cluster(pods=text("kubernetes", "pods-leaving"))
    broker, _ = kubernetes(cluster)
    broker.progress(PLACE)
    assert cluster.evicted == []


def test_a_bare_pod_is_asked_about_before_anything_is_cordoned() -> None:
    cluster = Cluster(pods=with_pod())
    broker, exec_ = kubernetes(cluster)
    with pytest.raises(AskOperator, match="nothing would start web/extra elsewhere"):
        broker.drain(PLACE, REASON)
    assert not exec_.told("--patch=")
    allowed = DrainSettings(scheduler="kubernetes", kubeconfig="f", context="c", force_bare_pods=True)
    kubernetes(cluster, allowed)[0].progress(PLACE)
    assert "extra" in cluster.evicted


def test_data_that_would_be_lost_are_asked_about() -> None:
    owner = [{"kind": "ReplicaSet", "controller": True}]
    meta = {"name": "extra", "namespace": "web", "ownerReferences": owner}
    cluster = Cluster(pods=with_pod(metadata=meta, spec={"volumes": [{"name": "scratch", "emptyDir": {}}]}))
    with pytest.raises(AskOperator, match="emptyDir data of web/extra would be lost"):
        kubernetes(cluster)[0].drain(PLACE, REASON)
    allowed = DrainSettings(scheduler="kubernetes", kubeconfig="f", context="c", delete_emptydir=True)
    kubernetes(cluster, allowed)[0].progress(PLACE)
    assert "extra" in cluster.evicted


def test_resume_takes_cordon_and_reason_away() -> None:
    cluster = Cluster(node="node-cordoned")
    broker, exec_ = kubernetes(cluster)
    broker.resume(PLACE, Prior())
    change = json.loads(exec_.heard[-1][-1].removeprefix("--patch="))
    assert change == {"metadata": {"annotations": {"swarm-tui/drain": None}}, "spec": {"unschedulable": None}}
    assert broker.standing(PLACE).serving


@pytest.mark.parametrize(
    ("moment", "error", "said"),
    [
        ("stopped", RetryLater, "does not answer"),
        ("node-unknown", SkipHost, 'nodes "nosuch" not found'),
        ("node-forbidden", AskOperator, "forbidden"),
        ("no-context", AskOperator, "context was not found"),
    ],
)
def test_refusals(moment: str, error: type[SwarmError], said: str) -> None:
    with pytest.raises(error, match=said):
        refusing(moment).standing(PLACE)


def test_the_answer_about_another_node_is_no_answer() -> None:
    with pytest.raises(SwarmError, match="instead of 'gpu02'"):
        kubernetes(Cluster())[0].standing(drain_place("gpu02"))


def test_a_pod_whose_name_would_leave_its_path_is_left_out() -> None:
    listed = with_pod(metadata={"name": "../../nodes/gpu01", "namespace": "web"})
    assert all(".." not in pod.metadata.name for pod in kubernetes_parse.pods(listed))


@pytest.mark.parametrize(
    ("operator", "values", "covers"),
    [
        ("In", ["db"], True),
        ("In", ["x"], False),
        ("NotIn", ["x"], True),
        ("Exists", None, True),
        ("DoesNotExist", None, False),
        ("Fancy", None, False),
    ],
)
def test_which_pods_a_budget_covers(operator: str, values: list[str] | None, covers: bool) -> None:
    expression = {"key": "tier", "operator": operator, "values": values}
    budget = {
        "metadata": {"name": "b", "namespace": "db"},
        "spec": {"selector": {"matchLabels": {"app": "pg"}, "matchExpressions": [expression]}},
    }
    (found,) = kubernetes_parse.budgets(json.dumps({"items": [budget]}))
    pods = {pod.name: pod for pod in kubernetes_parse.pods(text("kubernetes", "pods"))}
    assert found.covers(pods["db/pg-0"]) is covers
    assert not found.covers(pods["web/api-7d9f-x2k"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["items", "metadata", "name", "spec", "status", "labels"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.text(max_size=200) | JSON.map(json.dumps))
def test_anything_is_read_or_refused(noise: str) -> None:
    for read in (kubernetes_parse.node, kubernetes_parse.pods, kubernetes_parse.budgets):
        try:
            read(noise)
        except SwarmError:
            continue
