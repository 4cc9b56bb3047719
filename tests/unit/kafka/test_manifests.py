"""What the pure builders make: valid against the genuine definitions, and what production wants."""

from pathlib import Path
from typing import Any

import demo_shop
import pytest
import yaml
from kafkalogs import load
from kafkalogs.catalog import resolve as catalog
from kafkalogs.config import sizing, units
from kafkalogs.kafka.cluster import NodePoolArgs, broker_ids, kafka_manifest, node_ids, pool_manifest
from kafkalogs.kafka.identity import identity_manifest
from kafkalogs.kafka.operator import StrimziOperatorArgs, chart_values, embedded_manifest, embedded_rules
from kafkalogs.kafka.topic import LogTopicArgs, log_topic_manifest
from kafkalogs.platform import cluster_args, reader_args, topic_args, writer_args

from tests.support.crd_schema import problems
from tests.support.stack import VALID, changed

STACKS = Path(__file__).resolve().parents[3] / "stacks"


def stack_files() -> list[Any]:
    named = {p.stem.split(".")[1]: p for p in sorted(STACKS.glob("Pulumi.*.yaml"))}
    loaded = [pytest.param(VALID, id="example")]
    for name, path in named.items():
        loaded.append(pytest.param(yaml.safe_load(path.read_text())["config"]["kafkalogs:platform"], id=name))
    separate = {"roles": ["controller"], "replicas": 3, "storage": {"type": "ephemeral", "size": "1Gi"}}
    rack = ("kafka.rack", "topology.kubernetes.io/zone")
    brokers = ("kafka.pools.kafka.roles", ["broker"])
    external = ("kafka.external", None)
    loaded.append(pytest.param(changed(("kafka.pools.controllers", separate), brokers, rack, external), id="separate"))
    return loaded


def manifests(raw: dict[str, Any]) -> list[dict[str, Any]]:
    platform = load(raw)
    found = catalog.resolve(platform)
    args = cluster_args(platform)
    return [
        kafka_manifest(args),
        *(pool_manifest(name, ids.start, args, args.pools[name]) for name, ids in node_ids(args.pools).items()),
        *(log_topic_manifest(topic_args(platform, topic)) for topic in found.topics.values()),
        *(identity_manifest(writer_args(platform, writer)) for writer in found.writers.values()),
        *(identity_manifest(reader_args(platform, reader)) for reader in found.readers.values()),
    ]


@pytest.mark.parametrize("raw", stack_files())
def test_every_manifest_is_valid_against_the_genuine_definitions(raw):
    built = manifests(raw)
    assert {m["kind"] for m in built} == {"Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser"}
    for manifest in built:
        assert problems(manifest) == [], manifest["metadata"]["name"]


def test_the_check_against_the_definitions_finds_an_unknown_field():
    (kafka,) = [m for m in manifests(VALID) if m["kind"] == "Kafka"]
    kafka["spec"]["kafka"]["listenrs"] = []
    kafka["spec"]["kafka"]["rack"] = 3
    assert len(problems(kafka)) == 2


@pytest.fixture
def kafka() -> dict[str, Any]:
    return next(m for m in manifests(VALID) if m["kind"] == "Kafka")["spec"]["kafka"]


def test_cluster_defaults_of_production(kafka):
    config = kafka["config"]
    assert config["auto.create.topics.enable"] is False
    assert config["unclean.leader.election.enable"] is False
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        assert config[f"{topic}.replication.factor"] == 3
    assert config["transaction.state.log.min.isr"] == config["share.coordinator.state.topic.min.isr"] == 2
    assert config["min.insync.replicas"] == 2
    assert kafka["authorization"] == {"type": "simple"}
    assert kafka["template"]["podDisruptionBudget"] == {"maxUnavailable": 1}


def test_every_listener_is_encrypted_and_asks_who_it_is(kafka):
    assert {(x["name"], x["port"], x["authentication"]["type"]) for x in kafka["listeners"]} == {
        ("tls", 9093, "tls"),
        ("scram", 9094, "scram-sha-512"),
        ("external", 9095, "tls"),
    }
    assert all(listener["tls"] is True for listener in kafka["listeners"])
    assert all(x["networkPolicyPeers"] for x in kafka["listeners"] if x["type"] == "internal")


