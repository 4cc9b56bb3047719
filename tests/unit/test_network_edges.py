"""The network policies of each stack, evaluated: each edge that the records declare is allowed, and no other is."""

from __future__ import annotations

from functools import cache
from typing import Any

import demo_shop
import local_services
import pytest
import yaml
from kafkalogs import load, parts
from kafkalogs.catalog.network import API_PORTS, PodGroup, edges
from kafkalogs.config.models import Platform
from kafkalogs.kube.wiring import Endpoints
from kafkalogs.pipeline import external_ports
from kafkalogs.platform import LogPlatformArgs, operator_args
from kafkalogs.sinks.record import connect_clusters

from tests.support.network import Address, Pod
from tests.support.pods_of_stack import CLIENTS, ELSEWHERE, MONITORING, Stack, stack
from tests.support.render import PLATFORM_KEY, REPO, render

STACKS = ("local", "staging", "prod")
SOMEWHERE = Address("192.0.2.1")


@cache
def config_of(name: str) -> Platform:
    raw: dict[str, Any] = yaml.safe_load((REPO / "stacks" / f"Pulumi.{name}.yaml").read_text())["config"][PLATFORM_KEY]
    return load({**raw, "operator": "embedded"} if raw.get("operator") == "auto" else raw)


@cache
def groups_of(name: str) -> tuple[PodGroup, ...]:
    config = config_of(name)
    here = () if config.aws else tuple(local_services.PODS[server] for server in local_services.run_here(config))
    return (*parts.pods(config), *here, *((demo_shop.PODS,) if config.shop.enabled else ()))


@cache
def stack_of(name: str) -> Stack:
    config = config_of(name)
    return stack(render(REPO / "stacks" / f"Pulumi.{name}.yaml"), config.namespace)


def group_of(name: str, pod: Pod) -> PodGroup:
    (found,) = [group for group in groups_of(name) if group.peer.labels.items() <= pod.labels.items()]
    return found


def ports_of(name: str) -> set[int]:
    """Each port that a group declares or a container has, and two that nobody has."""
    declared = {served.port for group in groups_of(name) for served in group.serves}
    named = {port for pod in stack_of(name).pods for port in pod.ports.values()}
    return declared | named | set(API_PORTS) | {22, 65000}


@pytest.mark.parametrize("name", STACKS)
def test_each_pod_is_of_one_declared_group_and_each_group_has_pods(name: str) -> None:
    found = {group_of(name, pod).name for pod in stack_of(name).pods}
    assert found == {group.name for group in groups_of(name)}


@pytest.mark.parametrize("name", STACKS)
def test_the_policies_allow_the_declared_edges_and_no_other(name: str) -> None:
    here = stack_of(name)
    declared = {(edge.caller.name, edge.server.name, edge.port) for edge in edges(groups_of(name))}
    wrong: list[str] = []
    for caller in here.pods:
        for server in here.pods:
            both = group_of(name, caller).name, group_of(name, server).name
            for port in ports_of(name):
                wanted = (*both, port) in declared or (*both, None) in declared
                if here.network.allows(caller, server, port) != wanted:
                    wrong.append(f"{caller.name} to {server.name}:{port} should be {'open' if wanted else 'closed'}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", STACKS)
def test_each_pod_is_isolated_in_both_directions(name: str) -> None:
    here = stack_of(name)
    for pod in here.pods:
        assert here.network.isolates("Ingress", pod), pod.name
        assert here.network.isolates("Egress", pod), pod.name


EXTERNAL = {"pagerduty": 443, "s3": 443, "search": 443, "database": 5432, "aws": 443}


def test_the_watchdog_is_reached() -> None:
    """Alertmanager posts to it; an egress rule that lacks its port would silence it where policies are enforced."""
    config = config_of("staging")
    assert config.monitoring is not None
    watched = config.model_copy(
        update={"monitoring": config.monitoring.model_copy(update={"operator": False, "watchdog_secret": "watchdog"})}
    )
    (group,) = (one for one in parts.pods(watched) if one.name == "alertmanager")
    assert "watchdog" in group.uses
    assert set(group.uses) <= set(external_ports(watched, Endpoints()))


