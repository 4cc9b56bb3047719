"""Listeners of a Kafka cluster: what a spec says, their Services, and where clients reach them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from embedded_operator.common import names
from embedded_operator.common.names import Obj, dig

NAME = re.compile(r"[a-z0-9]{1,11}")
"""Strimzi's rule for listener names."""
RESERVED_PORTS = {9404, 9999}
"""Metrics and JMX."""
AUTHENTICATIONS = {"tls", "scram-sha-512"}
CONFIGURATION = {
    "internal": {"useServiceDnsDomain", "maxConnections", "maxConnectionCreationRate"},
    "nodeport": {"bootstrap", "brokers", "externalTrafficPolicy", "maxConnections", "maxConnectionCreationRate"},
}
"""Keys of a listener's `configuration` that this operator honours, by listener type."""
ADDRESS = {"nodePort", "advertisedHost", "advertisedPort", "alternativeNames", "annotations", "labels", "broker"}


@dataclass(frozen=True)
class Listener:
    """One client listener. `authentication` is tls, scram-sha-512 or None."""

    name: str
    port: int
    type: str
    tls: bool
    authentication: str | None
    configuration: Obj = field(default_factory=dict)
    peers: list[Obj] | None = None

    @property
    def identifier(self) -> str:
        """Its name in Kafka's own configuration."""
        return f"{self.name.upper()}-{self.port}"

    @property
    def protocol(self) -> str:
        """Kafka's security protocol."""
        transport = "SSL" if self.tls else "PLAINTEXT"
        return f"SASL_{transport}" if self.authentication == "scram-sha-512" else transport

    @property
    def external(self) -> bool:
        return self.type == "nodeport"

    @property
    def bootstrap(self) -> Obj:
        return self.configuration.get("bootstrap") or {}

    def broker(self, node_id: int) -> Obj:
        """Overrides for one broker."""
        brokers = self.configuration.get("brokers") or []
        return next((item for item in brokers if item["broker"] == node_id), {})


def parse(items: list[Obj]) -> tuple[list[Listener], list[str]]:
    """The listeners of `spec.kafka.listeners`, and what is wrong with them (with the path of each fault)."""
    errors: list[str] = []
    found: list[Listener] = []
    for item in items:
        at = f"spec.kafka.listeners[{item['name']}]"
        authentication = dig(item, "authentication", "type")
        configuration = item.get("configuration") or {}
        if not NAME.fullmatch(item["name"]):
            errors.append(f"{at}: a listener name has at most 11 lower-case letters and digits")
        if item["port"] < 9092 or item["port"] in RESERVED_PORTS:
            errors.append(f"{at}.port: {item['port']} is reserved; use 9092 or higher, but not 9404 or 9999")
        if item["type"] not in CONFIGURATION:
            errors.append(f"{at}.type: {item['type']} is not supported by the embedded operator: internal, nodeport")
        if authentication and authentication not in AUTHENTICATIONS:
            errors.append(
                f"{at}.authentication.type: {authentication} is not supported by the embedded operator: "
                "tls, scram-sha-512"
            )
        if authentication == "tls" and not item["tls"]:
            errors.append(f"{at}: authentication tls needs tls: true")
        errors += _unknown(at, item["type"], configuration)
        found.append(
            Listener(
                name=item["name"],
                port=item["port"],
                type=item["type"],
                tls=item["tls"],
                authentication=authentication,
                configuration=configuration,
                peers=item.get("networkPolicyPeers"),
            )
        )
    for what, values in (("name", [one.name for one in found]), ("port", [str(one.port) for one in found])):
        for value in sorted({value for value in values if values.count(value) > 1}):
            errors.append(f"spec.kafka.listeners: {what} {value} is used more than once")
    return found, errors


def _unknown(at: str, kind: str, configuration: Obj) -> list[str]:
    """Settings of a listener that this operator would have to ignore."""
    keys = [f"{at}.configuration.{key}" for key in configuration.keys() - CONFIGURATION.get(kind, set())]
    for part in [configuration.get("bootstrap") or {}, *(configuration.get("brokers") or [])]:
        keys += [f"{at}.configuration: {key}" for key in part.keys() - ADDRESS]
    return [f"{key} is not supported by the embedded operator" for key in sorted(keys)]


