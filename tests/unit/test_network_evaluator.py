"""The evaluator of network policies, by the examples of Kubernetes' documentation."""

from __future__ import annotations

import pytest

from tests.support.network import Address, Network, Obj, Pod

SPACES = {"a": {"kubernetes.io/metadata.name": "a"}, "b": {"kubernetes.io/metadata.name": "b", "team": "x"}}
WEB = Pod("web", "a", {"app": "web"}, {"metrics": 9404})
CLIENT = Pod("client", "a", {"app": "client"})
OTHER = Pod("other", "a", {"app": "other"})
FAR = Pod("far", "b", {"app": "client"})
TO_WEB: Obj = {"matchLabels": {"app": "web"}}


def policy(namespace: str = "a", **spec: object) -> Obj:
    return {"metadata": {"namespace": namespace}, "spec": {"podSelector": {}, **spec}}


def network(*policies: Obj) -> Network:
    return Network(policies, SPACES)


def test_without_policies_all_is_open() -> None:
    assert network().allows(CLIENT, WEB, 80)
    assert network().allows(CLIENT, Address("192.0.2.1"), 80)


def test_a_policy_without_rules_closes_its_direction_only() -> None:
    closed = network(policy(policyTypes=["Ingress"]))
    assert not closed.allows(CLIENT, WEB, 80)
    assert closed.allows(WEB, FAR, 80)
    assert not network(policy(policyTypes=["Egress"])).allows(CLIENT, FAR, 80)
    assert network(policy(policyTypes=["Egress"])).allows(FAR, WEB, 80)


def test_policies_of_another_namespace_or_of_other_pods_do_not_count() -> None:
    assert network(policy("b", policyTypes=["Ingress"])).allows(CLIENT, WEB, 80)
    assert network(policy(podSelector={"matchLabels": {"app": "none"}}, policyTypes=["Ingress"])).allows(
        CLIENT, WEB, 80
    )


def test_policies_add_up() -> None:
    deny = policy(policyTypes=["Ingress"])
    allow = policy(podSelector=TO_WEB, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}]}])
    both = network(deny, allow)
    assert both.allows(CLIENT, WEB, 80)
    assert not both.allows(OTHER, WEB, 80)
    assert not both.allows(FAR, WEB, 80), "podSelector alone means the policy's own namespace"


def test_both_sides_must_agree() -> None:
    opened = policy(podSelector=TO_WEB, ingress=[{"ports": [{"port": 80}]}])
    shut = policy(podSelector={"matchLabels": {"app": "client"}}, policyTypes=["Egress"], egress=[])
    assert network(opened).allows(CLIENT, WEB, 80)
    assert not network(opened, shut).allows(CLIENT, WEB, 80)


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        ({"namespaceSelector": {}}, {"client", "other", "far"}),
        ({"namespaceSelector": {"matchLabels": {"team": "x"}}}, {"far"}),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "client"}}}, {"client", "far"}),
        ({"podSelector": {}}, {"client", "other"}),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, set[str]()),
    ],
)
def test_peers(peer: Obj, allowed: set[str]) -> None:
    here = network(policy(podSelector=TO_WEB, ingress=[{"from": [peer]}]))
    assert {pod.name for pod in (CLIENT, OTHER, FAR) if here.allows(pod, WEB, 80)} == allowed


def test_ports_by_number_name_and_protocol() -> None:
    here = network(
        policy(podSelector=TO_WEB, ingress=[{"ports": [{"port": "metrics"}, {"port": 53, "protocol": "UDP"}]}])
    )
    assert here.allows(CLIENT, WEB, 9404)
    assert not here.allows(CLIENT, WEB, 80)
    assert not here.allows(CLIENT, WEB, 53)
    assert here.allows(CLIENT, WEB, 53, "UDP")
    assert network(policy(ingress=[{"ports": [{"protocol": "TCP"}]}])).allows(CLIENT, WEB, 81)
    nameless = network(policy(podSelector=TO_WEB, ingress=[{"ports": [{"port": "absent"}]}]))
    assert not nameless.allows(CLIENT, WEB, 9404)


def test_addresses() -> None:
    block = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}
    here = network(policy(policyTypes=["Egress"], egress=[{"to": [block], "ports": [{"port": 443}]}]))
    assert here.allows(CLIENT, Address("10.2.0.1"), 443)
    assert not here.allows(CLIENT, Address("10.2.0.1"), 80)
    assert not here.allows(CLIENT, Address("10.1.0.1"), 443)
    assert not here.allows(CLIENT, Address("192.0.2.1"), 443)


def test_an_unsupported_selector_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="matchExpressions"):
        network(policy(podSelector={"matchExpressions": []})).allows(CLIENT, WEB, 80)
