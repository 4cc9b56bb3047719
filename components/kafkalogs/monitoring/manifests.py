"""The manifests of `Monitoring`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from ..config import naming
from ..kube.pods import container, environment, labels, mounts, pod, resources, secret_files, secret_volume
from ..kube.resources import METRICS_LABEL, METRICS_PORT, Manifest, known, metadata
from .args import MonitoringArgs
from .prometheus import CONFIG, ROUTING_KEY, STRIMZI_PORT, TLS, WATCHDOG_URL
from .record import ALERTMANAGER, ALERTMANAGER_PORT, EXPORTER, EXPORTER_PORT, PROMETHEUS, PROMETHEUS_PORT

OPERATOR_API: Final = "monitoring.coreos.com/v1"

_DATA: Final = "/data"
_FOLDER: Final = "/etc/kafkalogs"


def checksum(files: Mapping[str, str]) -> dict[str, str]:
    """An annotation that replaces the pod when a mounted file has changed."""
    text = json.dumps(dict(files), sort_keys=True)
    return {"kafkalogs.io/config": hashlib.sha256(text.encode()).hexdigest()[:16]}


def exporter_manifest(args: MonitoringArgs) -> Manifest:
    """The Deployment of the exporter."""
    cluster, namespace = known(args.cluster), known(args.namespace)
    checks = {"port": EXPORTER_PORT}
    env = {
        "EXPORTER_BOOTSTRAP": naming.bootstrap(cluster, namespace),
        "EXPORTER_CERTS": f"{_FOLDER}/user",
        "EXPORTER_CA": f"{_FOLDER}/ca/ca.crt",
        "EXPORTER_PORT": str(EXPORTER_PORT),
    }
    runs = container(EXPORTER, known(args.exporter_image)) | {
        "command": ["python3", "-m", "exporter"],
        "env": environment(env),
        "ports": [{"name": METRICS_PORT, "containerPort": EXPORTER_PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", **checks}, "periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/healthz", **checks}, "periodSeconds": 30, "timeoutSeconds": 5},
        "resources": resources("20m", "64Mi", "500m", "160Mi"),
        "volumeMounts": [
            *mounts(_FOLDER, ("user", "ca")),
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
        ],
    }
    volumes: list[Manifest] = [
        secret_volume("user", known(args.user), "user.crt", "user.key"),
        secret_volume("ca", naming.cluster_ca_secret(cluster), "ca.crt"),
        {"name": "tmp", "emptyDir": {}},
    ]
    return {
        "metadata": metadata(EXPORTER, namespace),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels(EXPORTER)},
            "template": {
                "metadata": {"labels": {**labels(EXPORTER), METRICS_LABEL: "true"}},
                "spec": pod([runs], volumes, user=None),
            },
        },
    }


@dataclass(frozen=True, kw_only=True)
class _Server:
    """The values in which Prometheus and Alertmanager differ."""

    name: str
    port: int
    command: list[str]
    cpu: str
    """Requested."""
    memory: tuple[str, str]
    """Requested, and the limit."""
    storage: str | None
    """The size of the disk; the pod's own when None."""
    account: Manifest
    """What the pod's spec says of Kubernetes' API."""
    secrets: Mapping[str, tuple[str, Manifest]]
    """Further volumes, by name, with their folders."""
    clients_only: bool = False
    """Whether it answers only clients with a certificate."""


def listening(port: int) -> list[str]:
    """A command of the container that says whether a process listens at a port, without a connection to it.

    It looks for the state LISTEN (0A) in the tables of the pod's sockets (proc_pid_net(5)); both hold the port in
    hexadecimal.
    """
    return ["grep", "-qsE", f":{port:04X} 0+:0000 0A ", "/proc/net/tcp", "/proc/net/tcp6"]