def services(
    cluster: str, namespace: str, owner: list[Obj], listeners: list[Listener], brokers: list[tuple[int, str, str]]
) -> list[Obj]:
    """All Services of the cluster; `brokers` are (node id, pool, pod) of those that serve clients."""
    internal = [one for one in listeners if not one.external]
    replication = [_port("tcp-replication", names.REPLICATION_PORT)]
    control = [_port("tcp-ctrlplane", names.CONTROL_PLANE_PORT)]
    ports = [_port(f"tcp-{one.name}", one.port) for one in internal]

    def service(name: str, spec: Obj, override: Obj | None = None) -> Obj:
        meta: Obj = {"name": name, "namespace": namespace, "ownerReferences": owner}
        meta["labels"] = {**names.labels(cluster), **((override or {}).get("labels") or {})}
        if extra := (override or {}).get("annotations"):
            meta["annotations"] = extra
        return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}

    any_broker = {**names.selector(cluster), names.BROKER_ROLE: "true"}
    made = [
        service(
            names.brokers_service(cluster),
            {
                "type": "ClusterIP",
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": names.selector(cluster),
                "ports": control + replication + ports,
            },
        ),
        service(
            names.bootstrap_service(cluster),
            {"type": "ClusterIP", "selector": any_broker, "ports": replication + ports},
        ),
    ]
    for one in (one for one in listeners if one.external):
        policy = one.configuration.get("externalTrafficPolicy", "Cluster")

        def node_port(override: Obj, one: Listener = one) -> list[Obj]:
            port = _port(f"tcp-{one.name}", one.port)
            return [{**port, "nodePort": override["nodePort"]} if "nodePort" in override else port]

        def external(selector: Obj, override: Obj, policy: str = policy) -> Obj:
            ports = node_port(override)
            return {"type": "NodePort", "externalTrafficPolicy": policy, "selector": selector, "ports": ports}

        name = names.external_bootstrap_service(cluster, one.name)
        made.append(service(name, external(any_broker, one.bootstrap), one.bootstrap))
        for node_id, pool, pod in brokers:
            override = one.broker(node_id)
            name = names.external_broker_service(cluster, pool, one.name, node_id)
            spec = external({**names.selector(cluster), names.POD: pod}, override)
            made.append(service(name, {**spec, "publishNotReadyAddresses": True}, override))
    return made


def _port(name: str, port: int) -> Obj:
    return {"name": name, "port": port, "targetPort": port, "protocol": "TCP"}


def advertised(listener: Listener, node_id: int, dns: str, node_ports: dict[str, int], service: str) -> tuple[str, int]:
    """Host and port that a broker tells clients to use; the host is an expression of Kafka's configuration.

    `node_ports` maps names of NodePort Services to the ports Kubernetes gave them; `service` is the broker's.
    """
    if not listener.external:
        suffix = ".cluster.local" if listener.configuration.get("useServiceDnsDomain") else ""
        return dns + suffix, listener.port
    override = listener.broker(node_id)
    host = override.get("advertisedHost", "${env:NODE_IP}")
    return host, int(override.get("advertisedPort", node_ports[service]))


def status(
    cluster: str,
    namespace: str,
    listeners: list[Listener],
    node_ports: dict[str, int],
    node_addresses: dict[int, str],
    ca_cert: str,
) -> list[Obj]:
    """`status.listeners`; `node_addresses` maps broker ids to the addresses of the machines they run on."""
    made: list[Obj] = []
    for one in listeners:
        if one.external:
            port = node_ports[names.external_bootstrap_service(cluster, one.name)]
            hosts = sorted({one.broker(node).get("advertisedHost", ip) for node, ip in node_addresses.items()})
        else:
            port = one.port
            hosts = [f"{names.bootstrap_service(cluster)}.{namespace}.svc"]
        entry: Obj = {
            "name": one.name,
            "addresses": [{"host": host, "port": port} for host in hosts],
            "bootstrapServers": ",".join(f"{host}:{port}" for host in hosts),
        }
        if one.tls:
            entry["certificates"] = [ca_cert]
        made.append(entry)
    return made


def subject_names(cluster: str, namespace: str, pod: str, node_id: int, listeners: list[Listener]) -> set[str]:
    """DNS names and addresses that a node's certificate must be valid for.

    As with Strimzi, the machine's own address is not among them: a nodeport listener's clients use the
    advertised host, or `alternativeNames` of the bootstrap.
    """
    services = [names.bootstrap_service(cluster), names.brokers_service(cluster)]
    services += [names.external_bootstrap_service(cluster, one.name) for one in listeners if one.external]
    found = {
        name
        for service in services
        for name in (
            service,
            f"{service}.{namespace}",
            f"{service}.{namespace}.svc",
            f"{service}.{namespace}.svc.cluster.local",
        )
    }
    dns = names.pod_dns(cluster, namespace, pod)
    found |= {dns, f"{dns}.cluster.local"}
    for one in listeners:
        override = one.broker(node_id)
        found |= set(one.bootstrap.get("alternativeNames") or [])
        found |= {override["advertisedHost"]} if "advertisedHost" in override else set()
    return found
