"""Brokers that tell their metrics, where the embedded operator runs them."""

import copy

import pytest
from embedded_operator.kafka import broker_config, network, pods, spec
from embedded_operator.kafka.plan import choose_ids
from kafkalogs.kafka import jmx

from embedded.build.maven import Jar
from embedded.build.pins import pins
from tests.unit.operator.kafka.resources import IMAGES, KAFKA, pool


@pytest.fixture
def cluster():
    kafka = copy.deepcopy(KAFKA)
    kafka["spec"]["kafka"]["metricsConfig"] = jmx.metrics_config("logs", jmx.KAFKA_KEY)
    made, warnings = choose_ids(spec.parse(kafka, [pool()], IMAGES), [], lambda ids: set())
    assert made.warnings + warnings == []
    return made


def parts(cluster, exporter: str) -> tuple[dict, dict]:
    node = cluster.nodes[0]
    told = {one.name: ("host", one.port) for one in cluster.listeners}
    config = pods.config_map(cluster, node, "id", broker_config.build(cluster, node, told), exporter)
    return config["data"], pods.pod(cluster, node, config, "certificate", {"generation": "0"})


def test_the_agent_runs_in_the_broker_and_not_in_its_tools(cluster):
    data, pod = parts(cluster, jmx.config_map_data()[jmx.KAFKA_KEY])
    setup, _, start = data["start.sh"].partition(") fi\n")
    assert "javaagent" not in setup
    assert "-javaagent:" in start
    assert "=9404:/etc/kafka/config/metrics-config.yml" in start
    assert data["metrics-config.yml"] == jmx.config_map_data()[jmx.KAFKA_KEY]
    # tools that a person starts in the container would find the port taken
    (container,) = pod["spec"]["containers"]
    assert not [item for item in container["env"] if "javaagent" in str(item.get("value"))]
    assert {"name": "tcp-prometheus", "containerPort": 9404, "protocol": "TCP"} in container["ports"]
    assert {"ports": [{"port": 9404, "protocol": "TCP"}]} in network.network_policy(cluster)["spec"]["ingress"]


def test_another_configuration_replaces_the_pod(cluster):
    def revision(text: str) -> str:
        return parts(cluster, text)[1]["metadata"]["annotations"]["strimzi.io/revision"]

    assert revision("rules: []") == revision("rules: []") != revision("rules: [{pattern: a}]")


def test_the_image_has_the_agent_where_the_operator_looks():
    (coordinates,) = pins()["maven"]["jars"]["metrics"]
    assert Jar.parse(coordinates).file.startswith("jmx_prometheus_javaagent")
