"""Each danger: a step in which one thing is changed must be told, and the same step without it must not."""

from typing import Any

import pytest
from kafkalogs.catalog.part import CLASS_LABEL, KIND_LABEL

from . import steps
from .steps import (
    CONNECTOR,
    KAFKA,
    PIPELINE,
    POOL,
    STRIMZI,
    UNKNOWN,
    Json,
    changed,
    kinds,
    rule,
    step,
    told,
    topic,
    user,
)

TOPIC, USER, CORE = f"{STRIMZI}KafkaTopic", f"{STRIMZI}KafkaUser", "kubernetes:core/v1:"
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
READER = user("team-edge", rule("Read", "logs.access"), consumerByteRate=1000)
WRITER = user("cart-service", rule("Write", "logs.cart-service"), producerByteRate=1000)
NETWORK = steps.manifest("NetworkPolicy", "kafka", {"podSelector": {"a": "b"}, "ingress": [{"from": [steps.PEER]}]})
ADMISSION = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"
ADMITS = steps.manifest("ValidatingAdmissionPolicy", "stream", {"validations": [{"expression": "false"}]})
EGRESS = steps.manifest(
    "NetworkPolicy",
    "kafka-egress",
    {"podSelector": {"a": "b"}, "policyTypes": ["Egress"], "egress": [{"to": [steps.PEER]}]},
)
GRANTS: Json = {
    "metadata": {"name": "operator"},
    "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
}
DISKS: Json = {
    "metadata": {"name": "encrypted"},
    "parameters": {"encrypted": "true", "kmsKeyId": "arn:1", "type": "gp3"},
    "reclaimPolicy": "Retain",
}
SEARCH: Json = {"metadata": {"name": "s"}, "data": {"search.json": '{"streams": {"logs-audit-default": 7200000}}'}}
SCHEMAS: Json = {"metadata": {"name": "s"}, "data": {"schemas.json": '{"compatibility": "FULL_TRANSITIVE"}'}}
REGISTRY: Json = {"metadata": {"name": "r"}, "spec": {"env": [{"name": "URL", "value": "https://registry:8443/x"}]}}
CONFIG = ("spec", "kafka", "config")
VOLUME = ("spec", "storage", "volumes", 0)

