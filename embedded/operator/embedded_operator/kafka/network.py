"""NetworkPolicy and PodDisruptionBudget of a cluster. Pure."""

from __future__ import annotations

from embedded_operator.common import names
from embedded_operator.common.names import Obj, dig
from embedded_operator.kafka import metrics
from embedded_operator.kafka.spec import ClusterSpec


def network_policy(cluster: ClusterSpec) -> Obj:
    """Who may connect to which port: nodes and operator to the internal ones, a listener's peers to its own."""
    nodes = {"podSelector": {"matchLabels": names.selector(cluster.name)}}
    operator = {"podSelector": {"matchLabels": {names.KIND: "cluster-operator"}}}
    rules = [
        _rule(names.CONTROL_PLANE_PORT, [nodes, operator]),
        _rule(names.REPLICATION_PORT, [nodes, operator]),
        *(_rule(one.port, one.peers) for one in cluster.listeners),
        *([metrics.ingress()] if metrics.wanted(cluster.kafka) else []),
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(cluster, f"{cluster.name}-network-policy-kafka"),
        "spec": {
            "podSelector": {"matchLabels": names.selector(cluster.name)},
            "policyTypes": ["Ingress"],
            "ingress": rules,
        },
    }


def _rule(port: int, peers: list[Obj] | None) -> Obj:
    rule: Obj = {"ports": [{"port": port, "protocol": "TCP"}]}
    if peers is not None:
        rule["from"] = peers
    return rule


def disruption_budget(cluster: ClusterSpec) -> Obj:
    """Evictions take at most `maxUnavailable` nodes (1 unless the template says otherwise).

    Said as minAvailable, as Strimzi does: Kubernetes counts maxUnavailable only for its own workload kinds.
    """
    shape = dig(cluster.kafka, "template", "podDisruptionBudget", default={})
    allowed = shape.get("maxUnavailable", 1)
    metadata = _metadata(cluster, names.component(cluster.name))
    extra = shape.get("metadata") or {}
    metadata["labels"] = {**(extra.get("labels") or {}), **metadata["labels"]}
    if extra.get("annotations"):
        metadata["annotations"] = extra["annotations"]
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {
            "minAvailable": max(0, len(cluster.nodes) - allowed),
            "selector": {"matchLabels": names.selector(cluster.name)},
        },
    }


def _metadata(cluster: ClusterSpec, name: str) -> Obj:
    return {
        "name": name,
        "namespace": cluster.namespace,
        "labels": names.labels(cluster.name),
        "ownerReferences": names.owner(cluster.resource),
    }
