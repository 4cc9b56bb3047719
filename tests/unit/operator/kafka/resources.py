"""A Kafka resource and a node pool, as a stack declares them."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]
IMAGES = {"4.3.1": "localhost/kafka:4.3.1"}

KAFKA: Obj = {
    "apiVersion": "kafka.strimzi.io/v1",
    "kind": "Kafka",
    "metadata": {"name": "logs", "namespace": "kafkalogs", "uid": "u-1", "generation": 3},
    "spec": {
        "kafka": {
            "version": "4.3.1",
            "listeners": [
                {"name": "tls", "port": 9093, "type": "internal", "tls": True, "authentication": {"type": "tls"}},
                {
                    "name": "scram",
                    "port": 9094,
                    "type": "internal",
                    "tls": True,
                    "authentication": {"type": "scram-sha-512"},
                },
                {
                    "name": "external",
                    "port": 9095,
                    "type": "nodeport",
                    "tls": True,
                    "authentication": {"type": "tls"},
                    "configuration": {
                        "bootstrap": {"nodePort": 32090, "alternativeNames": ["localhost"]},
                        "brokers": [
                            {"broker": 0, "advertisedHost": "127.0.0.1", "advertisedPort": 32091, "nodePort": 32091}
                        ],
                    },
                },
            ],
            "authorization": {"type": "simple", "superUsers": ["CN=root"]},
            "config": {"min.insync.replicas": 2, "auto.create.topics.enable": False},
        },
        "entityOperator": {"topicOperator": {}, "userOperator": {}},
    },
}


def pool(name: str = "kafka", replicas: int = 3, roles: tuple[str, ...] = ("controller", "broker")) -> Obj:
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaNodePool",
        "metadata": {"name": name, "namespace": "kafkalogs", "uid": f"p-{name}", "generation": 1},
        "spec": {
            "replicas": replicas,
            "roles": list(roles),
            "storage": {
                "type": "jbod",
                "volumes": [{"id": 0, "type": "persistent-claim", "size": "10Gi", "deleteClaim": True}],
            },
            "resources": {"limits": {"memory": "1Gi"}},
        },
    }
