"""`LogPlatform`: the whole platform from the configuration of a stack."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from . import parts
from .catalog import resolve as catalog
from .checks.loading import load
from .config import naming
from .config.models import Platform
from .config.problems import ConfigError, Problem
from .kafka.cluster import KafkaCluster, KafkaClusterArgs, NodePoolArgs
from .kafka.doctor_user import DOCTOR_USER
from .kafka.identity import ServiceIdentity, ServiceIdentityArgs, user_manifest, user_resource
from .kafka.letters_user import letters_user
from .kafka.operator import StrimziOperator, StrimziOperatorArgs
from .kafka.record import KAFKA
from .kafka.topic import LogTopic, LogTopicArgs
from .kube import policies
from .kube.crds import CRDS_URL, StrimziCrds, StrimziCrdsArgs
from .kube.resources import Manifest, metadata, typed, untyped


@dataclass(frozen=True)
class LogPlatformArgs:
    """The arguments of a `LogPlatform`."""

    config: dict[str, Any]
    """The configuration, like under `kafkalogs:platform` in a stack file."""

    crds: str = CRDS_URL
    """The file or URL of Strimzi's custom resource definitions."""

    operator_image: pulumi.Input[str] | None = None
    """The image of the embedded operator; needed with `operator: embedded` only."""

    kafka_image: pulumi.Input[str] | None = None
    """The image with which the embedded operator runs Kafka; needed with `operator: embedded` only."""


def namespace_manifest(name: str) -> Manifest:
    """The metadata of the platform's namespace, whose pods must comply with Pod Security "restricted"."""
    modes = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {"name": name, "labels": {"app.kubernetes.io/part-of": "kafkalogs", **modes}}


def operator_args(platform: Platform, args: LogPlatformArgs) -> StrimziOperatorArgs:
    """The operator of a configuration."""
    kafka = platform.kafka
    return StrimziOperatorArgs(
        namespace=platform.namespace,
        kind=platform.operator,
        image=args.operator_image,
        kafka_image=args.kafka_image,
        kafka_version=kafka.version,
        node_readers=[kafka.name] if kafka.reads_nodes else None,
    )


def cluster_args(platform: Platform) -> KafkaClusterArgs:
    """The Kafka cluster of a configuration."""
    kafka = platform.kafka
    return KafkaClusterArgs(
        namespace=platform.namespace,
        cluster=kafka.name,
        pools={
            name: NodePoolArgs(
                roles=list(pool.roles),
                replicas=pool.replicas,
                storage_size=pool.storage.size,
                memory=pool.memory,
                cpu=pool.cpu,
                cpu_limit=pool.cpu_limit,
                ephemeral=pool.storage.type == "ephemeral",
                storage_class=pool.storage.storage_class,
                delete_claim=pool.storage.delete_claim,
            )
            for name, pool in kafka.pools.items()
        },
        version=kafka.version,
        replication_factor=kafka.replication_factor,
        min_in_sync_replicas=kafka.min_in_sync_replicas,
        external_host=kafka.external.host if kafka.external else None,
        external_port=kafka.external.port if kafka.external else None,
        connections=kafka.connections.listener,
        connections_per_second=kafka.connections.per_second,
        rack=kafka.rack,
        metrics=platform.monitoring is not None,
        config=dict(kafka.config),
    )


def topic_args(platform: Platform, topic: catalog.Topic) -> LogTopicArgs:
    """A topic of the catalog."""
    return LogTopicArgs(
        namespace=platform.namespace,
        cluster=platform.kafka.name,
        topic=topic.name,
        partitions=topic.partitions,
        replicas=topic.replicas,
        min_in_sync_replicas=topic.min_in_sync_replicas,
        retention_ms=topic.retention_ms,
        max_message_bytes=topic.max_message_bytes,
        retention_class=topic.retention_class,
    )


def writer_args(platform: Platform, writer: catalog.Writer) -> ServiceIdentityArgs:
    """The identity of a service: it writes its own topics and reads nothing."""
    return ServiceIdentityArgs(
        namespace=platform.namespace,
        cluster=platform.kafka.name,
        user=writer.service,
        writes=sorted(set(writer.topics.values())),
        producer_byte_rate=writer.quota,
        request_percentage=writer.request_percentage,
    )


def reader_args(platform: Platform, reader: catalog.Reader) -> ServiceIdentityArgs:
    """The identity of a team: it reads the granted topics with the team's consumer groups, and writes nothing."""
    return ServiceIdentityArgs(
        namespace=platform.namespace,
        cluster=platform.kafka.name,
        user=reader.user,
        reads=list(reader.topics),
        read_prefixes=list(reader.prefixes),
        group_prefix=reader.group_prefix,
        consumer_byte_rate=reader.quota,
        request_percentage=reader.request_percentage,
    )


