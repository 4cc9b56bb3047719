"""`metricsConfig`: Prometheus' JMX exporter, an agent in the Java process, as Strimzi's images run it."""

from __future__ import annotations

from embedded_operator.common.kube import Kube
from embedded_operator.common.names import Obj, dig
from embedded_operator.kafka.spec import InvalidSpecError

PORT = 9404
PORT_NAME = "tcp-prometheus"
FILE = "metrics-config.yml"
"""The exporter's configuration, beside the other files of a process."""
AGENT = """\
agent=$(ls /opt/kafka/libs/jmx_prometheus_javaagent*.jar)
export KAFKA_OPTS="$KAFKA_OPTS -javaagent:$agent={port}:{folder}/{file}"
"""


def wanted(spec: Obj) -> bool:
    """Whether the part of a resource that `metricsConfig` stands in asks for the exporter."""
    return dig(spec, "metricsConfig", "type") == "jmxPrometheusExporter"


def container_port() -> Obj:
    return {"name": PORT_NAME, "containerPort": PORT, "protocol": "TCP"}


def ingress() -> Obj:
    """A rule of a NetworkPolicy: whoever reaches the pod may read its metrics, as with Strimzi."""
    return {"ports": [{"port": PORT, "protocol": "TCP"}]}


def start(folder: str) -> str:
    """Lines of a shell script that let the Java process to come tell its metrics; `folder` has `FILE`."""
    return AGENT.format(port=PORT, folder=folder, file=FILE)


def configuration(kube: Kube, namespace: str, path: str, spec: Obj) -> str:
    """The exporter's configuration that the `metricsConfig` of `spec`, at `path`, refers to; empty without any.

    Raises InvalidSpecError when it is not there.
    """
    if not wanted(spec):
        return ""
    path = f"{path}.metricsConfig"
    reference = dig(spec, "metricsConfig", "valueFrom", "configMapKeyRef", default={})
    name, key = reference.get("name", ""), reference.get("key", "")
    if not (name and key):
        problem = f"{path}.valueFrom.configMapKeyRef: name and key are needed"
        raise InvalidSpecError("InvalidResourceException", [problem])
    found = dig(kube.get("ConfigMap", namespace, name), "data", key)
    if found is None:
        problem = f"{path}: there is no ConfigMap {name} with the entry {key}"
        raise InvalidSpecError("InvalidConfigurationException", [problem])
    return found
