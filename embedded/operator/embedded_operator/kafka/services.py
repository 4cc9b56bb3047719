"""The Services of a Kafka cluster's listeners, and the addresses at which clients reach the brokers. Pure."""

from __future__ import annotations

from embedded_operator.common import names, objects
from embedded_operator.common.names import Obj
from embedded_operator.common.objects import service_port
from embedded_operator.kafka.listeners import Listener
from embedded_operator.kafka.nodes import Node
from embedded_operator.kafka.spec import ClusterSpec


def services(cluster: ClusterSpec) -> list[Obj]:
    """All Services of the cluster."""
    replication = service_port("tcp-replication", names.REPLICATION_PORT)
    control = service_port("tcp-ctrlplane", names.CONTROL_PLANE_PORT)
    ports = [service_port(f"tcp-{one.name}", one.port) for one in cluster.listeners if not one.external]
    nodes = names.selector(cluster.name)
    any_broker = {**nodes, names.BROKER_ROLE: "true"}
    headless = {"clusterIP": "None", "publishNotReadyAddresses": True}
    brokers = {"type": "ClusterIP", **headless, "selector": nodes, "ports": [control, replication, *ports]}
    bootstrap = {"type": "ClusterIP", "selector": any_broker, "ports": [replication, *ports]}
    made = [
        _service(cluster, names.brokers_service(cluster.name), brokers, {}),
        _service(cluster, names.bootstrap_service(cluster.name), bootstrap, {}),
    ]
    for one in (one for one in cluster.listeners if one.external):
        name = names.external_bootstrap_service(cluster.name, one.name)
        made.append(_service(cluster, name, _node_port(one, any_broker, one.bootstrap), one.bootstrap))
        for node in cluster.brokers:
            override = one.broker(node.id)
            spec = _node_port(one, {**nodes, names.POD: node.pod}, override)
            name = _broker_service(cluster, one, node)
            made.append(_service(cluster, name, {**spec, "publishNotReadyAddresses": True}, override))
    return made


def _service(cluster: ClusterSpec, name: str, spec: Obj, override: Obj) -> Obj:
    """`override` is the part of a listener's configuration that adds labels and annotations."""
    labels = {**names.labels(cluster.name), **(override.get("labels") or {})}
    annotations = {"metadata": {"annotations": override.get("annotations")}}
    return objects.service(objects.metadata(cluster.resource, name, labels, annotations), spec)


def _node_port(listener: Listener, selector: dict[str, str], override: Obj) -> Obj:
    port = service_port(f"tcp-{listener.name}", listener.port)
    return {
        "type": "NodePort",
        "externalTrafficPolicy": listener.configuration.get("externalTrafficPolicy", "Cluster"),
        "selector": selector,
        "ports": [{**port, "nodePort": override["nodePort"]} if "nodePort" in override else port],
    }


def _broker_service(cluster: ClusterSpec, listener: Listener, node: Node) -> str:
    return names.external_broker_service(cluster.name, node.pool.name, listener.name, node.id)


def advertised(cluster: ClusterSpec, node: Node, node_ports: dict[str, int]) -> dict[str, tuple[str, int]]:
    """The host and port of each listener, by its name, that a broker advertises to clients.

    The host is an expression of Kafka's configuration. `node_ports` maps names of NodePort Services to the ports that
    Kubernetes has given them.
    """
    made: dict[str, tuple[str, int]] = {}
    for one in cluster.listeners if node.pool.broker else []:
        if one.external:
            override = one.broker(node.id)
            port = override.get("advertisedPort", node_ports[_broker_service(cluster, one, node)])
            made[one.name] = override.get("advertisedHost", "${env:NODE_IP}"), int(port)
        else:
            suffix = ".cluster.local" if one.configuration.get("useServiceDnsDomain") else ""
            made[one.name] = names.pod_dns(cluster.name, cluster.namespace, node.pod) + suffix, one.port
    return made


def status(cluster: ClusterSpec, node_ports: dict[str, int], node_addresses: dict[int, str], ca_cert: str) -> list[Obj]:
    """`status.listeners`; `node_addresses` maps broker ids to the addresses of the machines they run on."""
    made: list[Obj] = []
    for one in cluster.listeners:
        if one.external:
            port = node_ports[names.external_bootstrap_service(cluster.name, one.name)]
            hosts = sorted({one.broker(node).get("advertisedHost", ip) for node, ip in node_addresses.items()})
        else:
            port = one.port
            hosts = [f"{names.bootstrap_service(cluster.name)}.{cluster.namespace}.svc"]
        entry: Obj = {
            "name": one.name,
            "addresses": [{"host": host, "port": port} for host in hosts],
            "bootstrapServers": ",".join(f"{host}:{port}" for host in hosts),
        }
        if one.tls:
            entry["certificates"] = [ca_cert]
        made.append(entry)
    return made


def subject_names(cluster: ClusterSpec, node: Node) -> set[str]:
    """DNS names and addresses that a node's certificate must be valid for.

    The address of the machine is not among them, as with Strimzi: the clients of a nodeport listener use the advertised
    host, or `alternativeNames` of the bootstrap.
    """
    found = [names.bootstrap_service(cluster.name), names.brokers_service(cluster.name)]
    found += [names.external_bootstrap_service(cluster.name, one.name) for one in cluster.listeners if one.external]
    suffixes = ("", f".{cluster.namespace}", f".{cluster.namespace}.svc", f".{cluster.namespace}.svc.cluster.local")
    made = {f"{service}{suffix}" for service in found for suffix in suffixes}
    dns = names.pod_dns(cluster.name, cluster.namespace, node.pod)
    made |= {dns, f"{dns}.cluster.local"}
    for one in cluster.listeners:
        override = one.broker(node.id)
        made |= set(one.bootstrap.get("alternativeNames") or [])
        made |= {override["advertisedHost"]} if "advertisedHost" in override else set()
    return made
