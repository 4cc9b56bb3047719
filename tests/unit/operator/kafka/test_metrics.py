"""`metricsConfig` of a Kafka cluster."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from embedded_operator.common import metrics
from embedded_operator.common.spec import InvalidSpecError
from embedded_operator.kafka import network, pods, spec

from tests.unit.operator.fake_kube import FakeKube
from tests.unit.operator.kafka.resources import IMAGES, KAFKA, Obj, pool


def kafka(**config: Any) -> Obj:
    made = copy.deepcopy(KAFKA)
    made["spec"]["kafka"]["metricsConfig"] = config
    return made


JMX: Obj = {
    "type": "jmxPrometheusExporter",
    "valueFrom": {"configMapKeyRef": {"name": "jmx", "key": "kafka.yml"}},
}


def test_nodes_run_the_exporter_on_strimzis_port() -> None:
    cluster = spec.parse(kafka(**JMX), [pool(replicas=1)], IMAGES).with_ids({"kafka": [0]})
    (node,) = cluster.nodes
    config = pods.config_map(cluster, node, "id", {}, "rules: []")
    assert config["data"]["metrics-config.yml"] == "rules: []"
    script = config["data"]["start.sh"]
    assert script.index("format") < script.index("-javaagent:$agent=9404:/etc/kafka/config/metrics-config.yml")
    ports = pods.pod(cluster, node, config, "cert", {})["spec"]["containers"][0]["ports"]
    assert {"name": "tcp-prometheus", "containerPort": 9404, "protocol": "TCP"} in ports
    assert network.network_policy(cluster)["spec"]["ingress"][-1] == {"ports": [{"port": 9404, "protocol": "TCP"}]}


def test_without_it_there_is_no_exporter() -> None:
    cluster = spec.parse(KAFKA, [pool(replicas=1)], IMAGES).with_ids({"kafka": [0]})
    assert "javaagent" not in pods.config_map(cluster, cluster.nodes[0], "id", {})["data"]["start.sh"]
    assert all(rule["ports"][0]["port"] != 9404 for rule in network.network_policy(cluster)["spec"]["ingress"])


def test_the_reporter_is_not_there_and_that_is_told() -> None:
    (warning,) = spec.parse(kafka(type="strimziMetricsReporter"), [pool()], IMAGES).warnings
    assert not metrics.wanted({"metricsConfig": {"type": "strimziMetricsReporter"}})
    assert warning["message"].startswith("spec.kafka.metricsConfig.type: strimziMetricsReporter is ignored")


def test_the_configuration_comes_from_the_config_map() -> None:
    kube = FakeKube()
    part = kafka(**JMX)["spec"]["kafka"]
    with pytest.raises(InvalidSpecError, match="no ConfigMap jmx with the entry"):
        metrics.configuration(kube, "kafkalogs", "spec.kafka", part)  # type: ignore[arg-type]
    kube.apply({"kind": "ConfigMap", "metadata": {"name": "jmx"}, "data": {"kafka.yml": "rules: []"}})
    assert metrics.configuration(kube, "kafkalogs", "spec.kafka", part) == "rules: []"  # type: ignore[arg-type]
    assert metrics.configuration(kube, "kafkalogs", "spec.kafka", {}) == ""  # type: ignore[arg-type]
    part["metricsConfig"]["valueFrom"] = {}
    with pytest.raises(InvalidSpecError, match="name and key are needed"):
        metrics.configuration(kube, "kafkalogs", "spec.kafka", part)  # type: ignore[arg-type]
