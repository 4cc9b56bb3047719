"""`ConnectCluster`: the workers of Kafka Connect, whose connectors copy logs out of Kafka.

A KafkaConnector contains no secret. Its settings refer to mounted Secrets (`secret_value`, `secret_file`), and the
workers read these Secrets.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pulumi

from ..config import naming, units
from ..kafka.identity import user_manifest, user_resource
from ..kafka.topic import topic_manifest, topic_resource
from ..kube.pods import USER
from ..kube.resources import (
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    STRIMZI_API,
    Manifest,
    custom_resource,
    known,
    manifest_of,
    metadata,
    typed,
)
from . import record

SECRETS: Final = "/mnt/secrets"
"""The folder of the mounted Secrets; Strimzi takes additional mounts below /mnt only."""

OFF_HEAP: Final = 512 * units.MIB
"""Memory outside the heap, in bytes: class metadata of Kafka and the plugins, compiled code, thread stacks, network
buffers. It was 150 MiB without a plugin, and more than 320 MiB with three sinks that wrote tens of thousands of dead
letters."""


@dataclass(frozen=True)
class ConnectClusterArgs:
    """The arguments of a `ConnectCluster`."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """The image with Kafka, and with the connectors' plugins below /opt/kafka/plugins."""

    heap: pulumi.Input[int]
    """The heap of each worker; bytes; see `heap_bytes`."""

    connect: str = record.CONNECT
    """The name of the Connect cluster and of its KafkaUser, and the first part of the names of its topics."""

    replicas: pulumi.Input[int] = 2
    """How many workers. If one fails, the others take over its tasks."""

    version: pulumi.Input[str] = "4.3.1"
    """The version of Kafka in the image."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of each record about connectors and offsets."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must exist before Kafka confirms it."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """The most that the workers may write to each broker; bytes per second; not limited when absent."""

    read_prefixes: pulumi.Input[list[str]] | None = None
    """Prefixes of topics that connectors may read; `logs.` when absent."""

    write_prefixes: pulumi.Input[list[str]] | None = None
    """Prefixes of topics that connectors may write; when absent `dlq.`, the prefix of the dead-letter topics."""

    control_topics: pulumi.Input[list[str]] | None = None
    """Topics that connectors both write and read, such as the control topic of the Iceberg sink."""

    secrets: pulumi.Input[list[str]] | None = None
    """Secrets that connectors refer to, see `secret_value`. A worker does not start until all of them exist."""

    cpu: pulumi.Input[int] = 200
    """The CPU that each worker requests; thousandths of a core."""

    cpu_limit: pulumi.Input[int] = 2000
    """The CPU limit of each worker; thousandths of a core."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the workers, which override the others
    (https://kafka.apache.org/documentation/#connectconfigs)."""

    metrics: pulumi.Input[dict[str, Any]] | None = None
    """`metricsConfig` of the KafkaConnect; no metrics when absent."""

    labels: pulumi.Input[dict[str, str]] | None = None
    """Further labels of the workers' pods."""

    account_annotations: pulumi.Input[dict[str, str]] | None = None
    """Annotations of the workers' service account, through which a cloud gives the workers an identity."""


def service_account(connect: str) -> str:
    """The service account that Strimzi makes for the workers of a Connect cluster."""
    return f"{connect}-connect"


def secret_file(secret: str, key: str) -> str:
    """The path of an entry of a mounted Secret, for settings that name a file."""
    return f"{SECRETS}/{secret}/{key}"


def secret_value(secret: str, key: str) -> str:
    """A reference to an entry of a mounted Secret, for settings that hold a value; the worker inserts the value.

    The worker reads the value when the connector or one of its tasks starts: after a new password, restart the
    connector.
    """
    return f"${{dir:{SECRETS}/{secret}:{key}}}"


def internal_topic_manifest(key: str, args: ConnectClusterArgs) -> Manifest:
    """The KafkaTopic of one of the three internal topics."""
    copies = (known(args.topic_replicas), known(args.min_in_sync_replicas))
    topic = record.internal_topic(args.connect, key, *copies)
    return topic_manifest(known(args.namespace), known(args.cluster), topic)


def connect_user_manifest(args: ConnectClusterArgs) -> Manifest:
    """The KafkaUser of the workers and of all their connectors."""
    reads, writes = known(args.read_prefixes), known(args.write_prefixes)
    rights = record.Rights(
        read_prefixes=record.Rights.read_prefixes if reads is None else tuple(reads),
        write_prefixes=record.Rights.write_prefixes if writes is None else tuple(writes),
        control_topics=tuple(known(args.control_topics) or ()),
    )
    user = record.connect_user(args.connect, rights, known(args.producer_byte_rate))
    return user_manifest(known(args.namespace), known(args.cluster), user)


def connect_manifest(args: ConnectClusterArgs) -> Manifest:
    """The KafkaConnect of a Connect cluster.

    Strimzi serves the REST API by plain HTTP. Its NetworkPolicy lets only the operator and the workers reach it.
    """
    topics = record.internal_topics(args.connect)
    heap = known(args.heap)
    memory = units.quantity(heap + OFF_HEAP)
    megabytes = f"{heap // units.MIB}m"
    about = metadata(args.connect, known(args.namespace), wait=True, at_once=True)
    about["annotations"]["strimzi.io/use-connector-resources"] = "true"
    metrics = known(args.metrics)
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaConnect",
        "metadata": about,
        "spec": {
            "version": known(args.version),
            "image": known(args.image),
            "replicas": known(args.replicas),
            "bootstrapServers": naming.bootstrap(known(args.cluster), known(args.namespace)),
            "groupId": record.workers_group(args.connect),
            "configStorageTopic": topics["configs"],
            "offsetStorageTopic": topics["offsets"],
            "statusStorageTopic": topics["status"],
            "tls": {
                "trustedCertificates": [
                    {"secretName": naming.cluster_ca_secret(known(args.cluster)), "pattern": "*.crt"}
                ]
            },
            "authentication": {
                "type": "tls",
                "certificateAndKey": {"secretName": args.connect, "certificate": "user.crt", "key": "user.key"},
            },
            "config": {**connect_config(known(args.topic_replicas)), **(known(args.config) or {})},
            "resources": {
                "requests": {"memory": memory, "cpu": units.format_cpu(known(args.cpu))},
                "limits": {"memory": memory, "cpu": units.format_cpu(known(args.cpu_limit))},
            },
            "jvmOptions": {"-Xms": megabytes, "-Xmx": megabytes},
            **({"metricsConfig": metrics} if metrics else {}),
            "template": _template(args),
        },
    }


