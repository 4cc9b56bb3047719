"""requests-and-limits, non-root and pinned-images: what runs is bounded, unprivileged, and what was tested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..kinds import WORKLOADS, containers, flink_pods, kind, named, of, pod
from ..model import Context, Rule, Violation, each
from ..values import View

_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")
_RELEASES: Final = ("Release", "Chart")


def _places(type_: str, view: View) -> Iterator[tuple[View, str]]:
    """Where a custom resource says what its pods get: (place of `requests` and `limits`, whose they are)."""
    name, spec = kind(type_), view["spec"]
    if name in {"KafkaNodePool", "KafkaConnect", "KafkaBridge", "KafkaMirrorMaker2"}:
        yield spec["resources"], name
    elif name == "Kafka":
        for operator in ("topicOperator", "userOperator"):
            if spec["entityOperator"][operator].there:
                yield spec["entityOperator"][operator]["resources"], operator
        for part in ("kafkaExporter", "cruiseControl"):
            if spec[part].there:
                yield spec[part]["resources"], part
        # before node pools
        if spec["kafka"]["replicas"].there:
            yield spec["kafka"]["resources"], name


def _resources(type_: str, view: View, context: Context) -> Iterator[Violation]:
    if kind(type_) == "FlinkDeployment":
        for part in ("jobManager", "taskManager"):
            yield from each(_flink(view["spec"][part]))
        for spec in flink_pods(view):
            for container in spec["initContainers"].items:
                yield from each(_bounded(container["resources"], named(container)))
    elif (spec := pod(type_, view)) is not None:
        for container in containers(spec):
            yield from each(_bounded(container["resources"], named(container)))
    else:
        for place, whose in _places(type_, view):
            yield from each(_bounded(place, whose))


def _bounded(place: View, whose: str) -> Iterator[Violation]:
    for group in ("requests", "limits"):
        for resource in ("cpu", "memory"):
            if not place[group][resource].text:
                told = f"{whose} has no {group} of {resource}"
                yield Violation(f"{place.path}.{group}.{resource}", told, "write one; bench/results.md has figures")


def _flink(place: View) -> Iterator[Violation]:
    # Flink's limits follow from these, by kubernetes.<part>.cpu.limit-factor and memory.limit-factor.
    for resource in ("cpu", "memory"):
        value = place["resource"][resource]
        if not value.text:
            yield Violation(value.path, f"Flink's default {resource}, whatever that is", "write one")


def _pods(type_: str, view: View) -> Iterator[tuple[View, list[View]]]:
    """Where custom resources say how their pods run: (securityContext of the pod, those of containers)."""
    name, spec = kind(type_), view["spec"]
    if name == "KafkaNodePool":
        template = spec["template"]
        yield template["pod"]["securityContext"], [template["kafkaContainer"]["securityContext"]]
    elif name in {"KafkaConnect", "KafkaBridge", "KafkaMirrorMaker2"}:
        template = spec["template"]
        own = "bridgeContainer" if name == "KafkaBridge" else "connectContainer"
        yield template["pod"]["securityContext"], [template[own]["securityContext"]]
    elif name == "Kafka":
        if spec["kafka"]["replicas"].there:
            template = spec["kafka"]["template"]
            yield template["pod"]["securityContext"], [template["kafkaContainer"]["securityContext"]]
        if spec["entityOperator"].there:
            template = spec["entityOperator"]["template"]
            each_container = [template[f"{part}OperatorContainer"]["securityContext"] for part in ("topic", "user")]
            yield template["pod"]["securityContext"], each_container
    else:
        for inner in _pod_specs(type_, view):
            yield inner["securityContext"], [c["securityContext"] for c in containers(inner)]


def _pod_specs(type_: str, view: View) -> list[View]:
    """The specs of pods in a workload of Kubernetes or in a FlinkDeployment."""
    if kind(type_) == "FlinkDeployment":
        return flink_pods(view)
    inner = pod(type_, view)
    return [] if inner is None else [inner]


def _non_root(type_: str, view: View, context: Context) -> Iterator[Violation]:
    for own, inner in _pods(type_, view):
        # One without containers has its own context alone.
        for place in inner or [own]:
            yield from each(_unprivileged(own, place))
    for spec in _pod_specs(type_, view):
        yield from each(_alone(spec))


def _alone(spec: View) -> Iterator[Violation]:
    """What gives a pod a part of its node."""
    for key in ("hostPID", "hostIPC", "hostNetwork"):
        if spec[key].true:
            yield Violation(spec[key].path, "it sees the other processes or the network of its node", "leave it out")
    for volume in spec["volumes"].items:
        if volume["hostPath"].there:
            told = f"{volume['hostPath']['path'].shown} of the node: whoever reads or writes there leaves its pod"
            yield Violation(f"{volume.path}.hostPath", told, "use another volume, or declare an exception")


def _unprivileged(pod_wide: View, place: View) -> Iterator[Violation]:
    """A container's setting wins over its pod's."""
    wanted = place["runAsNonRoot"] if place["runAsNonRoot"].there else pod_wide["runAsNonRoot"]
    user = place["runAsUser"] if place["runAsUser"].there else pod_wide["runAsUser"]
    if not wanted.true:
        told = f"runAsNonRoot is {wanted.shown}: it may run as root"
        yield Violation(f"{place.path}.runAsNonRoot", told, "write true, for the pod or the container")
    if user.number == 0:
        yield Violation(user.path, "it runs as root", "write another user, or leave it to the image")
    if place["privileged"].true:
        yield Violation(f"{place.path}.privileged", "it may do everything on its node", "leave it out")
    escalation = place["allowPrivilegeEscalation"]
    # true is Kubernetes' default; the context of a pod, without containers, has no such key
    if place is not pod_wide and not (escalation.there and escalation.text == "false"):
        yield Violation(escalation.path, f"{escalation.shown}: a program in it may become root", "write false")
    for added in place["capabilities"]["add"].items:
        yield Violation(added.path, f"the capability {added.shown}, a part of root's rights", "leave it out")


def _images(type_: str, view: View, context: Context) -> Iterator[Violation]:
    name, spec = kind(type_), view["spec"]
    if name in _RELEASES or type_.startswith("kubernetes:helm.sh/"):
        yield from each(_release(view, context))
        return
    if spec["build"].there:
        told = "an image that is built in the cluster, of files that nobody has tested together"
        yield Violation("spec.build", told, "build the image before, and write spec.image with its digest")
    if name == "FlinkDeployment":
        yield from each(_pinned(spec["image"], context))
        for template in flink_pods(view):
            for container in containers(template):
                if container["image"].there:
                    yield from each(_pinned(container["image"], context))
    elif (inner := pod(type_, view)) is not None:
        for container in containers(inner):
            yield from each(_pinned(container["image"], context))
        return
    # Strimzi's own resources: what they leave open, their operator decides, whose images are those of its release.
    for place in (spec["image"], spec["kafka"]["image"]):
        if name != "FlinkDeployment" and place.there:
            yield from each(_pinned(place, context))


def _pinned(place: View, context: Context) -> Iterator[Violation]:
    if not place.text:
        yield Violation(place.path, "nothing says which image", "write one with its digest")
    elif context.demands.digests and not _DIGEST.search(place.text):
        told = f"{place.shown}: what is behind a tag may change"
        yield Violation(place.path, told, "write name@sha256:...; `make images REGISTRY=...` pins the platform's own")
    elif not context.demands.digests and not _DIGEST.search(place.text) and not _tagged(place.text):
        told = f"{place.shown}: the newest is another one each time"
        yield Violation(place.path, told, "write a tag of its own")


def _tagged(image: str) -> bool:
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag not in {"", "latest"}


def _release(view: View, context: Context) -> Iterator[Violation]:
    version = view["version"]
    if not re.fullmatch(r"v?\d+\.\d+\.\d+[\w.+-]*", version.text):
        told = f"a chart of version {version.shown}: another one each time"
        yield Violation("version", told, "write an exact version")
    if context.demands.digests and not _digested(view["values"]):
        told = "a chart whose values name no digest: it chooses its images by tag"
        yield Violation("values", told, "give the digests that the chart takes, or declare an exception")


def _digested(values: View) -> bool:
    return any(re.search(r"\bsha256:[0-9a-f]{64}$", leaf.text) for leaf in values.leaves())


_CUSTOM: Final = ("KafkaNodePool", "KafkaConnect", "KafkaBridge", "KafkaMirrorMaker2", "Kafka", "FlinkDeployment")

RESOURCES: Final = Rule(
    name="requests-and-limits",
    title="Everything that runs says what it needs and the most that it takes",
    applies=of(*WORKLOADS, *_CUSTOM),
    examine=_resources,
)

NON_ROOT: Final = Rule(
    name="non-root",
    title="Nothing runs as root",
    applies=of(*WORKLOADS, *_CUSTOM),
    examine=_non_root,
)

IMAGES: Final = Rule(
    name="pinned-images",
    title="Images are pinned by digest outside local",
    applies=of(*WORKLOADS, *_CUSTOM, *_RELEASES),
    examine=_images,
)