# type, what is deployed, path of what is changed, to what (... removes it), the kind of danger
MUTATIONS: list[tuple[str, Json, tuple[str | int, ...], Any, str]] = [
    (TOPIC, topic(), ("spec", "config", "retention.ms"), 3_600_000, "retention"),
    (TOPIC, topic(**{"retention.ms": -1}), ("spec", "config", "retention.ms"), 10**12, "retention"),
    (TOPIC, topic(**{"retention.ms": -1}), ("spec", "config", "retention.ms"), ..., "retention"),
    (TOPIC, topic(), ("spec", "config", "retention.bytes"), 1 << 30, "retention"),
    (TOPIC, topic(**{"retention.bytes": 2 << 30}), ("spec", "config", "retention.bytes"), 1 << 30, "retention"),
    (TOPIC, topic(), ("spec", "config", "cleanup.policy"), "compact", "retention"),
    (TOPIC, topic(**{"cleanup.policy": "compact"}), ("spec", "config", "cleanup.policy"), "delete", "retention"),
    (TOPIC, topic(**{"max.message.bytes": 2048}), ("spec", "config", "max.message.bytes"), 1024, "retention"),
    (TOPIC, topic(), ("spec", "partitions"), 12, "partitions"),
    (TOPIC, topic(), ("spec", "partitions"), 3, "partitions"),
    (TOPIC, topic(), ("spec", "replicas"), 2, "copies"),
    (TOPIC, topic(), ("spec", "config", "min.insync.replicas"), 1, "copies"),
    (TOPIC, topic(), ("spec", "config", "min.insync.replicas"), ..., "copies"),
    (TOPIC, topic(), ("spec",), UNKNOWN, "unknown"),
    (TOPIC, topic(), ("spec", "config", "retention.ms"), UNKNOWN, "unknown"),
    (TOPIC, topic(), ("spec", "config"), "[secret]", "unknown"),
    (
        TOPIC,
        topic(),
        ("spec", "replicas"),
        {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"},
        "unknown",
    ),
    (USER, READER, ("spec", "authorization", "acls"), [rule("Read", "logs.", "prefix")], "access"),
    (USER, READER, ("spec", "authorization", "acls"), [rule("Read", "logs.audit")], "audit"),
    (USER, READER, ("spec", "authorization", "acls"), [rule("All", "logs.access")], "access"),
    (
        USER,
        READER,
        ("spec", "authorization", "acls"),
        [rule("Read", "*", kind="group"), rule("Read", "logs.access")],
        "access",
    ),
    (USER, READER, ("spec", "authorization", "acls"), UNKNOWN, "unknown"),
    (USER, READER, ("spec", "authorization", "acls", 0, "resource", "name"), UNKNOWN, "unknown"),
    (USER, READER, ("spec", "quotas"), ..., "quota"),
    (USER, READER, ("spec", "quotas", "consumerByteRate"), ..., "quota"),
    (USER, WRITER, ("spec", "quotas", "producerByteRate"), ..., "quota"),
    (USER, WRITER, ("spec", "quotas"), "[secret]", "unknown"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "listeners", 0, "tls"), False, "encryption"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "listeners", 0, "tls"), ..., "encryption"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "listeners", 0, "tls"), UNKNOWN, "unknown"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "listeners", 0, "authentication"), ..., "access"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "listeners", 0, "type"), "loadbalancer", "access"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "listeners", 0, "networkPolicyPeers"), ..., "access"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "listeners", 0, "networkPolicyPeers"), [steps.PEER, {}], "access"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "listeners", 0, "name"), "new", "nothing else"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "authorization"), ..., "access"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "authorization", "superUsers"), ["CN=root"], "access"),
    (f"{STRIMZI}Kafka", KAFKA, ("spec", "kafka", "rack"), ..., "copies"),
    *(
        (f"{STRIMZI}Kafka", KAFKA, (*CONFIG, key), 1, "copies")
        for key, value in KAFKA["spec"]["kafka"]["config"].items()
        if value in {2, 3} and value is not True
    ),
    (f"{STRIMZI}Kafka", KAFKA, (*CONFIG, "unclean.leader.election.enable"), True, "copies"),
    (f"{STRIMZI}Kafka", KAFKA, (*CONFIG, "allow.everyone.if.no.acl.found"), "true", "access"),
    (f"{STRIMZI}Kafka", KAFKA, (*CONFIG, "super.users"), "User:x", "access"),
    (f"{STRIMZI}Kafka", KAFKA, (*CONFIG, "ssl.enabled.protocols"), "TLSv1", "encryption"),
    (f"{STRIMZI}Kafka", KAFKA, (*CONFIG, "log.retention.hours"), 1, "retention"),
    (f"{STRIMZI}Kafka", KAFKA, CONFIG, "[secret]", "unknown"),
    (f"{STRIMZI}KafkaNodePool", POOL, ("spec", "replicas"), 2, "store"),
    (f"{STRIMZI}KafkaNodePool", POOL, ("spec", "roles"), ["controller"], "store"),
    (f"{STRIMZI}KafkaNodePool", POOL, (*VOLUME, "type"), "ephemeral", "store"),
    (f"{STRIMZI}KafkaNodePool", POOL, (*VOLUME, "size"), "9Gi", "store"),
    (f"{STRIMZI}KafkaNodePool", POOL, (*VOLUME, "deleteClaim"), True, "protection"),
    (f"{STRIMZI}KafkaNodePool", POOL, (*VOLUME, "class"), "plain", "encryption"),
    (f"{STRIMZI}KafkaNodePool", POOL, (*VOLUME, "class"), ..., "encryption"),
    (f"{STRIMZI}KafkaNodePool", POOL, VOLUME, ..., "store"),
    (f"{STRIMZI}KafkaNodePool", POOL, ("spec", "storage"), UNKNOWN, "unknown"),
    (f"{STRIMZI}KafkaConnector", CONNECTOR, ("spec", "state"), "paused", "sink"),
    (f"{STRIMZI}KafkaConnector", CONNECTOR, ("spec", "config", "topics"), "logs.a", "sink"),
    (f"{STRIMZI}KafkaConnector", CONNECTOR, ("spec", "config", "topics"), UNKNOWN, "unknown"),
    (
        f"{STRIMZI}KafkaConnector",
        CONNECTOR,
        ("spec", "config", "errors.deadletterqueue.topic.name"),
        ...,
        "dead-letters",
    ),
    (
        f"{STRIMZI}KafkaConnector",
        CONNECTOR,
        ("spec", "config", "errors.deadletterqueue.topic.name"),
        "",
        "dead-letters",
    ),
    (
        f"{STRIMZI}KafkaConnector",
        CONNECTOR,
        ("spec", "config", "iceberg.catalog.s3.endpoint"),
        "http://s3.kafkalogs.svc:7070",
        "encryption",
    ),
    (
        f"{STRIMZI}KafkaConnector",
        CONNECTOR,
        ("spec", "config", "iceberg.catalog.uri"),
        "jdbc:postgresql://db/x?sslmode=prefer",
        "encryption",
    ),
    (
        f"{STRIMZI}KafkaConnector",
        CONNECTOR,
        ("spec", "config", "iceberg.catalog.uri"),
        "jdbc:postgresql://db/x",
        "encryption",
    ),
    (f"{STRIMZI}KafkaConnect", {"spec": {"tls": {"trustedCertificates": [1]}}}, ("spec", "tls"), ..., "encryption"),
    (
        f"{CORE}ConfigMap",
        {"data": {"a": "security.protocol=SSL"}},
        ("data", "a"),
        "security.protocol=PLAINTEXT",
        "encryption",
    ),
    ("kubernetes:apps/v1:Deployment", REGISTRY, ("spec", "env", 0, "value"), "http://registry:8443/x", "encryption"),
    (f"{CORE}ConfigMap", SEARCH, ("data", "search.json"), '{"streams": {"logs-audit-default": 3600000}}', "retention"),
    (f"{CORE}ConfigMap", SEARCH, ("data", "search.json"), UNKNOWN, "unknown"),
    (f"{CORE}ConfigMap", SCHEMAS, ("data", "schemas.json"), '{"compatibility": "FULL"}', "schema"),
    (f"{CORE}ConfigMap", SCHEMAS, ("data", "schemas.json"), '{"compatibility": "NONE"}', "schema"),
    (POLICY, NETWORK, ("spec", "ingress"), [{}], "access"),
    (POLICY, NETWORK, ("spec", "podSelector"), {"a": "c"}, "access"),
    (POLICY, EGRESS, ("spec", "egress"), [{}], "access"),
    (POLICY, EGRESS, ("spec", "policyTypes"), ["Ingress"], "access"),
    (POLICY, EGRESS, ("spec", "podSelector"), {"a": "c"}, "access"),
    (POLICY, NETWORK, ("spec", "ingress"), UNKNOWN, "unknown"),
    (ADMISSION, ADMITS, ("spec", "validations"), [], "access"),
    (ROLE, GRANTS, ("rules", 0, "resources"), ["secrets"], "access"),
    (ROLE, GRANTS, ("rules", 0, "verbs"), ["get", "delete"], "access"),
    (ROLE, GRANTS, ("rules", 0, "verbs"), ["*"], "access"),
    (ROLE, GRANTS, ("rules",), UNKNOWN, "unknown"),
    (STORAGE_CLASS, DISKS, ("parameters", "encrypted"), "false", "encryption"),
    (STORAGE_CLASS, DISKS, ("parameters", "encrypted"), ..., "encryption"),
    (STORAGE_CLASS, DISKS, ("parameters", "kmsKeyId"), ..., "encryption"),
    (STORAGE_CLASS, DISKS, ("parameters"), UNKNOWN, "unknown"),
    (STORAGE_CLASS, DISKS, ("reclaimPolicy",), "Delete", "protection"),
]


