"""Each rule: a stack that passes (`example`), and the same with one thing wrong, which that rule alone refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kafkalogs_policy import judging
from kafkalogs_policy.environments import ENVIRONMENTS, STRICTEST
from kafkalogs_policy.model import Context, Member
from kafkalogs_policy.rules import NAMES, RULES
from kafkalogs_policy.settings import Settings

from . import example
from .mutations import GONE, Path, changed
from .stacks import TODAY

RULE_OF = {rule.name: rule for rule in RULES}
UNKNOWN = "3eeb2bf0-c639-47a8-9e75-3b44932eb421"

# rule, resource (the end of its type, its name), place, value, what is said
WRONG: tuple[tuple[str, str, str, Path, Any, str], ...] = (
    (
        "encryption-in-transit", "Kafka", "logs", ("spec", "kafka", "listeners", 0, "tls"), False,
        "spec.kafka.listeners[0].tls: listener 'tls' has tls 'false': clients talk to it in plain text",
    ),
    (
        "encryption-in-transit", "KafkaConnector", "search", ("spec", "config", "connection.url"),
        "http://search.example.org", "has the address http://search.example.org, which is not encrypted",
    ),
    (
        "encryption-in-transit", "Deployment", "app", ("spec", "template", "spec", "containers", 0, "env", 0, "value"),
        "SASL_PLAINTEXT", "has security.protocol SASL_PLAINTEXT",
    ),
    (
        "encryption-in-transit", "ConfigMap", "client", ("data", "client.properties"),
        "bootstrap.servers=logs-kafka-bootstrap:9092\n", "logs-kafka-bootstrap:9092, a listener without TLS",
    ),
    (
        "encryption-in-transit", "KafkaConnector", "search", ("spec", "config", "database"),
        "jdbc:postgresql://db.example.org/logs", "has a postgresql address that does not demand TLS",
    ),
    (
        "encryption-in-transit", "Service", "registry", ("spec", "ports", 0, "name"), "http",
        "is an endpoint without TLS",
    ),
    (
        "encryption-at-rest", "KafkaNodePool", "brokers", ("spec", "storage", "volumes", 0, "class"), GONE,
        "a disk of the cluster's default StorageClass",
    ),
    (
        "encryption-at-rest", "KafkaNodePool", "brokers", ("spec", "storage", "volumes", 0, "class"), "gp2",
        "'gp2', of which nothing says that it encrypts",
    ),
    (
        "encryption-at-rest", "Queue", "events", ("sqsManagedSseEnabled",), False,
        "a queue that is not encrypted: kmsMasterKeyId is absent; write kmsMasterKeyId or sqsManagedSseEnabled",
    ),
    (
        "encryption-at-rest", "BucketServerSideEncryptionConfiguration", "archive",
        ("rules", 0, "applyServerSideEncryptionByDefault", "sseAlgorithm"), "AES256",
        "sseAlgorithm is 'AES256': whoever may read the bucket may read the logs",
    ),
    (
        "replication", "KafkaTopic", "logs.checkout", ("spec", "replicas"), 2,
        "spec.replicas: records of the topic: '2' copies",
    ),
    (
        "replication", "KafkaTopic", "logs.checkout", ("spec", "config", "min.insync.replicas"), 3,
        "'3' is not below the 3 copies",
    ),
    (
        "replication", "Kafka", "logs", ("spec", "kafka", "config", "offsets.topic.replication.factor"), 1,
        "Kafka's own offsets.topic: '1' copies",
    ),
    (
        "replication", "FlinkDeployment", "job", ("spec", "flinkConfiguration", "execution.checkpointing.dir"),
        "file:///tmp", "is no storage that outlives a node",
    ),
    (
        "retention-bounds", "KafkaTopic", "logs.checkout", ("spec", "config", "retention.ms"), -1,
        "this topic (logs) keeps records for ever; write at most 400d; the archive is for longer",
    ),
    (
        "retention-bounds", "KafkaTopic", "dlq.search", ("spec", "config", "retention.ms"), 3_600_000,
        "this topic (dead-letters) keeps records 1h; write between 1d and 90d",
    ),
    (
        "audit-floor", "KafkaTopic", "logs.audit", ("spec", "config", "retention.bytes"), 10**9,
        "a busy hour would delete audit logs before their time",
    ),
    (
        "audit-floor", "BucketLifecycleConfiguration", "archive", ("rules", 0, "expiration", "days"), 400,
        "may be audit logs, and expires after '400' days; write at least 2555 days",
    ),
    (
        "no-wildcard-acl", "KafkaUser", "checkout", ("spec", "authorization", "acls", 0, "resource", "name"), "*",
        "an ACL on every topic there is",
    ),
    (
        "closed-network", "NetworkPolicy", "registry", ("spec", "ingress", 0, "ports"), [],
        "spec.ingress[0]: opens every port to everybody; write from and ports",
    ),
    (
        "managed", "KafkaTopic", "logs.checkout", ("metadata", "annotations"), {"strimzi.io/managed": "false"},
        "'false': the operator ignores what is declared here",
    ),
    (
        "no-anonymous-user", "Kafka", "logs", ("spec", "kafka", "listeners", 1, "authentication"), GONE,
        "whoever reaches the listener 'external' is User:ANONYMOUS",
    ),
    (
        "no-anonymous-user", "Kafka", "logs", ("spec", "kafka", "authorization", "superUsers"), ["CN=ops"],
        "a super user, whom no ACL and no quota holds",
    ),
    (
        "producer-quota", "KafkaUser", "checkout", ("spec", "quotas", "producerByteRate"), GONE,
        "it may write to topics, and its producerByteRate is absent",
    ),
    (
        "producer-quota", "KafkaUser", "checkout", ("spec", "quotas", "producerByteRate"), 0,
        "its producerByteRate is '0'",
    ),
    (
        "client-limits", "KafkaUser", "checkout", ("spec", "quotas", "requestPercentage"), GONE,
        "absent: a client that asks without end takes the brokers from all others; write quotas.requestPercentage",
    ),
    (
        "client-limits", "Kafka", "logs", ("spec", "kafka", "listeners", 0, "configuration", "maxConnections"), 0,
        "'0': a client that asks without end takes the brokers from all others; write configuration.maxConnections",
    ),
    (
        "dead-letter-topics", "KafkaConnector", "search", ("spec", "config", "errors.tolerance"), GONE,
        "the first record that cannot be read stops the sink",
    ),
    (
        "dead-letter-topics", "KafkaConnector", "search", ("spec", "config", "errors.deadletterqueue.topic.name"),
        "dlq.other", "no KafkaTopic of this stack makes 'dlq.other'",
    ),
    (
        "requests-and-limits", "Deployment", "app",
        ("spec", "template", "spec", "containers", 0, "resources", "limits", "memory"), GONE,
        "app has no limits of memory",
    ),
    (
        "non-root", "Deployment", "app",
        ("spec", "template", "spec", "containers", 0, "securityContext", "runAsUser"), 0, "it runs as root",
    ),
    (
        "pinned-images", "Deployment", "app", ("spec", "template", "spec", "containers", 0, "image"), "app:1.0",
        "'app:1.0': what is behind a tag may change",
    ),
    (
        "deletion-protection", "KafkaTopic", "logs.checkout", ("protect",), False,
        "it holds data, and one destroy, or one line that is taken out, deletes it",
    ),
    (
        "deletion-protection", "Bucket", "archive", ("forceDestroy",), True,
        "the bucket goes with all that is in it",
    ),
    (
        "deletion-protection", "KafkaNodePool", "brokers", ("spec", "storage", "volumes", 0, "deleteClaim"), True,
        "the disks go with the cluster",
    ),
)  # fmt: skip


def judged(members: list[Member], settings: Settings | None = None) -> list[judging.Judgement]:
    known = settings or Settings()
    found = [j for member in members for j in judging.of_member(member, known, TODAY)]
    return [*found, *judging.of_stack(members, known, TODAY)]


def with_wrong(type_end: str, name: str, place: Path, value: Any) -> list[Member]:
    members = example.members()
    (index,) = [i for i, m in enumerate(members) if m.type.rpartition(":")[2] == type_end and m.name == name]
    members[index] = changed(members[index], place, value)
    return members


def test_the_example_passes_every_rule() -> None:
    assert judged(example.members()) == []


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{w[0]}-{w[2]}-{w[3][-1]}" for w in WRONG])
def test_one_thing_wrong_is_refused_by_its_rule_alone(wrong: tuple[str, str, str, Path, Any, str]) -> None:
    rule, type_end, name, place, value, said = wrong
    found = judged(with_wrong(type_end, name, place, value))
    assert {(j.rule, j.verdict) for j in found} == {(rule, "refused")}, found
    assert any(said in j.text for j in found), [j.text for j in found]
    assert all(j.member.name == name for j in found)


def test_each_rule_has_a_stack_that_fails() -> None:
    # known-types looks at no property: test_policy_evasions has its types
    assert {wrong[0] for wrong in WRONG} | {"known-types"} == set(NAMES)


def test_audit_logs_are_held_to_the_floor_that_the_stack_declares() -> None:
    floor = Settings(replace(STRICTEST, audit_floor=60 * example.DAY))
    (found,) = judged(example.members(), floor)
    assert (found.rule, found.verdict, found.member.name) == ("audit-floor", "refused", "logs.audit")
    assert "audit logs are kept 30d, below the floor of 60d; write at least 60d" in found.text


def test_rules_are_plain_functions_of_type_and_properties() -> None:
    """Without any context the strictest holds."""
    spec = {"template": {"spec": {"containers": [{"name": "a", "image": "a:1"}]}}}
    found = RULE_OF["pinned-images"].check("kubernetes:apps/v1:Deployment", {"spec": spec})
    assert [violation.path for violation in found] == ["spec.template.spec.containers[0].image"]
    assert RULE_OF["pinned-images"].check("kubernetes:core/v1:Service", {"spec": spec}) == []


def test_local_differs_where_the_table_says_so_and_nowhere_else() -> None:
    local = Context(ENVIRONMENTS["local"])
    pod = {"spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    for rule in ("requests-and-limits", "non-root"):
        assert RULE_OF[rule].check("kubernetes:core/v1:Pod", pod, local)
    assert not RULE_OF["pinned-images"].check("kubernetes:core/v1:Pod", pod, local)
    latest = {"spec": {"containers": [{"name": "a", "image": "a"}]}}
    assert RULE_OF["pinned-images"].check("kubernetes:core/v1:Pod", latest, local)


@pytest.mark.parametrize(
    "text",
    [
        "# see http://kafka.apache.org/documentation",
        "http://localhost:5066/stats",
        "http://127.0.0.1:7071",
        '{"$schema": "http://json-schema.org/draft-07/schema#"}',
        "https://search.example.org",
        "security.protocol=SASL_SSL",
        "sslmode=verify-ca",
        "ssl.endpoint.identification.algorithm=https",
        "hostssl all all all scram-sha-256",
        "the host is not known",
        "ssl = on",
    ],
)
def test_what_stays_in_the_pod_or_is_encrypted_is_no_plain_text(text: str) -> None:
    assert RULE_OF["encryption-in-transit"].check("kubernetes:core/v1:ConfigMap", {"data": {"a": text}}) == []


@pytest.mark.parametrize(
    "text",
    [
        "url: HTTP://search.example.org:9200",
        "ws://logs.example.org",
        "redis://:secret@cache.example.org",
        "security.protocol = PLAINTEXT",
        "'properties.security.protocol' = 'SASL_PLAINTEXT',",
        '{"security.protocol": "PLAINTEXT"}',
        "jdbc:postgresql://db/logs?sslmode=require&sslmode=disable",
        "postgres://db/logs",
        "jdbc:mysql://db/logs?sslMode=PREFERRED",
        "ssl.endpoint.identification.algorithm=",
        "host all all 0.0.0.0/0 md5",
        "plugins.security.disabled: true",
        "listen=http://0.0.0.0.example.org/",
    ],
)
def test_plain_text_is_found_however_it_is_written(text: str) -> None:
    assert RULE_OF["encryption-in-transit"].check("kubernetes:core/v1:ConfigMap", {"data": {"a": text}})


@pytest.mark.parametrize(
    ("operations", "name", "passes"),
    [
        (["Describe", "DescribeConfigs"], "*", True),
        (["Describe"], UNKNOWN, True),
        (["Describe", "Read"], "*", False),
        (["Read"], UNKNOWN, False),
        ([UNKNOWN], "*", False),
        ([], "*", False),
        (["Write"], "", False),
    ],
)
def test_who_only_watches_may_watch_everything(operations: list[str], name: str, passes: bool) -> None:
    acl = {"resource": {"type": "topic", "name": name, "patternType": "literal"}, "operations": operations}
    user = example.strimzi("KafkaUser", "watcher", {"authorization": {"type": "simple", "acls": [acl]}})
    assert (not RULE_OF["no-wildcard-acl"].check(user.type, user.properties)) == passes


def test_nothing_of_a_secret_is_said() -> None:
    properties = {"stringData": {"url": "http://user:hunter2@search.example.org"}}
    (found,) = RULE_OF["encryption-in-transit"].check("kubernetes:core/v1:Secret", properties)
    assert "hunter2" not in str(found)
    assert "search.example.org" not in str(found)


def test_a_password_in_an_address_is_not_said() -> None:
    config = {"topics": "a", "connection.url": "http://user:hunter2@search.example.org"}
    found = RULE_OF["encryption-in-transit"].check(
        "kubernetes:kafka.strimzi.io/v1:KafkaConnector", {"spec": {"config": config}}
    )
    assert found
    assert "hunter2" not in str(found)


def test_old_and_new_versions_of_strimzi_and_other_packages_of_it_are_known() -> None:
    for type_ in ("kubernetes:kafka.strimzi.io/v1beta2:KafkaTopic", "strimzi:kafka.strimzi.io/v1:KafkaTopic"):
        assert RULE_OF["replication"].check(type_, {"metadata": {"name": "a"}, "spec": {"replicas": 1}})


def test_a_value_that_may_come_later_is_said_and_not_refused_in_a_preview_alone() -> None:
    members = with_wrong("RolePolicy", "connect", ("policy",), UNKNOWN)
    assert [(j.verdict, j.rule) for j in judged(members)] == [("later", "no-wildcard-acl")]
    (member,) = [m for m in members if m.type.endswith(":RolePolicy")]
    (refused,) = judging.of_member(member, Settings(), TODAY, preview=False)
    assert refused.verdict == "refused"


def test_one_value_that_is_unknown_does_not_hide_what_else_is_wrong() -> None:
    members = with_wrong("KafkaConnector", "search", ("spec", "config", "search.url"), UNKNOWN)
    index = next(i for i, m in enumerate(members) if m.name == "search" and m.type.endswith(":KafkaConnector"))
    members[index] = changed(members[index], ("spec", "config", "database"), "jdbc:postgresql://db/logs")
    assert {(j.verdict, j.rule) for j in judged(members)} == {
        ("later", "encryption-in-transit"),
        ("refused", "encryption-in-transit"),
    }


def test_a_secret_of_pulumi_is_looked_into() -> None:
    wrapped = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "value": {"a": "http://a.example.org"},
    }
    assert RULE_OF["encryption-in-transit"].check("kubernetes:core/v1:ConfigMap", {"data": wrapped})


@pytest.mark.parametrize("rule", NAMES)
@pytest.mark.parametrize("value", [None, "text", 7.0, [], [None], ["x"], {}, {"x": None}, True], ids=repr)
def test_properties_of_any_form_are_judged_and_not_stumbled_over(rule: str, value: Any) -> None:
    for member in example.members():
        for key in member.properties:
            RULE_OF[rule].check(member.type, {**member.properties, key: value})
            inner = member.properties[key]
            for below in inner if isinstance(inner, dict) else ():
                RULE_OF[rule].check(member.type, {**member.properties, key: {**inner, below: value}})


@pytest.mark.parametrize("document", ['{"Statement": [{"Effect": "Deny", "Condition": "x"}]}', '{"Statement": 1}'])
def test_a_document_of_another_form_is_refused(document: str) -> None:
    members = with_wrong("BucketPolicy", "archive", ("policy",), document)
    assert "refused" in {j.verdict for j in judged(members) if j.rule == "encryption-in-transit"}


def test_protection_is_not_asked_of_what_can_be_made_again() -> None:
    derived = example.topic("metrics.error-rate", example.DAY, protect=False, kind="derived")
    assert not RULE_OF["deletion-protection"].check(derived.type, derived.properties)
    logs = example.topic("metrics.error-rate", example.DAY, protect=False, kind="logs", retention_class="payments")
    assert RULE_OF["deletion-protection"].check(logs.type, logs.properties)
