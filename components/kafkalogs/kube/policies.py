"""Renders the network policies from the groups of pods that the records declare. No other module builds one.

A plain NetworkPolicy knows pods, namespaces and addresses, and no host names
(https://kubernetes.io/docs/concepts/services-networking/network-policies). So servers outside the cluster, and the
Kubernetes API, are allowed by port.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ..catalog.network import API_PORTS, Edge, Peer, PodGroup, edges
from .resources import METRICS_LABEL, METRICS_PORT, Manifest, metadata

_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
_DNS: Final[Manifest] = {
    "to": [
        {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: "kube-system"}}},
        # The address of the cache on each node (NodeLocal DNSCache), which is no pod of the pods' network.
        {"ipBlock": {"cidr": "169.254.20.10/32"}},
    ],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
}


def pods(peer: Peer) -> Manifest:
    """Pods of the same namespace, as a peer of a policy."""
    return {"podSelector": {"matchLabels": dict(peer.labels)}}


def pods_of_namespace(namespace: str) -> Manifest:
    """All pods of a namespace, as a peer of a policy."""
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: namespace}}}


def ports(*numbers: int) -> list[Manifest]:
    """TCP ports of a rule."""
    return [{"port": number, "protocol": "TCP"} for number in numbers]


def deny_ingress() -> Manifest:
    """The spec that closes each port of a namespace. Other policies open ports."""
    return {"podSelector": {}, "policyTypes": ["Ingress"]}


def ingress(group: PodGroup, metrics: Manifest | None = None) -> Manifest:
    """The spec of the policy that opens a group's ports to their callers.

    metrics: another peer than the declared callers, for the shipper in its own namespace.
    """
    rules: list[Manifest] = []
    if group.among_themselves:
        rules.append({"from": [pods(group.peer)]})
    for served in group.serves:
        if served.open:
            rules.append({"ports": ports(served.port)})
        elif served.callers:
            callers = [metrics] if metrics else [pods(caller) for caller in served.callers]
            rules.append({"from": callers, "ports": ports(served.port)})
    return {"podSelector": _selector(group), "policyTypes": ["Ingress"], "ingress": rules}


def metrics_ingress(prometheus: Manifest) -> Manifest:
    """The spec of the policy that opens the metrics of all pods that offer some. prometheus: a peer of a policy."""
    return {
        "podSelector": {"matchLabels": {METRICS_LABEL: "true"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [prometheus], "ports": [{"port": METRICS_PORT, "protocol": "TCP"}]}],
    }


def egress(
    group: PodGroup, groups: Sequence[PodGroup], namespaces: Mapping[bool, str], external: Mapping[str, int]
) -> Manifest:
    """The spec of the policy that lets a group reach its declared edges, and nothing else.

    namespaces: the namespace of groups with `shipper` true and false. external: the port of each server outside the
    platform, by the names of `PodGroup.uses`; a name is absent if the server is a group.
    """
    rules: list[Manifest] = [_DNS]
    if group.api:
        rules.append({"ports": ports(*API_PORTS)})
    for edge in _distinct(edges(groups), group):
        peer = pods(edge.server.peer)
        if edge.server.shipper != group.shipper:
            peer = {**pods_of_namespace(namespaces[edge.server.shipper]), **peer}
        rules.append({"to": [peer], **({} if edge.port is None else {"ports": ports(edge.port)})})
    outside = sorted({external[name] for name in group.uses if name in external})
    if outside:
        rules.append({"ports": ports(*outside)})
    return {"podSelector": _selector(group), "policyTypes": ["Egress"], "egress": rules}


def egress_manifest(
    group: PodGroup, groups: Sequence[PodGroup], namespace: str, external: Mapping[str, int]
) -> Manifest:
    """The policy of `egress` with its name and namespace. namespace: the platform's."""
    namespaces = {False: namespace, True: f"{namespace}-shipper"}
    about = metadata(f"{group.name}-egress", namespaces[group.shipper])
    return {"metadata": about, "spec": egress(group, groups, namespaces, external)}


def _selector(group: PodGroup) -> Manifest:
    # The shipper's namespace is for the shipper only, so its policies hold for each pod there.
    return {} if group.shipper else {"matchLabels": dict(group.peer.labels)}


def _distinct(all_edges: Iterable[Edge], caller: PodGroup) -> list[Edge]:
    return list({(edge.server.name, edge.port): edge for edge in all_edges if edge.caller == caller}.values())
