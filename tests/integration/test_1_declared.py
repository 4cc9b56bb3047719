"""What `pulumi up` made is what the stack file declares, and a second look finds nothing to change."""

from __future__ import annotations

import json
from typing import Any

from confluent_kafka.admin import ConfigResource, ResourceType

from tests.support import kafka
from tests.support.sandbox import Sandbox


def catalog(platform: Sandbox) -> dict[str, Any]:
    return json.loads(platform.get("configmap", "kafkalogs-catalog")["data"]["catalog.json"])


def test_every_topic_has_the_declared_partitions_replicas_min_isr_and_retention(platform: Sandbox) -> None:
    declared = catalog(platform)["topics"]
    assert len(declared) >= 12
    admin = kafka.admin(platform, "team-operations")
    seen = admin.list_topics(timeout=30).topics
    futures = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in declared])
    configs = {resource.name: future.result(30) for resource, future in futures.items()}
    for name, topic in declared.items():
        partitions = seen[name].partitions
        assert len(partitions) == topic["partitions"], name
        assert {len(p.replicas) for p in partitions.values()} == {topic["replicas"]} == {3}, name
        assert {len(p.isrs) for p in partitions.values()} == {3}, name
        assert int(configs[name]["min.insync.replicas"].value) == topic["minInsyncReplicas"] == 2
        assert int(configs[name]["retention.ms"].value) == topic["retentionMs"], name
        assert configs[name]["unclean.leader.election.enable"].value == "false"


def test_leaders_are_spread_evenly(platform: Sandbox) -> None:
    admin = kafka.admin(platform, "team-operations")
    leaders: dict[int, int] = {}
    for name, topic in admin.list_topics(timeout=30).topics.items():
        if name in catalog(platform)["topics"]:
            for partition in topic.partitions.values():
                leaders[partition.leader] = leaders.get(partition.leader, 0) + 1
    assert len(leaders) == 3
    assert max(leaders.values()) <= 1.5 * min(leaders.values()), leaders


def test_no_pod_or_namespace_is_less_than_restricted(platform: Sandbox) -> None:
    namespace = json.loads(platform.kubectl("get", "namespace", "kafkalogs", "-o", "json"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in platform.get("pods")["items"]:
        for container in pod["spec"]["containers"]:
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), container["name"]
            assert "memory" in container["resources"]["limits"], container["name"]


def test_brokers_keep_their_data_on_persistent_volumes(platform: Sandbox) -> None:
    claims = {claim["metadata"]["name"]: claim["status"]["phase"] for claim in platform.get("pvc")["items"]}
    assert {f"data-0-logs-kafka-{node}": "Bound" for node in range(3)}.items() <= claims.items()


def test_a_second_up_has_no_changes(platform: Sandbox) -> None:
    platform.up("--expect-no-changes")


def test_refresh_finds_no_drift(platform: Sandbox) -> None:
    platform.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def test_no_private_key_and_no_password_is_in_the_state(platform: Sandbox) -> None:
    state = platform.pulumi("stack", "export", "-s", "local").out
    assert "kafkalogs:index:LogTopic" in state
    assert "PRIVATE KEY" not in state
    password = kafka.secret(platform, "checkout-service")["user.password"]
    assert password not in state
