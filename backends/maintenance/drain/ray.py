"""Ray: a node told to drain gets no new work, finishes what it has and leaves the cluster by itself.

Ray shows no drain while it lasts, only at its end (the node is DEAD, with our reason), and cannot take one back: a node
comes back when Ray is started there again, under another id. So resume waits for that.
"""

from __future__ import annotations

import re

from backends.errors import AskOperator, SkipHost
from backends.execution import Exec
from backends.maintenance.drain import ray_parse
from backends.maintenance.drain.ask import Answers
from backends.maintenance.drain.base import Job, Prior, Standing, node_name
from backends.maintenance.drain.ray_parse import RayNode
from backends.maintenance.drain.settings import DrainSettings
from backends.maintenance.worker import Place

SILENT = (
    "timed out while waiting for gcs",
    "failed to connect to gcs",
    "could not find any running ray instance",
    "connection refused",
    "failed to connect to api server",
    "deadline exceeded",
    "unavailable",
)
UNKNOWN = ()
FORBIDDEN = ("permission denied", "unauthenticated")
LIST_LIMIT = "10000"
PREEMPTION = "DRAIN_NODE_REASON_PREEMPTION"
"""The other one (IDLE_TERMINATION) is refused where anything runs. Without deadline nothing is ended."""
NODE_ID = re.compile(r"[0-9a-f]{56}\Z")


class Ray:
    """Implements `Broker` with the ray program (2.40 or newer)."""

    scheduler = "Ray"
    names_author = False

    def __init__(self, settings: DrainSettings, exec_: Exec):
        self._pattern = settings.node
        self._address = [f"--address={settings.address}"] if settings.address else []
        self._answers = Answers(exec_, silent=SILENT, unknown=UNKNOWN, forbidden=FORBIDDEN, scheduler=self.scheduler)

    def standing(self, place: Place) -> Standing:
        """See `Broker`; a drain shows only when it has ended."""
        node = self._node(place)
        return _standing(node, self._work(place, node)) if node.alive else _standing(node, ())

    def drain(self, place: Place, reason: str) -> None:
        """Tell a living node to leave. Raises AskOperator for the head: without it there is no cluster."""
        node = self._node(place)
        if node.is_head_node and node.alive:
            raise AskOperator(
                "is the head of the Ray cluster, which cannot be drained",
                host=place.host.host,
                action="drain",
                hint="skip the host, or use scheduler command or none for it",
            )
        if node.alive:
            words = ["drain-node", *self._address, f"--node-id={node.node_id}", f"--reason={PREEMPTION}"]
            self._answers.ask(["ray", *words, f"--reason-message={reason}"], place.host.host)

    def progress(self, place: Place) -> Standing:
        """Drained when it has left; until then its tasks and actors are waited for."""
        return self.standing(place)

    def resume(self, place: Place, prior: Prior) -> None:
        """Nothing can be told to Ray: what is started on the host is a new node."""

    def hint(self, node: str) -> str:
        return "start Ray there again (ray start --address=…, better as a systemd service that restarts), then retry"

    def _node(self, place: Place) -> RayNode:
        name = node_name(self._pattern, place.host.host)
        found = ray_parse.newest(ray_parse.nodes(self._list(place, "nodes", "--detail")), name)
        if found is None or not NODE_ID.match(found.node_id):
            raise SkipHost(
                f"Ray knows no node {name!r}",
                host=place.host.host,
                action="ask Ray",
                hint="see node in [[maintenance.drains]]: the node's name or address in ray list nodes",
            )
        return found

    def _work(self, place: Place, node: RayNode) -> tuple[Job, ...]:
        only = f"--filter=node_id={node.node_id}"
        tasks = ray_parse.tasks(self._list(place, "tasks", only))
        return (*tasks, *ray_parse.actors(self._list(place, "actors", only)))

    def _list(self, place: Place, what: str, *words: str) -> str:
        argv = ["ray", "list", what, *self._address, "--format=json", f"--limit={LIST_LIMIT}", *words]
        return self._answers.ask(argv, place.host.host)


def _standing(node: RayNode, work: tuple[Job, ...]) -> Standing:
    because = node.drained_because
    return Standing(
        node=node.node_name or node.node_ip,
        state=node.state,
        drained=not node.alive,
        serving=node.alive,
        idle=not work,
        reason=because if because is not None else ("left the cluster" if not node.alive else ""),
        jobs=work,
        silent=not node.alive,
    )
