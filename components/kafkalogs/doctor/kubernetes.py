"""Reads what the doctor wants to know of Kubernetes: resources, pods, and the certificates in Secrets."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from cryptography import x509

from ..client.cluster_access import ClusterAccess
from ..kube.resources import Manifest
from ..sinks.record import CONNECT
from ..stream.manifests import FLINK_API, STREAM
from . import seen
from .declared import Declared, as_list, as_mapping

_STRIMZI: Final = ("kafka.strimzi.io", "v1")
_PAUSE: Final = "strimzi.io/pause-reconciliation"
_PART_OF: Final = "app.kubernetes.io/part-of"
_REMEDY: Final = "run `make up` or `pulumi up` first"


class KubernetesReader:
    """The platform's namespace. Every method raises AccessError."""

    def __init__(self, access: ClusterAccess) -> None:
        from kubernetes import client

        self._access, self._space = access, access.namespace
        api = access.core.api_client
        self._core: Any = access.core
        self._apps: Any = client.AppsV1Api(api)
        self._custom: Any = client.CustomObjectsApi(api)

    def kafka(self, cluster: str) -> Manifest:
        """The Kafka resource."""
        get = self._custom.get_namespaced_custom_object
        what = f"Kafka {self._space}/{cluster}"
        found: Manifest = self._access.call(get, what, _REMEDY, *_STRIMZI, self._space, "kafkas", cluster)
        return found

    def flink(self) -> Manifest | None:
        """The FlinkDeployment; None if there is none."""
        group, _, version = FLINK_API.partition("/")
        return next((one for one in self._all(group, version, "flinkdeployments") if _name(one) == STREAM), None)

    def resources(self, declared: Declared) -> tuple[list[seen.Resource], list[str]]:
        """The platform's resources in Strimzi's API, and the names of all KafkaUsers."""
        cluster = declared.platform.kafka.name
        found: list[seen.Resource] = [_resource(self.kafka(cluster))]
        users: list[str] = []
        for plural in ("kafkatopics", "kafkausers", "kafkaconnects", "kafkaconnectors"):
            for one in self._all(*_STRIMZI, plural):
                labels = as_mapping(one["metadata"].get("labels"))
                mine = {"kafkaconnects": CONNECT, "kafkaconnectors": CONNECT}.get(plural, cluster)
                if (_name(one) if plural == "kafkaconnects" else labels.get("strimzi.io/cluster")) == mine:
                    found.append(_resource(one))
                    users += [_name(one)] if plural == "kafkausers" else []
        return found, users

    def workloads(self, declared: Declared) -> list[seen.Workload]:
        """Everything of the namespace that has pods."""
        found: list[seen.Workload] = []
        listed = (("Deployment", self._apps.list_namespaced_deployment),)
        for kind, listing in (*listed, ("StatefulSet", self._apps.list_namespaced_stateful_set)):
            for one in self._list(listing, f"{kind}s"):
                wanted = 1 if one.spec.replicas is None else int(one.spec.replicas)
                # no part of the platform is declared without pods: somebody scaled it down
                own = cast("dict[str, str]", one.metadata.labels or {}).get(_PART_OF) == "kafkalogs"
                ready = int(one.status.ready_replicas or 0)
                found.append(seen.Workload(kind, one.metadata.name, max(1, wanted) if own else wanted, ready))
        pods = [pod for pod in self._list(self._core.list_namespaced_pod, "pods") if _is_ready(pod)]
        labels: list[Mapping[str, str]] = [pod.metadata.labels or {} for pod in pods]
        cluster = declared.platform.kafka.name
        nodes = sum(one.get("strimzi.io/name") == f"{cluster}-kafka" for one in labels)
        found.append(seen.Workload("Kafka", cluster, len(declared.nodes), nodes))
        if declared.connectors:
            kind = {"strimzi.io/kind": "KafkaConnect", "strimzi.io/cluster": CONNECT}
            workers = sum(kind.items() <= one.items() for one in labels)
            found.append(seen.Workload("KafkaConnect", CONNECT, declared.platform.connect.replicas, workers))
        return found

    def services(self) -> dict[str, list[int]]:
        """The ports of each Service of the namespace."""
        listed = self._list(self._core.list_namespaced_service, "Services")
        return {one.metadata.name: [int(port.port) for port in one.spec.ports or ()] for one in listed}

    def certificates(self, names: Iterable[str]) -> list[seen.Certificate]:
        """The certificates in these Secrets of the namespace, as far as they exist."""
        found: list[seen.Certificate] = []
        for name in names:
            what = f"Secret {self._space}/{name}"
            secret: Any = self._access.call(self._secret, what, _REMEDY, name, self._space)
            if secret is not None:
                found += certificates_of(name, cast("Mapping[str, str]", secret.data or {}))
        return found

    def _secret(self, name: str, space: str, **options: Any) -> Any:
        """A Secret; None if there is none. Its Role lets the doctor get Secrets by name, and list none."""
        from kubernetes.client import ApiException

        try:
            return self._core.read_namespaced_secret(name, space, **options)
        except ApiException as error:
            if cast("Any", error).status == 404:
                return None
            raise

    def _list(self, listing: Any, what: str) -> list[Any]:
        found: Any = self._access.call(listing, f"the {what} of namespace {self._space}", _REMEDY, self._space)
        return list(found.items)

    def _all(self, group: str, version: str, plural: str) -> list[Manifest]:
        listing = self._custom.list_namespaced_custom_object
        what = f"the {plural} of namespace {self._space}"
        found: Any = self._access.call(listing, what, _REMEDY, group, version, self._space, plural)
        return as_list(as_mapping(found).get("items"))