def test_the_external_listener_gives_every_broker_its_own_port(kafka):
    external = kafka["listeners"][2]["configuration"]
    assert external["bootstrap"] == {"nodePort": 32090, "alternativeNames": ["localhost"]}
    assert [(b["broker"], b["advertisedHost"], b["advertisedPort"], b["nodePort"]) for b in external["brokers"]] == [
        (0, "localhost", 32091, 32091),
        (1, "localhost", 32092, 32092),
        (2, "localhost", 32093, 32093),
    ]


def test_broker_settings_of_the_stack_win():
    raw = changed(("kafka.config", {"num.partitions": 5, "min.insync.replicas": 1}))
    config = next(m for m in manifests(raw) if m["kind"] == "Kafka")["spec"]["kafka"]["config"]
    assert (config["num.partitions"], config["min.insync.replicas"]) == (5, 1)


def test_node_ids_put_brokers_first_and_leave_room():
    pool = NodePoolArgs(roles=["broker"], replicas=2, storage_size=1, memory=1, cpu=1)
    controllers = NodePoolArgs(roles=["controller"], replicas=3, storage_size=1, memory=1, cpu=1)
    pools = {"controllers": controllers, "a": pool, "b": pool}
    assert broker_ids(pools) == [0, 1, 100, 101]
    assert node_ids(pools)["controllers"] == range(200, 203)