class LogPlatform(pulumi.ComponentResource):
    """Kafka with the topics, identities and quotas that follow from a stack's services and teams."""

    namespace: pulumi.Output[str]
    """The namespace of all parts."""

    bootstrap: pulumi.Output[str]
    """The address for clients in Kubernetes with a certificate."""

    external_bootstrap: pulumi.Output[str] | None
    """The address for clients outside Kubernetes with a certificate; None without an external listener."""

    ca_secret: pulumi.Output[str]
    """The Secret with the ca.crt that verifies the brokers."""

    topic_count: pulumi.Output[int]
    """The number of topics that the services write."""

    catalog_name: pulumi.Output[str]
    """The ConfigMap with the catalog, as JSON under catalog.json."""

    def __init__(self, name: str, args: LogPlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(LogPlatformArgs, args)
        # Before any resource is registered, so that a stack with a problem changes nothing.
        config = load(args.config)
        _check_operator(config, args)
        super().__init__("kafkalogs:index:LogPlatform", name, {}, opts)
        self._config = config
        self._catalog = catalog.resolve(config)
        child = pulumi.ResourceOptions(parent=self)
        kept = pulumi.ResourceOptions(parent=self, protect=config.protect or None)

        crds = StrimziCrds(f"{name}-crds", StrimziCrdsArgs(args.crds, keep=config.protect), child)
        namespace = Namespace(name, metadata=untyped(namespace_manifest(config.namespace)), opts=kept)
        within = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        self._network(name, within)
        operator = StrimziOperator(
            f"{name}-operator",
            operator_args(config, args),
            pulumi.ResourceOptions(parent=self, depends_on=[namespace, crds]),
        )
        after_operator = pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(depends_on=[operator]))
        cluster = KafkaCluster(config.kafka.name, cluster_args(config), after_operator)
        self._topics_and_identities(cluster, kept)
        document = json.dumps(catalog.document(config, self._catalog), indent=1)
        configmap = ConfigMap(
            f"{name}-catalog",
            metadata=untyped(metadata(naming.CATALOG_CONFIG_MAP, config.namespace)),
            data={"catalog.json": document},
            opts=within,
        )

        self._place = namespace
        self.namespace = namespace.metadata.apply(lambda about: str(about.name))
        self.bootstrap = cluster.bootstrap
        self.external_bootstrap = cluster.external_bootstrap
        self.ca_secret = cluster.ca_secret
        self.topic_count = pulumi.Output.from_input(len(self._catalog.topics))
        self.catalog_name = configmap.metadata.apply(lambda about: str(about.name))
        self.register_outputs(
            {
                "namespace": self.namespace,
                "bootstrap": self.bootstrap,
                "externalBootstrap": self.external_bootstrap,
                "caSecret": self.ca_secret,
                "topicCount": self.topic_count,
                "catalogName": self.catalog_name,
            }
        )

    def _network(self, name: str, within: pulumi.ResourceOptions) -> None:
        """The namespace is closed; Kafka and its operator reach their own edges. `LogPipeline` has those of the other
        parts."""
        NetworkPolicy(
            f"{name}-deny-ingress",
            metadata=untyped(metadata("deny-ingress", self._config.namespace)),
            # The operator's policies open each listener; everything else stays closed.
            spec=untyped(policies.deny_ingress()),
            opts=within,
        )
        for group in KAFKA.pods(self._config):
            policy = policies.egress_manifest(group, parts.pods(self._config), self._config.namespace, {})
            NetworkPolicy(f"{name}-{group.name}-egress", metadata=policy["metadata"], spec=policy["spec"], opts=within)

    def _topics_and_identities(self, cluster: KafkaCluster, kept: pulumi.ResourceOptions) -> None:
        # Destroy deletes these before the cluster: the cluster's operator must still remove them.
        after = pulumi.ResourceOptions(depends_on=[cluster])
        for topic in self._catalog.topics.values():
            LogTopic(topic.name, topic_args(self._config, topic), pulumi.ResourceOptions.merge(kept, after))
        users = [writer_args(self._config, writer) for writer in self._catalog.writers.values()]
        users += [reader_args(self._config, reader) for reader in self._catalog.readers.values()]
        for user in users:
            opts = pulumi.ResourceOptions(parent=self, depends_on=[cluster])
            ServiceIdentity(str(user.user), user, opts)
        for own in (DOCTOR_USER, letters_user(self._config)):
            made = user_manifest(self._config.namespace, self._config.kafka.name, own)
            user_resource(own.name, made, pulumi.ResourceOptions(parent=self, depends_on=[cluster]))

    @property
    def config(self) -> Platform:
        """The configuration of the platform."""
        return self._config

    @property
    def place(self) -> Namespace:
        """The namespace as a resource. Resources in it that need no Kafka wait for the namespace only."""
        return self._place

    @property
    def catalog(self) -> catalog.Catalog:
        """The catalog of the configuration."""
        return self._catalog


def _check_operator(config: Platform, args: LogPlatformArgs) -> None:
    images: Mapping[str, object] = {"operator_image": args.operator_image, "kafka_image": args.kafka_image}
    missing = [key for key, image in images.items() if not image]
    if config.operator == "auto":
        text = "nothing recorded which operator this machine has; run make cluster, or write strimzi"
        raise ConfigError([Problem(("operator",), config.operator, text)])
    if config.operator == "embedded" and missing:
        text = f"needs {' and '.join(missing)}, which make cluster builds; run it, or write strimzi"
        raise ConfigError([Problem(("operator",), config.operator, text)])
