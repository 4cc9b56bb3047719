"""The configuration of a node as Kafka reads it, from the specification of the cluster. Pure."""

from __future__ import annotations

from embedded_operator.common import names
from embedded_operator.kafka.listeners import Listener
from embedded_operator.kafka.nodes import Node
from embedded_operator.kafka.spec import ClusterSpec

DEFAULTS = {"initial.broker.registration.timeout.ms": "180000"}
"""On a busy machine a node may wait for the others longer than Kafka's minute; giving up would only restart it."""

INTERNAL_USERS = (
    "CN={cluster}-kafka,O=io.strimzi",
    "CN=cluster-operator,O=io.strimzi",
)
"""Identities that may do everything: the nodes and this operator."""

CONFIG_DIR = "/etc/kafka/config"
CERT_DIR = "/etc/kafka/node"
CLUSTER_CA_DIR = "/etc/kafka/cluster-ca"
CLIENTS_CA_DIR = "/etc/kafka/clients-ca"
KEYSTORE = "/tmp/node.pem"  # noqa: S108 - a memory-backed directory of the pod
"""Key and certificate in one file, which each start writes."""


def _tls(listener: str, authority: str, client_auth: str | None) -> dict[str, str]:
    prefix = f"listener.name.{listener.lower()}.ssl"
    options = {
        f"{prefix}.keystore.type": "PEM",
        f"{prefix}.keystore.location": KEYSTORE,
        f"{prefix}.truststore.type": "PEM",
        f"{prefix}.truststore.location": f"{authority}/ca.crt",
        f"{prefix}.endpoint.identification.algorithm": "HTTPS",
    }
    if client_auth:
        options[f"{prefix}.client.auth"] = client_auth
    return options


def _client_listener(listener: Listener) -> dict[str, str]:
    options: dict[str, str] = {}
    prefix = f"listener.name.{listener.identifier.lower()}"
    if listener.tls:
        mutual = listener.authentication == "tls"
        options |= _tls(listener.identifier, CLIENTS_CA_DIR, "required" if mutual else "none")
    if listener.authentication == "scram-sha-512":
        login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        options[f"{prefix}.scram-sha-512.sasl.jaas.config"] = login
        options[f"{prefix}.sasl.enabled.mechanisms"] = "SCRAM-SHA-512"
    if limit := listener.configuration.get("maxConnections"):
        options[f"{prefix}.max.connections"] = str(limit)
    if limit := listener.configuration.get("maxConnectionCreationRate"):
        options[f"{prefix}.max.connection.creation.rate"] = str(limit)
    return options


def build(cluster: ClusterSpec, node: Node, advertised: dict[str, tuple[str, int]]) -> dict[str, str]:
    """The options of one node; `advertised` is what `services.advertised` returned for it."""
    broker, controller = node.pool.broker, node.pool.controller
    clients = cluster.listeners if broker else []
    dns = names.pod_dns(cluster.name, cluster.namespace, node.pod)
    bound: dict[str, int] = {}
    addresses: dict[str, str] = {}
    if controller:
        bound[names.CONTROL_PLANE] = names.CONTROL_PLANE_PORT
        addresses[names.CONTROL_PLANE] = f"{dns}:{names.CONTROL_PLANE_PORT}"
    if broker:
        bound[names.REPLICATION] = names.REPLICATION_PORT
        addresses[names.REPLICATION] = f"{dns}:{names.REPLICATION_PORT}"
    for one in clients:
        bound[one.identifier] = one.port
        host, port = advertised[one.name]
        addresses[one.identifier] = f"{host}:{port}"
    protocols = {names.CONTROL_PLANE: "SSL", names.REPLICATION: "SSL"} | {
        one.identifier: one.protocol for one in clients
    }
    voters = [
        f"{one.id}@{names.pod_dns(cluster.name, cluster.namespace, one.pod)}.cluster.local:{names.CONTROL_PLANE_PORT}"
        for one in cluster.controllers
    ]
    metadata = next(volume for volume in node.pool.volumes if volume.metadata)
    options = {
        "node.id": str(node.id),
        "process.roles": ",".join(node.roles),
        "controller.listener.names": names.CONTROL_PLANE,
        "controller.quorum.voters": ",".join(voters),
        "listeners": ",".join(f"{name}://0.0.0.0:{port}" for name, port in bound.items()),
        "advertised.listeners": ",".join(f"{name}://{address}" for name, address in addresses.items()),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "log.dirs": ",".join(node.log_dir(volume) for volume in node.pool.volumes),
        "metadata.log.dir": node.log_dir(metadata),
        "config.providers": "env",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "sasl.enabled.mechanisms": "",
        **_tls(names.CONTROL_PLANE, CLUSTER_CA_DIR, "required"),
    }
    if broker:
        options["inter.broker.listener.name"] = names.REPLICATION
        options |= _tls(names.REPLICATION, CLUSTER_CA_DIR, "required")
    for one in clients:
        options |= _client_listener(one)
    if cluster.authorization:
        users = [user.format(cluster=cluster.name) for user in INTERNAL_USERS] + cluster.super_users
        options["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        options["super.users"] = ";".join(f"User:{user}" for user in users)
    return {**DEFAULTS, **cluster.config, **options}
