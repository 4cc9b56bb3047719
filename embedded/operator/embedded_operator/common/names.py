"""Names and labels of the objects that belong to a Kafka or a Connect cluster, as Strimzi documents them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Obj = dict[str, Any]
"""A Kubernetes object (or a part of one) as JSON."""

CLUSTER = "strimzi.io/cluster"
KIND = "strimzi.io/kind"
NAME = "strimzi.io/name"
POOL = "strimzi.io/pool-name"
POD = "strimzi.io/pod-name"
BROKER_ROLE = "strimzi.io/broker-role"
CONTROLLER_ROLE = "strimzi.io/controller-role"
COMPONENT = "strimzi.io/component-type"
REVISION = "strimzi.io/revision"
"""Annotation of a pod: hash of all that the pod was made from."""
MANUAL_ROLL = "strimzi.io/manual-rolling-update"
PAUSE = "strimzi.io/pause-reconciliation"
MANAGED = "strimzi.io/managed"
FORCE_RENEW = "strimzi.io/force-renew"
CA_CERT_GENERATION = "strimzi.io/ca-cert-generation"
CA_KEY_GENERATION = "strimzi.io/ca-key-generation"
TOPIC_FINALIZER = "strimzi.io/topic-operator"
USE_CONNECTORS = "strimzi.io/use-connector-resources"
RESTART = "strimzi.io/restart"
RESTART_TASK = "strimzi.io/restart-task"
OFFSETS = "strimzi.io/connector-offsets"

MANAGED_BY = "app.kubernetes.io/managed-by"
OPERATOR = "kafkalogs-embedded-operator"
"""Field manager of server-side apply, value of the managed-by label, reporter of Events."""

CONTROL_PLANE_PORT = 9090
REPLICATION_PORT = 9091
REST_PORT = 8083
"""Port of the REST API of Connect's workers."""
CONTROL_PLANE = "CONTROLPLANE-9090"
REPLICATION = "REPLICATION-9091"


def component(cluster: str) -> str:
    """Value of the strimzi.io/name label of the brokers and controllers."""
    return f"{cluster}-kafka"


def bootstrap_service(cluster: str) -> str:
    """Service that leads clients within the Kubernetes cluster to any broker."""
    return f"{cluster}-kafka-bootstrap"


def brokers_service(cluster: str) -> str:
    """Headless Service that gives each node its DNS name."""
    return f"{cluster}-kafka-brokers"


def external_bootstrap_service(cluster: str, listener: str) -> str:
    """Service of a nodeport listener that leads to any broker."""
    return f"{cluster}-kafka-{listener}-bootstrap"


def external_broker_service(cluster: str, pool: str, listener: str, node_id: int) -> str:
    """Service of a nodeport listener that leads to one broker."""
    return f"{cluster}-{pool}-{listener}-{node_id}"


def pod_dns(cluster: str, namespace: str, pod: str) -> str:
    """DNS name of one node within the Kubernetes cluster."""
    return f"{pod}.{brokers_service(cluster)}.{namespace}.svc"


def selector(cluster: str) -> dict[str, str]:
    """Labels that select every broker and controller of the cluster."""
    return {CLUSTER: cluster, KIND: "Kafka", NAME: component(cluster)}


def labels(cluster: str, component_type: str = "kafka") -> dict[str, str]:
    """Labels of every object made for the Kafka cluster."""
    return {**selector(cluster), **_common(cluster, "kafka", component_type)}


def connect_component(connect: str) -> str:
    """Name of most objects of a Connect cluster, value of their label strimzi.io/name, and prefix of its pods."""
    return f"{connect}-connect"


def connect_api_service(connect: str) -> str:
    """Service of the REST API of a Connect cluster."""
    return f"{connect}-connect-api"


def connect_url(connect: str, namespace: str) -> str:
    """Address of the REST API of a Connect cluster."""
    return f"http://{connect_api_service(connect)}.{namespace}.svc:{REST_PORT}"


def connect_selector(connect: str) -> dict[str, str]:
    """Labels that select every worker of the Connect cluster."""
    return {CLUSTER: connect, KIND: "KafkaConnect", NAME: connect_component(connect)}


def connect_labels(connect: str) -> dict[str, str]:
    """Labels of every object made for the Connect cluster."""
    return {**connect_selector(connect), **_common(connect, "kafka-connect", "kafka-connect")}


def _common(instance: str, app: str, component_type: str) -> dict[str, str]:
    return {
        COMPONENT: component_type,
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/part-of": f"strimzi-{instance}",
        MANAGED_BY: OPERATOR,
    }


def selector_text(labels: Mapping[str, str]) -> str:
    """Labels as a label selector."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def owner(obj: Obj) -> list[Obj]:
    """Owner references that make `obj` (a custom resource) the owner: deleting it removes the dependent."""
    return [
        {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": obj["metadata"]["name"],
            "uid": obj["metadata"]["uid"],
            "controller": False,
            "blockOwnerDeletion": False,
        }
    ]


def annotation(obj: Obj, key: str) -> str | None:
    """The object's annotation `key`."""
    return (obj["metadata"].get("annotations") or {}).get(key)


def is_true(obj: Obj, key: str) -> bool:
    """Whether the object's annotation `key` says true."""
    return (annotation(obj, key) or "").lower() == "true"


def dig(obj: Any, *path: str, default: Any = None) -> Any:
    """The value at `path` of nested objects; `default` when a step is missing or null."""
    for step in path:
        if not isinstance(obj, dict) or obj.get(step) is None:
            return default
        obj = obj[step]
    return obj


def first_names(items: list[str]) -> str:
    """A list of names for a message: the first five, and how many follow."""
    return ", ".join(items[:5]) + (f" and {len(items) - 5} more" if len(items) > 5 else "")