def _id(case: tuple[str, Json, Any, Any, str]) -> str:
    kind, _, path, to, danger = case
    named = ".".join(map(str, path)) if isinstance(path, tuple) else path
    return f"{kind.rpartition(':')[2]}-{named}-{'gone' if to is ... else str(to)[:20]}-{danger}"


@pytest.mark.parametrize("case", MUTATIONS, ids=_id)
def test_one_changed_thing_is_told(case: tuple[str, Json, Any, Any, str]) -> None:
    kind, deployed, path, to, danger = case
    where = path if isinstance(path, tuple) else (path,)
    after = changed(deployed, *where, to=to)
    found = kinds(step("update", kind, deployed, after))
    if danger == "nothing else":
        assert found == set()
    else:
        assert danger in found
    # A change that no rule is for, and none at all, are not told.
    assert kinds(step("update", kind, deployed, changed(deployed, "metadata", "labels", to={"a": "b"}))) == set()


def test_an_audit_topic_is_known_by_its_label_where_no_catalog_is_shown() -> None:
    for name, label, logs in (
        ("logs.money", "audit", "audit logs"),
        ("logs.money", "access", "logs"),
        ("logs.audit", "", "audit logs"),
    ):
        deployed = changed(topic(name), "metadata", "labels", to={CLASS_LABEL: label} if label else {})
        cut = step("update", TOPIC, deployed, changed(deployed, "spec", "config", "retention.ms", to=3_600_000))
        (follows,) = [danger.follows for danger in told(cut).dangers if danger.kind == "retention"]
        assert f" of {logs}, those older" in follows


