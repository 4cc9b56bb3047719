"""The pod of a node, with its ConfigMap and its PersistentVolumeClaims. Pure."""

from __future__ import annotations

import hashlib
import json

from embedded_operator.common import names
from embedded_operator.common.names import Obj, dig
from embedded_operator.kafka import broker_config, metrics
from embedded_operator.kafka.nodes import Node, Volume
from embedded_operator.kafka.spec import ClusterSpec

UID = 1001
"""The user that Kafka's image runs as."""
CONTAINER = "kafka"
PASSED_ON = [
    "imagePullSecrets",
    "terminationGracePeriodSeconds",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "priorityClassName",
    "schedulerName",
    "hostAliases",
    "dnsPolicy",
    "dnsConfig",
    "enableServiceLinks",
    "hostUsers",
]
"""Fields of `template.pod` that are the pod's own."""

START = """\
#!/bin/sh
# Starts one Kafka node; formats its log directories the first time.
set -eu
umask 077
cat {certs}/{pod}.key {certs}/{pod}.crt > {keystore}
format=
for directory in {log_dirs}; do
  mkdir -p "$directory"
  [ -f "$directory/meta.properties" ] || format=yes
done
if [ "$format" ]; then (
  export KAFKA_HEAP_OPTS=-Xmx128m KAFKA_LOG4J_OPTS=
  export KAFKA_JVM_PERFORMANCE_OPTS='-XX:+UseSerialGC -XX:TieredStopAtLevel=1'
  /opt/kafka/bin/kafka-storage.sh format \\
    --cluster-id {cluster_id} --config {config}/server.properties --ignore-formatted{release}
) fi
{agent}exec /opt/kafka/bin/kafka-server-start.sh {config}/server.properties
"""
PERFORMANCE = (
    "-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 "
    "-XX:+ExplicitGCInvokesConcurrent"
)
"""What kafka-run-class.sh of the Kafka distribution sets for a broker."""
SECURITY = "networkaddress.cache.ttl=5\nnetworkaddress.cache.negative.ttl=1\n"
"""The nodes start at once and look each other up before DNS knows them all; addresses change on a restart."""


def template(cluster: ClusterSpec, node: Node, part: str) -> Obj:
    """A part of the template: the pool's own, else that of the Kafka resource."""
    own = dig(node.pool.spec, "template", part)
    return own if own is not None else dig(cluster.kafka, "template", part, default={})


def node_labels(cluster: ClusterSpec, node: Node) -> dict[str, str]:
    return {
        **names.labels(cluster.name),
        names.POOL: node.pool.name,
        names.POD: node.pod,
        names.BROKER_ROLE: str(node.pool.broker).lower(),
        names.CONTROLLER_ROLE: str(node.pool.controller).lower(),
    }


def metadata(cluster: ClusterSpec, node: Node, name: str) -> Obj:
    return {
        "name": name,
        "namespace": cluster.namespace,
        "labels": node_labels(cluster, node),
        "ownerReferences": names.owner(cluster.resource),
    }


def config_map(cluster: ClusterSpec, node: Node, cluster_id: str, options: dict[str, str], exporter: str = "") -> Obj:
    """Configuration and start script of a node.

    `options` are those of `broker_config.build`, `exporter` what `metrics.configuration` gave.
    """
    version = cluster.kafka.get("metadataVersion")
    script = START.format(
        certs=broker_config.CERT_DIR,
        config=broker_config.CONFIG_DIR,
        keystore=broker_config.KEYSTORE,
        pod=node.pod,
        log_dirs=" ".join(node.log_dir(volume) for volume in node.pool.volumes),
        cluster_id=cluster_id,
        release=f" --release-version {version}" if version else "",
        agent=metrics.start(broker_config.CONFIG_DIR) if exporter else "",
    )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(cluster, node, node.pod),
        "data": {
            "server.properties": broker_config.properties(options),
            "log4j2.properties": broker_config.logging(dig(cluster.kafka, "logging", "loggers", default={})),
            "java.security": SECURITY,
            "start.sh": script,
            **({metrics.FILE: exporter} if exporter else {}),
        },
    }


def heap(jvm: Obj, limited: bool, percentage: int = 50) -> str:
    """Heap flags of `jvmOptions`; without any, that part of the container's memory limit (Strimzi: half)."""
    if "-Xmx" in jvm or "-Xms" in jvm:
        return " ".join(f"{key}{jvm[key]}" for key in ("-Xms", "-Xmx") if key in jvm)
    return f"-XX:InitialRAMPercentage={percentage} -XX:MaxRAMPercentage={percentage}" if limited else ""


def performance(jvm: Obj) -> str:
    """Kafka's own flags for servers, then those of `jvmOptions`, of which Java takes the last."""
    flags = [PERFORMANCE]
    for key, value in sorted((jvm.get("-XX") or {}).items()):
        switch = {"true": "+", "false": "-"}.get(broker_config.text(value))
        flags.append(f"-XX:{switch}{key}" if switch else f"-XX:{key}={value}")
    return " ".join(flags)


def _java(jvm: Obj, resources: Obj) -> dict[str, str]:
    """The variables of Kafka's start scripts."""
    settings = broker_config.CONFIG_DIR
    own = [f"-D{item['name']}={item['value']}" for item in jvm.get("javaSystemProperties") or []]
    return {
        "KAFKA_HEAP_OPTS": heap(jvm, "memory" in (resources.get("limits") or {})),
        "KAFKA_JVM_PERFORMANCE_OPTS": performance(jvm),
        "KAFKA_LOG4J_OPTS": f"-Dlog4j2.configurationFile={settings}/log4j2.properties",
        "KAFKA_OPTS": " ".join([f"-Djava.security.properties={settings}/java.security", *own]),
        "LOG_DIR": "/tmp/logs",  # noqa: S108
    }


