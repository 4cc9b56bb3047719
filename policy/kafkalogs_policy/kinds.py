"""Types of resources: what they are called in Pulumi, and where the pods are in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

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
            return found[1]
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


def containers(spec: View) -> Iterator[View]:
    """The containers of a pod, those before its start too."""
    for group in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec[group].items


def named(container: View) -> str:
    """A container's name, for messages."""
    return container["name"].text or container.path
