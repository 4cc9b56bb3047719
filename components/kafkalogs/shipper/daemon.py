"""`LogShipper`: the logs of pods and files, for what does not log into Kafka itself.

A pod on each node (DaemonSet) reads the files in which Kubernetes keeps its pods' output. They lie on the node, and
Pod Security "baseline" and "restricted" allow no pod to see the node's files. So the shipper has a namespace of its
own, `<namespace>-shipper`, which allows it, and nothing else runs there; the platform's namespace stays "restricted".
In it the shipper runs as root, because root owns these files, with a read-only root file system, no capability, and no
way to gain any.

Its KafkaUser lives beside Kafka, as Strimzi wants it, and so does the Secret with its certificate. Kubernetes mounts
no Secret of another namespace; the shipper's account may read that one Secret by name, and a container beside Filebeat
fetches it into memory, again when it is renewed. No copy of the key is kept anywhere.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi_kubernetes.apps.v1 import DaemonSet
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Service, ServiceAccount
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from ..config import naming, units
from ..kafka.identity import ServiceIdentity, ServiceIdentityArgs
from ..kafka.topic import topic_manifest, topic_resource
from ..kube import listeners
from ..kube.resources import (
    METRICS_LABEL,
    METRICS_PORT,
    Manifest,
    known,
    manifest_from_values,
    manifest_of,
    metadata,
    part,
    typed,
    untyped,
)
from . import config as shipper_config
from . import record
from .config import CREDENTIALS, DATA
from .record import METRICS_SERVICE, METRICS_SERVICE_PORT, NAME

KINDS: Final = ("filebeat", "fluentd")

_CONFIG: Final = "/etc/kafkalogs/config"
_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a folder
_QUEUE: Final = f"{DATA}/diskqueue"
_LABELS: Final = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "kafkalogs"}


@dataclass(frozen=True)
class LogShipperArgs:
    """What is shipped, and how."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """The image of Filebeat, or of Fluentd with its plugins for Kafka, concat and Prometheus."""

    exporter_image: pulumi.Input[str]
    """The image of the exporter, which fetches the certificate and serves Filebeat's metrics."""

    kind: str = "filebeat"
    """`filebeat` or `fluentd`."""

    topic: pulumi.Input[str] = record.TOPIC
    """The topic of all that is shipped; it is made here."""

    user: pulumi.Input[str] = NAME
    """The shipper's KafkaUser, which is made here."""

    namespaces: pulumi.Input[list[str]] | None = None
    """The namespaces whose pods are shipped; that of the Kafka cluster when absent; `*` for all. The shipper's own
    pods are never shipped: each of their lines would make another one."""

    files: pulumi.Input[dict[str, list[str]]] | None = None
    """Further log files of the nodes, below /var/log, by the name of the service that writes them; may have `*`."""

    partitions: pulumi.Input[int] = record.PARTITIONS
    """Partitions of the topic."""

    replicas: pulumi.Input[int] = 3
    """Copies of every record."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies that must have a record before it is acknowledged."""

    retention_ms: pulumi.Input[int] = 24 * units.HOUR
    """How long the topic keeps records; milliseconds."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """Bytes per second that each broker takes from all nodes together; not limited when absent."""

    protect: bool = False
    """Whether Pulumi refuses to delete the topic."""

    queue_bytes: pulumi.Input[int] = units.GIB
    """The largest size of the queue on each node's disk; bytes."""


def shipper_namespace(namespace: str) -> str:
    """The namespace of the shipper of a platform's namespace."""
    return f"{namespace}-shipper"


def namespace_manifest(namespace: str) -> Manifest:
    """The shipper's Namespace: its pods may see the node's files, and connect to Kafka."""
    labels = {
        "app.kubernetes.io/part-of": "kafkalogs",
        listeners.CLIENTS_LABEL: "true",
        "pod-security.kubernetes.io/enforce": "privileged",
    }
    return {"metadata": {"name": shipper_namespace(namespace), "labels": labels}}


def shipped_manifest(args: LogShipperArgs) -> Manifest:
    """The KafkaTopic of what is shipped."""
    copies = (known(args.replicas), known(args.min_in_sync_replicas))
    topic = record.shipped(known(args.topic), known(args.partitions), *copies, known(args.retention_ms))
    return topic_manifest(known(args.namespace), known(args.cluster), topic)


