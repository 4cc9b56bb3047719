"""The listeners of a Kafka cluster. All use TLS and require credentials; none is plaintext."""

from typing import Any, Final

from ..config.naming import EXTERNAL_PORT
from .resources import Manifest

CLIENTS_LABEL: Final = "kafkalogs.io/clients"
"""The label of namespaces whose pods may connect if its value is "true". The cluster's own namespace needs no label."""


def internal(name: str, port: int, authentication: str) -> Manifest:
    """A listener for clients within Kubernetes."""
    return {
        "name": name,
        "port": port,
        "type": "internal",
        "tls": True,
        "authentication": {"type": authentication},
        "networkPolicyPeers": [
            {"podSelector": {}},
            {"namespaceSelector": {"matchLabels": {CLIENTS_LABEL: "true"}}},
        ],
    }


def external(host: str, port: int, brokers: list[int]) -> Manifest:
    """A listener for clients outside Kubernetes, at `host`. The bootstrap address is node port `port`; broker i of
    `brokers` (node ids) has node port `port` + 1 + i."""
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
        "configuration": {"bootstrap": {"nodePort": port, "alternativeNames": [host]}, "brokers": nodes},
    }
