"""What `ConnectCluster` and its connectors are made of."""

from typing import Any

import pulumi
import pytest
from embedded_operator.connect import spec as connect_spec
from kafkalogs.config import units
from kafkalogs.sinks.args import RawS3SinkArgs
from kafkalogs.sinks.connect import (
    OFF_HEAP,
    ConnectCluster,
    ConnectClusterArgs,
    connect_manifest,
    connect_user_manifest,
    internal_topic_manifest,
    secret_file,
    secret_value,
)
from kafkalogs.sinks.connectors import connector_manifest
from kafkalogs.sinks.record import internal_topics

from tests.support.crd_schema import problems
from tests.support.graph import Graph, registered, unknown


def manifest(**more: Any) -> dict[str, Any]:
    values = {
        "namespace": "kafkalogs",
        "cluster": "logs",
        "image": "connect:1",
        "heap": 512 * units.MIB,
        "connect": "connect",
        "replicas": 2,
        "version": "4.3.1",
        "topic_replicas": 3,
        "secrets": ["s3-credentials", "elasticsearch-tls"],
        "cpu": 200,
        "cpu_limit": 2000,
        "config": None,
        "metrics": {"type": "jmxPrometheusExporter", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
        "labels": {"a": "b"},
    }
    return connect_manifest(ConnectClusterArgs(**{**values, **more}))


def args(**more: Any) -> ConnectClusterArgs:
    return ConnectClusterArgs("kafkalogs", "logs", "connect:1", 512 * units.MIB, **more)


def connector(**more: Any) -> dict[str, Any]:
    about = {"namespace": "kafkalogs", "cluster": "logs", "connect": "connect", "bucket": "b", "topics": ["a"]}
    return connector_manifest("archive", RawS3SinkArgs(**about, **more), "x.Sink", {"flush": 1})


def user(control: list[str] | None = None) -> dict[str, Any]:
    return connect_user_manifest(args(control_topics=control))


def granted(resource: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    acls = resource["spec"]["authorization"]["acls"]
    assert all(a["type"] == "allow" for a in acls)
    return {
        (a["resource"]["type"], a["resource"]["name"], a["resource"]["patternType"], operation)
        for a in acls
        for operation in a["operations"]
    }


@pytest.mark.parametrize(
    "built",
    [
        manifest(),
        manifest(secrets=None, metrics=None, labels=None, replicas=1),
        user(["archive.control"]),
        internal_topic_manifest("configs", args()),
        connector(tasks=2, state="paused"),
    ],
    ids=lambda built: built["kind"],
)
def test_manifests_are_valid_against_the_genuine_definitions(built):
    assert problems(built) == []
    assert built["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Ready"


def test_the_embedded_operator_takes_it_without_a_warning():
    resource = manifest()
    resource["metadata"]["uid"] = "u"
    parsed = connect_spec.parse(resource, {"4.3.1": "kafka:1"})
    assert parsed.warnings == []
    assert parsed.config["config.providers"] == "dir"
    assert parsed.image == "connect:1"


class TestWorkers:
    def test_connectors_are_resources(self):
        assert manifest()["metadata"]["annotations"]["strimzi.io/use-connector-resources"] == "true"

    def test_they_reach_the_brokers_with_a_certificate_of_their_own(self):
        spec = manifest()["spec"]
        assert spec["bootstrapServers"] == "logs-kafka-bootstrap.kafkalogs.svc:9093"
        assert spec["tls"]["trustedCertificates"] == [{"secretName": "logs-cluster-ca-cert", "pattern": "*.crt"}]
        assert spec["authentication"]["certificateAndKey"]["secretName"] == "connect"

    def test_heap_and_limits_follow_from_the_heap(self):
        spec = manifest()["spec"]
        assert spec["jvmOptions"] == {"-Xms": "512m", "-Xmx": "512m"}
        memory = units.quantity(512 * units.MIB + OFF_HEAP)
        assert spec["resources"]["limits"] == {"memory": memory, "cpu": "2"}
        assert spec["resources"]["requests"] == {"memory": memory, "cpu": "200m"}

    def test_pods_are_restricted(self):
        template = manifest()["spec"]["template"]
        assert template["pod"]["securityContext"]["runAsNonRoot"] is True
        container = template["connectContainer"]["securityContext"]
        assert container["allowPrivilegeEscalation"] is False
        assert container["capabilities"] == {"drop": ["ALL"]}
        assert container["readOnlyRootFilesystem"] is True

    def test_secrets_are_mounted_where_references_look_for_them(self):
        spec = manifest()["spec"]
        mounts = {m["name"]: m["mountPath"] for m in spec["template"]["connectContainer"]["volumeMounts"]}
        volumes = {v["secret"]["secretName"]: mounts[v["name"]] for v in spec["template"]["pod"]["volumes"]}
        assert volumes == {name: f"/mnt/secrets/{name}" for name in ("s3-credentials", "elasticsearch-tls")}
        assert secret_value("s3-credentials", "password") == "${dir:/mnt/secrets/s3-credentials:password}"
        assert secret_file("elasticsearch-tls", "ca.crt") == "/mnt/secrets/elasticsearch-tls/ca.crt"
        assert spec["config"]["config.providers.dir.param.allowed.paths"] == "/mnt/secrets"
        assert spec["config"]["config.providers.dir.class"].endswith(".DirectoryConfigProvider")

    def test_events_are_plain_json(self):
        config = manifest()["spec"]["config"]
        assert config["value.converter"].endswith("JsonConverter")
        assert config["value.converter.schemas.enable"] is False

    def test_settings_of_the_stack_win(self):
        config = manifest(config={"scheduled.rebalance.max.delay.ms": 1})["spec"]["config"]
        assert config["scheduled.rebalance.max.delay.ms"] == 1

    def test_metrics_and_labels_are_passed_on(self):
        spec = manifest()["spec"]
        assert spec["metricsConfig"]["type"] == "jmxPrometheusExporter"
        assert spec["template"]["pod"]["metadata"] == {"labels": {"a": "b"}}
        assert "metricsConfig" not in manifest(metrics=None)["spec"]


class TestRights:
    INTERNAL: set[tuple[str, str, str, str]] = {  # noqa: RUF012
        ("topic", f"connect.{topic}", "literal", operation)
        for topic in ("configs", "offsets", "status")
        for operation in ("Read", "Write", "Describe", "DescribeConfigs")
    }
    SINKS: set[tuple[str, str, str, str]] = {  # noqa: RUF012
        *(("topic", "logs.", "prefix", operation) for operation in ("Read", "Describe")),
        *(("topic", "dlq.", "prefix", operation) for operation in ("Write", "Describe")),
        *(("group", "connect.workers", "literal", operation) for operation in ("Read", "Describe")),
        *(("group", "connect-", "prefix", operation) for operation in ("Read", "Describe")),
    }

    def test_nothing_but_what_workers_and_sinks_need(self):
        assert granted(user()) == self.INTERNAL | self.SINKS

    def test_control_topics_bring_transactions(self):
        more = granted(user(["archive.control"])) - granted(user())
        assert more == {
            *(("topic", "archive.control", "literal", operation) for operation in ("Read", "Write", "Describe")),
            *(("transactionalId", "connect-", "prefix", operation) for operation in ("Write", "Describe")),
        }

    def test_prefixes_can_be_others(self):
        found = granted(connect_user_manifest(args(read_prefixes=["a."], write_prefixes=[])))
        assert ("topic", "a.", "prefix", "Read") in found
        assert not any(name in ("logs.", "dlq.") for _, name, _, _ in found)

    def test_the_group_is_the_workers_own(self):
        spec = manifest()["spec"]
        assert ("group", spec["groupId"], "literal", "Read") in granted(user())


def test_internal_topics_are_compacted_and_those_of_the_workers():
    topics = internal_topics("connect")
    spec = manifest()["spec"]
    assert [spec[f"{key}StorageTopic"] for key in ("config", "offset", "status")] == list(topics.values())
    topic = internal_topic_manifest("configs", args())
    assert topic["spec"]["topicName"] == topics["configs"]
    assert topic["spec"]["config"]["cleanup.policy"] == "compact"
    assert topic["spec"]["replicas"] == 3
    assert topic["metadata"]["labels"]["strimzi.io/cluster"] == "logs"


def test_a_connector():
    built = connector(tasks=2)
    assert built["metadata"]["labels"]["strimzi.io/cluster"] == "connect"
    config = built["spec"].pop("config")
    assert (config["topics"], config["flush"]) == ("a", 1)
    assert built["spec"] == {
        "class": "x.Sink",
        "tasksMax": 2,
        "state": "running",
        "autoRestart": {"enabled": True},
    }


def cluster(preview: bool = False, **more: Any) -> Graph:
    def build() -> None:
        known = {"namespace": "kafkalogs", "cluster": "logs", "image": "connect:1", "heap": 512 * units.MIB}
        ConnectCluster(
            "connect", ConnectClusterArgs(**{**known, **{k: v() if callable(v) else v for k, v in more.items()}})
        )

    return registered(build, preview)


class TestComponent:
    def test_what_it_is_made_of(self):
        graph = cluster()
        assert {(r.type.rpartition(":")[2], r.name) for r in graph.resources if r.parent} >= {
            ("KafkaConnect", "connect"),
            ("KafkaUser", "connect-user"),
            *(("KafkaTopic", topic) for topic in internal_topics("connect").values()),
        }
        component = graph.one("index:ConnectCluster", "connect")
        assert {r.parent for r in graph.of("KafkaTopic") + graph.of("KafkaUser") + graph.of("KafkaConnect")} == {
            component.urn
        }

    def test_outputs(self):
        assert cluster().one("index:ConnectCluster", "connect").outputs == {
            "connect": "connect",
            "url": "http://connect-connect-api.kafkalogs.svc:8083",
            "user": "connect",
        }

    def test_workers_come_after_their_user_and_topics(self):
        graph = cluster()
        needed = {r.urn for r in (*graph.of("KafkaUser"), *graph.of("KafkaTopic"))}
        assert graph.one("v1:KafkaConnect", "connect").dependencies == needed

    def test_the_image_may_be_unknown(self):
        graph = cluster(preview=True, image=unknown)
        assert len(graph.of("v1:KafkaConnect")) == 1

    def test_numbers_through_the_plugin(self):
        values = {"namespace": "n", "cluster": "logs", "image": "i", "heap": 536870912.0, "replicas": 3.0}
        graph = registered(lambda: ConnectCluster("c", values))  # type: ignore[arg-type]
        spec = graph.one("v1:KafkaConnect", "c").inputs["spec"]
        assert spec["jvmOptions"]["-Xmx"] == "512m"

    def test_options_reach_it(self):
        graph = registered(
            lambda: ConnectCluster(
                "c",
                ConnectClusterArgs(namespace="n", cluster="logs", image="i", heap=2**29),
                pulumi.ResourceOptions(protect=True),
            )
        )
        assert graph.one("index:ConnectCluster", "c").protect
