"""The listeners of a Kafka cluster: their part of its specification, checked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from embedded_operator.common.names import Obj, dig

NAME = re.compile(r"[a-z0-9]{1,11}")
"""Strimzi's rule for listener names."""
RESERVED_PORTS = {9404, 9999}
"""The ports of metrics and of JMX."""
AUTHENTICATIONS = {"tls", "scram-sha-512"}
CONFIGURATION = {
    "internal": {"useServiceDnsDomain", "maxConnections", "maxConnectionCreationRate"},
    "nodeport": {"bootstrap", "brokers", "externalTrafficPolicy", "maxConnections", "maxConnectionCreationRate"},
}
"""Keys of a listener's `configuration` that have an effect, by listener type."""
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
        """The listener's name in the configuration of Kafka."""
        return f"{self.name.upper()}-{self.port}"

    @property
    def protocol(self) -> str:
        """Kafka's security protocol."""
        transport = "SSL" if self.tls else "PLAINTEXT"
        return f"SASL_{transport}" if self.authentication == "scram-sha-512" else transport

    @property
    def external(self) -> bool:
        """Whether clients outside the Kubernetes cluster reach it."""
        return self.type == "nodeport"

    @property
    def bootstrap(self) -> Obj:
        """Overrides for the bootstrap Service."""
        return self.configuration.get("bootstrap") or {}

    def broker(self, node_id: int) -> Obj:
        """Overrides for one broker."""
        brokers = self.configuration.get("brokers") or []
        return next((item for item in brokers if item["broker"] == node_id), {})


def parse(items: list[Obj]) -> tuple[list[Listener], list[str]]:
    """The listeners of `spec.kafka.listeners`, and their problems, each with its path."""
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
    """Problems: settings of a listener that would have no effect."""
    keys = [f"{at}.configuration.{key}" for key in configuration.keys() - CONFIGURATION.get(kind, set())]
    for part in [configuration.get("bootstrap") or {}, *(configuration.get("brokers") or [])]:
        keys += [f"{at}.configuration: {key}" for key in part.keys() - ADDRESS]
    return [f"{key} is not supported by the embedded operator" for key in sorted(keys)]
