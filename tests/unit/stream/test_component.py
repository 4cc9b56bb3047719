"""The resources of `FlinkJob`, without an engine."""

from __future__ import annotations

import re
from typing import Any

import pytest
from kafkalogs.stream.args import FlinkJobArgs
from kafkalogs.stream.job import FlinkJob
from kafkalogs.stream.record import DEAD_LETTER_BYTES, OUTPUTS
from kafkalogs.stream.rights import OWN_NAMES

from tests.support.crd_schema import problems
from tests.support.graph import Graph, registered, unknown


def job(preview: bool = False, **changes: Any) -> Graph:
    values: dict[str, Any] = {
        "namespace": "kafkalogs",
        "cluster": "logs",
        "image": "flink:1",
        "catalog_image": "catalog:1",
        "template": "-- {{ bootstrap }}",
        "services": {"cart": {"team": "storefront", "tier": "1"}},
        "s3_endpoint": "https://s3:7070",
        "s3_credentials_secret": "s3-credentials",
        "s3_ca_secret": "platform-ca",
        **changes,
    }
    return registered(lambda: FlinkJob("stream", FlinkJobArgs(**values)), preview)


def flink(graph: Graph) -> dict[str, Any]:
    return graph.one(":FlinkDeployment", "stream").inputs


def test_all_parts_and_the_job_after_them() -> None:
    graph = job()
    kinds = {
        (r.type.rpartition(":")[2], r.inputs["metadata"]["name"]): r for r in graph.resources if "metadata" in r.inputs
    }
    script = mounted_script(graph)
    catalog = next(name for kind, name in kinds if kind == "Job")
    assert catalog.startswith("stream-catalog-")
    assert set(kinds) == {
        *(("KafkaTopic", topic) for topic in OUTPUTS.values()),
        ("KafkaUser", "stream"),
        ("ConfigMap", script),
        ("ConfigMap", catalog),
        ("Job", catalog),
        ("ServiceAccount", "stream"),
        ("Role", "stream"),
        ("RoleBinding", "stream"),
        ("ValidatingAdmissionPolicy", "kafkalogs-stream-configmaps"),
        ("ValidatingAdmissionPolicyBinding", "kafkalogs-stream-configmaps"),
        ("NetworkPolicy", "stream"),
        ("FlinkDeployment", "stream"),
    }
    # Neither waits for the other.
    late = {("FlinkDeployment", "stream"), ("ConfigMap", catalog), ("Job", catalog)}
    before = {r.urn for key, r in kinds.items() if key not in late}
    assert before <= graph.one(":FlinkDeployment", "stream").dependencies
    needed = {("KafkaTopic", OUTPUTS["catalog"]), ("KafkaUser", "stream"), ("ConfigMap", catalog)}
    assert {r.urn for key, r in kinds.items() if key in needed} <= kinds["Job", catalog].dependencies


def test_topics_and_user_are_valid_against_the_genuine_definitions() -> None:
    for kind in ("KafkaTopic", "KafkaUser"):
        for resource in job().of(f":{kind}"):
            manifest = {"apiVersion": "kafka.strimzi.io/v1", "kind": kind}
            assert problems(manifest | {key: resource.inputs[key] for key in ("metadata", "spec")}) == []


def test_dead_letters_take_what_any_broker_takes_and_are_kept_for_two_weeks() -> None:
    (topic,) = [r for r in job().of(":KafkaTopic") if r.inputs["metadata"]["name"] == "dlq.stream"]
    assert topic.inputs["spec"]["config"]["max.message.bytes"] == DEAD_LETTER_BYTES
    assert topic.inputs["spec"]["config"]["retention.ms"] == 14 * 24 * 3600 * 1000


def test_the_catalog_is_compacted() -> None:
    (topic,) = [r for r in job().of(":KafkaTopic") if r.inputs["metadata"]["name"] == "catalog.services"]
    assert topic.inputs["spec"]["config"]["cleanup.policy"] == "compact"


def mounted_script(graph: Graph) -> str:
    volumes = flink(graph)["spec"]["podTemplate"]["spec"]["volumes"]
    return next(volume["configMap"]["name"] for volume in volumes if volume["name"] == "script")


def test_another_script_changes_the_job_and_another_catalog_does_not() -> None:
    first = job()
    changed = job(template="SELECT 1 {{ bootstrap }}")
    assert mounted_script(first) != mounted_script(changed)
    grown = job(services={"cart": {"team": "storefront"}, "new": {"team": "x"}})
    assert flink(grown) == flink(first)


def test_flink_may_write_no_configmap_but_its_own() -> None:
    """What the Role allows more, the admission policy refuses; the Role is bound after the policy is in force."""
    graph = job()
    (policy,) = graph.of(":ValidatingAdmissionPolicy")
    (enforced,) = graph.of(":ValidatingAdmissionPolicyBinding")
    (binding,) = graph.of(":RoleBinding")
    assert {policy.urn, enforced.urn} <= binding.dependencies
    assert enforced.inputs["spec"] == {"policyName": "kafkalogs-stream-configmaps", "validationActions": ["Deny"]}
    spec = policy.inputs["spec"]
    assert spec["failurePolicy"] == "Fail"
    (rule,) = spec["matchConstraints"]["resourceRules"]
    (role,) = graph.of(":Role")
    (right,) = role.inputs["rules"]
    assert (rule["apiGroups"], rule["resources"]) == (right["apiGroups"], right["resources"])
    assert rule["operations"] == ["CREATE", "UPDATE", "DELETE"]
    selector = spec["matchConstraints"]["namespaceSelector"]
    assert selector == {"matchLabels": {"kubernetes.io/metadata.name": "kafkalogs"}}
    (subject,) = binding.inputs["subjects"]
    account = f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
    assert [c["expression"] for c in spec["matchConditions"]] == [f"request.userInfo.username == '{account}'"]
    (validation,) = spec["validations"]
    assert f".metadata.name.matches('{OWN_NAMES}')" in validation["expression"]


def test_flinks_own_names_are_those_of_its_high_availability_and_no_others() -> None:
    own = ["stream-cluster-config-map", "stream-0123456789abcdef0123456789abcdef-config-map"]
    others = [r.inputs["metadata"]["name"] for r in job().of(":ConfigMap")]
    others += ["flink-config-stream", "logs-connect-config", "stream-x-config-map", "x-stream-cluster-config-map"]
    assert [name for name in [*own, *others] if re.search(OWN_NAMES, name)] == own


@pytest.mark.parametrize("preview", [True, False])
def test_what_is_not_known_yet_is_waited_for(preview: bool) -> None:
    graph = registered(
        lambda: FlinkJob(
            "stream",
            FlinkJobArgs(
                namespace="kafkalogs", cluster="logs", image=unknown(), catalog_image="c", template="x", services={}
            ),
        ),
        preview,
    )
    assert graph.of(":FlinkDeployment")
