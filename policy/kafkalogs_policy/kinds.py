"""Types of resources: what they are called in Pulumi, and where the pods are in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from .values import View

_STRIMZI: Final = re.compile(r"^[\w.-]+:kafka\.strimzi\.io/v\w+:(\w+)$")
_FLINK: Final = re.compile(r"^[\w.-]+:flink\.apache\.org/v\w+:(\w+)$")
_KUBERNETES: Final = re.compile(r"^kubernetes:[\w./-]+:(\w+)$")

WORKLOADS: Final = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod"}
)


def kind(type_: str) -> str:
    """A short name: of Strimzi's and Flink's custom resources (whatever version) and of Kubernetes' own their kind, of
    all others their type. Flink's are `FlinkDeployment` and `FlinkSessionJob`."""
    for pattern in (_STRIMZI, _FLINK, _KUBERNETES):
        if found := pattern.match(type_):
            # Pulumi's KafkaPatch changes a Kafka, so it is judged as one.
            return found[1].removesuffix("Patch")
    return type_


def of(*kinds: str) -> Callable[[str], bool]:
    """Whether a type is one of these kinds."""
    wanted = frozenset(kinds)
    return lambda type_: kind(type_) in wanted


def pod(type_: str, view: View) -> View | None:
    """The spec of the pods of one of Kubernetes' own workloads; None for what is none."""
    name = kind(type_)
    if name not in WORKLOADS:
        return None
    if name == "Pod":
        return view["spec"]
    spec = view["spec"]["jobTemplate"]["spec"] if name == "CronJob" else view["spec"]
    return spec["template"]["spec"]


def flink_pods(view: View) -> list[View]:
    """The specs of the pods of a FlinkDeployment, as its operator merges them: the template of the JobManager, and that
    of the TaskManagers, each into the one for both."""
    spec = view["spec"]
    both = spec["podTemplate"]["spec"]
    own = [spec[part]["podTemplate"]["spec"] for part in ("jobManager", "taskManager")]
    if not any(template.there for template in own):
        return [both]
    return [
        View(_merged(both.value, template.value), template.path if template.there else both.path) for template in own
    ]


def _merged(below: Any, above: Any) -> Any:
    """Two templates as one: mappings by key, lists of named items by name; elsewhere what is above wins."""
    if above is None or below is None:
        return below if above is None else above
    if isinstance(below, dict) and isinstance(above, dict):
        lower, upper = cast("dict[str, Any]", below), cast("dict[str, Any]", above)
        return {key: _merged(lower.get(key), upper.get(key)) for key in [*lower, *(k for k in upper if k not in lower)]}
    if isinstance(below, list) and isinstance(above, list):
        items: list[Any] = [*cast("list[Any]", below), *cast("list[Any]", above)]
        if all(isinstance(item, dict) and "name" in item for item in items):
            found: dict[Any, Any] = {}
            for item in cast("list[dict[str, Any]]", items):
                found[item["name"]] = _merged(found.get(item["name"]), item)
            return list(found.values())
    return cast("Any", above)


def containers(spec: View) -> Iterator[View]:
    """The containers of a pod, those before its start too."""
    for group in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec[group].items


def named(container: View) -> str:
    """A container's name, for messages."""
    return container["name"].text or container.path
