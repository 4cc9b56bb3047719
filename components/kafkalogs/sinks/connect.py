"""`ConnectCluster`: Kafka Connect, whose connectors carry logs out of Kafka; and the manifest of a connector.

No secret stands in a KafkaConnector: its settings refer to mounted Secrets (`secret_value`, `secret_file`), which the
workers read themselves.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import pulumi

from ..config import naming, units
from ..kafka.identity import acl
from ..kube.resources import (
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    STRIMZI_API,
    Manifest,
    custom_resource,
    manifest_from_values,
    metadata,
    typed,
)

ConnectorState = Literal["running", "paused", "stopped"]

SECRETS: Final = "/mnt/secrets"
"""Where workers find the mounted Secrets; Strimzi takes additional mounts below /mnt only."""

GROUP_PREFIX: Final = "connect-"
"""What Kafka Connect begins a sink's consumer group with: connect-<connector>."""

BASE_HEAP: Final = 192 * units.MIB
"""A worker's own heap, without connectors: classes of plugins, its three internal topics, the REST API."""

FETCH: Final = units.MIB
"""The most that a consumer holds of one partition: `max.partition.fetch.bytes`; compressed, as it came."""

USABLE_HEAP: Final = 0.7
"""The fraction of the heap that buffers may fill. The rest is for records that are being converted and for G1, which
collects all the time above that."""

HEAP_STEP: Final = 64 * units.MIB

OFF_HEAP: Final = 512 * units.MIB
"""Class metadata of Kafka and the plugins, compiled code, thread stacks, network buffers: 150 MiB without a plugin, and
more than 320 MiB with three sinks that write tens of thousands of dead letters."""

# The group that owns what is mounted; the image's user is a member.
_KAFKA_GROUP: Final = 1001


@dataclass(frozen=True)
class ConnectorLoad:
    """What a connector holds in the memory of the workers."""

    tasks: int
    """Its `tasksMax`."""

    partitions: int
    """Of all topics that it reads, together."""

    task_bytes: int = 0
    """The connector's own buffer in each task, such as the records of one bulk request; bytes."""

    partition_bytes: int = 0
    """The connector's own buffer for each partition, such as an open file; bytes."""


def heap_bytes(loads: Iterable[ConnectorLoad], workers: int) -> int:
    """The heap of each worker, from what the connectors may hold at the same time.

    One worker may be gone, so n = max(1, workers - 1) share the tasks and partitions of each connector:

        heap = (BASE_HEAP + sum(ceil(tasks / n) * task_bytes
                                + ceil(partitions / n) * (FETCH + partition_bytes))) / USABLE_HEAP

    rounded up to HEAP_STEP. It is what catching up after an outage takes, when all buffers are full.
    """
    left = max(1, workers - 1)
    buffers = sum(
        math.ceil(load.tasks / left) * load.task_bytes
        + math.ceil(load.partitions / left) * (FETCH + load.partition_bytes)
        for load in loads
    )
    return math.ceil((BASE_HEAP + buffers) / USABLE_HEAP / HEAP_STEP) * HEAP_STEP


