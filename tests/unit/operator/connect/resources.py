"""A KafkaConnect, its Secrets and a KafkaConnector, as a stack declares them."""

from __future__ import annotations

import base64
import copy
from typing import Any

Obj = dict[str, Any]
IMAGES = {"4.3.1": "localhost/kafka:4.3.1"}

CONNECT: Obj = {
    "apiVersion": "kafka.strimzi.io/v1",
    "kind": "KafkaConnect",
    "metadata": {
        "name": "sinks",
        "namespace": "kafkalogs",
        "uid": "u-c",
        "generation": 1,
        "annotations": {"strimzi.io/use-connector-resources": "true"},
    },
    "spec": {
        "version": "4.3.1",
        "image": "localhost/connect:1",
        "replicas": 2,
        "bootstrapServers": "logs-kafka-bootstrap:9093",
        "groupId": "sinks.workers",
        "configStorageTopic": "sinks.configs",
        "offsetStorageTopic": "sinks.offsets",
        "statusStorageTopic": "sinks.status",
        "tls": {"trustedCertificates": [{"secretName": "logs-cluster-ca-cert", "pattern": "*.crt"}]},
        "authentication": {
            "type": "tls",
            "certificateAndKey": {"secretName": "connect", "certificate": "user.crt", "key": "user.key"},
        },
        "config": {"config.providers": "dir", "value.converter.schemas.enable": False},
        "resources": {"limits": {"memory": "1Gi"}},
    },
}


def connect(**spec: Any) -> Obj:
    """`CONNECT` with other fields; None takes one away."""
    made = copy.deepcopy(CONNECT)
    made["spec"].update(spec)
    made["spec"] = {key: value for key, value in made["spec"].items() if value is not None}
    return made


def secret(name: str, **data: str) -> Obj:
    encoded = {key.replace("_", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    meta = {"name": name, "namespace": "kafkalogs", "uid": f"s-{name}"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded}


SECRETS = [
    secret("logs-cluster-ca-cert", ca_crt="CA", ca_password="x"),
    secret("connect", user_crt="CERT", user_key="KEY", user_p12="x"),
]


def connector(name: str = "archive", **spec: Any) -> Obj:
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaConnector",
        "metadata": {
            "name": name,
            "namespace": "kafkalogs",
            "uid": f"k-{name}",
            "generation": 1,
            "labels": {"strimzi.io/cluster": "sinks"},
        },
        "spec": {"class": "org.example.Sink", "tasksMax": 2, "config": {"topics": "logs.a", "flush": 10}, **spec},
    }