def _probe(cluster: ClusterSpec, node: Node) -> Obj:
    """Readiness: the port that opens last. A dead process ends the container, so no liveness probe is needed."""
    port = names.REPLICATION_PORT if node.pool.broker else names.CONTROL_PLANE_PORT
    wanted = {"initialDelaySeconds": 3, "periodSeconds": 3, "timeoutSeconds": 2, "failureThreshold": 3}
    return {**wanted, **(cluster.kafka.get("readinessProbe") or {}), "tcpSocket": {"port": port}}


def pod(cluster: ClusterSpec, node: Node, config: Obj, certificate: str, generations: dict[str, str]) -> Obj:
    """The pod; `config` is its ConfigMap, `certificate` its PEM, `generations` annotations that tell the CAs' state.

    The annotation strimzi.io/revision is the hash of all of that: a pod with another one has to be replaced.
    """
    shape = template(cluster, node, "pod")
    container = template(cluster, node, "kafkaContainer")
    resources = node.pool.spec.get("resources") or {}
    jvm = node.pool.spec.get("jvmOptions") or cluster.kafka.get("jvmOptions") or {}
    settings = broker_config.CONFIG_DIR
    mounted = [
        ("config", settings, {"configMap": {"name": node.pod, "defaultMode": 0o555}}),
        ("node", broker_config.CERT_DIR, {"secret": {"secretName": node.pod, "defaultMode": 0o440}}),
        ("cluster-ca", broker_config.CLUSTER_CA_DIR, _authority(f"{cluster.name}-cluster-ca-cert")),
        ("clients-ca", broker_config.CLIENTS_CA_DIR, _authority(f"{cluster.name}-clients-ca-cert")),
        ("tmp", "/tmp", {"emptyDir": {"medium": "Memory", "sizeLimit": shape.get("tmpDirSizeLimit", "10Mi")}}),  # noqa: S108
        *((volume.name, volume.mount, _source(node, volume)) for volume in node.pool.volumes),
    ]
    made: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(cluster, node, node.pod),
        "spec": {
            "hostname": node.pod,
            "subdomain": names.brokers_service(cluster.name),
            "restartPolicy": "Always",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": shape.get("securityContext") or pod_security(),
            **{key: shape[key] for key in PASSED_ON if key in shape},
            "volumes": [{"name": name, **source} for name, _, source in mounted] + (shape.get("volumes") or []),
            "containers": [
                {
                    "name": CONTAINER,
                    "image": cluster.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["/bin/sh", f"{settings}/start.sh"],
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "env": [
                        {"name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
                        *({"name": name, "value": value} for name, value in _java(jvm, resources).items()),
                        *(container.get("env") or []),
                    ],
                    "ports": _ports(cluster, node),
                    "readinessProbe": _probe(cluster, node),
                    "resources": resources,
                    "securityContext": container.get("securityContext") or container_security(),
                    "volumeMounts": [{"name": name, "mountPath": path} for name, path, _ in mounted]
                    + (container.get("volumeMounts") or []),
                }
            ],
        },
    }
    extra = shape.get("metadata") or {}
    made["metadata"]["labels"] = {**(extra.get("labels") or {}), **made["metadata"]["labels"]}
    revision = digest([made["spec"], made["metadata"]["labels"], extra, config["data"], certificate, generations])
    made["metadata"]["annotations"] = {**(extra.get("annotations") or {}), **generations, names.REVISION: revision}
    return made


def digest(value: object) -> str:
    """Short hash of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _authority(secret: str) -> Obj:
    return {"secret": {"secretName": secret, "items": [{"key": "ca.crt", "path": "ca.crt"}]}}


def _source(node: Node, volume: Volume) -> Obj:
    if volume.persistent:
        return {"persistentVolumeClaim": {"claimName": node.claim(volume)}}
    return {"emptyDir": {"sizeLimit": volume.size} if volume.size else {}}


def _ports(cluster: ClusterSpec, node: Node) -> list[Obj]:
    ports = {"tcp-ctrlplane": names.CONTROL_PLANE_PORT} if node.pool.controller else {}
    if node.pool.broker:
        ports["tcp-replication"] = names.REPLICATION_PORT
        ports |= {f"tcp-{one.name}": one.port for one in cluster.listeners}
    if metrics.wanted(cluster.kafka):
        ports[metrics.PORT_NAME] = metrics.PORT
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()]


def pod_security() -> Obj:
    return {"runAsNonRoot": True, "runAsUser": UID, "fsGroup": UID, "seccompProfile": {"type": "RuntimeDefault"}}


def container_security() -> Obj:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def claims(cluster: ClusterSpec, node: Node) -> list[Obj]:
    """PersistentVolumeClaims of the node; with deleteClaim the Kafka resource owns them."""
    made: list[Obj] = []
    extra = template(cluster, node, "persistentVolumeClaim").get("metadata") or {}
    for volume in (volume for volume in node.pool.volumes if volume.persistent):
        spec: Obj = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": volume.size}}}
        if volume.storage_class:
            spec["storageClassName"] = volume.storage_class
        if volume.selector:
            spec["selector"] = {"matchLabels": volume.selector}
        meta = metadata(cluster, node, node.claim(volume))
        meta["labels"] = {**(extra.get("labels") or {}), **meta["labels"]}
        if not volume.delete_claim:
            meta["ownerReferences"] = []
        if extra.get("annotations"):
            meta["annotations"] = extra["annotations"]
        made.append({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec})
    return made
