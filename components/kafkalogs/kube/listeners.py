"""The listeners of a Kafka cluster. All use TLS and require credentials; none is plaintext."""

from typing import Any, Final

from ..config.naming import EXTERNAL_PORT
from .resources import Manifest

CLIENTS_LABEL: Final = "kafkalogs.io/clients"
"""The label of namespaces whose pods may connect if its value is "true". The cluster's own namespace needs no label."""


def limits(connections: int, per_second: int) -> Manifest:
    """The limits of a listener on each broker: open connections, and new ones per second."""
    return {"maxConnections": connections, "maxConnectionCreationRate": per_second}


def internal(name: str, port: int, authentication: str, limited: Manifest) -> Manifest:
    """A listener for clients within Kubernetes. limited: its `limits`."""
    return {
        "name": name,
        "port": port,
        "type": "internal",
        "tls": True,
        "authentication": {"type": authentication},
        "configuration": limited,
        "networkPolicyPeers": [
            {"podSelector": {}},
            {"namespaceSelector": {"matchLabels": {CLIENTS_LABEL: "true"}}},
        ],
    }


def external(host: str, port: int, brokers: list[int], limited: Manifest) -> Manifest:
    """A listener for clients outside Kubernetes, at `host`. The bootstrap address is node port `port`; broker i of
    `brokers` (node ids) has node port `port` + 1 + i. limited: its `limits`."""
    nodes: list[dict[str, Any]] = [
        {"broker": broker, "advertisedHost": host, "advertisedPort": port + 1 + i, "nodePort": port + 1 + i}
        for i, broker in enumerate(brokers)
    ]
    return {
        "name": "external",
        "port": EXTERNAL_PORT,
        "type": "nodeport",
        "tls": True,
        "authentication": {"type": "tls"},
        "configuration": {"bootstrap": {"nodePort": port, "alternativeNames": [host]}, "brokers": nodes, **limited},
    }
