"""Kubernetes objects that several kinds of resources need. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

from embedded_operator.common import names
from embedded_operator.common.names import Obj, dig


def metadata(resource: Obj, name: str, labels: dict[str, str], template: Obj | None = None) -> Obj:
    """Metadata of an object that the custom resource owns.

    The labels and annotations of `template` are added; its labels override none of `labels`.
    """
    extra = dig(template, "metadata", default={})
    made: Obj = {
        "name": name,
        "namespace": resource["metadata"]["namespace"],
        "labels": {**(extra.get("labels") or {}), **labels},
        "ownerReferences": names.owner(resource),
    }
    if extra.get("annotations"):
        made["annotations"] = extra["annotations"]
    return made


def config_map(meta: Obj, data: dict[str, str]) -> Obj:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def service(meta: Obj, spec: Obj) -> Obj:
    """A Service."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def service_port(name: str, port: int) -> Obj:
    """A port of a Service, which is also the port of its pods."""
    return {"name": name, "port": port, "targetPort": port, "protocol": "TCP"}


def secret(meta: Obj, data: Mapping[str, str | bytes]) -> Obj:
    """A Secret with these texts and bytes."""
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": meta, "data": encode(data)}


def encode(data: Mapping[str, str | bytes]) -> dict[str, str]:
    """`data` of a Secret."""
    return {
        key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for key, value in data.items()
    }


def decode(found: Obj | None, key: str) -> str:
    """A text of a Secret; empty when the Secret or the key is missing."""
    return base64.b64decode(dig(found, "data", key, default="")).decode()


def peer(labels: dict[str, str]) -> Obj:
    """Pods of the same namespace, as a peer of a NetworkPolicy."""
    return {"podSelector": {"matchLabels": labels}}


OPERATOR_PEER = peer({names.KIND: "cluster-operator"})
"""The pod of this operator."""


def rule(port: int, peers: list[Obj] | None = None) -> Obj:
    """A rule of a NetworkPolicy: `peers` may connect to the port; everybody when it is None."""
    made: Obj = {"ports": [{"port": port, "protocol": "TCP"}]}
    return made if peers is None else {**made, "from": peers}


def network_policy(meta: Obj, selector: dict[str, str], rules: list[Obj]) -> Obj:
    """A NetworkPolicy for connections to the pods that `selector` selects."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": meta,
        "spec": {"podSelector": {"matchLabels": selector}, "policyTypes": ["Ingress"], "ingress": rules},
    }


def disruption_budget(meta: Obj, selector: dict[str, str], pods: int, template: Obj) -> Obj:
    """A PodDisruptionBudget: evictions take at most `maxUnavailable` of `pods` pods (the template's value, or 1).

    The object sets minAvailable, as Strimzi does: Kubernetes counts maxUnavailable only for its own workload kinds.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": meta,
        "spec": {
            "minAvailable": max(0, pods - template.get("maxUnavailable", 1)),
            "selector": {"matchLabels": selector},
        },
    }


def digest(value: object) -> str:
    """Short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
