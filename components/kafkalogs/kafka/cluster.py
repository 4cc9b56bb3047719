"""`KafkaCluster`: a Kafka cluster of Strimzi's node pools, with defaults for production."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

from ..config import naming, sizing, units
from ..kube import listeners
from ..kube.resources import (
    RESTRICTED_CONTAINER,
    RESTRICTED_POD,
    STRIMZI_API,
    Manifest,
    custom_resource,
    known,
    manifest_of,
    manifest_of_both,
    metadata,
    part,
    typed,
)
from . import jmx

NODES_PER_POOL: Final = 100
"""The number of node ids reserved for each pool if there are several pools, so that each pool can grow."""

LARGEST_HEAP: Final = 6 * units.GIB
"""More heap does not help Kafka; more page cache does."""

# The group that owns the volumes; the image's user is a member.
_KAFKA_GROUP: Final = 1001

# Strimzi's defaults in days, written explicitly because an expired certificate stops every client.
_CA: Final = {"validityDays": 365, "renewalDays": 30}


@dataclass(frozen=True)
class NodePoolArgs:
    """Kafka nodes with the same settings."""

    roles: list[str]
    """`controller`, `broker`, or both."""

    replicas: int
    """How many nodes."""

    storage_size: pulumi.Input[int]
    """The disk of each node; bytes."""

    memory: pulumi.Input[int]
    """The memory request and limit of each node; bytes."""

    cpu: pulumi.Input[int]
    """The CPU request of each node; thousandths of a core."""

    cpu_limit: pulumi.Input[int] | None = None
    """The CPU limit of each node; thousandths of a core. When absent: 2 cores or `cpu`, whichever is more."""

    ephemeral: pulumi.Input[bool] | None = None
    """Whether the disk is lost with the pod; a PersistentVolumeClaim when absent."""

    storage_class: pulumi.Input[str] | None = None
    """The StorageClass of the claims; the cluster's default when absent."""

    delete_claim: pulumi.Input[bool] | None = None
    """Whether the claims are deleted with the cluster; they stay when absent."""


@dataclass(frozen=True)
class KafkaClusterArgs:
    """The arguments of a `KafkaCluster`."""

    namespace: pulumi.Input[str]
    """The namespace of the cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka resource; Services, Secrets and pods begin with it."""

    pools: dict[str, NodePoolArgs]
    """The node pools by name. Brokers are numbered in this order, pools with the role broker first."""

    version: pulumi.Input[str] = "4.3.1"
    """The version of Kafka."""

    replication_factor: pulumi.Input[int] = 3
    """Copies of every record in topics that do not set their own number, and in Kafka's own topics."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies that must have a record before Kafka confirms a write with `acks=all`."""

    external_host: pulumi.Input[str] | None = None
    """The name at which clients outside Kubernetes reach the nodes; no listener for them when absent."""

    external_port: pulumi.Input[int] | None = None
    """The node port of that listener's bootstrap; broker i (from 0) is at port + 1 + i. Needed with external_host."""

    connections: pulumi.Input[int] = sizing.CONNECTIONS
    """The most open connections of each listener on each broker."""

    connections_per_second: pulumi.Input[int] = sizing.CONNECTIONS_PER_SECOND
    """The most new connections per second of each listener on each broker."""

    rack: pulumi.Input[str] | None = None
    """The node label with the zone: copies are spread over zones. Not spread when absent."""

    metrics: bool = False
    """Whether the nodes serve metrics for Prometheus, see `jmx`."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further broker settings; they override the defaults."""


def node_ids(pools: Mapping[str, NodePoolArgs]) -> dict[str, range]:
    """The node ids of each pool, brokers first. A single pool starts at 0; each of several pools has 100 ids."""
    ordered = sorted(pools, key=lambda name: "broker" not in pools[name].roles)
    return {
        name: range(i * NODES_PER_POOL, i * NODES_PER_POOL + pools[name].replicas) for i, name in enumerate(ordered)
    }


def broker_ids(pools: Mapping[str, NodePoolArgs]) -> list[int]:
    """The node ids of the brokers, in order."""
    return [node for name, nodes in node_ids(pools).items() if "broker" in pools[name].roles for node in nodes]


