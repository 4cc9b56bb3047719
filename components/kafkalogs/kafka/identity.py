"""`ServiceIdentity`: who may write and read what, and how fast."""

from dataclasses import dataclass
from typing import Literal

import pulumi

from ..kube.resources import STRIMZI_API, Manifest, custom_resource, manifest_of, metadata, typed

Authentication = Literal["tls", "scram-sha-512"]


@dataclass(frozen=True)
class ServiceIdentityArgs:
    """What a `ServiceIdentity` may do; what is not named is refused."""

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
    """What the names of its consumer groups begin with; it needs one to read with a group."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """Bytes per second that each broker lets it write; not limited when absent."""

    consumer_byte_rate: pulumi.Input[int] | None = None
    """Bytes per second that each broker lets it read; not limited when absent."""


def acl(kind: str, name: str, pattern: str, *operations: str) -> Manifest:
    """A rule that allows. kind: topic, group or transactionalId; pattern: literal or prefix."""
    resource = {"type": kind, "name": name, "patternType": pattern}
    return {"type": "allow", "resource": resource, "operations": list(operations), "host": "*"}


def user_manifest(
    namespace: str,
    cluster: str,
    user: str,
    authentication: str,
    writes: list[str] | None,
    reads: list[str] | None,
    read_prefixes: list[str] | None,
    group_prefix: str | None,
    producer_byte_rate: int | None,
    consumer_byte_rate: int | None,
) -> Manifest:
    """The KafkaUser of an identity.

    An idempotent producer needs only Write since Kafka 2.8 (KIP-679). Describe lets clients see the partitions,
    DescribeConfigs lets readers see how long a topic keeps what they have not read yet.
    """
    acls = [
        *(acl("topic", topic, "literal", "Write", "Describe") for topic in writes or ()),
        *(acl("topic", topic, "literal", "Read", "Describe", "DescribeConfigs") for topic in reads or ()),
        *(acl("topic", prefix, "prefix", "Read", "Describe", "DescribeConfigs") for prefix in read_prefixes or ()),
    ]
    if group_prefix:
        acls.append(acl("group", group_prefix, "prefix", "Read", "Describe"))
    rates = {"producerByteRate": producer_byte_rate, "consumerByteRate": consumer_byte_rate}
    quotas = {key: rate for key, rate in rates.items() if rate is not None}
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaUser",
        "metadata": metadata(user, namespace, cluster, wait=True, at_once=True),
        "spec": {
            "authentication": {"type": authentication},
            "authorization": {"type": "simple", "acls": acls},
            **({"quotas": quotas} if quotas else {}),
        },
    }


class ServiceIdentity(pulumi.ComponentResource):
    """The identity of a service or a team in Kafka: its credentials, least-privilege ACLs and quotas."""

    user: pulumi.Output[str]
    """The name of the user; who uses it waits until the user is ready."""

    secret: pulumi.Output[str]
    """The Secret with its credentials: user.crt and user.key, or password. The operator fills it, so that no
    credential is in Pulumi's state."""

    def __init__(self, name: str, args: ServiceIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(ServiceIdentityArgs, args)
        super().__init__("kafkalogs:index:ServiceIdentity", name, {}, opts)
        manifest = manifest_of(user_manifest, **vars(args))
        resource = custom_resource(name, "KafkaUser", manifest, minutes=5, opts=pulumi.ResourceOptions(parent=self))
        self.user = resource.urn.apply(lambda _: args.user)
        self.secret = self.user
        self.register_outputs({"user": self.user, "secret": self.secret})
