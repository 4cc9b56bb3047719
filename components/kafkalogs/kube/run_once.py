"""A Job that `pulumi up` runs once for each content of its ConfigMap."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap

from .pods import USER, digest, environment, labels, resources
from .resources import RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, after, metadata, part


@dataclass(frozen=True, kw_only=True)
class RunOnce:
    """A Job and the file that the Job reads."""

    namespace: str
    name: str
    """The prefix of the names of the Job and of its ConfigMap."""
    program: str
    """The name of its container, of its pods' label, and of the volume with the file."""
    image: str
    env: Mapping[str, str]
    memory_limit: str
    file: str
    """The name of the file in the ConfigMap."""
    content: str
    volumes: Sequence[Manifest]
    """The volumes with Secrets."""
    mounts: Sequence[Manifest]
    """All mounts, including the file's."""


def run_once_manifests(args: RunOnce) -> Manifest:
    """The ConfigMap and the Job, by kind. Their name changes with their content, so that no content runs twice."""
    # The name contains a digest of this dict, so the order of the keys must not change.
    runs: Manifest = {
        "name": args.program,
        "image": args.image,
        "imagePullPolicy": "IfNotPresent",
        "env": environment(args.env),
        "resources": resources("10m", "32Mi", "500m", args.memory_limit),
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        # Pulumi shows this message: the end of the log says why the program failed.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": list(args.mounts),
    }
    pod_spec: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {**RESTRICTED_POD, "runAsUser": USER, "fsGroup": USER},
        "containers": [runs],
    }
    spec: Manifest = {
        # The program itself retries. Pulumi learns that a Job failed only after the last retry of the Job.
        "backoffLimit": 0,
        "template": {"metadata": {"labels": labels(args.program)}, "spec": pod_spec},
    }
    volumes = list(args.volumes)
    about = metadata(f"{args.name}-{digest(json.dumps([args.content, spec, volumes]))}", args.namespace)
    pod_spec["volumes"] = [*volumes, {"name": args.program, "configMap": {"name": about["name"]}}]
    # A failed Job cannot run again: the next `up` replaces it.
    annotations = {"pulumi.com/replaceUnready": "true"}
    return {
        "ConfigMap": {"metadata": about, "data": {args.file: args.content}, "immutable": True},
        "Job": {"metadata": {**about, "annotations": annotations}, "spec": spec},
    }


def run_once(
    name: str, manifests: pulumi.Input[Manifest], parent: pulumi.Resource, needed: Sequence[pulumi.Resource] = ()
) -> Job:
    """The ConfigMap and the Job of `run_once_manifests` as resources. The Job waits for `needed` too."""
    config: Any = part(manifests, "ConfigMap")
    job: Any = part(manifests, "Job")
    # The old objects are deleted first: a reverted change gives the same names as before.
    first = pulumi.ResourceOptions(parent=parent, delete_before_replace=True)
    file = ConfigMap(name, metadata=part(config, "metadata"), data=part(config, "data"), immutable=True, opts=first)
    opts = pulumi.ResourceOptions.merge(first, after(parent, [file, *needed], minutes=10))
    return Job(name, metadata=part(job, "metadata"), spec=part(job, "spec"), opts=opts)
