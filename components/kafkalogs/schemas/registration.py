"""`LogSchema`: the schema of the log event in a registry, with subjects for each topic.

With an incompatible schema `pulumi up` fails and shows the registry's reason.
"""

import json
from dataclasses import dataclass
from typing import Final

import pulumi

from ..kube.pods import secret_volume
from ..kube.resources import Manifest, known, manifest_of, typed
from ..kube.run_once import RunOnce, run_once, run_once_manifests
from . import event
from .record import REGISTRATION, REGISTRY, WRITER

LEVELS: Final = ("BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE", "NONE")
"""The compatibility levels of schema registries."""

CORRECTED: Final = ("fd84dd021cb0520247e41cfb4877955faf29ec7f79313498c36d99008f04935b",)
"""The schemas of earlier versions of this package that allowed what no sink can store: times before 1970, and services
whose names are too long. A registry calls their correction incompatible, and would refuse it. The digests are those of
`apps/schemas`."""

_SCHEMAS: Final = "/etc/kafkalogs/schemas.json"
_WRITER: Final = "/etc/kafkalogs/writer"
_CA: Final = "/etc/kafkalogs/ca"


@dataclass(frozen=True)
class LogSchemaArgs:
    """The arguments of a `LogSchema`."""

    namespace: pulumi.Input[str]
    """The namespace of the Job that registers the schemas."""

    image: pulumi.Input[str]
    """The image of `apps/schemas`."""

    registry: pulumi.Input[str]
    """The URL of the registry's API, which is compatible with Confluent's Schema Registry."""

    topics: pulumi.Input[list[str]]
    """The topics of log events; the subjects are `<topic>-value` (JSON Schema) and `<topic>-value-avro` (Avro)."""

    compatibility: pulumi.Input[str] = "BACKWARD"
    """The compatibility level of a new version with earlier versions; applies from the next change on."""

    ca_secret: pulumi.Input[str] | None = f"{REGISTRY}-tls"
    """The Secret whose ca.crt signed the registry's certificate; None for the public authorities."""

    credentials_secret: pulumi.Input[str] = f"{WRITER}-credentials"
    """The Secret with the `username` and `password` of a user who may write."""


def subjects(topics: list[str]) -> dict[str, str]:
    """The type of the schema of each subject of these topics."""
    names = {f"{topic}-value{suffix}": kind for topic in topics for suffix, kind in (("", "JSON"), ("-avro", "AVRO"))}
    return dict(sorted(names.items()))


def registration(topics: list[str], compatibility: str) -> Manifest:
    """The settings of the Job: the compatibility level, the schema by type, the type by subject, what is corrected."""
    if compatibility not in LEVELS:
        raise pulumi.RunError(f"LogSchema: compatibility {compatibility!r}: write one of {', '.join(LEVELS)}")
    return {
        "compatibility": compatibility,
        "schemas": {
            "JSON": event.schema_text(event.json_schema()),
            "AVRO": event.schema_text(event.avro_schema()),
        },
        "subjects": subjects(topics),
        "corrects": list(CORRECTED),
    }


def registration_manifests(args: LogSchemaArgs) -> Manifest:
    """The ConfigMap with the schemas, and the Job that registers them, by kind."""
    content = json.dumps(registration(known(args.topics), known(args.compatibility)), indent=1)
    volumes = [secret_volume("writer", known(args.credentials_secret), "username", "password")]
    mounted = [{**_mount("schemas", _SCHEMAS), "subPath": "schemas.json"}, _mount("writer", _WRITER)]
    env = {"REGISTRY_URL": known(args.registry), "REGISTRY_WRITER": _WRITER, "REGISTRY_SCHEMAS": _SCHEMAS}
    if ca_secret := known(args.ca_secret):
        volumes.append(secret_volume("ca", ca_secret, "ca.crt"))
        mounted.append(_mount("ca", _CA))
        env["REGISTRY_CA"] = f"{_CA}/ca.crt"
    return run_once_manifests(
        RunOnce(
            namespace=known(args.namespace),
            name="schemas",
            program=REGISTRATION,
            image=known(args.image),
            env=env,
            memory_limit="64Mi",
            file="schemas.json",
            content=content,
            volumes=volumes,
            mounts=mounted,
        )
    )


def _mount(name: str, path: str) -> Manifest:
    return {"name": name, "mountPath": path, "readOnly": True}


class LogSchema(pulumi.ComponentResource):
    """The log event's schema in a registry, in JSON Schema and Avro; each topic has a subject for each of the two.

    A Job registers the schema during `pulumi up`. The Job first checks all subjects at the registry. If one change is
    incompatible, the Job registers nothing and `up` fails with the registry's reason.
    """

    subjects: pulumi.Output[list[str]]
    """The subjects, known when they are registered."""

    def __init__(self, name: str, args: LogSchemaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(LogSchemaArgs, args)
        super().__init__("kafkalogs:index:LogSchema", name, {}, opts)
        done = run_once(name, manifest_of(registration_manifests, args), self)
        self.subjects = pulumi.Output.all(topics=args.topics, done=done.id).apply(
            lambda known: list(subjects(known["topics"]))
        )
        self.register_outputs({"subjects": self.subjects})