def _template(args: ConnectClusterArgs) -> Manifest:
    """The pods of the workers, with the Secrets that their connectors refer to."""
    mounted, labels, annotations = known(args.secrets) or [], known(args.labels), known(args.account_annotations)
    mine = {"strimzi.io/cluster": args.connect, "strimzi.io/kind": "KafkaConnect"}
    apart = {"labelSelector": {"matchLabels": mine}, "topologyKey": "kubernetes.io/hostname"}
    spread = [{"weight": 100, "podAffinityTerm": apart}]
    return {
        "pod": {
            **({"metadata": {"labels": labels}} if labels else {}),
            "securityContext": {**RESTRICTED_POD, "fsGroup": USER},
            # Sinks write their buffers before they stop.
            "terminationGracePeriodSeconds": 60,
            # Parts of files that S3 has not got yet: 64 MiB of the commits, and as much of a file that is rewritten.
            "tmpDirSizeLimit": "128Mi",
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": spread}},
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
        **({"serviceAccount": {"metadata": {"annotations": annotations}}} if annotations else {}),
    }


def connect_config(topic_replicas: int) -> Manifest:
    """The workers' settings (https://kafka.apache.org/documentation/#connectconfigs)."""
    converter = "org.apache.kafka.connect.json.JsonConverter"
    return {
        # Log events are plain JSON objects, without an envelope that holds Connect's schema.
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": converter,
        "value.converter.schemas.enable": False,
        "config.providers": "dir",
        "config.providers.dir.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
        "config.providers.dir.param.allowed.paths": SECRETS,
        # A record counts as delivered when its offset is committed. Iceberg's tasks answer a commit only this often.
        "offset.flush.interval.ms": 5_000,
        # Every plugin of the platform's image lists its classes, so the workers need not scan for them.
        "plugin.discovery": "service_load",
        # The topics exist already. If one is missing, Connect must not create it with fewer copies.
        **{f"{topic}.storage.replication.factor": topic_replicas for topic in ("config", "offset", "status")},
        # The tasks of a dead worker move after the session timeout of the group and this delay.
        "scheduled.rebalance.max.delay.ms": 60_000,
    }


class ConnectCluster(pulumi.ComponentResource):
    """Workers of Kafka Connect, with their identity, rights and internal topics. Connectors are separate resources."""

    connect: pulumi.Output[str]
    """The name of the Connect cluster, known when the cluster is ready."""

    url: pulumi.Output[str]
    """The address of its REST API; only the operator may use it."""

    user: pulumi.Output[str]
    """Its KafkaUser."""

    def __init__(self, name: str, args: ConnectClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(ConnectClusterArgs, args)
        super().__init__("kafkalogs:index:ConnectCluster", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        topics = [
            topic_resource(topic, manifest_of(partial(internal_topic_manifest, key), args), child)
            for key, topic in record.internal_topics(args.connect).items()
        ]
        user = user_resource(f"{name}-user", manifest_of(connect_user_manifest, args), child)
        workers = custom_resource(
            name,
            "KafkaConnect",
            manifest_of(connect_manifest, args),
            minutes=15,
            # No worker starts without its certificate. On destroy the workers go before the topics of their state.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[user, *topics]),
        )
        self.connect = workers.urn.apply(lambda _: args.connect)
        self.url = pulumi.Output.all(args.connect, args.namespace).apply(
            lambda known: record.rest_url(*map(str, known))
        )
        self.user = user.urn.apply(lambda _: args.connect)
        self.register_outputs({"connect": self.connect, "url": self.url, "user": self.user})