def certificates_of(secret: str, data: Mapping[str, str]) -> Iterable[seen.Certificate]:
    """The certificates in the data of a Secret; a chain is as old as the one of it that ends first, and authorities of
    which any may sign are as old as the last.

    ca.crt beside a certificate is a copy of the authority's own, which is looked at where it lives.
    """
    own = [key for key in data if key.endswith(".crt")]
    others = [key for key in own if key != "ca.crt"]
    for key in others or own:
        yield seen.Certificate(secret, key, _until(data[key], max if key == "ca.crt" else min))


def _until(value: str, which: Callable[..., datetime | None] = min) -> datetime | None:
    try:
        chain = x509.load_pem_x509_certificates(base64.b64decode(value))
    except ValueError:
        return None
    return which((one.not_valid_after_utc for one in chain), default=None)


def expired(certificate: str, now: datetime | None = None) -> datetime | None:
    """When a certificate in PEM ended; None while it is valid, or cannot be read."""
    until = _until(base64.b64encode(certificate.encode()).decode())
    return until if until is not None and until <= (now or datetime.now(UTC)) else None


def client_certificate(access: ClusterAccess) -> datetime | None:
    """When the kubeconfig's client certificate ended; None while it is valid, or there is none."""
    file = access.core.api_client.configuration.cert_file
    try:
        return expired(Path(file).read_text()) if file else None
    except OSError:
        return None


def _name(one: Manifest) -> str:
    return str(one["metadata"]["name"])


def _is_ready(pod: Any) -> bool:
    conditions = cast("list[Any]", pod.status.conditions or [])
    return any(one.type == "Ready" and one.status == "True" for one in conditions)


def _resource(one: Manifest) -> seen.Resource:
    """Whether a resource is ready, by its conditions as Strimzi writes them."""
    about = one["metadata"]
    conditions = [as_mapping(found) for found in as_list(as_mapping(one.get("status")).get("conditions"))]
    paused = as_mapping(about.get("annotations")).get(_PAUSE) == "true"
    return seen.Resource(str(one["kind"]), _name(one), _problem(conditions), paused)


def _problem(conditions: Sequence[Mapping[str, Any]]) -> str:
    ready = next((found for found in conditions if found.get("type") == "Ready"), None)
    if ready is None:
        return "the operator has not reconciled it" if not conditions else str(conditions[0].get("type"))
    if ready.get("status") == "True":
        return ""
    return ": ".join(str(ready[key]) for key in ("reason", "message") if ready.get(key)) or "not Ready"
