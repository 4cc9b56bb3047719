"""`LogSchema`: the schema of the log event in a registry, a subject for each topic.

An incompatible schema fails `pulumi up` with the registry's reason.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap

from ..kube.pods import USER, digest, environment, labels, resources, secret_volume
from ..kube.resources import RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, known, manifest_of, metadata, part, typed
from . import event
from .record import REGISTRY, WRITER

LEVELS: Final = ("BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE", "NONE")
"""The compatibility levels of schema registries."""

_SCHEMAS: Final = "/etc/kafkalogs/schemas.json"
_WRITER: Final = "/etc/kafkalogs/writer"
_CA: Final = "/etc/kafkalogs/ca"


@dataclass(frozen=True)
class LogSchemaArgs:
    """What a `LogSchema` registers, and where."""

    namespace: pulumi.Input[str]
    """Where the Job runs that registers."""

    image: pulumi.Input[str]
    """The image of `apps/schemas`."""

    registry: pulumi.Input[str]
    """The registry's URL, by the API of Confluent's Schema Registry."""

    topics: pulumi.Input[list[str]]
    """The topics of log events; the subjects are `<topic>-value` (JSON Schema) and `<topic>-value-avro` (Avro)."""

    compatibility: pulumi.Input[str] = "BACKWARD"
    """What a new version must be to those before; holds from the next change on."""

    ca_secret: pulumi.Input[str] | None = f"{REGISTRY}-tls"
    """The Secret whose ca.crt the registry is verified with; None for the public authorities."""

    credentials_secret: pulumi.Input[str] = f"{WRITER}-credentials"
    """The Secret with `username` and `password` of somebody who may write."""


def subjects(topics: list[str]) -> dict[str, str]:
    """The type of schema by subject, for these topics."""
    names = {f"{topic}-value{suffix}": kind for topic in topics for suffix, kind in (("", "JSON"), ("-avro", "AVRO"))}
    return dict(sorted(names.items()))


def registration(topics: list[str], compatibility: str) -> Manifest:
    """What the Job is told: the level, the schema by type and the type by subject."""
    if compatibility not in LEVELS:
        raise pulumi.RunError(f"LogSchema: compatibility {compatibility!r}: write one of {', '.join(LEVELS)}")
    return {
        "compatibility": compatibility,
        "schemas": {
            "JSON": event.schema_text(event.json_schema()),
            "AVRO": event.schema_text(event.avro_schema()),
        },
        "subjects": subjects(topics),
    }


def registration_manifests(args: LogSchemaArgs) -> Manifest:
    """The ConfigMap and the Job, by kind. Their name changes with all that they hold, so that nothing runs twice."""
    content = json.dumps(registration(known(args.topics), known(args.compatibility)), indent=1)
    volumes = [secret_volume("writer", known(args.credentials_secret), "username", "password")]
    mounted = [{**_mount("schemas", _SCHEMAS), "subPath": "schemas.json"}, _mount("writer", _WRITER)]
    env = {"REGISTRY_URL": known(args.registry), "REGISTRY_WRITER": _WRITER, "REGISTRY_SCHEMAS": _SCHEMAS}
    if ca_secret := known(args.ca_secret):
        volumes.append(secret_volume("ca", ca_secret, "ca.crt"))
        mounted.append(_mount("ca", _CA))
        env["REGISTRY_CA"] = f"{_CA}/ca.crt"
    # The name of both is a digest of this, so the order of the keys must stay.
    runs: Manifest = {
        "name": "schemas",
        "image": known(args.image),
        "imagePullPolicy": "IfNotPresent",
        "env": environment(env),
        "resources": resources("10m", "32Mi", "500m", "64Mi"),
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        # Pulumi shows it: the registry's reason is the end of the log.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounted,
    }
    pod_spec: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {**RESTRICTED_POD, "runAsUser": USER, "fsGroup": USER},
        "containers": [runs],
    }
    spec: Manifest = {
        # The program itself tries again. Of a Job that failed Pulumi hears only when it is out of tries.
        "backoffLimit": 0,
        "template": {"metadata": {"labels": labels("schemas")}, "spec": pod_spec},
    }
    name = f"schemas-{digest(json.dumps([content, spec, volumes]))}"
    pod_spec["volumes"] = [*volumes, {"name": "schemas", "configMap": {"name": name}}]
    about = metadata(name, known(args.namespace))
    # A Job that failed cannot run again: the next `up` puts a new one in its place.
    annotations = {"pulumi.com/replaceUnready": "true"}
    return {
        "ConfigMap": {"metadata": about, "data": {"schemas.json": content}, "immutable": True},
        "Job": {"metadata": {**about, "annotations": annotations}, "spec": spec},
    }


def _mount(name: str, path: str) -> Manifest:
    return {"name": name, "mountPath": path, "readOnly": True}


class LogSchema(pulumi.ComponentResource):
    """The log event's schema in a registry, in JSON Schema and Avro, a subject each per topic.

    A Job registers it as part of `pulumi up`. It first asks the registry about all subjects; when one change is
    incompatible, nothing is registered and `up` fails with the registry's reason.
    """

    subjects: pulumi.Output[list[str]]
    """The subjects; who uses them waits until they are registered."""

    def __init__(self, name: str, args: LogSchemaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(LogSchemaArgs, args)
        super().__init__("kafkalogs:index:LogSchema", name, {}, opts)
        manifests = manifest_of(registration_manifests, args)
        config: Any = part(manifests, "ConfigMap")
        job: Any = part(manifests, "Job")
        configmap = ConfigMap(
            name,
            metadata=part(config, "metadata"),
            data=part(config, "data"),
            immutable=True,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        done = Job(
            name,
            metadata=part(job, "metadata"),
            spec=part(job, "spec"),
            # The old Job goes first: with its name it would be in the way when a change is taken back.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[configmap],
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create="10m", update="10m", delete="2m"),
            ),
        )
        self.subjects = pulumi.Output.all(topics=args.topics, done=done.id).apply(
            lambda known: list(subjects(known["topics"]))
        )
        self.register_outputs({"subjects": self.subjects})
