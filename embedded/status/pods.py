"""The pods of the platform, by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kafkalogs.client.cluster_access import ClusterAccess
from kubernetes.utils.quantity import parse_quantity


@dataclass(frozen=True)
class Component:
    """The pods of one part of the platform. memory: the sum of the pods' requests, in bytes."""

    name: str
    pods: int
    ready: int
    nodes: tuple[str, ...]
    memory: int


def components(access: ClusterAccess) -> list[Component]:
    """The platform's pods by part, without finished pods and pods of Jobs, since a CronJob may have just begun one."""
    what = f"pods of namespace {access.namespace}"
    pods = access.call(access.core.list_namespaced_pod, what, "run `make up`", access.namespace).items
    parts: dict[str, list[Any]] = {}
    for pod in pods:
        of_job = any(owner.kind == "Job" for owner in pod.metadata.owner_references or [])
        if not of_job and pod.status.phase not in {"Succeeded", "Failed"}:
            parts.setdefault(_part(pod), []).append(pod)
    return [
        Component(
            name,
            len(members),
            sum(_ready(p) for p in members),
            tuple(sorted({p.spec.node_name or "none yet" for p in members})),
            sum(_memory(p) for p in members),
        )
        for name, members in sorted(parts.items())
    ]


def shop_services(access: ClusterAccess) -> set[str]:
    """The services that the shop runs."""
    selector = "app.kubernetes.io/part-of=shop"
    found = access.call(
        access.core.list_namespaced_pod, "the shop's pods", "run `make up`", access.namespace, label_selector=selector
    )
    return {pod.metadata.labels["app.kubernetes.io/name"] for pod in found.items}


def _part(pod: Any) -> str:
    labels = pod.metadata.labels or {}
    if labels.get("app.kubernetes.io/part-of") == "shop":
        return "shop"
    return labels.get("app.kubernetes.io/name") or labels.get("name") or pod.metadata.name


def _ready(pod: Any) -> bool:
    containers = pod.status.container_statuses or []
    return pod.status.phase == "Running" and all(container.ready for container in containers)


def _memory(pod: Any) -> int:
    requests = [(container.resources.requests or {}) for container in pod.spec.containers]
    return sum(int(parse_quantity(r.get("memory", "0"))) for r in requests)