def config_manifest(
    kind: str,
    namespace: str,
    cluster: str,
    topic_name: str,
    namespaces: Sequence[str] | None,
    files: Mapping[str, Sequence[str]] | None,
    queue_bytes: int,
) -> Manifest:
    """The ConfigMap with the shipper's configuration file.

    Raises pulumi.RunError for files that are not below /var/log.
    """
    outside = sorted(path for paths in (files or {}).values() for path in paths if not path.startswith("/var/log/"))
    if outside:
        raise pulumi.RunError(f"LogShipper: files {', '.join(outside)}: only those below /var/log/ can be shipped")
    values: dict[str, Any] = {
        "bootstrap": naming.bootstrap(cluster, namespace),
        "topic": topic_name,
        "namespaces": namespaces or [namespace],
        "files": files or {},
        "own_namespace": shipper_namespace(namespace),
        "queue_bytes": queue_bytes,
    }
    if kind == "fluentd":
        return {"data": {"fluent.conf": shipper_config.fluentd_config(**values)}}
    return {"data": {"filebeat.yml": shipper_config.filebeat_yaml(**values)}}


# Root may read its own files without any capability; it gets none, and nothing else that root usually has.
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
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
        "securityContext": _CONTAINER,
        "volumeMounts": _mounts("config", "credentials", "logs", "data", "tmp"),
    }
    if kind == "fluentd":
        port = shipper_config.FLUENTD_METRICS_PORT
        return {
            **container,
            "args": ["-c", f"{_CONFIG}/fluent.conf"],
            "ports": [{"name": METRICS_PORT, "containerPort": port}],
            "livenessProbe": {"httpGet": {"path": "/metrics", "port": port}, "periodSeconds": 30, "timeoutSeconds": 5},
        }
    return {
        **container,
        "args": ["-e", "-c", f"{_CONFIG}/filebeat.yml"],
        # Asked of the container beside it, which knows whether Filebeat has the newest certificate.
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": METRICS_SERVICE_PORT},
            "initialDelaySeconds": 60,
            "periodSeconds": 20,
            "timeoutSeconds": 10,
            "failureThreshold": 6,
        },
    }


def daemon_manifest(
    kind: str,
    namespace: str,
    cluster: str,
    user: str,
    image: str,
    exporter_image: str,
    queue_bytes: int,
    config: Mapping[str, str],
) -> Manifest:
    """The DaemonSet of the shipper."""
    wanted = [f"{user}/user.crt", f"{user}/user.key", f"{cluster}-cluster-ca-cert/ca.crt"]
    helper: dict[str, Any] = {
        "image": exporter_image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}},
        "securityContext": _CONTAINER,
    }
    fetch = {
        **helper,
        "name": "credentials",
        "command": ["python3", "-m", "exporter.credentials", namespace, CREDENTIALS, *wanted],
        "volumeMounts": _mounts("credentials", "token"),
    }
    beside = {
        **helper,
        "name": "metrics",
        "command": ["python3", "-m", "exporter.filebeat", namespace, CREDENTIALS, *wanted],
        "env": [
            {"name": "FILEBEAT_QUEUE", "value": _QUEUE},
            {"name": "FILEBEAT_QUEUE_BYTES", "value": str(queue_bytes)},
            {"name": "FILEBEAT_URL", "value": f"http://localhost:{shipper_config.STATS_PORT}"},
            {"name": "EXPORTER_PORT", "value": str(METRICS_SERVICE_PORT)},
        ],
        "ports": [{"name": METRICS_PORT, "containerPort": METRICS_SERVICE_PORT}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": METRICS_SERVICE_PORT}, "periodSeconds": 15},
        "volumeMounts": [
            *_mounts("credentials", "token", "tmp"),
            {"name": "data", "mountPath": DATA, "readOnly": True},
        ],
    }
    text = hashlib.sha256("".join(config.values()).encode()).hexdigest()[:16]
    # The name of the folder on the node tells platforms on the same node apart.
    own = f"/var/lib/kafkalogs/{shipper_namespace(namespace)}"
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": NAME, "defaultMode": 0o440}},
        {"name": "credentials", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "token", "projected": {"sources": _account_token(), "defaultMode": 0o400}},
        {"name": "logs", "hostPath": {"path": "/var/log", "type": "Directory"}},
        {"name": "data", "hostPath": {"path": own, "type": "DirectoryOrCreate"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    return {
        "metadata": metadata(NAME, shipper_namespace(namespace)),
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "template": {
                "metadata": {
                    "labels": {**_LABELS, METRICS_LABEL: "true"},
                    "annotations": {"kafkalogs.io/config": text},
                },
                "spec": {
                    "serviceAccountName": NAME,
                    # Only the two containers that fetch the certificate get the token.
                    "automountServiceAccountToken": False,
                    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                    # Every node has logs, those that take no other pods too.
                    "tolerations": [{"operator": "Exists"}],
                    "terminationGracePeriodSeconds": 30,
                    "initContainers": [fetch],
                    "containers": [_shipper(kind, image), *([beside] if kind == "filebeat" else [])],
                    "volumes": volumes,
                },
            },
        },
    }


def _account_token() -> list[Manifest]:
    """What Kubernetes otherwise mounts into every container: a token, and the CA of its API."""
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]


def role_manifest(user: str, cluster: str) -> Manifest:
    """What the shipper's Role lets it do in the platform's namespace: read its own certificate and the CA's."""
    names = [user, f"{cluster}-cluster-ca-cert"]
    return {"rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get"]}]}


