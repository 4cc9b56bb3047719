"""The pager's resources: valid, restricted, with no right too many."""

from __future__ import annotations

from typing import Any

import pytest
from kafkalogs.catalog.part import UserSpec
from kafkalogs.kafka.identity import user_manifest
from kafkalogs.kafka.topic import topic_manifest
from kafkalogs.pager import record
from kafkalogs.pager.component import Pager, PagerArgs, pager_manifest, pager_policy_manifest
from kafkalogs.pager.record import DEAD_LETTERS, STATE
from kafkalogs.pager.record import NAME as PAGER

from tests.support.crd_schema import problems
from tests.support.graph import Graph, registered, unknown
from tests.support.pods import assert_restricted, container, env

ARGS: dict[str, Any] = {"namespace": "kafkalogs", "cluster": "logs", "image": "pager:1", "routing_key_secret": "key",
                        "routing_key_field": "routing-key"}  # fmt: skip


def manifest(**more: Any) -> dict[str, Any]:
    return pager_manifest(PagerArgs(**{**ARGS, **more}))


def state_topic(namespace: str, cluster: str, replicas: int, in_sync: int) -> dict[str, Any]:
    return topic_manifest(namespace, cluster, record.state(replicas, in_sync))


def test_the_pod_is_restricted_and_sees_only_what_it_reads():
    made = manifest(endpoint_ca_secret="platform-ca")
    assert_restricted(made)
    mounted = {
        v["secret"]["secretName"]: {item["key"] for item in v["secret"]["items"]}
        for v in made["spec"]["template"]["spec"]["volumes"]
    }
    assert mounted == {
        "pager": {"user.crt", "user.key"},
        "logs-cluster-ca-cert": {"ca.crt"},
        "key": {"routing-key"},
        "platform-ca": {"ca.crt"},
    }
    files = {
        f"{mount['mountPath']}/{item['path']}"
        for mount, v in zip(container(made)["volumeMounts"], made["spec"]["template"]["spec"]["volumes"], strict=True)
        for item in v["secret"]["items"]
    }
    settings = env(made)
    for path in (settings["PAGER_CA"], settings["PAGER_ENDPOINT_CA"], settings["PAGER_ROUTING_KEY"]):
        assert path in files
    assert f"{settings['PAGER_CERTS']}/user.key" in files


def test_there_is_one_pager_at_a_time():
    spec = manifest()["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_where_it_is_looked_at():
    made = manifest()
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert labels["kafkalogs.io/metrics"] == "true"
    ports = {port["name"]: port["containerPort"] for port in container(made)["ports"]}
    assert set(ports) == {"health", "metrics"}
    assert env(made)["PAGER_METRICS_PORT"] == str(ports["metrics"])
    assert env(made)["PAGER_HEALTH_PORT"] == str(ports["health"])
    policy = pager_policy_manifest(PagerArgs(**ARGS))["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"port": ports["metrics"], "protocol": "TCP"}]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}]


def test_the_public_authorities_are_trusted_unless_one_is_named():
    assert "PAGER_ENDPOINT_CA" not in env(manifest())


def test_the_secret_may_call_the_key_what_it_likes():
    made = manifest(routing_key_secret="pagerduty-credentials", routing_key_field="password")
    volume = next(v for v in made["spec"]["template"]["spec"]["volumes"] if v["name"] == "pagerduty")
    assert volume["secret"]["items"] == [{"key": "password", "path": "routing-key"}]


def test_the_state_is_compacted():
    made = state_topic("kafkalogs", "logs", 3, 2)
    assert problems(made) == []
    assert made["spec"]["config"]["cleanup.policy"] == "compact"
    assert (made["spec"]["partitions"], made["spec"]["replicas"]) == (1, 3)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return registered(lambda: Pager("pager", PagerArgs(**ARGS)))


def test_what_it_may_do_is_this_and_nothing_more(graph: Graph):
    (user,) = graph.of("KafkaUser")
    spec = user.inputs["spec"]
    assert problems({"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaUser", "metadata": {}, "spec": spec}) == []
    granted = {
        (a["resource"]["type"], a["resource"]["name"], a["resource"]["patternType"], operation)
        for a in spec["authorization"]["acls"]
        for operation in a["operations"]
    }
    read, write = ("Read", "Describe", "DescribeConfigs"), ("Write", "Describe")
    assert granted == {
        *(("topic", "errors.critical", "literal", operation) for operation in read),
        *(("topic", STATE, "literal", operation) for operation in (*read, *write)),
        *(("topic", DEAD_LETTERS, "literal", operation) for operation in write),
        *(("group", "pager.", "prefix", operation) for operation in ("Read", "Describe")),
    }
    assert env(manifest())["PAGER_GROUP"].startswith("pager.")
    assert user_manifest("kafkalogs", "logs", UserSpec(name=PAGER, acls=()))["metadata"]["name"] == "pager"


def test_its_topics(graph: Graph):
    topics = {r.inputs["metadata"]["name"]: r.inputs["spec"] for r in graph.of("KafkaTopic")}
    assert topics.keys() == {"dlq.pager", "pager.state"}
    config = topics["dlq.pager"]["config"]
    assert config["retention.ms"] == 14 * 86_400_000
    assert config["max.message.bytes"] > 1024 * 1024, "a record of 1 MiB, and why it is there"


def test_the_component(graph: Graph):
    (component,) = graph.of("index:Pager")
    assert component.outputs == {"user": "pager", "deadLetters": "dlq.pager"}
    others = [r for r in graph.resources if r.type != "pulumi:pulumi:Stack" and r is not component]
    urns = {r.urn for r in others} | {component.urn}
    assert all(r.parent in urns for r in others)
    (deployment,) = graph.of("apps/v1:Deployment")
    needed = {r.urn for r in (*graph.of("KafkaTopic"), *graph.of("KafkaUser"))}
    assert needed <= deployment.dependencies, "it begins after what it needs, and goes before it"
    assert deployment.create_timeout == "5m"


def test_with_what_only_the_deployment_knows():
    def build() -> None:
        Pager("pager", PagerArgs(**{**ARGS, "image": unknown(), "endpoint": unknown(), "topic": unknown()}))

    found = registered(build, preview=True)
    assert len(found.of("KafkaTopic")) == 2
    assert len(found.of("apps/v1:Deployment")) == 1


def test_the_images_hold_what_they_run():
    from embedded.build.images.table import IMAGES

    for module in ("pager", "pagerduty"):
        image = IMAGES[module]()
        assert list(image.entrypoint) == ["python3", "-m", module]
        assert image.user == "1001"
        assert image.ref.startswith(f"localhost/kafkalogs/{module}:")
