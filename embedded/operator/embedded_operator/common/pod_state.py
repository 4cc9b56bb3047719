"""What the status of a pod says. Pure."""

from __future__ import annotations

from embedded_operator.common import names
from embedded_operator.common.names import Obj, dig


def is_ready(pod: Obj) -> bool:
    """Whether Kubernetes calls the pod ready."""
    conditions = dig(pod, "status", "conditions", default=[])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def is_stale(pod: Obj, wanted: Obj) -> bool:
    """Whether the pod was made from another specification, or a person asked to replace it."""
    return names.annotation(pod, names.REVISION) != names.annotation(wanted, names.REVISION) or names.is_true(
        pod, names.MANUAL_ROLL
    )


def why_not_ready(pod: Obj) -> str:
    """Why a pod is not ready, as far as Kubernetes knows; empty when the pod is ready."""
    if is_ready(pod):
        return ""
    found: list[str] = []
    for item in dig(pod, "status", "conditions", default=[]):
        if item["type"] == "PodScheduled" and item["status"] != "True":
            found.append(item.get("message", "not scheduled"))
    for container in dig(pod, "status", "containerStatuses", default=[]):
        if waiting := dig(container, "state", "waiting"):
            found.append(f"{waiting.get('reason')}: {waiting.get('message', '')}")
        if ended := dig(container, "lastState", "terminated"):
            found.append(f"last message: {(ended.get('message') or '')[-400:]}")
    return f"{pod['metadata']['name']}: {', '.join(found) or dig(pod, 'status', 'phase')}"
