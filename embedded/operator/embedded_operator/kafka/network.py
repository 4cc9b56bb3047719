"""NetworkPolicy and PodDisruptionBudget of a Kafka cluster. Pure."""

from __future__ import annotations

from embedded_operator.common import metrics, names, objects
from embedded_operator.common.names import Obj, dig
from embedded_operator.kafka.spec import ClusterSpec


def network_policy(cluster: ClusterSpec) -> Obj:
    """Nodes and operator may connect to the internal ports, a listener's peers to its port."""
    selector = names.selector(cluster.name)
    internal = [objects.peer(selector), objects.OPERATOR_PEER]
    rules = [
        objects.rule(names.CONTROL_PLANE_PORT, internal),
        objects.rule(names.REPLICATION_PORT, internal),
        *(objects.rule(one.port, one.peers) for one in cluster.listeners),
        *metrics.rules(cluster.kafka),
    ]
    meta = objects.metadata(cluster.resource, f"{cluster.name}-network-policy-kafka", names.labels(cluster.name))
    return objects.network_policy(meta, selector, rules)


def disruption_budget(cluster: ClusterSpec) -> Obj:
    """The PodDisruptionBudget of the nodes."""
    template = dig(cluster.kafka, "template", "podDisruptionBudget", default={})
    meta = objects.metadata(cluster.resource, names.component(cluster.name), names.labels(cluster.name), template)
    return objects.disruption_budget(meta, names.selector(cluster.name), len(cluster.nodes), template)
