"""The few calls to the Kubernetes API that the operator needs, on plain JSON objects.

The address and the credentials are those that Kubernetes mounts into every pod.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import requests

from embedded_operator.common.names import OPERATOR, Obj, selector_text

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT = 30
"""Seconds that one call may take."""

RESOURCES = {
    "Pod": ("v1", "pods"),
    "Secret": ("v1", "secrets"),
    "Service": ("v1", "services"),
    "ConfigMap": ("v1", "configmaps"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Event": ("events.k8s.io/v1", "events"),
    "Kafka": ("kafka.strimzi.io/v1", "kafkas"),
    "KafkaNodePool": ("kafka.strimzi.io/v1", "kafkanodepools"),
    "KafkaTopic": ("kafka.strimzi.io/v1", "kafkatopics"),
    "KafkaUser": ("kafka.strimzi.io/v1", "kafkausers"),
    "KafkaConnect": ("kafka.strimzi.io/v1", "kafkaconnects"),
    "KafkaConnector": ("kafka.strimzi.io/v1", "kafkaconnectors"),
    "FlinkDeployment": ("flink.apache.org/v1beta1", "flinkdeployments"),
    "Deployment": ("apps/v1", "deployments"),
}


class KubeError(Exception):
    """The API refused a call; `status` is the HTTP code, the text is the API's own message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_temporary(self) -> bool:
        """Whether the same call may succeed soon: there was a conflict, or the server is busy or restarts."""
        return self.status in (409, 429) or self.status >= 500


def path(kind: str, namespace: str, name: str = "", subresource: str = "") -> str:
    """URL path of a namespaced resource, of its collection when `name` is empty."""
    version, plural = RESOURCES[kind]
    base = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    return "/".join(part for part in (f"{base}/namespaces/{namespace}/{plural}", name, subresource) if part)


class Kube:
    """A client that any thread may use. Raises KubeError, or requests' errors when the API is not reachable."""

    def __init__(self) -> None:
        self._local = threading.local()
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        self._base = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
            self._local.session.verify = str(ACCOUNT / "ca.crt")
        return self._local.session

    def call(
        self, method: str, url: str, body: Any = None, content_type: str = "application/json", **params: str | int
    ) -> Any:
        """One request; the answer as JSON."""
        headers = {"Content-Type": content_type, "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"}
        data = None if body is None else json.dumps(body)
        answer = self._session().request(
            method, self._base + url, params=params, data=data, headers=headers, timeout=TIMEOUT
        )
        if answer.ok:
            return answer.json()
        try:
            message = answer.json().get("message", answer.text)
        except ValueError:
            message = answer.text
        raise KubeError(answer.status_code, f"{method} {url}: {message}")

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        """The object, or None when there is none."""
        return self._unless_missing("GET", path(kind, namespace, name))

    def _unless_missing(self, method: str, url: str, body: Any = None) -> Obj | None:
        try:
            return self.call(method, url, body)
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str, labels: dict[str, str] | None = None) -> list[Obj]:
        """All objects of a kind that carry `labels`, with their kind filled in (lists omit it)."""
        version = RESOURCES[kind][0]
        items = self.call("GET", path(kind, namespace), labelSelector=selector_text(labels or {}))["items"]
        return [{"apiVersion": version, "kind": kind, **item} for item in items]

    def apply(self, obj: Obj) -> Obj:
        """Server-side apply: creates the object, or sets the given fields, which this operator owns."""
        url = path(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])
        return self.call("PATCH", url, obj, "application/apply-patch+yaml", fieldManager=OPERATOR, force="true")

    def create(self, obj: Obj) -> Obj:
        """Create the object. Raises KubeError with status 409 when it exists."""
        return self.call("POST", path(obj["kind"], obj["metadata"]["namespace"]), obj, fieldManager=OPERATOR)

    def delete(self, kind: str, namespace: str, name: str, uid: str | None = None, grace: int | None = None) -> None:
        """Delete the object if it exists; with `uid`, delete only the object that has this uid.

        `grace` is the seconds that a pod has to end; it shortens the time of a pod that is ending already.
        """
        body: Obj = {"preconditions": {"uid": uid}} if uid else {}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        try:
            self._unless_missing("DELETE", path(kind, namespace, name), body or None)
        except KubeError as error:
            if error.status != 409:  # another object has the name now
                raise

    def patch(self, kind: str, namespace: str, name: str, body: Obj, subresource: str = "") -> Obj | None:
        """JSON merge patch; None when the object is gone."""
        try:
            return self.call("PATCH", path(kind, namespace, name, subresource), body, "application/merge-patch+json")
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def namespace_is_ending(self, namespace: str) -> bool:
        """Whether the namespace itself is being deleted."""
        found = self._unless_missing("GET", f"/api/v1/namespaces/{namespace}")
        return found is None or "deletionTimestamp" in found["metadata"]
