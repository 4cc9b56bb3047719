"""All pods and network policies of a rendered stack, with those that the operators make from its resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.network import Network, Obj, Pod
from tests.support.render import Rendered

CLIENTS = "apps"
"""A namespace whose pods may connect to Kafka."""
ELSEWHERE = "elsewhere"
MONITORING = "monitoring"
"""The namespace of an own Prometheus."""

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
_OPERATORS = {
    "kafkalogs-operator": {"name": "strimzi-cluster-operator", "strimzi.io/kind": "cluster-operator"},
    "flink": {"app.kubernetes.io/name": "flink-kubernetes-operator"},
}
"""The labels of the pods of each Helm release, from its chart."""


@dataclass(frozen=True)
class Stack:
    """What the evaluation of a stack needs."""

    namespace: str
    pods: tuple[Pod, ...]
    network: Network


def stack(rendered: Iterable[Rendered], namespace: str) -> Stack:
    """The pods and policies of a rendered stack."""
    resources = [(r.type.rpartition(":")[2], r.name, r.properties) for r in rendered]
    pods = [pod for kind, name, made in resources for pod in _pods(kind, name, made, namespace)]
    policies = [made for kind, _, made in resources if kind == "NetworkPolicy"]
    policies += [policy for kind, _, made in resources for policy in _policies(kind, made)]
    spaces: dict[str, dict[str, str]] = {name: {} for name in ("kube-system", ELSEWHERE, MONITORING)}
    spaces[CLIENTS] = {"kafkalogs.io/clients": "true"}
    spaces |= {
        made["metadata"]["name"]: made["metadata"]["labels"] for kind, _, made in resources if kind == "Namespace"
    }
    named = {name: {**labels, "kubernetes.io/metadata.name": name} for name, labels in spaces.items()}
    return Stack(namespace, tuple(pods), Network(policies, named))


def _pods(kind: str, name: str, made: Obj, namespace: str) -> Iterator[Pod]:
    spec: Any = made.get("spec")
    if kind in _WORKLOADS:
        yield _pod(name, made["metadata"]["namespace"], spec["template"])
    elif kind == "CronJob":
        yield _pod(name, made["metadata"]["namespace"], spec["jobTemplate"]["spec"]["template"])
    elif kind == "Kafka":
        cluster = made["metadata"]["name"]
        yield Pod("kafka", namespace, _strimzi(cluster, "Kafka", "kafka"), {"tcp-prometheus": 9404})
        yield Pod("entity-operator", namespace, _strimzi(cluster, "Kafka", "entity-operator"))
    elif kind == "KafkaConnect":
        labels = spec["template"]["pod"]["metadata"]["labels"]
        own = _strimzi(made["metadata"]["name"], "KafkaConnect", "connect")
        yield Pod("connect", namespace, {**labels, **own}, {"tcp-prometheus": 9404})
    elif kind == "FlinkDeployment":
        flink = {"app": made["metadata"]["name"], "type": "flink-standalone-kubernetes"}
        yield _pod("flink", namespace, spec["podTemplate"], flink)
    elif kind == "Release":
        yield Pod(name, namespace, _OPERATORS[name])


def _strimzi(cluster: str, kind: str, part: str) -> dict[str, str]:
    return {"strimzi.io/cluster": cluster, "strimzi.io/kind": kind, "strimzi.io/name": f"{cluster}-{part}"}


def _pod(name: str, namespace: str, template: Obj, more: dict[str, str] | None = None) -> Pod:
    ports = {
        port["name"]: int(port["containerPort"])
        for container in template["spec"]["containers"]
        for port in container.get("ports") or []
    }
    return Pod(name, namespace, {**template["metadata"]["labels"], **(more or {})}, ports)


def _policies(kind: str, made: Obj) -> Iterator[Obj]:
    """The policies that Strimzi makes for a resource (its KafkaCluster.generateNetworkPolicy and
    KafkaConnectCluster.generateNetworkPolicy)."""
    if kind not in ("Kafka", "KafkaConnect"):
        return
    cluster, namespace = made["metadata"]["name"], made["metadata"]["namespace"]
    operator = {"podSelector": {"matchLabels": {"strimzi.io/kind": "cluster-operator"}}}
    if kind == "Kafka":
        own = _strimzi(cluster, kind, "kafka")
        nodes = {"podSelector": {"matchLabels": own}}
        entity = {"podSelector": {"matchLabels": {"strimzi.io/name": f"{cluster}-entity-operator"}}}
        listeners = made["spec"]["kafka"]["listeners"]
        rules = [
            _rule(9090, [operator, nodes]),
            _rule(9091, [operator, nodes, entity]),
            _rule(8443, [operator]),
            *(_rule(int(one["port"]), one.get("networkPolicyPeers") or []) for one in listeners),
        ]
        metrics = made["spec"]["kafka"].get("metricsConfig")
    else:
        own = _strimzi(cluster, kind, "connect")
        rules = [_rule(8083, [operator, {"podSelector": {"matchLabels": own}}])]
        metrics = made["spec"].get("metricsConfig")
    rules += [_rule(9404, [])] if metrics else []
    spec = {"podSelector": {"matchLabels": own}, "policyTypes": ["Ingress"], "ingress": rules}
    yield {"metadata": {"name": f"{cluster}-strimzi", "namespace": namespace}, "spec": spec}


def _rule(port: int, peers: list[Obj]) -> Obj:
    return {"ports": [{"port": port, "protocol": "TCP"}], **({"from": peers} if peers else {})}