@dataclass(frozen=True)
class ConnectClusterArgs:
    """What a `ConnectCluster` is made of."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """The image with Kafka and the connectors' plugins, these below /opt/kafka/plugins."""

    heap: pulumi.Input[int]
    """The heap of each worker; bytes; see `heap_bytes`."""

    connect: str = "connect"
    """The name of the Connect cluster; also of its KafkaUser, and the beginning of its topics' names."""

    replicas: pulumi.Input[int] = 2
    """How many workers. When one goes, the others take over its tasks."""

    version: pulumi.Input[str] = "4.3.1"
    """The version of Kafka in the image."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of the records about connectors and offsets."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies that must have a record about connectors and offsets before it counts."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """What it may write to each broker at most; bytes per second; not limited when absent."""

    read_prefixes: pulumi.Input[list[str]] | None = None
    """Prefixes of topics that connectors may read; `logs.` when absent."""

    write_prefixes: pulumi.Input[list[str]] | None = None
    """Prefixes of topics that connectors may write; `dlq.`, where sinks put what they cannot deliver, when absent."""

    control_topics: pulumi.Input[list[str]] | None = None
    """Topics that connectors both write and read to agree among their tasks, as the Iceberg sink does."""

    secrets: pulumi.Input[list[str]] | None = None
    """Secrets that connectors refer to, see `secret_value`. A worker does not start until all are there."""

    cpu: pulumi.Input[int] = 200
    """Requested per worker; thousandths of a core."""

    cpu_limit: pulumi.Input[int] = 2000
    """Limited per worker; thousandths of a core."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the workers (https://kafka.apache.org/documentation/#connectconfigs); they win."""

    metrics: pulumi.Input[dict[str, Any]] | None = None
    """`metricsConfig` of the KafkaConnect; no metrics when absent."""

    labels: pulumi.Input[dict[str, str]] | None = None
    """Further labels of the workers' pods."""

    account_annotations: pulumi.Input[dict[str, str]] | None = None
    """Annotations of the workers' service account, by which a cloud gives them an identity."""


def service_account(connect: str) -> str:
    """The service account that Strimzi makes for the workers of a Connect cluster."""
    return f"{connect}-connect"


def internal_topics(connect: str) -> dict[str, str]:
    """The three topics of a Connect cluster, by what is in them."""
    return {key: f"{connect}.{key}" for key in ("configs", "offsets", "status")}


def secret_file(secret: str, key: str) -> str:
    """The path of an entry of a mounted Secret, for settings that name a file."""
    return f"{SECRETS}/{secret}/{key}"


def secret_value(secret: str, key: str) -> str:
    """A reference to an entry of a mounted Secret, for settings that hold the value: the worker puts it in.

    It is read when the connector or one of its tasks starts: after a new password, restart the connector.
    """
    return f"${{dir:{SECRETS}/{secret}:{key}}}"


def connector_manifest(
    namespace: str,
    name: str,
    connect: str,
    class_: str,
    tasks_max: int,
    config: dict[str, Any],
    state: ConnectorState = "running",
) -> Manifest:
    """The KafkaConnector `name` on the Connect cluster `connect`; a sink's consumer group is connect-<name>.

    config: the connector's own settings; secrets only by `secret_value` and `secret_file`. state: a `paused` connector
    keeps its tasks, a `stopped` one gives them up. What fails is restarted: at once, then after 2, 6, 12, 20, ... and
    at most 60 minutes. Transactions and consumer groups that a connector names itself must begin with `connect-`.
    """
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaConnector",
        "metadata": metadata(name, namespace, connect, wait=True, at_once=True),
        "spec": {
            "class": class_,
            "tasksMax": tasks_max,
            "config": config,
            "state": state,
            "autoRestart": {"enabled": True},
        },
    }


def internal_topic_manifest(
    namespace: str, cluster: str, topic: str, partitions: int, replicas: int, min_in_sync_replicas: int
) -> Manifest:
    """The KafkaTopic of one of the three internal topics: compacted, so that the last word on each key stays."""
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaTopic",
        "metadata": metadata(naming.resource_name(topic), namespace, cluster, wait=True, at_once=True),
        "spec": {
            "topicName": topic,
            "partitions": partitions,
            "replicas": replicas,
            "config": {"cleanup.policy": "compact", "min.insync.replicas": min_in_sync_replicas},
        },
    }


PARTITIONS: Final = {"configs": 1, "offsets": 6, "status": 3}
"""Of the internal topics. Kafka Connect asks for exactly one of its configurations; its own defaults for the others,
25 and 5, are for hundreds of connectors."""