def _spread(cluster: str, rack: str | None) -> Manifest:
    """How the cluster's pods spread over nodes: preferred, not required, so that all of them fit on few machines."""
    mine = {"matchLabels": {"strimzi.io/cluster": cluster, "strimzi.io/name": f"{cluster}-kafka"}}
    apart = {"labelSelector": mine, "topologyKey": "kubernetes.io/hostname"}
    spread: Manifest = {
        "affinity": {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": apart}]
            }
        }
    }
    if rack:
        spread["topologySpreadConstraints"] = [
            {"maxSkew": 1, "topologyKey": rack, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": mine}
        ]
    return spread


def pool_manifest(name: str, first_id: int | None, args: KafkaClusterArgs, pool: NodePoolArgs) -> Manifest:
    """The KafkaNodePool of a pool whose node ids start at `first_id` (None leaves the choice to the operator)."""
    memory, cpu = known(pool.memory), known(pool.cpu)
    heap = f"{min(memory // 2, LARGEST_HEAP) // units.MIB}m"
    limit = known(pool.cpu_limit) or max(cpu, 2000)
    # Pulumi does not wait here: Strimzi reports readiness on the Kafka resource, not on the pools.
    about = metadata(name, known(args.namespace), known(args.cluster))
    if first_id is not None:
        about["annotations"] = {"strimzi.io/next-node-ids": f"[{first_id}-{first_id + NODES_PER_POOL - 1}]"}
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaNodePool",
        "metadata": about,
        "spec": {
            "replicas": pool.replicas,
            "roles": pool.roles,
            "storage": {"type": "jbod", "volumes": [_volume(pool)]},
            "resources": {
                "requests": {"memory": units.quantity(memory), "cpu": units.format_cpu(cpu)},
                "limits": {"memory": units.quantity(memory), "cpu": units.format_cpu(limit)},
            },
            "jvmOptions": {"-Xms": heap, "-Xmx": heap},
            "template": {
                "pod": {
                    "securityContext": {**RESTRICTED_POD, "fsGroup": _KAFKA_GROUP},
                    "terminationGracePeriodSeconds": 120,
                    **_spread(known(args.cluster), known(args.rack)),
                },
                "kafkaContainer": {"securityContext": RESTRICTED_CONTAINER},
                "initContainer": {"securityContext": RESTRICTED_CONTAINER},
            },
        },
    }


def _volume(pool: NodePoolArgs) -> Manifest:
    """The disk of each node of a pool."""
    volume: Manifest = {"id": 0, "kraftMetadata": "shared"}
    size, storage_class = units.quantity(known(pool.storage_size)), known(pool.storage_class)
    if pool.ephemeral:
        return {**volume, "type": "ephemeral", "sizeLimit": size}
    return {
        **volume,
        "type": "persistent-claim",
        "size": size,
        "deleteClaim": bool(known(pool.delete_claim)),
        **({"class": storage_class} if storage_class else {}),
    }


def broker_config(replication_factor: int, min_in_sync_replicas: int) -> Manifest:
    """The brokers' settings (https://kafka.apache.org/documentation/#brokerconfigs)."""
    return {
        "auto.create.topics.enable": False,
        "compression.type": "producer",
        "default.replication.factor": replication_factor,
        "min.insync.replicas": min_in_sync_replicas,
        # A replica that lags never becomes leader: confirmed records would be lost.
        "unclean.leader.election.enable": False,
        "offsets.topic.replication.factor": replication_factor,
        "transaction.state.log.replication.factor": replication_factor,
        "transaction.state.log.min.isr": min_in_sync_replicas,
        "transaction.max.timeout.ms": sizing.LONGEST_TRANSACTION,
        "share.coordinator.state.topic.replication.factor": replication_factor,
        "share.coordinator.state.topic.min.isr": min_in_sync_replicas,
    }


def _entity_operator() -> Manifest:
    """Strimzi's topic and user operators."""
    resources = {"requests": {"memory": "384Mi", "cpu": "30m"}, "limits": {"memory": "384Mi", "cpu": "1"}}
    return {
        "topicOperator": {"resources": resources},
        "userOperator": {"resources": resources},
        "template": {
            "pod": {"securityContext": RESTRICTED_POD},
            "topicOperatorContainer": {"securityContext": RESTRICTED_CONTAINER},
            "userOperatorContainer": {"securityContext": RESTRICTED_CONTAINER},
        },
    }