def _stateful(server: _Server, args: MonitoringArgs, files: Mapping[str, str]) -> Manifest:
    """The StatefulSet of a server: one pod with its data."""
    probe: dict[str, Any] = {"port": server.port, "scheme": "HTTPS"}
    # Kubernetes shows no certificate. Where clients need one, a request would fail, and a connection without a
    # handshake would be an ERROR line in the server's log at each look.
    listens: Manifest = {"exec": {"command": listening(server.port)}}
    ready = listens if server.clients_only else {"httpGet": {"path": "/-/ready", **probe}}
    lives = listens if server.clients_only else {"httpGet": {"path": "/-/healthy", **probe}}
    runs = container(server.name, known(args.image) or "") | {
        "command": server.command,
        "ports": [{"name": "https", "containerPort": server.port}],
        # The server answers only after it has read the write-ahead log.
        "startupProbe": {**ready, "periodSeconds": 3, "failureThreshold": 100},
        "readinessProbe": {**ready, "periodSeconds": 5},
        "livenessProbe": {
            **lives,
            "periodSeconds": 20,
            "timeoutSeconds": 5,
        },
        "resources": resources(server.cpu, server.memory[0], "1", server.memory[1]),
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG, "readOnly": True},
            {"name": "tls", "mountPath": TLS, "readOnly": True},
            {"name": "data", "mountPath": _DATA},
            *({"name": key, "mountPath": folder, "readOnly": True} for key, (folder, _) in server.secrets.items()),
        ],
    }
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": server.name}},
        secret_volume("tls", f"{server.name}-tls", "tls.crt", "tls.key", "ca.crt"),
        *({"name": key, **source} for key, (_, source) in server.secrets.items()),
    ]
    claims: list[Manifest] = []
    if server.storage:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": server.storage}}}
        claims = [{"metadata": {"name": "data"}, "spec": spec}]
    else:
        volumes.append({"name": "data", "emptyDir": {}})
    pod_spec = {key: value for key, value in pod([runs], volumes).items() if key != "automountServiceAccountToken"}
    return {
        "metadata": metadata(server.name, known(args.namespace)),
        "spec": {
            "serviceName": server.name,
            "replicas": 1,
            "selector": {"matchLabels": labels(server.name)},
            "template": {
                "metadata": {"labels": labels(server.name), "annotations": checksum(files)},
                "spec": {**server.account, **pod_spec},
            },
            **({"volumeClaimTemplates": claims} if claims else {}),
        },
    }


def prometheus_manifest(args: MonitoringArgs, files: Mapping[str, str]) -> Manifest:
    """The StatefulSet of Prometheus. files: its configuration, which restarts it when it changes."""
    command = [
        "/usr/bin/prometheus",
        f"--config.file={CONFIG}/prometheus.yml",
        f"--web.config.file={CONFIG}/web.yml",
        f"--web.listen-address=:{PROMETHEUS_PORT}",
        f"--storage.tsdb.path={_DATA}/tsdb",
        f"--storage.tsdb.retention.time={known(args.retention)}",
        "--storage.tsdb.wal-compression",
    ]
    server = _Server(
        name=PROMETHEUS,
        port=PROMETHEUS_PORT,
        command=command,
        cpu="40m",
        memory=("128Mi", "512Mi"),
        storage=known(args.storage_size),
        # It asks Kubernetes which pods there are.
        account={"serviceAccountName": PROMETHEUS},
        secrets={},
    )
    return _stateful(server, args, files)


def alertmanager_manifest(args: MonitoringArgs, files: Mapping[str, str]) -> Manifest:
    """The StatefulSet of Alertmanager; silences and sent notifications survive a restart only with a disk."""
    command = [
        "/usr/bin/prometheus-alertmanager",
        f"--config.file={CONFIG}/alertmanager.yml",
        f"--web.config.file={CONFIG}/web.yml",
        f"--web.listen-address=:{ALERTMANAGER_PORT}",
        f"--storage.path={_DATA}",
        # One instance runs, so gossip is off.
        "--cluster.listen-address=",
    ]
    secrets: dict[str, tuple[str, Manifest]] = {}
    if secret := known(args.pagerduty_secret):
        folder, _, file = ROUTING_KEY.rpartition("/")
        secrets["pagerduty"] = (folder, secret_files(secret, files={known(args.pagerduty_field): file}))
    if secret := known(args.watchdog_secret):
        folder, _, file = WATCHDOG_URL.rpartition("/")
        secrets["watchdog"] = (folder, secret_files(secret, files={known(args.watchdog_field): file}))
    server = _Server(
        name=ALERTMANAGER,
        port=ALERTMANAGER_PORT,
        command=command,
        cpu="20m",
        memory=("32Mi", "96Mi"),
        storage="1Gi" if args.storage_size else None,
        clients_only=True,
        account={"automountServiceAccountToken": False},
        secrets=secrets,
    )
    return _stateful(server, args, files)


def service_spec(name: str, port: int) -> Manifest:
    """The Service before Prometheus or Alertmanager."""
    return {"selector": labels(name), "ports": [{"name": "https", "port": port, "targetPort": port}]}


def discovery_rules() -> list[Manifest]:
    """The rights of Prometheus in the platform's namespace: it may see pods."""
    return [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]


def pod_monitor_specs(namespace: str, shipper_namespace: str | None) -> dict[str, Manifest]:
    """PodMonitors by which a Prometheus operator finds the pods: each `spec`, by name."""
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