def connect_user_manifest(
    namespace: str,
    cluster: str,
    connect: str,
    read_prefixes: list[str] | None,
    write_prefixes: list[str] | None,
    control_topics: list[str] | None,
    producer_byte_rate: int | None = None,
) -> Manifest:
    """The KafkaUser of the workers and of all their connectors, which have no identities of their own.

    Connect may make no topic: its own are resources. The group <connect>.workers is the workers' own, those that begin
    with connect- are the sinks'; the same prefix is for transactions, with which the Iceberg sink commits its offsets.
    """
    acls = [
        *(
            acl("topic", topic, "literal", "Read", "Write", "Describe", "DescribeConfigs")
            for topic in internal_topics(connect).values()
        ),
        *(acl("topic", topic, "literal", "Read", "Write", "Describe") for topic in control_topics or ()),
        *(acl("topic", prefix, "prefix", "Read", "Describe") for prefix in _or(read_prefixes, "logs.")),
        *(acl("topic", prefix, "prefix", "Write", "Describe") for prefix in _or(write_prefixes, "dlq.")),
        acl("group", _group(connect), "literal", "Read", "Describe"),
        acl("group", GROUP_PREFIX, "prefix", "Read", "Describe"),
    ]
    if control_topics:
        acls.append(acl("transactionalId", GROUP_PREFIX, "prefix", "Write", "Describe"))
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaUser",
        "metadata": metadata(connect, namespace, cluster, wait=True, at_once=True),
        "spec": {
            "authentication": {"type": "tls"},
            "authorization": {"type": "simple", "acls": acls},
            **({"quotas": {"producerByteRate": producer_byte_rate}} if producer_byte_rate else {}),
        },
    }


def _or(given: list[str] | None, default: str) -> list[str]:
    return [default] if given is None else given


def _group(connect: str) -> str:
    return f"{connect}.workers"


def connect_manifest(
    namespace: str,
    cluster: str,
    image: str,
    heap: int,
    connect: str,
    replicas: int,
    version: str,
    topic_replicas: int,
    secrets: list[str] | None,
    cpu: int,
    cpu_limit: int,
    config: dict[str, Any] | None,
    metrics: dict[str, Any] | None,
    labels: dict[str, str] | None,
    account_annotations: dict[str, str] | None = None,
) -> Manifest:
    """The KafkaConnect of a Connect cluster. Its REST API is plain HTTP, as Strimzi's is: the operator's NetworkPolicy
    lets the operator and the workers reach it, and nobody else."""
    topics = internal_topics(connect)
    memory = units.quantity(heap + OFF_HEAP)
    megabytes = f"{heap // units.MIB}m"
    about = metadata(connect, namespace, wait=True, at_once=True)
    about["annotations"]["strimzi.io/use-connector-resources"] = "true"
    mine = {"strimzi.io/cluster": connect, "strimzi.io/kind": "KafkaConnect"}
    apart = {"labelSelector": {"matchLabels": mine}, "topologyKey": "kubernetes.io/hostname"}
    mounted = list(secrets or ())
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaConnect",
        "metadata": about,
        "spec": {
            "version": version,
            "image": image,
            "replicas": replicas,
            "bootstrapServers": naming.bootstrap(cluster, namespace),
            "groupId": _group(connect),
            "configStorageTopic": topics["configs"],
            "offsetStorageTopic": topics["offsets"],
            "statusStorageTopic": topics["status"],
            "tls": {"trustedCertificates": [{"secretName": f"{cluster}-cluster-ca-cert", "pattern": "*.crt"}]},
            "authentication": {
                "type": "tls",
                "certificateAndKey": {"secretName": connect, "certificate": "user.crt", "key": "user.key"},
            },
            "config": {**connect_config(topic_replicas), **(config or {})},
            "resources": {
                "requests": {"memory": memory, "cpu": units.format_cpu(cpu)},
                "limits": {"memory": memory, "cpu": units.format_cpu(cpu_limit)},
            },
            "jvmOptions": {"-Xms": megabytes, "-Xmx": megabytes},
            **({"metricsConfig": metrics} if metrics else {}),
            "template": {
                "pod": {
                    **({"metadata": {"labels": labels}} if labels else {}),
                    "securityContext": {**RESTRICTED_POD, "fsGroup": _KAFKA_GROUP},
                    # Sinks write what they hold before they stop.
                    "terminationGracePeriodSeconds": 60,
                    "tmpDirSizeLimit": "64Mi",
                    "affinity": {
                        "podAntiAffinity": {
                            "preferredDuringSchedulingIgnoredDuringExecution": [
                                {"weight": 100, "podAffinityTerm": apart}
                            ]
                        }
                    },
                    "volumes": [
                        {"name": f"secret-{i}", "secret": {"secretName": secret, "defaultMode": 0o440}}
                        for i, secret in enumerate(mounted)
                    ],
                },
                "connectContainer": {
                    "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
                    "volumeMounts": [
                        {"name": f"secret-{i}", "mountPath": f"{SECRETS}/{secret}", "readOnly": True}
                        for i, secret in enumerate(mounted)
                    ],
                },
                "podDisruptionBudget": {"maxUnavailable": 1},
                **(
                    {"serviceAccount": {"metadata": {"annotations": account_annotations}}}
                    if account_annotations
                    else {}
                ),
            },
        },
    }


