"""Kubernetes: cordoned with our reason as an annotation, then emptied by evictions, which disruption budgets may refuse.

As `kubectl drain` does it, except that nothing waits here: each look asks once more for what is still there. Pods of a
Job are work, not service: they are waited for. DaemonSets and static pods stay. A pod with an emptyDir, and one that
nothing would start again, are evicted only where the configuration says so.
"""

from __future__ import annotations

from backends.errors import AskOperator, SwarmError
from backends.execution import Exec, ExecResult
from backends.maintenance.drain import kubernetes_argv, kubernetes_parse
from backends.maintenance.drain.ask import Answers, words_of
from backends.maintenance.drain.base import MOST_JOBS, SHOWN_JOBS, Job, Prior, Standing, node_name
from backends.maintenance.drain.kubernetes_parse import Budget, Node, Pod
from backends.maintenance.drain.settings import DrainSettings
from backends.maintenance.worker import Place

SILENT = (
    "unable to connect to the server",
    "was refused",
    "i/o timeout",
    "timed out",
    "timeout exceeded",
    "tls handshake timeout",
    "deadline exceeded",
    "(serviceunavailable)",
    "(internalerror)",
    "(conflict)",
    "unexpected eof",
)
UNKNOWN = ("(notfound)",)
FORBIDDEN = ("(forbidden)", "(unauthorized)", "must be logged in", "context was not found", "does not exist")
REFUSED = ("toomanyrequests", "disruption budget")
PODS_LIMIT_BYTES = 32 << 20
MOST_EVICTIONS = 20
"""In one look: each is a program to start."""


class Kubernetes:
    """Implements `Broker` with kubectl."""

    scheduler = "Kubernetes"
    names_author = True

    def __init__(self, settings: DrainSettings, exec_: Exec):
        self._settings = settings
        self._kubectl = kubernetes_argv.kubectl(settings)
        self._answers = Answers(exec_, silent=SILENT, unknown=UNKNOWN, forbidden=FORBIDDEN, scheduler=self.scheduler)

    def standing(self, place: Place) -> Standing:
        """See `Broker`. The jobs are the pods that have to leave or end."""
        name = self._name(place)
        node = kubernetes_parse.node(self._ask(place, kubernetes_argv.node(name)))
        return _standing(name, node, self._pods(place, name), "")

    def drain(self, place: Place, reason: str) -> None:
        """Cordon, after a look at whether its pods may be evicted at all. Raises AskOperator naming those that may not."""
        name = self._name(place)
        self._require_movable(place, self._pods(place, name))
        self._ask(place, kubernetes_argv.cordon(name, reason))

    def progress(self, place: Place) -> Standing:
        """Ask for the eviction of what is still there, then see what that is."""
        name = self._name(place)
        pods = self._pods(place, name)
        self._require_movable(place, pods)
        refused = [pod for pod in _to_evict(pods)[:MOST_EVICTIONS] if not self._evict(place, pod)]
        held_up = _held_up(refused, self._budgets(place)) if refused else ""
        node = kubernetes_parse.node(self._ask(place, kubernetes_argv.node(name)))
        return _standing(name, node, self._pods(place, name), held_up)

    def resume(self, place: Place, prior: Prior) -> None:
        """Uncordon; `prior` was schedulable, or the run would have asked."""
        self._ask(place, kubernetes_argv.uncordon(self._name(place)))

    def hint(self, node: str) -> str:
        return f"look at kubelet there (systemctl status kubelet) and at kubectl describe node {node}, then retry"

    def _name(self, place: Place) -> str:
        return node_name(self._settings.node, place.host.host)

    def _ask(self, place: Place, words: list[str]) -> str:
        return self._answers.ask([*self._kubectl, *words], place.host.host, limit_bytes=PODS_LIMIT_BYTES)

    def _pods(self, place: Place, name: str) -> tuple[Pod, ...]:
        return tuple(
            pod for pod in kubernetes_parse.pods(self._ask(place, kubernetes_argv.pods(name))) if not pod.stays
        )

    def _budgets(self, place: Place) -> tuple[Budget, ...]:
        return kubernetes_parse.budgets(self._ask(place, kubernetes_argv.budgets()))

    def _require_movable(self, place: Place, pods: tuple[Pod, ...]) -> None:
        bare = [pod.name for pod in pods if not pod.owner and not self._settings.force_bare_pods]
        data = [pod.name for pod in _to_evict(pods) if pod.keeps_data and not self._settings.delete_emptydir]
        if not bare and not data:
            return
        parts = [f"nothing would start {_names(bare)} elsewhere"] if bare else []
        parts += [f"the emptyDir data of {_names(data)} would be lost"] if data else []
        raise AskOperator(
            "; ".join(parts),
            host=place.host.host,
            action="drain",
            hint="remove them yourself, or allow it (force, delete_emptydir in [[maintenance.drains]]), then answer retry; or skip",
        )

    def _evict(self, place: Place, pod: Pod) -> bool:
        """Whether it goes. False: a disruption budget refuses at the moment."""
        meta = pod.metadata
        argv = [*self._kubectl, *kubernetes_argv.evict(meta.namespace, meta.name)]
        done = self._answers.attempt(argv, place.host.host, stdin=kubernetes_argv.eviction(meta.namespace, meta.name))
        if done.exit_status == 0 or _is_gone(done):
            return True
        if any(words in words_of(done).lower() for words in REFUSED):
            return False
        raise self._answers.error(done, argv, place.host.host)


def _is_gone(done: ExecResult) -> bool:
    return "(notfound)" in words_of(done).lower()


def _to_evict(pods: tuple[Pod, ...]) -> list[Pod]:
    return [pod for pod in pods if pod.owner != "Job" and not pod.leaving]


def _standing(name: str, node: Node, pods: tuple[Pod, ...], held_up: str) -> Standing:
    if node.metadata.name != name:
        raise SwarmError(f"Kubernetes told of node {node.metadata.name!r} instead of {name!r}", action="ask Kubernetes")
    state = ("Ready" if node.ready else "NotReady") + (",SchedulingDisabled" if node.cordoned else "")
    jobs = tuple(Job(id=pod.name, name="ends" if pod.leaving else pod.owner) for pod in pods[:MOST_JOBS])
    return Standing(
        node=name,
        state=state,
        drained=node.cordoned,
        serving=node.ready and not node.cordoned,
        idle=not pods,
        reason=node.note if node.cordoned else "",
        jobs=jobs,
        held_up=held_up,
        silent=not node.ready,
    )


def _held_up(refused: list[Pod], budgets: tuple[Budget, ...]) -> str:
    """Whose budgets refuse, by name."""
    names = sorted({budget.name for budget in budgets for pod in refused if budget.covers(pod)})
    which = f"disruption budget {_names(names)} allows" if names else "a disruption budget allows"
    return f"{which} no eviction of {_names([pod.name for pod in refused])} at the moment"


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_JOBS])
    return f"{shown} and {len(names) - SHOWN_JOBS} more" if len(names) > SHOWN_JOBS else shown
