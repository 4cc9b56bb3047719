"""Reads the actual state of Kubernetes: resources, pods, and the certificates in Secrets."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ..client.cluster_access import AccessError, ClusterAccess
from ..kube.resources import Manifest
from ..kube.status import why_not_ready
from ..sinks.record import connect_clusters
from ..stream.manifests import FLINK_API, STREAM
from ..stream.rights import LEADERS, OWN_NAMES
from . import network, seen
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

    def last_checkpoint(self) -> datetime | None:
        """When the stream job completed its last checkpoint; None if Flink keeps none. Flink writes the ConfigMap of
        its job at each checkpoint, and Kubernetes notes when."""
        listed = self._list(self._core.list_namespaced_config_map, "ConfigMaps")
        jobs = [one for one in listed if re.search(OWN_NAMES, one.metadata.name) and one.metadata.name != LEADERS]
        times = [field.time for one in jobs for field in one.metadata.managed_fields or () if field.time]
        return max(times, default=None)

    def resources(self, declared: Declared) -> tuple[list[seen.Resource], list[str]]:
        """The platform's resources in Strimzi's API, and the names of all KafkaUsers."""
        cluster, connects = declared.platform.kafka.name, tuple(connect_clusters(declared.platform))
        found: list[seen.Resource] = [_resource(self.kafka(cluster))]
        users: list[str] = []
        for plural in ("kafkatopics", "kafkausers", "kafkaconnects", "kafkaconnectors"):
            for one in self._all(*_STRIMZI, plural):
                labels = as_mapping(one["metadata"].get("labels"))
                mine = {"kafkaconnects": connects, "kafkaconnectors": connects}.get(plural, (cluster,))
                if (_name(one) if plural == "kafkaconnects" else labels.get("strimzi.io/cluster")) in mine:
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
        for connect in connect_clusters(declared.platform):
            kind = {"strimzi.io/kind": "KafkaConnect", "strimzi.io/cluster": connect}
            workers = sum(kind.items() <= one.items() for one in labels)
            found.append(seen.Workload("KafkaConnect", connect, declared.platform.connect.replicas, workers))
        return found

    def plugins(self) -> list[network.Plugin]:
        """The DaemonSets in the namespaces of network plugins."""
        found = self._daemon_sets(network.SPACE)
        # Where this namespace does not exist, a doctor with rights in single namespaces cannot ask for it.
        with contextlib.suppress(AccessError):
            found += self._daemon_sets(network.CALICO_SPACE)
        return found

    def _daemon_sets(self, space: str) -> list[network.Plugin]:
        listing, what = self._apps.list_namespaced_daemon_set, f"the DaemonSets of namespace {space}"
        listed: Any = self._access.call(listing, what, _REMEDY, space)
        found: list[network.Plugin] = []
        for one in listed.items:
            containers = one.spec.template.spec.containers
            words = [word for each in containers for word in (*(each.command or ()), *(each.args or ()))]
            found.append(network.Plugin(str(one.metadata.name), words))
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
    """The certificates in the data of a Secret. A chain ends with its first certificate to end; a list of alternative
    authorities ends with its last.

    ca.crt beside a certificate is a copy of an authority's certificate, which is checked in the authority's Secret.
    """
    own = [key for key in data if key.endswith(".crt")]
    others = [key for key in own if key != "ca.crt"]
    for key in others or own:
        yield seen.Certificate(secret, key, _until(data[key], max if key == "ca.crt" else min), _digest(data[key]))


def _until(value: str, which: Callable[..., datetime | None] = min) -> datetime | None:
    try:
        chain = x509.load_pem_x509_certificates(base64.b64decode(value))
    except ValueError:
        return None
    return which((one.not_valid_after_utc for one in chain), default=None)


def _digest(value: str) -> str:
    """The SHA-256 of the first certificate, which is the one that a server shows."""
    try:
        first, *_ = x509.load_pem_x509_certificates(base64.b64decode(value))
    except ValueError:
        return ""
    return first.fingerprint(hashes.SHA256()).hex()


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
    paused = as_mapping(about.get("annotations")).get(_PAUSE) == "true"
    return seen.Resource(str(one["kind"]), _name(one), why_not_ready(one), paused)
