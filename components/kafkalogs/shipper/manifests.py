"""The manifests of `LogShipper`."""

import hashlib
from typing import Any, Final

import pulumi

from ..catalog.network import PROMETHEUS
from ..config import naming
from ..kafka.topic import topic_manifest
from ..kube import listeners, policies
from ..kube.pods import environment, labels, resources
from ..kube.resources import METRICS_LABEL, METRICS_PORT, Manifest, known, metadata
from . import config as shipper_config
from . import record
from .args import LogShipperArgs
from .config import CREDENTIALS, DATA
from .record import METRICS_SERVICE_PORT, NAME

KINDS: Final = ("filebeat", "fluentd")

_CONFIG: Final = "/etc/kafkalogs/config"
_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a folder
_QUEUE: Final = f"{DATA}/diskqueue"


def shipper_namespace(namespace: str) -> str:
    """The shipper's namespace, for the namespace of a platform."""
    return f"{namespace}-shipper"


def namespace_manifest(args: LogShipperArgs) -> Manifest:
    """The shipper's Namespace: its pods may read files of the node, and connect to Kafka."""
    about = {
        "app.kubernetes.io/part-of": "kafkalogs",
        listeners.CLIENTS_LABEL: "true",
        "pod-security.kubernetes.io/enforce": "privileged",
    }
    return {"metadata": {"name": shipper_namespace(known(args.namespace)), "labels": about}}


def shipped_manifest(args: LogShipperArgs) -> Manifest:
    """The KafkaTopic of the shipped logs."""
    copies = (known(args.replicas), known(args.min_in_sync_replicas))
    topic = record.shipped(known(args.topic), known(args.partitions), *copies, known(args.retention_ms))
    return topic_manifest(known(args.namespace), known(args.cluster), topic)


def config_manifest(args: LogShipperArgs) -> Manifest:
    """The ConfigMap with the shipper's configuration file.

    Raises pulumi.RunError for files that are not below /var/log.
    """
    namespace, files = known(args.namespace), known(args.files) or {}
    outside = sorted(path for paths in files.values() for path in paths if not path.startswith("/var/log/"))
    if outside:
        raise pulumi.RunError(f"LogShipper: files {', '.join(outside)}: only those below /var/log/ can be shipped")
    shipped = shipper_config.Shipped(
        bootstrap=naming.bootstrap(known(args.cluster), namespace),
        topic=known(args.topic),
        namespaces=known(args.namespaces) or [namespace],
        files=files,
        own_namespace=shipper_namespace(namespace),
        queue_bytes=known(args.queue_bytes),
    )
    if args.kind == "fluentd":
        return {"data": {"fluent.conf": shipper_config.fluentd_config(shipped)}}
    return {"data": {"filebeat.yml": shipper_config.filebeat_yaml(shipped)}}


# Root can read its files without any capability. So the container gets no capability and no other usual right of root.
_CONTAINER: Final[Manifest] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsUser": 0,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def _mounts(*names: str) -> list[Manifest]:
    folders: dict[str, Manifest] = {
        "config": {"mountPath": _CONFIG, "readOnly": True},
        "credentials": {"mountPath": CREDENTIALS},
        "token": {"mountPath": _TOKEN, "readOnly": True},
        "logs": {"mountPath": "/var/log", "readOnly": True},
        "data": {"mountPath": DATA},
        "tmp": {"mountPath": "/tmp"},  # noqa: S108 - the container's own
    }
    return [{"name": name, **folders[name]} for name in names]


