"""The manifests of `Monitoring`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from ..config import naming
from ..kube.resources import RESTRICTED_CONTAINER, RESTRICTED_POD, Manifest, metadata
from .prometheus import (
    ALERTMANAGER_PORT,
    CONFIG,
    METRICS_LABEL,
    METRICS_PORT,
    PROMETHEUS_PORT,
    ROUTING_KEY,
    STRIMZI_PORT,
    TLS,
)
from .record import ALERTMANAGER, PROMETHEUS

EXPORTER: Final = "exporter"
EXPORTER_PORT: Final = 9308
"""kafka_exporter's port."""
OPERATOR_API: Final = "monitoring.coreos.com/v1"

_USER: Final = 1001
_DATA: Final = "/data"
_USER_FOLDER: Final = "/etc/kafkalogs/user"
_CA_FOLDER: Final = "/etc/kafkalogs/ca"


def checksum(files: Mapping[str, str]) -> dict[str, str]:
    """The annotation by which a pod is replaced when what it mounts has changed."""
    text = json.dumps(dict(files), sort_keys=True)
    return {"kafkalogs.io/config": hashlib.sha256(text.encode()).hexdigest()[:16]}


def labels(name: str) -> dict[str, str]:
    """The labels that select the pods of a part."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "kafkalogs"}


def secret_files(secret: str, *keys: str, **renamed: str) -> Manifest:
    """A Secret as a volume, with these files of it only; `renamed`: files by the keys that they come from."""
    items = [{"key": key, "path": path} for key, path in {**dict(zip(keys, keys, strict=True)), **renamed}.items()]
    return {"secret": {"secretName": secret, "defaultMode": 0o440, "items": items}}


def exporter_manifest(namespace: str, cluster: str, user: str, image: str) -> Manifest:
    """The Deployment of the exporter."""
    checks = {"port": EXPORTER_PORT}
    container: dict[str, Any] = {
        "name": EXPORTER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "exporter"],
        "env": [
            {"name": "EXPORTER_BOOTSTRAP", "value": naming.bootstrap(cluster, namespace)},
            {"name": "EXPORTER_CERTS", "value": _USER_FOLDER},
            {"name": "EXPORTER_CA", "value": f"{_CA_FOLDER}/ca.crt"},
            {"name": "EXPORTER_PORT", "value": str(EXPORTER_PORT)},
        ],
        "ports": [{"name": METRICS_PORT, "containerPort": EXPORTER_PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", **checks}, "periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/healthz", **checks}, "periodSeconds": 30, "timeoutSeconds": 5},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "160Mi"}},
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": [
            {"name": "user", "mountPath": _USER_FOLDER, "readOnly": True},
            {"name": "ca", "mountPath": _CA_FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
        ],
    }
    volumes: list[Manifest] = [
        {"name": "user", **secret_files(user, "user.crt", "user.key")},
        {"name": "ca", **secret_files(f"{cluster}-cluster-ca-cert", "ca.crt")},
        {"name": "tmp", "emptyDir": {}},
    ]
    return {
        "metadata": metadata(EXPORTER, namespace),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels(EXPORTER)},
            "template": {
                "metadata": {"labels": {**labels(EXPORTER), METRICS_LABEL: "true"}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "securityContext": {**RESTRICTED_POD, "fsGroup": _USER},
                    "containers": [container],
                    "volumes": volumes,
                },
            },
        },
    }


def _stateful(
    name: str,
    namespace: str,
    port: int,
    command: Sequence[str],
    memory: tuple[str, str],
    health: str,
    image: str,
    config: Mapping[str, str],
    storage_size: str | None,
    pod: Manifest,
    extra: Mapping[str, tuple[str, Manifest]],
) -> Manifest:
    """Prometheus or Alertmanager: one pod with its data. extra: further volumes, by name with their folders."""
    probe: dict[str, Any] = {"port": port, "scheme": "HTTPS"}
    container: dict[str, Any] = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "ports": [{"name": "https", "containerPort": port}],
        # Answers only when the write-ahead log is read.
        "startupProbe": {"httpGet": {"path": f"{health}/ready", **probe}, "periodSeconds": 3, "failureThreshold": 100},
        "readinessProbe": {"httpGet": {"path": f"{health}/ready", **probe}, "periodSeconds": 5},
        "livenessProbe": {
            "httpGet": {"path": f"{health}/healthy", **probe},
            "periodSeconds": 20,
            "timeoutSeconds": 5,
        },
        "resources": {
            "requests": {"cpu": "50m", "memory": memory[0]},
            "limits": {"cpu": "1", "memory": memory[1]},
        },
        "securityContext": {**RESTRICTED_CONTAINER, "readOnlyRootFilesystem": True},
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG, "readOnly": True},
            {"name": "tls", "mountPath": TLS, "readOnly": True},
            {"name": "data", "mountPath": _DATA},
            *({"name": key, "mountPath": folder, "readOnly": True} for key, (folder, _) in extra.items()),
        ],
    }
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": name}},
        {"name": "tls", **secret_files(f"{name}-tls", "tls.crt", "tls.key", "ca.crt")},
        *({"name": key, **source} for key, (_, source) in extra.items()),
    ]
    claims: list[Manifest] = []
    if storage_size:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage_size}}}
        claims = [{"metadata": {"name": "data"}, "spec": spec}]
    else:
        volumes.append({"name": "data", "emptyDir": {}})
    return {
        "metadata": metadata(name, namespace),
        "spec": {
            "serviceName": name,
            "replicas": 1,
            "selector": {"matchLabels": labels(name)},
            "template": {
                "metadata": {"labels": labels(name), "annotations": checksum(config)},
                "spec": {
                    **pod,
                    "securityContext": {**RESTRICTED_POD, "runAsUser": _USER, "fsGroup": _USER},
                    "containers": [container],
                    "volumes": volumes,
                },
            },
            **({"volumeClaimTemplates": claims} if claims else {}),
        },
    }


def prometheus_manifest(
    namespace: str, image: str, config: Mapping[str, str], retention: str, storage_size: str | None
) -> Manifest:
    """The StatefulSet of Prometheus."""
    command = [
        "/usr/bin/prometheus",
        f"--config.file={CONFIG}/prometheus.yml",
        f"--web.config.file={CONFIG}/web.yml",
        f"--web.listen-address=:{PROMETHEUS_PORT}",
        f"--storage.tsdb.path={_DATA}/tsdb",
        f"--storage.tsdb.retention.time={retention}",
        "--storage.tsdb.wal-compression",
    ]
    return _stateful(
        PROMETHEUS,
        namespace,
        PROMETHEUS_PORT,
        command,
        ("128Mi", "512Mi"),
        "/-",
        image,
        config,
        storage_size,
        # It asks Kubernetes which pods there are.
        {"serviceAccountName": PROMETHEUS},
        {},
    )


def alertmanager_manifest(
    namespace: str,
    image: str,
    config: Mapping[str, str],
    pagerduty_secret: str | None,
    pagerduty_field: str,
    storage_size: str | None,
) -> Manifest:
    """The StatefulSet of Alertmanager; what is silenced and who was told survive it only with a disk."""
    command = [
        "/usr/bin/prometheus-alertmanager",
        f"--config.file={CONFIG}/alertmanager.yml",
        f"--web.config.file={CONFIG}/web.yml",
        f"--web.listen-address=:{ALERTMANAGER_PORT}",
        f"--storage.path={_DATA}",
        # there is one: no gossip
        "--cluster.listen-address=",
    ]
    extra: dict[str, tuple[str, Manifest]] = {}
    if pagerduty_secret:
        folder, _, file = ROUTING_KEY.rpartition("/")
        extra["pagerduty"] = (folder, secret_files(pagerduty_secret, **{pagerduty_field: file}))
    return _stateful(
        ALERTMANAGER,
        namespace,
        ALERTMANAGER_PORT,
        command,
        ("32Mi", "96Mi"),
        "/-",
        image,
        config,
        storage_size,
        {"automountServiceAccountToken": False},
        extra,
    )


def service_spec(name: str, port: int) -> Manifest:
    """The Service before Prometheus or Alertmanager."""
    return {"selector": labels(name), "ports": [{"name": "https", "port": port, "targetPort": port}]}


def discovery_rules() -> list[Manifest]:
    """What Prometheus may do in the platform's namespace: see pods."""
    return [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]