def connect_config(topic_replicas: int) -> Manifest:
    """The workers' settings (https://kafka.apache.org/documentation/#connectconfigs)."""
    converter = "org.apache.kafka.connect.json.JsonConverter"
    return {
        # Log events are plain JSON objects, without Connect's own schema around them.
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": converter,
        "value.converter.schemas.enable": False,
        "config.providers": "dir",
        "config.providers.dir.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
        "config.providers.dir.param.allowed.paths": SECRETS,
        # What is delivered counts once its offset is kept; Iceberg's tasks answer a commit only this often.
        "offset.flush.interval.ms": 5_000,
        # Every plugin of the platform's image names its classes, so that nothing need be searched for.
        "plugin.discovery": "service_load",
        # The topics are there; should one be missing, it must not come with fewer copies.
        **{f"{topic}.storage.replication.factor": topic_replicas for topic in ("config", "offset", "status")},
        # A dead worker's tasks move when the group notices (session timeout) and this delay is over.
        "scheduled.rebalance.max.delay.ms": 60_000,
    }


class ConnectCluster(pulumi.ComponentResource):
    """Workers of Kafka Connect with an identity, rights and internal topics of their own; connectors are resources."""

    connect: pulumi.Output[str]
    """The name of the Connect cluster; a connector that uses it waits until it is ready."""

    url: pulumi.Output[str]
    """The address of its REST API, for the operator alone."""

    user: pulumi.Output[str]
    """Its KafkaUser."""

    def __init__(self, name: str, args: ConnectClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(ConnectClusterArgs, args)
        super().__init__("kafkalogs:index:ConnectCluster", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        topics = [
            custom_resource(
                topic,
                "KafkaTopic",
                manifest_from_values(
                    internal_topic_manifest,
                    namespace=args.namespace,
                    cluster=args.cluster,
                    topic=topic,
                    partitions=PARTITIONS[key],
                    replicas=args.topic_replicas,
                    min_in_sync_replicas=args.min_in_sync_replicas,
                ),
                minutes=5,
                opts=child,
            )
            for key, topic in internal_topics(args.connect).items()
        ]
        user = custom_resource(
            f"{name}-user",
            "KafkaUser",
            manifest_from_values(
                connect_user_manifest,
                namespace=args.namespace,
                cluster=args.cluster,
                connect=args.connect,
                read_prefixes=args.read_prefixes,
                write_prefixes=args.write_prefixes,
                control_topics=args.control_topics,
                producer_byte_rate=args.producer_byte_rate,
            ),
            minutes=5,
            opts=child,
        )
        elsewhere = {"min_in_sync_replicas", "read_prefixes", "write_prefixes", "control_topics", "producer_byte_rate"}
        values = {key: value for key, value in vars(args).items() if key not in elsewhere}
        workers = custom_resource(
            name,
            "KafkaConnect",
            manifest_from_values(connect_manifest, **values),
            minutes=15,
            # Without its certificate no worker starts, and connectors go before the topics that remember them.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[user, *topics]),
        )
        self.connect = workers.urn.apply(lambda _: args.connect)
        self.url = pulumi.Output.concat("http://", args.connect, "-connect-api.", args.namespace, ".svc:8083")
        self.user = user.urn.apply(lambda _: args.connect)
        self.register_outputs({"connect": self.connect, "url": self.url, "user": self.user})
