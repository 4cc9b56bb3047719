"""Kafka's own configuration of a node, from the cluster's specification. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded_operator.common import names
from embedded_operator.kafka.listeners import Listener

if TYPE_CHECKING:
    from embedded_operator.kafka.nodes import Node
    from embedded_operator.kafka.spec import ClusterSpec

FORBIDDEN = [
    "listeners",
    "advertised.",
    "broker.",
    "listener.",
    "host.name",
    "port",
    "inter.broker.listener.name",
    "sasl.",
    "ssl.",
    "security.",
    "password.",
    "log.dir",
    "zookeeper.",
    "authorizer.",
    "super.user",
    "node.id",
    "process.roles",
    "controller.",
    "metadata.log.dir",
    "config.providers",
    "cruise.control.metrics.topic",
    "cruise.control.metrics.reporter.bootstrap.servers",
]
"""Prefixes of options that only the operator sets (Strimzi: KafkaClusterSpec.FORBIDDEN_PREFIXES)."""
ALLOWED = {
    "sasl.server.max.receive.size",
    "ssl.cipher.suites",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "ssl.secure.random.implementation",
    "controller.quorum.election.backoff.max.ms",
    "controller.quorum.election.timeout.ms",
    "controller.quorum.fetch.timeout.ms",
}
"""Exceptions from FORBIDDEN (Strimzi: FORBIDDEN_PREFIX_EXCEPTIONS)."""

DEFAULTS = {"initial.broker.registration.timeout.ms": "180000"}
"""On a busy machine a node may wait longer than Kafka's minute for the others; giving up would only start it anew."""

INTERNAL_USERS = (
    "CN={cluster}-kafka,O=io.strimzi",
    "CN=cluster-operator,O=io.strimzi",
)
"""Identities that may do everything: the nodes themselves and this operator."""

CONFIG_DIR = "/etc/kafka/config"
CERT_DIR = "/etc/kafka/node"
CLUSTER_CA_DIR = "/etc/kafka/cluster-ca"
CLIENTS_CA_DIR = "/etc/kafka/clients-ca"
KEYSTORE = "/tmp/node.pem"  # noqa: S108 - the pod's own memory-backed directory
"""Key and certificate in one file, put together at each start."""


def text(value: Any) -> str:
    """A value of a custom resource as Kafka writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(text(item) for item in value)
    return str(value)


def user_config(config: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """What users may set of `spec.kafka.config`, and the names of what they may not."""
    forbidden = sorted(key for key in config if key not in ALLOWED and key.startswith(tuple(FORBIDDEN)))
    return {key: text(value) for key, value in config.items() if key not in forbidden}, forbidden


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
    """The options of one node; `advertised` maps names of client listeners to the host and port to tell clients."""
    broker, controller = node.pool.broker, node.pool.controller
    clients = cluster.listeners if broker else []
    dns = names.pod_dns(cluster.name, cluster.namespace, node.pod)
    bound: dict[str, int] = {}
    told: dict[str, str] = {}
    if controller:
        bound[names.CONTROL_PLANE] = names.CONTROL_PLANE_PORT
        told[names.CONTROL_PLANE] = f"{dns}:{names.CONTROL_PLANE_PORT}"
    if broker:
        bound[names.REPLICATION] = names.REPLICATION_PORT
        told[names.REPLICATION] = f"{dns}:{names.REPLICATION_PORT}"
    for one in clients:
        bound[one.identifier] = one.port
        host, port = advertised[one.name]
        told[one.identifier] = f"{host}:{port}"
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
        "advertised.listeners": ",".join(f"{name}://{address}" for name, address in told.items()),
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


def properties(options: dict[str, str]) -> str:
    """Options as a Java properties file."""

    def escape(value: str) -> str:
        return value.replace("\\", "\\\\").replace("\n", "\\n")

    return "".join(f"{key}={escape(value)}\n" for key, value in sorted(options.items()))


def logging(loggers: dict[str, Any]) -> str:
    """log4j2's configuration: to standard output, with `spec.kafka.logging.loggers` on top."""
    defaults = {
        "status": "warn",
        "appender.console.type": "Console",
        "appender.console.name": "STDOUT",
        "appender.console.layout.type": "PatternLayout",
        "appender.console.layout.pattern": "%d{yyyy-MM-dd HH:mm:ss,SSS} %p [%t] %c{1}: %m%n",
        "rootLogger.level": "INFO",
        "rootLogger.appenderRef.console.ref": "STDOUT",
        # a line for each request, or for each partition that moves
        "logger.channel.name": "kafka.network.RequestChannel$",
        "logger.channel.level": "WARN",
        "logger.state.name": "state.change.logger",
        "logger.state.level": "WARN",
    }
    return properties({**defaults, **{key: text(value) for key, value in loggers.items()}})
