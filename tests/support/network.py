"""Evaluates NetworkPolicies as Kubernetes defines them: may this pod connect to that port of that pod?

https://kubernetes.io/docs/concepts/services-networking/network-policies: policies only allow. A pod that no policy of
a direction selects is open in this direction. A connection needs the permission of both sides. A peer with
`podSelector` alone means pods of the policy's own namespace.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Obj = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """One pod of a cluster."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    ports: Mapping[str, int] = field(default_factory=dict[str, int])
    """Its ports by name, for rules that name a port."""


@dataclass(frozen=True)
class Address:
    """A server that is no pod."""

    ip: str


@dataclass(frozen=True)
class Network:
    """The policies of a cluster, and the labels of its namespaces."""

    policies: Sequence[Obj]
    namespaces: Mapping[str, Mapping[str, str]]

    def allows(self, caller: Pod, server: Pod | Address, port: int, protocol: str = "TCP") -> bool:
        """Whether the policies let `caller` connect to the port of `server`."""
        out = self._one_side("Egress", caller, server, server, (port, protocol))
        return out and (
            isinstance(server, Address) or self._one_side("Ingress", server, caller, server, (port, protocol))
        )

    def isolates(self, direction: str, pod: Pod) -> bool:
        """Whether a policy of this direction selects the pod."""
        return bool(self._of(direction, pod))

    def _of(self, direction: str, pod: Pod) -> list[Obj]:
        return [
            policy
            for policy in self.policies
            if policy["metadata"]["namespace"] == pod.namespace
            and direction in _types(policy["spec"])
            and selects(policy["spec"].get("podSelector") or {}, pod.labels)
        ]

    def _one_side(
        self, direction: str, pod: Pod, other: Pod | Address, server: Pod | Address, to: tuple[int, str]
    ) -> bool:
        found = self._of(direction, pod)
        key, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
        rules = [(policy, rule) for policy in found for rule in policy["spec"].get(key) or []]
        return not found or any(
            self._names(policy, rule.get(peers), other) and _opens(rule.get("ports"), server, *to)
            for policy, rule in rules
        )

    def _names(self, policy: Obj, peers: list[Obj] | None, other: Pod | Address) -> bool:
        return not peers or any(self._is(policy["metadata"]["namespace"], peer, other) for peer in peers)

    def _is(self, namespace: str, peer: Obj, other: Pod | Address) -> bool:
        if "ipBlock" in peer:
            block = peer["ipBlock"]
            return isinstance(other, Address) and (
                _within(other.ip, block["cidr"])
                and not any(_within(other.ip, one) for one in block.get("except") or [])
            )
        if isinstance(other, Address):
            return False
        if "namespaceSelector" in peer:
            here = selects(peer["namespaceSelector"] or {}, self.namespaces[other.namespace])
        else:
            here = other.namespace == namespace
        return here and selects(peer.get("podSelector") or {}, other.labels)


def selects(selector: Obj, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects these labels. An empty selector selects all."""
    unknown = selector.keys() - {"matchLabels"}
    if unknown:
        raise NotImplementedError(f"selectors with {sorted(unknown)}: the platform's policies have none")
    return (selector.get("matchLabels") or {}).items() <= labels.items()


def _types(spec: Obj) -> list[str]:
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]


def _within(ip: str, cidr: str) -> bool:
    return ipaddress.ip_address(ip) in ipaddress.ip_network(cidr)


def _opens(ports: list[Obj] | None, server: Pod | Address, port: int, protocol: str) -> bool:
    return not ports or any(
        one.get("protocol", "TCP") == protocol and _number(one.get("port"), server) in (None, port) for one in ports
    )


def _number(port: Any, server: Pod | Address) -> int | None:
    if isinstance(port, str):
        # A name that the pod does not have opens nothing.
        return -1 if isinstance(server, Address) else server.ports.get(port, -1)
    return None if port is None else int(port)
