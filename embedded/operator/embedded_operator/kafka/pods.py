"""The pod of a node, with its ConfigMap and its PersistentVolumeClaims. Pure."""

from __future__ import annotations

from embedded_operator.common import metrics, names, objects, settings
from embedded_operator.common import pods as processes
from embedded_operator.common.names import Obj, dig
from embedded_operator.kafka import broker_config
from embedded_operator.kafka.nodes import Node, Volume
from embedded_operator.kafka.spec import ClusterSpec

HEAP_PERCENTAGE = 50
"""The heap's part of the memory limit when jvmOptions do not say it, as with Strimzi."""
TMP_SIZE = "10Mi"
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


def template(cluster: ClusterSpec, node: Node, part: str) -> Obj:
    """A part of the template: that of the pool, otherwise that of the Kafka resource."""
    own = dig(node.pool.spec, "template", part)
    return own if own is not None else dig(cluster.kafka, "template", part, default={})


def metadata(cluster: ClusterSpec, node: Node, name: str, extra: Obj | None = None) -> Obj:
    """Metadata of an object that belongs to a node; `extra` is a template."""
    labels = {
        **names.labels(cluster.name),
        names.POOL: node.pool.name,
        names.POD: node.pod,
        names.BROKER_ROLE: str(node.pool.broker).lower(),
        names.CONTROLLER_ROLE: str(node.pool.controller).lower(),
    }
    return objects.metadata(cluster.resource, name, labels, extra)


def config_map(cluster: ClusterSpec, node: Node, cluster_id: str, options: dict[str, str], exporter: str = "") -> Obj:
    """Configuration and start script of a node.

    `options` are those of `broker_config.build`, `exporter` is what `metrics.configuration` returned.
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
        agent=metrics.start(broker_config.CONFIG_DIR, exporter),
    )
    data = {"server.properties": settings.properties(options), **processes.files(cluster.kafka, script, exporter)}
    return objects.config_map(metadata(cluster, node, node.pod), data)


def _probe(cluster: ClusterSpec, node: Node) -> Obj:
    """Readiness: the port that opens last. A dead process ends the container, so no liveness probe is needed."""
    port = names.REPLICATION_PORT if node.pool.broker else names.CONTROL_PLANE_PORT
    wanted = {"initialDelaySeconds": 3, "periodSeconds": 3, "timeoutSeconds": 2, "failureThreshold": 3}
    return {**wanted, **(cluster.kafka.get("readinessProbe") or {}), "tcpSocket": {"port": port}}


def pod(cluster: ClusterSpec, node: Node, config: Obj, certificate: str, generations: dict[str, str]) -> Obj:
    """The pod of a node.

    `config` is its ConfigMap, `certificate` its PEM; `generations` are annotations with the generations of the CAs.
    """
    shape, folder = template(cluster, node, "pod"), broker_config.CONFIG_DIR
    resources = node.pool.spec.get("resources") or {}
    jvm = node.pool.spec.get("jvmOptions") or cluster.kafka.get("jvmOptions") or {}
    mounts = [
        ("config", folder, {"configMap": {"name": node.pod, "defaultMode": 0o555}}),
        ("node", broker_config.CERT_DIR, {"secret": {"secretName": node.pod, "defaultMode": 0o440}}),
        ("cluster-ca", broker_config.CLUSTER_CA_DIR, _authority(f"{cluster.name}-cluster-ca-cert")),
        ("clients-ca", broker_config.CLIENTS_CA_DIR, _authority(f"{cluster.name}-clients-ca-cert")),
        processes.tmp(shape, TMP_SIZE),
        *((volume.name, volume.mount, _source(node, volume)) for volume in node.pool.volumes),
    ]
    container = {
        "name": "kafka",
        "image": cluster.image,
        "env": [
            {"name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
            *processes.variables(processes.environment(jvm, resources, folder, HEAP_PERCENTAGE)),
        ],
        "ports": _ports(cluster, node),
        "readinessProbe": _probe(cluster, node),
        "resources": resources,
    }
    meta = metadata(cluster, node, node.pod, shape)
    meta["annotations"] = {**meta.get("annotations", {}), **generations}
    process = processes.Process(names.brokers_service(cluster.name), folder, mounts, container)
    made_from = [config["data"], certificate, generations]
    return processes.pod(meta, process, shape, template(cluster, node, "kafkaContainer"), made_from)


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
    return processes.ports(ports, cluster.kafka)


def claims(cluster: ClusterSpec, node: Node) -> list[Obj]:
    """PersistentVolumeClaims of the node; with deleteClaim the Kafka resource owns them."""
    made: list[Obj] = []
    extra = template(cluster, node, "persistentVolumeClaim")
    for volume in (volume for volume in node.pool.volumes if volume.persistent):
        spec: Obj = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": volume.size}}}
        if volume.storage_class:
            spec["storageClassName"] = volume.storage_class
        if volume.selector:
            spec["selector"] = {"matchLabels": volume.selector}
        meta = metadata(cluster, node, node.claim(volume), extra)
        if not volume.delete_claim:
            meta["ownerReferences"] = []
        made.append({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec})
    return made
