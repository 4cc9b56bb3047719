"""`metricsConfig`: the JMX exporter of Prometheus, an agent in the Java process, as in Strimzi's images."""

from __future__ import annotations

from embedded_operator.common.kube import Kube
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.objects import rule
from embedded_operator.common.spec import InvalidSpecError

PORT = 9404
PORT_NAME = "tcp-prometheus"
FILE = "metrics-config.yml"
"""File with the exporter's configuration, in the folder of a process."""
AGENT = """\
agent=$(ls /opt/kafka/libs/jmx_prometheus_javaagent*.jar)
export KAFKA_OPTS="$KAFKA_OPTS -javaagent:$agent={port}:{folder}/{file}"
"""


def wanted(spec: Obj) -> bool:
    """Whether the part of a resource that has `metricsConfig` asks for the exporter."""
    return dig(spec, "metricsConfig", "type") == "jmxPrometheusExporter"


def rules(spec: Obj) -> list[Obj]:
    """Rules of a NetworkPolicy: everybody who reaches the pod may read its metrics, as with Strimzi."""
    return [rule(PORT)] if wanted(spec) else []


def start(folder: str, exporter: str) -> str:
    """Lines of a shell script that start the exporter with the next Java process; `folder` has `FILE`.

    `exporter` is the exporter's configuration; without it there are no lines.
    """
    return AGENT.format(port=PORT, folder=folder, file=FILE) if exporter else ""


def configuration(kube: Kube, namespace: str, path: str, spec: Obj) -> str:
    """The exporter's configuration from the ConfigMap that `metricsConfig` names; empty without `metricsConfig`.

    `spec` is the part of the resource at `path`. Raises InvalidSpecError when the configuration is missing.
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
