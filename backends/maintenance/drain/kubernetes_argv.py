"""What kubectl is asked and told, as argv lists and the documents that go to its stdin."""

from __future__ import annotations

import json

from backends.maintenance.drain.settings import DrainSettings

NOTE = "swarm-tui/drain"
"""Annotation of a node that holds our reason: a cordon itself says nothing."""
REQUEST_SECONDS = 20


def kubectl(settings: DrainSettings) -> list[str]:
    """The program with the cluster it is to talk to."""
    argv = ["kubectl", f"--request-timeout={REQUEST_SECONDS}s"]
    if settings.kubeconfig:
        argv.append(f"--kubeconfig={settings.kubeconfig}")
    if settings.context:
        argv.append(f"--context={settings.context}")
    return argv


def node(name: str) -> list[str]:
    return ["get", "node", name, "-o", "json"]


def pods(name: str) -> list[str]:
    return ["get", "pods", "--all-namespaces", f"--field-selector=spec.nodeName={name}", "-o", "json"]


def budgets() -> list[str]:
    return ["get", "poddisruptionbudgets", "--all-namespaces", "-o", "json"]


def cordon(name: str, reason: str) -> list[str]:
    """Cordon and reason in one request: neither is ever there without the other."""
    return _patch(name, {"metadata": {"annotations": {NOTE: reason}}, "spec": {"unschedulable": True}})


def uncordon(name: str) -> list[str]:
    return _patch(name, {"metadata": {"annotations": {NOTE: None}}, "spec": {"unschedulable": None}})


def evict(namespace: str, pod: str) -> list[str]:
    """Takes `eviction` on stdin; the names are path segments that `kubernetes_parse` has checked."""
    return ["create", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", "-f", "-"]


def eviction(namespace: str, pod: str) -> bytes:
    """The request that a disruption budget may refuse; the pod's own grace period holds."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    return json.dumps(body).encode()


def _patch(name: str, change: dict[str, object]) -> list[str]:
    return ["patch", "node", name, "--type=merge", f"--patch={json.dumps(change)}"]