def policy_manifest(namespace: str, kind: str) -> Manifest:
    """Nobody may connect to the shipper but the platform's namespace, for its metrics."""
    port = shipper_config.FLUENTD_METRICS_PORT if kind == "fluentd" else METRICS_SERVICE_PORT
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    rule = {"from": [peer], "ports": [{"port": port, "protocol": "TCP"}]}
    return {"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]}}


class LogShipper(pulumi.ComponentResource):
    """The logs of the nodes' pods and files, as log events in a topic of their own."""

    topic: pulumi.Output[str]
    """The topic; who reads it waits until it is ready."""

    namespace: pulumi.Output[str]
    """The shipper's own namespace."""

    def __init__(self, name: str, args: LogShipperArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(LogShipperArgs, args)
        if args.kind not in KINDS:
            raise pulumi.RunError(f"LogShipper {name}: kind {args.kind!r}: write {' or '.join(KINDS)}")
        super().__init__("kafkalogs:index:LogShipper", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        shipped = topic_resource(
            f"{name}-topic",
            manifest_of(shipped_manifest, args),
            pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        identity = ServiceIdentity(
            f"{name}-user",
            ServiceIdentityArgs(
                namespace=args.namespace,
                cluster=args.cluster,
                user=args.user,
                writes=pulumi.Output.from_input(args.topic).apply(lambda known: [known]),
                producer_byte_rate=args.producer_byte_rate,
            ),
            child,
        )
        namespace = manifest_from_values(namespace_manifest, namespace=args.namespace)
        own = Namespace(name, metadata=part(namespace, "metadata"), opts=child)
        where = pulumi.Output.from_input(args.namespace).apply(shipper_namespace)
        inside = pulumi.ResourceOptions(parent=self, depends_on=[own])
        needed = self._rights(name, args, where, inside)
        config = manifest_from_values(
            config_manifest,
            kind=args.kind,
            namespace=args.namespace,
            cluster=args.cluster,
            topic_name=args.topic,
            namespaces=args.namespaces,
            files=args.files,
            queue_bytes=args.queue_bytes,
        )
        files = ConfigMap(name, metadata=untyped(metadata(NAME, where)), data=part(config, "data"), opts=inside)
        NetworkPolicy(
            name,
            metadata=untyped(metadata(NAME, where)),
            spec=part(manifest_from_values(policy_manifest, namespace=args.namespace, kind=args.kind), "spec"),
            opts=inside,
        )
        # Without an address of its own: its name stands for the addresses of all its pods.
        Service(
            name,
            metadata=untyped(metadata(METRICS_SERVICE, where)),
            spec=untyped({"clusterIP": "None", "selector": _LABELS, "ports": [_service_port(args.kind)]}),
            opts=inside,
        )
        manifest = manifest_from_values(
            daemon_manifest,
            kind=args.kind,
            namespace=args.namespace,
            cluster=args.cluster,
            user=args.user,
            image=args.image,
            exporter_image=args.exporter_image,
            queue_bytes=args.queue_bytes,
            config=part(config, "data"),
        )
        daemon = DaemonSet(
            name,
            metadata=part(manifest, "metadata"),
            spec=part(manifest, "spec"),
            # A topic that is not there yet would be reported as a missing right.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[own, files, shipped, identity, *needed],
                custom_timeouts=pulumi.CustomTimeouts(create="5m", update="5m"),
            ),
        )
        self.topic = shipped.urn.apply(lambda _: args.topic)
        self.namespace = daemon.urn.apply(lambda _: where)
        self.register_outputs({"topic": self.topic, "namespace": self.namespace})

    def _rights(
        self, name: str, args: LogShipperArgs, where: pulumi.Output[str], inside: pulumi.ResourceOptions
    ) -> list[pulumi.Resource]:
        """The shipper's account, which may read its certificate in the platform's namespace."""
        child = pulumi.ResourceOptions(parent=self)
        account = ServiceAccount(name, metadata=untyped(metadata(NAME, where)), opts=inside)
        about = untyped(metadata(f"{NAME}-credentials", args.namespace))
        rights = manifest_from_values(role_manifest, user=args.user, cluster=args.cluster)
        role = Role(name, metadata=about, rules=part(rights, "rules"), opts=child)
        binding = RoleBinding(
            name,
            metadata=about,
            role_ref=untyped({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"{NAME}-credentials"}),
            subjects=untyped([{"kind": "ServiceAccount", "name": NAME, "namespace": where}]),
            opts=child,
        )
        return [account, role, binding]


def _service_port(kind: str) -> Manifest:
    target = shipper_config.FLUENTD_METRICS_PORT if kind == "fluentd" else METRICS_SERVICE_PORT
    return {"name": METRICS_PORT, "port": target, "targetPort": target}