GOES: list[tuple[str, Json, str]] = [
    (TOPIC, topic(), "topic"),
    (TOPIC, topic("dlq.archive"), "dead-letters"),
    # the label counts, whatever the name
    (TOPIC, changed(topic("letters"), "metadata", "labels", to={KIND_LABEL: "dead-letters"}), "dead-letters"),
    (TOPIC, changed(topic("dlq.archive"), "metadata", "labels", to={KIND_LABEL: "logs"}), "topic"),
    (f"{STRIMZI}Kafka", KAFKA, "store"),
    (f"{STRIMZI}KafkaNodePool", POOL, "store"),
    (f"{STRIMZI}KafkaConnector", CONNECTOR, "sink"),
    (f"{STRIMZI}KafkaConnect", {"metadata": {"name": "connect"}}, "sink"),
    (f"{CORE}Namespace", {"metadata": {"name": "kafkalogs"}}, "store"),
    (f"{CORE}PersistentVolumeClaim", {"metadata": {"name": "data"}}, "store"),
    (f"{CORE}PersistentVolume", {"metadata": {"name": "data"}}, "store"),
    ("kubernetes:apps/v1:StatefulSet", {"metadata": {"name": "s3"}, "spec": {"volumeClaimTemplates": [{}]}}, "store"),
    ("kubernetes:apps/v1:StatefulSet", {"metadata": {"name": "s3"}, "spec": {}}, "store"),
    ("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", {"metadata": {"name": "kafkas"}}, "store"),
    ("gcp:storage/bucket:Bucket", {"name": "logs"}, "unknown"),
    ("kubernetes:core/v1:Secret", {"metadata": {"name": "password"}}, "unknown"),
]


