"""`ServiceIdentity`: a Kafka user with rights and quotas. `user_manifest` builds every KafkaUser."""

from dataclasses import dataclass, replace
from typing import Final

import pulumi

from ..catalog.part import UserSpec, client
from ..config import sizing
from ..kube.resources import STRIMZI_API, Manifest, custom_resource, known, manifest_of, metadata, typed

_QUOTAS: Final = {
    "producer_byte_rate": "producerByteRate",
    "consumer_byte_rate": "consumerByteRate",
    "request_percentage": "requestPercentage",
    "controller_mutation_rate": "controllerMutationRate",
}
"""Kafka's quotas and the fields of a KafkaUser."""


@dataclass(frozen=True)
class ServiceIdentityArgs:
    """What a `ServiceIdentity` may do; Kafka refuses everything else."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    user: pulumi.Input[str]
    """The name of the KafkaUser, and of the Secret with its certificate or password."""

    authentication: pulumi.Input[str] = "tls"
    """`tls` (a client certificate) or `scram-sha-512` (a password)."""

    writes: pulumi.Input[list[str]] | None = None
    """Topics that it may write."""

    reads: pulumi.Input[list[str]] | None = None
    """Topics that it may read."""

    read_prefixes: pulumi.Input[list[str]] | None = None
    """Prefixes of topics that it may read."""

    group_prefix: pulumi.Input[str] | None = None
    """The prefix of the names of its consumer groups; required to read with a group."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """Bytes per second that each broker lets it write; not limited when absent."""

    consumer_byte_rate: pulumi.Input[int] | None = None
    """Bytes per second that each broker lets it read; not limited when absent."""

    request_percentage: pulumi.Input[int] = sizing.REQUEST_PERCENTAGE
    """The share of each broker's threads that it may take; percent of one thread."""


def user_manifest(namespace: str, cluster: str, user: UserSpec) -> Manifest:
    """The KafkaUser of an identity."""
    acls: list[Manifest] = []
    for rule in user.acls:
        # There is only one cluster, so the rule has no name.
        named = {} if rule.kind == "cluster" else {"name": rule.name, "patternType": rule.pattern}
        resource = {"type": rule.kind, **named}
        acls.append({"type": "allow", "resource": resource, "operations": list(rule.operations), "host": "*"})
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaUser",
        "metadata": metadata(user.name, namespace, cluster, wait=True, at_once=True),
        "spec": {
            "authentication": {"type": user.authentication},
            "authorization": {"type": "simple", "acls": acls},
            "quotas": {_QUOTAS[key]: rate for key, rate in user.quotas.items()},
        },
    }


def identity_manifest(args: ServiceIdentityArgs) -> Manifest:
    """The KafkaUser of a `ServiceIdentity`."""
    rights = client(
        known(args.user),
        writes=tuple(known(args.writes) or ()),
        reads=tuple(known(args.reads) or ()),
        read_prefixes=tuple(known(args.read_prefixes) or ()),
        group_prefix=known(args.group_prefix),
    )
    user = replace(
        rights,
        authentication=known(args.authentication),
        producer_byte_rate=known(args.producer_byte_rate),
        consumer_byte_rate=known(args.consumer_byte_rate),
        request_percentage=known(args.request_percentage),
    )
    return user_manifest(known(args.namespace), known(args.cluster), user)


def user_resource(name: str, manifest: pulumi.Input[Manifest], opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """A KafkaUser from its manifest; Pulumi waits until it is ready."""
    return custom_resource(name, "KafkaUser", manifest, minutes=5, opts=opts)


class ServiceIdentity(pulumi.ComponentResource):
    """The identity of a service or a team in Kafka: its credentials, least-privilege ACLs and quotas."""

    user: pulumi.Output[str]
    """The name of the user. A resource that uses this output waits until the user is ready."""

    secret: pulumi.Output[str]
    """The Secret with its credentials: user.crt and user.key, or password. The operator writes the Secret, so Pulumi's
    state has no credential."""

    def __init__(self, name: str, args: ServiceIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(ServiceIdentityArgs, args)
        super().__init__("kafkalogs:index:ServiceIdentity", name, {}, opts)
        manifest = manifest_of(identity_manifest, args)
        resource = user_resource(name, manifest, pulumi.ResourceOptions(parent=self))
        self.user = resource.urn.apply(lambda _: args.user)
        self.secret = self.user
        self.register_outputs({"user": self.user, "secret": self.secret})
