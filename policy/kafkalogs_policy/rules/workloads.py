"""requests-and-limits, non-root and pinned-images: what runs is bounded, unprivileged, and what was tested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..charts import chosen, find, unseen
from ..collectors import allowed_folders, is_collector, may_be_root
from ..kinds import WORKLOADS, containers, flink_pods, kind, named, of, pod
from ..model import Context, Rule, Violation, each
from ..values import View

_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")
_NAMES_IMAGE: Final = re.compile(r"\.(image|\w+Image|reference)$")
"""Where Strimzi's resources name images: of their pods, of init containers, and of a plugin's files."""
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
    roots, folders = _of_collector(type_, view)
    for own, inner in _pods(type_, view):
        # One without containers has its own context alone.
        for place in inner or [own]:
            yield from each(_unprivileged(own, place), *(() if place.path in roots else (_not_root(own, place),)))
    for spec in _pod_specs(type_, view):
        yield from each(_alone(spec, folders))
        for container in containers(spec):
            yield from each(_node_ports(container))


def _of_collector(type_: str, view: View) -> tuple[frozenset[str], frozenset[str]]:
    """What only the shipper may: (paths of the securityContexts of its containers that may be root, its volumes)."""
    if not is_collector(type_, view):
        return frozenset(), frozenset()
    (spec,) = _pod_specs(type_, view)
    roots = {one["securityContext"].path for one in containers(spec) if may_be_root(one)}
    return frozenset(roots), frozenset(allowed_folders(view["metadata"]["namespace"].text, spec))


def _node_ports(container: View) -> Iterator[Violation]:
    for port in container["ports"].items:
        if port["hostPort"].there:
            told = f"port {port['hostPort'].shown} of the node, which no network policy guards"
            yield Violation(port["hostPort"].path, told, "use a Service")


def _alone(spec: View, allowed: frozenset[str]) -> Iterator[Violation]:
    """What gives a pod a part of its node. allowed: the names of volumes that it may have all the same."""
    for key in ("hostPID", "hostIPC", "hostNetwork"):
        if spec[key].true:
            yield Violation(spec[key].path, "it sees the other processes or the network of its node", "leave it out")
    for volume in spec["volumes"].items:
        if volume["hostPath"].there and volume["name"].text not in allowed:
            told = f"{volume['hostPath']['path'].shown} of the node: whoever reads or writes there leaves its pod"
            yield Violation(f"{volume.path}.hostPath", told, "use another volume, or declare an exception")


def _not_root(pod_wide: View, place: View) -> Iterator[Violation]:
    """A container's setting wins over its pod's."""
    wanted = place["runAsNonRoot"] if place["runAsNonRoot"].there else pod_wide["runAsNonRoot"]
    user = place["runAsUser"] if place["runAsUser"].there else pod_wide["runAsUser"]
    if not wanted.true:
        told = f"runAsNonRoot is {wanted.shown}: it may run as root"
        yield Violation(f"{place.path}.runAsNonRoot", told, "write true, for the pod or the container")
    if user.number == 0:
        yield Violation(user.path, "it runs as root", "write another user, or leave it to the image")


def _unprivileged(pod_wide: View, place: View) -> Iterator[Violation]:
    """What makes a container, of whatever user, more than a program of its own."""
    for profile in ("seccompProfile", "appArmorProfile"):
        for where in (pod_wide, place):
            if where[profile]["type"].text == "Unconfined":
                told = "every call of the node's kernel is open to it"
                yield Violation(f"{where.path}.{profile}.type", told, "write RuntimeDefault")
    if place["procMount"].there and place["procMount"].text != "Default":
        yield Violation(f"{place.path}.procMount", "it sees more of its node's /proc", "leave it out")
    if pod_wide["windowsOptions"]["hostProcess"].true or place["windowsOptions"]["hostProcess"].true:
        yield Violation(f"{place.path}.windowsOptions", "a process of the node", "leave it out")
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
            yield from each(_mounted(template, context))
        return
    if (inner := pod(type_, view)) is not None:
        for container in containers(inner):
            yield from each(_pinned(container["image"], context))
        yield from each(_mounted(inner, context))
        return
    # Strimzi's own resources: what they leave open, their operator decides, whose images are those of its release.
    for place in spec.leaves():
        if _NAMES_IMAGE.search(place.path):
            yield from each(_pinned(place, context))


def _mounted(spec: View, context: Context) -> Iterator[Violation]:
    """The images whose files a pod mounts as a volume."""
    for volume in spec["volumes"].items:
        if volume["image"].there:
            yield from each(_pinned(volume["image"]["reference"], context))


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
    if not context.demands.digests:
        return
    chart = find(view)
    if chart is None:
        told = (
            f"the chart {view['chart'].shown} of {view['repositoryOpts']['repo'].shown}: nobody has judged its images"
        )
        yield Violation("chart", told, "add chart, repository and version to policy/kafkalogs_policy/charts.py")
    for place in unseen(view):
        yield Violation(place.path, "changes what the chart renders, where no rule sees it", "write it into values")
    for place in chosen(view["values"]):
        if chart is None or place.text.rpartition("@")[2] not in chart.digests:
            told = f"{place.shown} chooses an image by something else than a digest of the list"
            yield Violation(place.path, told, "leave it out, or add its digest to policy/kafkalogs_policy/charts.py")


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