@pytest.mark.parametrize("name", STACKS)
def test_outside_the_cluster_a_pod_reaches_what_it_declares(name: str) -> None:
    here = stack_of(name)
    own = local_services.run_here(config_of(name)) if not config_of(name).aws else []
    for pod in here.pods:
        group = group_of(name, pod)
        wanted = set(API_PORTS) if group.api else set[int]()
        wanted |= {EXTERNAL[server] for server in group.uses if server not in own}
        tried = ports_of(name) | set(EXTERNAL.values()) | {80, 8080}
        assert {port for port in tried if here.network.allows(pod, SOMEWHERE, port)} == wanted, pod.name


def test_a_broker_that_asks_for_its_node_reaches_the_kubernetes_api() -> None:
    """Strimzi's container `kafka-init` does so with `rack` and with a node port. Without an answer no broker starts."""
    kafka = config_of("local").kafka
    assert kafka.external is not None
    without = kafka.model_copy(update={"rack": None, "external": None})
    for update, asks in (({}, False), ({"rack": "zone"}, True), ({"external": kafka.external}, True)):
        changed = config_of("local").model_copy(update={"kafka": without.model_copy(update=update)})
        (group,) = (one for one in parts.pods(changed) if one.name == "kafka")
        assert group.api is asks, update
        readers = operator_args(changed, LogPlatformArgs({})).node_readers
        assert bool(readers) is asks, update


@pytest.mark.parametrize("name", STACKS)
def test_each_pod_reaches_the_name_servers_and_nothing_else_of_theirs(name: str) -> None:
    here = stack_of(name)
    dns = Pod("dns", "kube-system", {"k8s-app": "kube-dns"})
    for pod in here.pods:
        for protocol in ("UDP", "TCP"):
            assert here.network.allows(pod, dns, 53, protocol), pod.name
            assert here.network.allows(pod, Address("169.254.20.10"), 53, protocol), pod.name
        assert not here.network.allows(pod, dns, 9153), pod.name
        assert not here.network.allows(pod, SOMEWHERE, 53, "UDP"), pod.name


@pytest.mark.parametrize("name", STACKS)
def test_pods_that_are_none_of_the_platforms_reach_open_ports_only(name: str) -> None:
    here, config = stack_of(name), config_of(name)
    registry = {("registry", 8443)}
    metrics = {(name, 9404) for name in ("kafka", *connect_clusters(config))}
    external = {("kafka", 9095)} if config.kafka.external else set[tuple[str, int]]()
    clients = {("kafka", 9093), ("kafka", 9094)}
    expected = {
        here.namespace: registry | metrics | external | clients,
        CLIENTS: registry | metrics | external | clients,
        ELSEWHERE: registry | metrics | external,
    }
    for namespace, wanted in expected.items():
        stranger = Pod("stranger", namespace, {"app": "stranger"})
        reached = {
            (group_of(name, pod).name, port)
            for pod in here.pods
            for port in ports_of(name)
            if here.network.allows(stranger, pod, port)
        }
        assert reached == wanted, namespace


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_an_own_prometheus_reaches_the_metrics_of_each_part(name: str) -> None:
    here = stack_of(name)
    prometheus = Pod("prometheus", MONITORING, {"app.kubernetes.io/name": "prometheus"})
    scraped = [pod for pod in here.pods if pod.labels.get("kafkalogs.io/metrics") == "true"]
    assert {group_of(name, pod).name for pod in scraped} >= {"pager", "stream", "registry", "exporter", "shipper"}
    for pod in scraped:
        assert here.network.allows(prometheus, pod, pod.ports["metrics"]), pod.name


def test_needed_ports_are_open_and_callers_are_groups() -> None:
    """An edge that nobody serves, or a caller that no group is, would be a typing error in a record."""
    for name in STACKS:
        groups = {group.name: group for group in groups_of(name)}
        for group in groups.values():
            for server, port in group.needs:
                assert any(served.port == port and served.open for served in groups[server].serves), (server, port)
