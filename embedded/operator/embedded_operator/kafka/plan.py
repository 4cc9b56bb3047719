"""From a Kafka resource and its pools to the objects of the cluster; all but the pods are applied here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from embedded_operator.common import metrics, names
from embedded_operator.common.kube import Kube, KubeError
from embedded_operator.common.names import Obj
from embedded_operator.kafka import broker_config, network, pods, services, spec
from embedded_operator.kafka.authorities import OPERATOR_CERTS, Authorities, State
from embedded_operator.kafka.ca import Pair
from embedded_operator.kafka.nodes import Node, assign_ids
from embedded_operator.kafka.spec import ClusterSpec

log = logging.getLogger(__name__)

HostsReplicas = Callable[[set[int]], set[int]]
"""Which of these brokers hold replicas; all of them when that is not known."""


@dataclass
class Plan:
    """A cluster as wanted; all that its pods need is in place."""

    cluster: ClusterSpec
    cluster_id: str
    cluster_ca: State
    clients_ca: State
    identity: Pair
    node_ports: dict[str, int] = field(default_factory=dict)
    pods: dict[str, Obj] = field(default_factory=dict)
    kept: dict[str, set[str]] = field(default_factory=dict)
    """Names of the objects that belong to the cluster, by kind."""
    warnings: list[Obj] = field(default_factory=list)

    @property
    def bootstrap(self) -> list[str]:
        """Addresses of the brokers that this operator uses."""
        where = (names.pod_dns(self.cluster.name, self.cluster.namespace, node.pod) for node in self.cluster.brokers)
        return [f"{dns}:{names.REPLICATION_PORT}" for dns in where]


def choose_ids(
    cluster: ClusterSpec, running: list[Obj], hosts_replicas: HostsReplicas
) -> tuple[ClusterSpec, list[Obj]]:
    """Give every pool its node ids; `running` are the cluster's pods. Warnings name the nodes that must stay.

    A broker that still holds replicas is not removed (Strimzi reverts such a scale-down too).
    """
    warnings: list[Obj] = []
    pods: dict[str, set[int]] = {}
    for item in running:
        pods.setdefault(item["metadata"]["labels"].get(names.POOL, ""), set()).add(node_id(item))
    wanted: dict[str, tuple[int, list[int]]] = {}
    for pool in cluster.pools:
        present, replicas = sorted({*pool.present, *pods.pop(pool.name, ())}), pool.replicas
        leaving = set(present[replicas:])
        if pool.broker and leaving and (busy := hosts_replicas(leaving)):
            replicas = len(present)
            message = (
                f"KafkaNodePool {pool.name} keeps {replicas} replicas: brokers {sorted(busy)} still hold partition "
                "replicas; move them away first"
            )
            warnings.append({"reason": "ScaleDownPreventionCheck", "message": message})
        wanted[pool.name] = (replicas, present)
    orphans = sorted(node for ids in pods.values() for node in ids)
    preferred = {pool.name: list(pool.next_ids) for pool in cluster.pools}
    ids = assign_ids({**wanted, "": (len(orphans), orphans)}, preferred)
    return cluster.with_ids(ids), warnings


def node_id(pod: Obj) -> int:
    """The id of the node that a pod is: the end of its name."""
    return int(pod["metadata"]["name"].rpartition("-")[2])


def make(kube: Kube, authorities: Authorities, cluster: ClusterSpec, cluster_id: str, moment: datetime) -> Plan:
    """Apply all objects but the pods. Raises InvalidSpecError when an authority is missing."""
    plan = Plan(
        cluster=cluster,
        cluster_id=cluster_id,
        cluster_ca=authorities.ensure(cluster, "cluster-ca", cluster.cluster_ca, moment),
        clients_ca=authorities.ensure(cluster, "clients-ca", cluster.clients_ca, moment),
        identity=Pair("", ""),
        warnings=list(cluster.warnings),
    )
    plan.identity = authorities.identity(cluster, plan.cluster_ca, moment)
    secrets = {OPERATOR_CERTS.format(cluster.name)}
    secrets |= {f"{cluster.name}-{which}{end}" for which in ("cluster-ca", "clients-ca") for end in ("", "-cert")}
    plan.kept = {"Secret": secrets, "Service": set(), "ConfigMap": set(), "PersistentVolumeClaim": set()}
    for service in services.services(cluster):
        made = kube.apply(service)
        name = made["metadata"]["name"]
        plan.kept["Service"].add(name)
        if made["spec"]["type"] == "NodePort":
            plan.node_ports[name] = made["spec"]["ports"][0]["nodePort"]
    kube.apply(network.network_policy(cluster))
    kube.apply(network.disruption_budget(cluster))
    exporter = metrics.configuration(kube, cluster.namespace, "spec.kafka", cluster.kafka)
    for node in cluster.nodes:
        _node(kube, authorities, plan, node, exporter, moment)
    return plan


def _node(kube: Kube, authorities: Authorities, plan: Plan, node: Node, exporter: str, moment: datetime) -> None:
    """Apply certificate, configuration and volumes of one node, and plan its pod."""
    cluster = plan.cluster
    certificate = authorities.node(cluster, node, plan.cluster_ca, moment)
    options = broker_config.build(cluster, node, services.advertised(cluster, node, plan.node_ports))
    config = pods.config_map(cluster, node, plan.cluster_id, options, exporter)
    kube.apply(config)
    for claim in pods.claims(cluster, node):
        _claim(kube, plan, claim)
    generations = {
        "strimzi.io/cluster-ca-cert-generation": str(plan.cluster_ca.generation),
        "strimzi.io/clients-ca-cert-generation": str(plan.clients_ca.generation),
    }
    plan.pods[node.pod] = pods.pod(cluster, node, config, certificate.cert, generations)
    plan.kept["Secret"].add(node.pod)
    plan.kept["ConfigMap"].add(node.pod)


def _claim(kube: Kube, plan: Plan, claim: Obj) -> None:
    """Create or enlarge a volume; a change that Kubernetes refuses (smaller, another class) becomes a warning."""
    name = claim["metadata"]["name"]
    plan.kept["PersistentVolumeClaim"].add(name)
    try:
        kube.apply(claim)
    except KubeError as error:
        if error.status not in (403, 422):
            raise
        plan.warnings.append({"reason": "PersistentVolumeClaimChange", "message": f"{name} stays as it is: {error}"})


def remove_leftovers(kube: Kube, plan: Plan) -> None:
    """Delete the objects of nodes and listeners that no longer exist; a volume only with an owner (deleteClaim)."""
    cluster = plan.cluster
    ours = {**names.selector(cluster.name), names.MANAGED_BY: names.OPERATOR}
    for kind, kept in plan.kept.items():
        for item in kube.list(kind, cluster.namespace, ours):
            name = item["metadata"]["name"]
            keep_data = kind == "PersistentVolumeClaim" and not item["metadata"].get("ownerReferences")
            if name not in kept and not keep_data:
                log.info("%s %s is no longer needed: deleted", kind, name)
                kube.delete(kind, cluster.namespace, name)


def parse(kafka: Obj, pools: list[Obj], images: dict[str, str]) -> ClusterSpec:
    """`spec.parse` without pools that are being deleted."""
    return spec.parse(kafka, [pool for pool in pools if "deletionTimestamp" not in pool["metadata"]], images)
