"""Reads what the Kubernetes API says of a node, its pods and the disruption budgets, as kubectl prints it (-o json)."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from backends import decoding
from backends.errors import SwarmError
from backends.maintenance.drain.kubernetes_argv import NOTE
from backends.text import clean

SEGMENT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
"""A name as Kubernetes allows it, which is also a harmless segment of a path."""
MIRROR = "kubernetes.io/config.mirror"
OVER = ("Succeeded", "Failed")


class _Part(msgspec.Struct, rename="camel", frozen=True):
    """Base of what is read; unknown fields are left alone."""


class Owner(_Part, frozen=True):
    kind: str = ""
    controller: bool = False


class Meta(_Part, frozen=True):
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None
    deletion_timestamp: str | None = None


class Condition(_Part, frozen=True):
    type: str = ""
    status: str = ""


class NodeSpec(_Part, frozen=True):
    unschedulable: bool | None = None


class NodeStatus(_Part, frozen=True):
    conditions: list[Condition] | None = None


class Node(_Part, frozen=True):
    metadata: Meta = Meta()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def cordoned(self) -> bool:
        return bool(self.spec.unschedulable)

    @property
    def ready(self) -> bool:
        """Its kubelet answers and is well."""
        return any(each.type == "Ready" and each.status == "True" for each in self.status.conditions or ())

    @property
    def note(self) -> str:
        """Our reason, where it is there."""
        return clean((self.metadata.annotations or {}).get(NOTE, ""), 400)


class Volume(_Part, frozen=True):
    name: str = ""
    empty_dir: dict[str, object] | None = None


class PodSpec(_Part, frozen=True):
    volumes: list[Volume] | None = None


class PodStatus(_Part, frozen=True):
    phase: str = ""


class Pod(_Part, frozen=True):
    metadata: Meta = Meta()
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def name(self) -> str:
        """namespace/name."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def owner(self) -> str:
        """Kind of what would start it elsewhere; "" for a bare pod."""
        return next((each.kind for each in self.metadata.owner_references or () if each.controller), "")

    @property
    def stays(self) -> bool:
        """It belongs to the node (DaemonSet, static) or is over."""
        is_static = MIRROR in (self.metadata.annotations or {})
        return is_static or self.owner == "DaemonSet" or self.status.phase in OVER

    @property
    def leaving(self) -> bool:
        return self.metadata.deletion_timestamp is not None

    @property
    def keeps_data(self) -> bool:
        """What it wrote to an emptyDir goes with it."""
        return any(each.empty_dir is not None for each in self.spec.volumes or ())


class Expression(_Part, frozen=True):
    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class Selector(_Part, frozen=True):
    match_labels: dict[str, str] | None = None
    match_expressions: list[Expression] | None = None


class BudgetSpec(_Part, frozen=True):
    selector: Selector | None = None


class BudgetStatus(_Part, frozen=True):
    disruptions_allowed: int = 0


class Budget(_Part, frozen=True):
    metadata: Meta = Meta()
    spec: BudgetSpec = BudgetSpec()
    status: BudgetStatus = BudgetStatus()

    @property
    def name(self) -> str:
        """namespace/name."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    def covers(self, pod: Pod) -> bool:
        """Whether this pod's eviction is a matter of this budget."""
        if self.spec.selector is None or self.metadata.namespace != pod.metadata.namespace:
            return False
        labels = pod.metadata.labels or {}
        equal = all(labels.get(key) == value for key, value in (self.spec.selector.match_labels or {}).items())
        return equal and all(_holds(each, labels) for each in self.spec.selector.match_expressions or ())


class _Pods(_Part, frozen=True):
    items: list[Pod] = []


class _Budgets(_Part, frozen=True):
    items: list[Budget] = []


def node(text: str) -> Node:
    """Raises SwarmError for what is no node."""
    found = _read(text, Node)
    return msgspec.structs.replace(found, metadata=_clean(found.metadata))


def pods(text: str) -> tuple[Pod, ...]:
    """Those whose names are names; the API would give no others. Raises SwarmError for what is no list."""
    return tuple(each for each in _read(text, _Pods).items if _is_named(each.metadata))


def budgets(text: str) -> tuple[Budget, ...]:
    """Raises SwarmError for what is no list."""
    return tuple(each for each in _read(text, _Budgets).items if _is_named(each.metadata))


_T = TypeVar("_T", Node, _Pods, _Budgets)


def _read(text: str, kind: type[_T]) -> _T:
    try:
        return decoding.json(text, type=kind)
    except msgspec.MsgspecError as error:
        raise SwarmError(
            f"kubectl's answer cannot be read: {clean(str(error), 200)}", action="ask Kubernetes"
        ) from error


def _is_named(meta: Meta) -> bool:
    return bool(SEGMENT.match(meta.name) and SEGMENT.match(meta.namespace))


def _clean(meta: Meta) -> Meta:
    return msgspec.structs.replace(meta, name=clean(meta.name, 256))


def _holds(expression: Expression, labels: dict[str, str]) -> bool:
    value, values = labels.get(expression.key), expression.values or []
    match expression.operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False