def _shipper(kind: str, image: str) -> Manifest:
    """The container that reads the logs."""
    container: dict[str, Any] = {
        "name": kind,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "resources": {"requests": {"cpu": "30m", "memory": "96Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
        "securityContext": _CONTAINER,
        "volumeMounts": _mounts("config", "credentials", "logs", "data", "tmp"),
    }
    if kind == "fluentd":
        port = record.FLUENTD_METRICS_PORT
        return {
            **container,
            "args": ["-c", f"{_CONFIG}/fluent.conf"],
            "ports": [{"name": METRICS_PORT, "containerPort": port}],
            "livenessProbe": {"httpGet": {"path": "/metrics", "port": port}, "periodSeconds": 30, "timeoutSeconds": 5},
        }
    return {
        **container,
        "args": ["-e", "-c", f"{_CONFIG}/filebeat.yml"],
        # The container beside Filebeat answers; it knows whether Filebeat has the newest certificate.
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": METRICS_SERVICE_PORT},
            "initialDelaySeconds": 60,
            "periodSeconds": 20,
            "timeoutSeconds": 10,
            "failureThreshold": 6,
        },
    }


def daemon_manifest(args: LogShipperArgs) -> Manifest:
    """The DaemonSet of the shipper."""
    namespace = known(args.namespace)
    config = "".join(config_manifest(args)["data"].values())
    beside = [_metrics(args)] if args.kind == "filebeat" else []
    spec: Manifest = {
        "serviceAccountName": NAME,
        # Only the two containers that fetch the certificate get the token.
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        # Every node has logs, also a node with taints.
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 30,
        "initContainers": [_credentials(args)],
        "containers": [_shipper(args.kind, known(args.image)), *beside],
        "volumes": _volumes(namespace),
    }
    about = {
        "labels": {**labels(NAME), METRICS_LABEL: "true"},
        "annotations": {"kafkalogs.io/config": hashlib.sha256(config.encode()).hexdigest()[:16]},
    }
    return {
        "metadata": metadata(NAME, shipper_namespace(namespace)),
        "spec": {"selector": {"matchLabels": labels(NAME)}, "template": {"metadata": about, "spec": spec}},
    }


def _helper(args: LogShipperArgs, name: str, module: str) -> Manifest:
    """A container of the exporter's image that fetches the shipper's certificate."""
    namespace, user, cluster = known(args.namespace), known(args.user), known(args.cluster)
    wanted = [f"{user}/user.crt", f"{user}/user.key", f"{naming.cluster_ca_secret(cluster)}/ca.crt"]
    return {
        "image": known(args.exporter_image),
        "imagePullPolicy": "IfNotPresent",
        "resources": resources("10m", "24Mi", "200m", "64Mi"),
        "securityContext": _CONTAINER,
        "name": name,
        "command": ["python3", "-m", module, namespace, CREDENTIALS, *wanted],
    }


def _credentials(args: LogShipperArgs) -> Manifest:
    helper = _helper(args, "credentials", "exporter.credentials")
    return {**helper, "volumeMounts": _mounts("credentials", "token")}


def _metrics(args: LogShipperArgs) -> Manifest:
    """The container beside Filebeat: it renews the certificate and serves Filebeat's metrics."""
    env = {
        "FILEBEAT_QUEUE": _QUEUE,
        "FILEBEAT_QUEUE_BYTES": str(known(args.queue_bytes)),
        "FILEBEAT_URL": f"http://localhost:{shipper_config.STATS_PORT}",
        "EXPORTER_PORT": str(METRICS_SERVICE_PORT),
    }
    return {
        **_helper(args, "metrics", "exporter.filebeat"),
        "env": environment(env),
        "ports": [{"name": METRICS_PORT, "containerPort": METRICS_SERVICE_PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": METRICS_SERVICE_PORT}, "periodSeconds": 15},
        "volumeMounts": [
            *_mounts("credentials", "token", "tmp"),
            {"name": "data", "mountPath": DATA, "readOnly": True},
        ],
    }


def _volumes(namespace: str) -> list[Manifest]:
    # The folder has the name of the namespace, so platforms on the same node do not share it.
    own = f"/var/lib/kafkalogs/{shipper_namespace(namespace)}"
    return [
        {"name": "config", "configMap": {"name": NAME, "defaultMode": 0o440}},
        {"name": "credentials", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "token", "projected": {"sources": _account_token(), "defaultMode": 0o400}},
        {"name": "logs", "hostPath": {"path": "/var/log", "type": "Directory"}},
        {"name": "data", "hostPath": {"path": own, "type": "DirectoryOrCreate"}},
        {"name": "tmp", "emptyDir": {}},
    ]


def _account_token() -> list[Manifest]:
    """A token and the CA of Kubernetes' API; by default Kubernetes mounts both into every container."""
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]


def role_manifest(args: LogShipperArgs) -> Manifest:
    """The Role of the shipper in the platform's namespace: to read its certificate and the cluster CA's."""
    names = [known(args.user), naming.cluster_ca_secret(known(args.cluster))]
    return {"rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get"]}]}


def policy_manifest(args: LogShipperArgs) -> Manifest:
    """The NetworkPolicy: only the platform's Prometheus may connect to the shipper, for its metrics."""
    peer = {**policies.pods_of_namespace(known(args.namespace)), **policies.pods(PROMETHEUS)}
    return {"spec": policies.ingress(record.pods(known(args.kind)), peer)}


def service_port(kind: str) -> Manifest:
    """The port of the Service from which Prometheus reads the metrics."""
    target = record.FLUENTD_METRICS_PORT if kind == "fluentd" else METRICS_SERVICE_PORT
    return {"name": METRICS_PORT, "port": target, "targetPort": target}
