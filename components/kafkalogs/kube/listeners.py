"""The listeners of a Kafka cluster. All speak TLS and ask for credentials; there is no plaintext one."""

from typing import Any, Final

from .resources import Manifest

EXTERNAL_PORT: Final = 9095

CLIENTS_LABEL: Final = "kafkalogs.io/clients"
"""Pods of namespaces with this label at "true" may connect, besides those of the cluster's own namespace."""


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
    """A listener for clients outside Kubernetes, at `host`: the bootstrap address at node port `port`, the i-th of
    the node ids `brokers` at port + 1 + i."""
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