@pytest.mark.parametrize("case", GOES, ids=lambda case: f"{case[0].rpartition(':')[2]}-{case[2]}")
@pytest.mark.parametrize("op", ["delete", "replace"])
def test_what_holds_data_does_not_go_unseen(case: tuple[str, Json, str], op: str) -> None:
    kind, deployed, danger = case
    made = step(op, kind, deployed, deployed if op == "replace" else None)
    assert danger in kinds(made) or (op == "replace" and made["urn"].endswith("StatefulSet::it") and "spec" in deployed)
    if danger != "unknown":
        kept = step("delete", kind, deployed, old_retainOnDelete=True)
        assert danger not in kinds(kept)


@pytest.mark.parametrize("kind", ["batch/v1:Job", "core/v1:ConfigMap", "apps/v1:Deployment", "core/v1:Service"])
def test_what_is_made_again_from_the_program_is_harmless(kind: str) -> None:
    assert kinds(step("delete", f"kubernetes:{kind}", {"metadata": {"name": "x"}})) == set()


def test_a_statefulset_whose_claims_go_with_it_is_told_however_it_goes() -> None:
    spec = {"volumeClaimTemplates": [{}], "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}
    made = {"metadata": {"name": "s3"}, "spec": spec}
    kind = "kubernetes:apps/v1:StatefulSet"
    assert kinds(step("delete", kind, made)) == {"store"}
    assert kinds(step("replace", kind, made, made)) == {"store"}
    kept = changed(made, "spec", "persistentVolumeClaimRetentionPolicy")
    assert kinds(step("replace", kind, kept, kept)) == set()


def test_a_storage_class_that_goes_is_told() -> None:
    assert kinds(step("delete", STORAGE_CLASS, DISKS)) == {"encryption"}


def test_lost_protection_is_told_although_pulumi_calls_it_the_same() -> None:
    same = step("same", TOPIC, topic(), topic(), old_protect=True)
    assert kinds(same) == {"protection"}
    assert kinds(step("same", TOPIC, topic(), topic(), old_protect=True, new_protect=True)) == set()
    assert kinds(step("update", TOPIC, topic(), topic(), new_protect=True)) == set()


def test_a_secret_that_stays_the_same_is_not_told() -> None:
    hidden = changed(WRITER, "spec", "quotas", to="[secret]")
    other = {"metadata.labels": {"kind": "update"}}
    assert kinds(step("update", USER, hidden, hidden, detailedDiff=other)) == set()
    assert kinds(step("update", USER, hidden, hidden, detailedDiff={"spec.quotas.x": {}})) == {"unknown"}
    assert kinds(step("update", USER, hidden, hidden)) == {"unknown"}


def test_an_unknown_operation_is_told() -> None:
    assert kinds(step("teleport", TOPIC, topic(), topic())) == {"unknown"}


def test_operations_that_are_counted_and_not_listed_are_told() -> None:
    report = steps.report.report(steps.read('{"steps": [], "changeSummary": {"delete": 2, "same": 5}}'), steps.Prices())
    assert [danger.kind for danger in report.dangers if danger.where != "catalog"] == ["incomplete"]
    assert "2 x delete" in steps.report.markdown(report)


def test_another_cluster_is_told() -> None:
    provider = "pulumi:providers:kubernetes"
    assert kinds(step("update", provider, {"context": "staging"}, {"context": "prod"})) == {"unknown"}
    assert kinds(step("update", provider, {"version": "1"}, {"version": "2"})) == set()


class TestNewIdentities:
    def test_a_service_that_writes_its_new_topic_is_expected(self) -> None:
        made = [step("create", TOPIC, None, topic()), step("create", USER, None, WRITER)]
        assert kinds(*made) == set()

    def test_a_service_that_writes_a_topic_of_another_is_told(self) -> None:
        assert kinds(step("create", USER, None, WRITER)) == {"access"}

    def test_a_service_that_the_catalog_lets_write_a_shared_topic_is_expected(self) -> None:
        services = {"cart-service": {"topics": {"application": "logs.cart-service"}, "bytesPerSecond": 1}}
        to = steps.catalog_step(steps.catalog(), steps.catalog(services=services))
        assert kinds(to, step("create", USER, None, WRITER)) == set()

    def test_a_team_that_reads_is_told(self) -> None:
        assert kinds(step("create", USER, None, READER)) == {"access"}

    def test_a_user_that_may_do_everything_is_told(self) -> None:
        assert kinds(step("create", USER, None, user("root", rule("All", "*")))) >= {"access"}

    def test_unknown_rights_are_told(self) -> None:
        assert kinds(step("create", USER, None, changed(READER, "spec", to=UNKNOWN))) == {"unknown"}

    def test_the_identity_of_a_new_part_is_expected(self) -> None:
        part = user("connect", rule("Read", "logs.", "prefix"))
        assert kinds(step("create", USER, None, part, parents=PIPELINE)) == set()
        assert kinds(step("create", USER, None, part)) == {"access", "audit"}

    def test_a_right_that_is_taken_back_is_not_told(self) -> None:
        less = changed(READER, "spec", "authorization", "acls", to=[])
        assert kinds(step("update", USER, READER, less)) == set()

    def test_a_rule_that_refused_and_goes_is_told(self) -> None:
        before = user("team-edge", rule("Read", "logs.", "prefix"), rule("Read", "logs.audit", effect="deny"))
        after = user("team-edge", rule("Read", "logs.", "prefix"))
        assert "access" in kinds(step("update", USER, before, after))


class TestAuditReaders:
    def test_a_team_whose_topic_becomes_one_of_audit_logs(self) -> None:
        before = steps.catalog({"logs.a": "application"}, {"edge": ["logs."]})
        after = steps.catalog({"logs.a": "audit"}, {"edge": ["logs."]})
        assert kinds(steps.catalog_step(before, after)) == {"audit"}

    def test_a_team_that_had_none_and_gets_a_new_topic(self) -> None:
        before = steps.catalog({"logs.a": "application"}, {"edge": ["logs."]})
        after = steps.catalog({"logs.a": "application", "logs.b": "audit"}, {"edge": ["logs."]})
        assert kinds(steps.catalog_step(before, after)) == {"audit"}

    def test_a_team_that_reads_audit_logs_already(self) -> None:
        before = steps.catalog({"logs.a": "audit"}, {"edge": ["logs."]})
        after = steps.catalog({"logs.a": "audit", "logs.b": "audit"}, {"edge": ["logs."]})
        assert kinds(steps.catalog_step(before, after)) == set()


def test_another_key_is_told() -> None:
    assert kinds(steps.catalog_step(steps.catalog(), steps.catalog(key="user_id"))) == {"key"}
    assert kinds(steps.catalog_step(steps.catalog(), steps.catalog())) == set()


def test_a_catalog_that_is_hidden_is_told() -> None:
    hidden = {"metadata": {"name": "kafkalogs-catalog"}, "data": "[secret]"}
    report = steps.told(steps.catalog_step(steps.catalog(), hidden))
    assert [danger.where for danger in report.dangers] == ["catalog"]
    assert "Not known" in steps.report.markdown(report)


def test_a_policy_that_goes_with_its_part_is_not_told() -> None:
    pager = f"{PIPELINE}$kafkalogs:index:Pager"
    part = step("delete", "kafkalogs:index:Pager", {}, name="pager", parents=PIPELINE)
    for kind, policy in ((POLICY, NETWORK), (POLICY, EGRESS), (ADMISSION, ADMITS)):
        gone = step("delete", kind, policy, parents=pager)
        assert kinds(gone) == {"access"}
        assert kinds(gone, part) == set()


def test_a_policy_of_one_way_of_traffic_says_nothing_of_the_other() -> None:
    (danger,) = (one for one in told(step("delete", POLICY, EGRESS)).dangers if one.kind == "access")
    assert danger.follows == "everything can be reached by its pods, unless another policy selects them too"
    assert kinds(step("create", POLICY, new=EGRESS)) == set()
    assert kinds(step("create", POLICY, new=NETWORK)) == {"access"}