def kafka_manifest(args: KafkaClusterArgs) -> Manifest:
    """The Kafka resource of a cluster."""
    host, port, rack, version = known(args.external_host), known(args.external_port), known(args.rack), args.version
    limited = listeners.limits(known(args.connections), known(args.connections_per_second))
    offered = [
        listeners.internal("tls", naming.TLS_PORT, "tls", limited),
        listeners.internal("scram", naming.SCRAM_PORT, "scram-sha-512", limited),
    ]
    if host is not None and port is not None:
        offered.append(listeners.external(host, port, broker_ids(pools_of(args)), limited))
    defaults = broker_config(known(args.replication_factor), known(args.min_in_sync_replicas))
    return {
        "apiVersion": STRIMZI_API,
        "kind": "Kafka",
        "metadata": metadata(known(args.cluster), known(args.namespace), wait=True),
        "spec": {
            "kafka": {
                "version": known(version),
                "metadataVersion": ".".join(known(version).split(".")[:2]),
                "listeners": offered,
                "authorization": {"type": "simple"},
                "config": {**defaults, **(known(args.config) or {})},
                **({"rack": {"topologyKey": rack}} if rack else {}),
                **({"metricsConfig": jmx.metrics_config(known(args.cluster), jmx.KAFKA_KEY)} if args.metrics else {}),
                "template": {"podDisruptionBudget": {"maxUnavailable": 1}},
            },
            "entityOperator": _entity_operator(),
            "clusterCa": _CA,
            "clientsCa": _CA,
        },
    }


def pools_of(args: KafkaClusterArgs) -> dict[str, NodePoolArgs]:
    """The pools of a cluster. The plugin passes them as mappings."""
    return {key: typed(NodePoolArgs, pool) for key, pool in args.pools.items()}


def _jmx_manifest(args: KafkaClusterArgs) -> Manifest:
    return {"metadata": metadata(jmx.config_map_name(known(args.cluster)), known(args.namespace), at_once=True)}


class KafkaCluster(pulumi.ComponentResource):
    """A Kafka cluster: TLS and credentials on every listener, authorization on, one broken node loses no record."""

    cluster: pulumi.Output[str]
    """The name of the cluster. A resource that uses this output waits until the cluster is ready."""

    bootstrap: pulumi.Output[str]
    """The address for clients with a certificate, within Kubernetes."""

    scram_bootstrap: pulumi.Output[str]
    """The address for clients with a password, within Kubernetes."""

    external_bootstrap: pulumi.Output[str] | None
    """The address for clients with a certificate, outside Kubernetes; None without such a listener."""

    ca_secret: pulumi.Output[str]
    """The Secret with the ca.crt that verifies the brokers."""

    def __init__(self, name: str, args: KafkaClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(KafkaClusterArgs, args)
        super().__init__("kafkalogs:index:KafkaCluster", name, {}, opts)
        nodes, child = pools_of(args), pulumi.ResourceOptions(parent=self)
        ids = node_ids(nodes)
        before: list[pulumi.Resource] = []
        for key, pool in nodes.items():
            build = partial(pool_manifest, key, ids[key].start if len(nodes) > 1 else None)
            manifest = manifest_of_both(build, args, pool)
            before.append(custom_resource(f"{name}-{key}", "KafkaNodePool", manifest, minutes=5, opts=child))
        if args.metrics:
            about = part(manifest_of(_jmx_manifest, args), "metadata")
            before.append(ConfigMap(f"{name}-jmx", metadata=about, data=jmx.config_map_data(), opts=child))
        kafka = custom_resource(
            name,
            "Kafka",
            manifest_of(kafka_manifest, args),
            minutes=15,
            delete="5m",
            # The operator reports a Kafka without pools as an error, so pools are made before the cluster and deleted
            # after it.
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )
        ready = pulumi.Output.all(cluster=args.cluster, namespace=args.namespace, ready=kafka.urn)
        self.cluster = ready.apply(lambda known: known["cluster"])
        self.bootstrap = ready.apply(lambda known: naming.bootstrap(known["cluster"], known["namespace"]))
        self.scram_bootstrap = ready.apply(
            lambda known: naming.bootstrap(known["cluster"], known["namespace"], naming.SCRAM_PORT)
        )
        self.external_bootstrap = (
            pulumi.Output.concat(args.external_host, ":", pulumi.Output.from_input(args.external_port).apply(str))
            if args.external_host is not None
            else None
        )
        self.ca_secret = self.cluster.apply(naming.cluster_ca_secret)
        self.register_outputs(
            {
                "cluster": self.cluster,
                "bootstrap": self.bootstrap,
                "scramBootstrap": self.scram_bootstrap,
                "externalBootstrap": self.external_bootstrap,
                "caSecret": self.ca_secret,
            }
        )