def test_pods_are_restricted_and_apart():
    raw = changed(("kafka.rack", "topology.kubernetes.io/zone"))
    spec = next(m for m in manifests(raw) if m["kind"] == "KafkaNodePool")["spec"]
    pod = spec["template"]["pod"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert pod["topologySpreadConstraints"][0]["topologyKey"] == "topology.kubernetes.io/zone"
    for container in ("kafkaContainer", "initContainer"):
        assert_restricted(spec["template"][container]["securityContext"])
    assert spec["resources"] == {
        "requests": {"memory": "1Gi", "cpu": "500m"},
        "limits": {"memory": "1Gi", "cpu": "2"},
    }
    assert spec["jvmOptions"] == {"-Xms": "512m", "-Xmx": "512m"}


def assert_restricted(context: dict[str, Any]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_topic_settings():
    spec = log_topic_manifest(LogTopicArgs("kafkalogs", "logs", "logs.audit", 3, 3, 2, 7 * units.DAY))["spec"]
    assert (spec["partitions"], spec["replicas"]) == (3, 3)
    config = spec["config"]
    assert config["retention.ms"] == 7 * units.DAY
    assert config["segment.ms"] == sizing.segment_ms(7 * units.DAY)
    assert config["min.insync.replicas"] == 2
    assert config["compression.type"] == "producer"
    assert config["cleanup.policy"] == "delete"
    assert config["max.message.bytes"] == units.MIB
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert "topicName" not in spec


def test_a_topic_that_kubernetes_would_not_name_keeps_its_name_in_kafka():
    manifest = log_topic_manifest(LogTopicArgs("kafkalogs", "logs", "Audit_Log", 3, 3, 2, units.DAY))
    assert manifest["metadata"]["name"] == "audit-log"
    assert manifest["spec"]["topicName"] == "Audit_Log"
    assert problems(manifest) == []


def granted(manifest: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    acls = manifest["spec"]["authorization"]["acls"]
    assert all(a["type"] == "allow" for a in acls)
    return {
        (a["resource"]["type"], a["resource"]["name"], a["resource"]["patternType"], o)
        for a in acls
        for o in a["operations"]
    }


def test_a_service_may_write_its_own_topics_and_nothing_else():
    user = next(m for m in manifests(VALID) if m["metadata"]["name"] == "auth-service")
    assert granted(user) == {
        ("topic", topic, "literal", operation)
        for topic in ("logs.auth-service", "logs.audit")
        for operation in ("Write", "Describe")
    }
    assert user["spec"]["quotas"] == {
        "producerByteRate": sizing.quota_per_broker(20 * units.KIB, [1 / 3]),
        "requestPercentage": 200,
        "controllerMutationRate": 10,
    }


def test_a_team_may_read_what_it_is_granted_with_its_own_groups_and_nothing_else():
    user = next(m for m in manifests(VALID) if m["metadata"]["name"] == "team-security")
    topics = {("topic", "logs.audit", "literal"), ("topic", "logs.", "prefix")}
    assert granted(user) == {
        *((*topic, operation) for topic in topics for operation in ("Read", "Describe", "DescribeConfigs")),
        *(("group", "security.", "prefix", operation) for operation in ("Read", "Describe")),
    }


@pytest.mark.parametrize("kind", ["Kafka", "KafkaTopic", "KafkaUser"])
def test_what_reports_readiness_is_waited_for(kind):
    for manifest in (m for m in manifests(VALID) if m["kind"] == kind):
        assert manifest["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Ready"


def test_pools_are_not_waited_for_since_strimzi_never_calls_them_ready():
    pool = next(m for m in manifests(VALID) if m["kind"] == "KafkaNodePool")
    assert "pulumi.com/waitFor" not in pool["metadata"].get("annotations", {})


def test_the_embedded_operator_is_restricted_and_never_twice():
    manifest = embedded_manifest(StrimziOperatorArgs("kafkalogs", "embedded", image="op:1", kafka_image="kafka:1"))
    spec = manifest["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    (container,) = spec["template"]["spec"]["containers"]
    assert_restricted(container["securityContext"])
    assert {"name": "STRIMZI_KAFKA_IMAGES", "value": "4.3.1=kafka:1"} in container["env"]


def test_the_embedded_operator_has_no_right_to_all():
    for rule in embedded_rules():
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_the_chart_gets_memory_and_restricted_pods():
    values = chart_values(StrimziOperatorArgs("kafkalogs"))
    assert values["resources"]["limits"]["memory"] == "768Mi"
    assert_restricted(values["securityContext"])


def test_shop_pods_are_restricted_and_see_only_their_own_credentials():
    manifest = demo_shop.deployment_manifest("cart-service", "kafkalogs", "logs", "shop:1", 50.0, 1)
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert_restricted(container["securityContext"])
    assert container["command"] == ["python3", "-m", "shop", "cart-service"]
    assert {v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v} == {
        "cart-service",
        "logs-cluster-ca-cert",
    }
    assert pod["automountServiceAccountToken"] is False


def test_users_and_listeners_are_limited_as_the_stack_says():
    limits = {"connections": {"listener": 70, "perSecond": 7}, "external": {"host": "logs.example.com"}}
    raw = changed(
        ("kafka", {**VALID["kafka"], **limits}),
        ("services.nginx.requestPercentage", 300),
        ("teams.security.requestPercentage", 400),
    )
    made = {(m["kind"], m["metadata"]["name"]): m["spec"] for m in manifests(raw)}
    listeners = made["Kafka", "logs"]["kafka"]["listeners"]
    assert len(listeners) == 3
    for one in listeners:
        limited = one["configuration"]
        assert (limited["maxConnections"], limited["maxConnectionCreationRate"]) == (70, 7), one["name"]
    assert made["KafkaUser", "nginx"]["quotas"]["requestPercentage"] == 300
    assert made["KafkaUser", "team-security"]["quotas"]["requestPercentage"] == 400


def test_every_user_and_listener_is_limited_by_default():
    for manifest in manifests(VALID):
        if manifest["kind"] == "KafkaUser":
            quotas = manifest["spec"]["quotas"]
            assert quotas["requestPercentage"] == sizing.REQUEST_PERCENTAGE
            assert quotas["controllerMutationRate"] == sizing.CONTROLLER_MUTATION_RATE
        for one in manifest["spec"].get("kafka", {}).get("listeners", []):
            assert one["configuration"]["maxConnections"] == sizing.CONNECTIONS
            assert one["configuration"]["maxConnectionCreationRate"] == sizing.CONNECTIONS_PER_SECOND