def metrics_policy(prometheus: Manifest) -> Manifest:
    """Prometheus may reach the metrics of every pod that offers some. prometheus: a peer of a NetworkPolicy."""
    return {
        "podSelector": {"matchLabels": {METRICS_LABEL: "true"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [prometheus], "ports": [{"port": METRICS_PORT, "protocol": "TCP"}]}],
    }


def port_policy(name: str, port: int) -> Manifest:
    """The pods of the platform's namespace may reach a part at its port."""
    return {
        "podSelector": {"matchLabels": labels(name)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": port, "protocol": "TCP"}]}],
    }


def pod_monitor_specs(namespace: str, shipper_namespace: str | None) -> dict[str, Manifest]:
    """What a Prometheus operator finds pods by: `spec` of PodMonitors, by name."""
    ours = {"matchNames": [namespace, *([shipper_namespace] if shipper_namespace else [])]}
    relabelings = [{"sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_name"], "targetLabel": "job"}]
    return {
        "kafkalogs": {
            "namespaceSelector": ours,
            "selector": {"matchLabels": {METRICS_LABEL: "true"}},
            "podMetricsEndpoints": [{"port": METRICS_PORT, "path": "/metrics", "relabelings": relabelings}],
        },
        "kafkalogs-strimzi": {
            "namespaceSelector": {"matchNames": [namespace]},
            "selector": {
                "matchExpressions": [
                    {"key": "strimzi.io/kind", "operator": "In", "values": ["Kafka", "KafkaConnect"]},
                ]
            },
            "podMetricsEndpoints": [{"port": STRIMZI_PORT, "path": "/metrics", "relabelings": relabelings}],
        },
    }


def as_yaml(document: Any) -> str:
    """A configuration file."""
    return yaml.safe_dump(document, sort_keys=False, width=200, allow_unicode=True)
