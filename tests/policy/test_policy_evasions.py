"""Ways around the rules that were tried: each must be refused, by the rule that is about it."""

from __future__ import annotations

from typing import Any

import pytest
from kafkalogs_policy import judging
from kafkalogs_policy.model import Member
from kafkalogs_policy.rules import NAMES
from kafkalogs_policy.settings import Settings, read

from . import example
from .mutations import Path, changed
from .stacks import TODAY

CONTAINER: Path = ("spec", "template", "spec", "containers", 0)
POD: Path = ("spec", "template", "spec")
TRANSIT, RIGHTS, ROOT, IMAGES = "encryption-in-transit", "no-wildcard-acl", "non-root", "pinned-images"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def existing(kind: str, name: str, *changes: tuple[Path, Any]) -> Member:
    """A resource of the example with other values."""
    (member,) = [m for m in example.members() if m.type.rpartition(":")[2] == kind and m.name == name]
    for path, value in changes:
        member = changed(member, path, value)
    return member


def acl(kind: str, name: str, operation: str, pattern: str = "literal") -> Member:
    rule = {"resource": {"type": kind, "name": name, "patternType": pattern}, "operations": [operation]}
    return existing("KafkaUser", "checkout", (("spec", "authorization", "acls", 0), rule))


def topic(name: str, config: dict[str, Any] | None = None, **labels: str) -> Member:
    made = example.topic(name, 3 * example.DAY, True, **labels)
    made.properties["spec"]["config"] |= config or {}
    return made


def patch(member: Member) -> Member:
    """The same by Pulumi's Patch resource."""
    return Member(f"{member.type}Patch", member.name, member.properties, member.protect, member.urn)


def flink(where: Path, value: Any) -> Member:
    return existing("FlinkDeployment", "job", (where, value))


def binding(role: str, subject: str = "app") -> Member:
    return example.kubernetes(
        "rbac.authorization.k8s.io/v1:ClusterRoleBinding",
        "wide",
        {"roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": "Group", "name": subject}]},
    )


def role(**rule: list[str]) -> Member:
    return example.kubernetes("rbac.authorization.k8s.io/v1:ClusterRole", "wide", {"rules": [rule]})


def policy(spec: dict[str, Any]) -> Member:
    return example.kubernetes("networking.k8s.io/v1:NetworkPolicy", "open", {"spec": {"podSelector": {}, **spec}})


def attached(type_: str, **properties: Any) -> Member:
    return example.aws(type_, "wide", properties)


PRIVILEGED = {"containers": [{"name": "flink-main-container", "securityContext": {"privileged": True}}]}
MIRROR = {"source": {"alias": "other", "bootstrapServers": "other:9093", "authentication": {"type": "tls"}}}

EVASIONS: tuple[tuple[str, str, Member], ...] = (
    ("an option that looks like a comment of SQL", TRANSIT,
     existing("Deployment", "app", ((*CONTAINER, "args", 0), "--registry=http://registry.example.org"))),
    ("a bootstrap server in an option", TRANSIT,
     existing("Deployment", "app", ((*CONTAINER, "args", 0), "--bootstrap-server=kafka:9092"))),
    ("an argument behind dashes and a space", TRANSIT,
     existing("Deployment", "app", ((*CONTAINER, "args", 0), "-- http://registry.example.org"))),
    ("a host that looks like a name", TRANSIT,
     existing("Deployment", "app", ((*CONTAINER, "args", 0), "http://evil-json-schema.org/logs"))),
    ("a job whose program comes by HTTP", TRANSIT, flink(("spec", "job", "jarURI"), "http://files.example.org/job.jar")),
    ("an address in the environment of one pod template", TRANSIT,
     flink(("spec", "taskManager", "podTemplate", "spec", "containers"),
           [{"name": "a", "env": [{"name": "URL", "value": "http://example.org"}]}])),
    ("the source of a mirror without TLS", TRANSIT,
     example.strimzi("KafkaMirrorMaker2", "mirror", {"mirrors": [MIRROR]})),
    ("a patch of Kafka", TRANSIT,
     patch(existing("Kafka", "logs", (("spec", "kafka", "listeners", 0, "tls"), False)))),
    ("a patch of a Deployment", ROOT,
     patch(existing("Deployment", "app", ((*CONTAINER, "securityContext", "runAsUser"), 0)))),
    ("the right to change the cluster", RIGHTS, acl("cluster", "kafka-cluster", "Alter")),
    ("the right of a broker", RIGHTS, acl("cluster", "kafka-cluster", "ClusterAction")),
    ("the right to change settings of brokers", RIGHTS, acl("cluster", "kafka-cluster", "AlterConfigs")),
    ("a prefix of one letter", RIGHTS, acl("topic", "l", "Read", "prefix")),
    ("a privileged container in one pod template", ROOT,
     flink(("spec", "jobManager", "podTemplate", "spec"), PRIVILEGED)),
    ("the node's disk", ROOT,
     existing("Deployment", "app", ((*POD, "volumes"), [{"name": "node", "hostPath": {"path": "/"}}]))),
    ("the node's processes", ROOT, existing("Deployment", "app", ((*POD, "hostPID"), True))),
    ("the node's network", ROOT, existing("Deployment", "app", ((*POD, "hostNetwork"), True))),
    ("an added capability", ROOT,
     existing("Deployment", "app", ((*CONTAINER, "securityContext", "capabilities"), {"add": ["SYS_ADMIN"]}))),
    ("privilege escalation left to the default", ROOT,
     existing("Deployment", "app", ((*CONTAINER, "securityContext"), {"runAsNonRoot": True}))),
    ("a binding to cluster-admin", RIGHTS, binding("cluster-admin")),
    ("a binding for everybody", RIGHTS, binding("reader", "system:authenticated")),
    ("a role for every verb", RIGHTS, role(apiGroups=[""], resources=["pods"], verbs=["*"])),
    ("a role for every resource", RIGHTS, role(apiGroups=[""], resources=["*"], verbs=["get"])),
    ("a role that raises itself", RIGHTS,
     role(apiGroups=["rbac.authorization.k8s.io"], resources=["roles"], verbs=["escalate"])),
    ("a network policy that lets everybody in", "closed-network", policy({"ingress": [{}]})),
    ("a network policy that lets everything out", "closed-network", policy({"egress": [{}]})),
    ("a network policy for every address", "closed-network",
     policy({"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]})),
    ("a network policy for every namespace", "closed-network",
     policy({"ingress": [{"from": [{"namespaceSelector": {}}]}]})),
    ("audit logs labelled as a program's memory", "audit-floor", topic("logs.audit", kind="internal")),
    ("audit logs labelled as another class", "audit-floor", topic("logs.audit", retention_class="application")),
    ("audit logs by a longer word", "audit-floor", topic("logs.auditlog")),
    ("logs labelled as a program's memory", "retention-bounds",
     topic("logs.checkout", {"retention.ms": -1}, kind="internal")),
    ("logs bounded by size", "retention-bounds", topic("logs.checkout", {"retention.bytes": 1})),
    ("logs that are compacted", "retention-bounds", topic("logs.checkout", {"cleanup.policy": "compact"})),
    ("the brokers' own retention", "audit-floor",
     existing("Kafka", "logs", (("spec", "kafka", "config", "log.retention.ms"), 1000))),
    ("the brokers' own retention in hours", "audit-floor",
     existing("Kafka", "logs", (("spec", "kafka", "config", "log.retention.hours"), 1))),
    ("a topic that the operator ignores", "managed",
     existing("KafkaTopic", "logs.checkout", (("metadata", "annotations", "strimzi.io/managed"), "false"))),
    ("a cluster that the operator leaves alone", "managed",
     existing("Kafka", "logs", (("metadata", "annotations", "strimzi.io/pause-reconciliation"), "true"))),
    ("a listener of the type custom without SASL", "no-anonymous-user",
     existing("Kafka", "logs", (("spec", "kafka", "listeners", 0, "authentication"), {"type": "custom"}))),
    ("an image that Connect builds", IMAGES,
     existing("KafkaConnect", "connect", (("spec", "build"), {"output": {"type": "docker", "image": "a/b:c"}}))),
    ("an administrator's policy on a role", RIGHTS,
     attached("iam/rolePolicyAttachment:RolePolicyAttachment", role="connect", policyArn=ADMIN)),
    ("an administrator's policy on a user", RIGHTS,
     attached("iam/userPolicyAttachment:UserPolicyAttachment", user="someone", policyArn=ADMIN)),
    ("a resource of Strimzi's operator itself", "known-types", example.strimzi("StrimziPodSet", "logs-brokers", {})),
    ("a command", "known-types", Member("command:local:Command", "run", {"create": "kubectl delete kafka logs"})),
    ("a dynamic provider", "known-types", Member("pulumi-python:dynamic:Resource", "run", {})),
    ("a provider of something else", "known-types", Member("pulumi:providers:command", "run", {})),
    ("an instance that nobody has judged", "known-types", Member("aws:ec2/instance:Instance", "jump", {})),
    ("an administrator's policy in a role", RIGHTS, attached("iam/role:Role", managedPolicyArns=[ADMIN])),
)  # fmt: skip


@pytest.mark.parametrize(("rule", "member"), [e[1:] for e in EVASIONS], ids=[e[0] for e in EVASIONS])
def test_an_evasion_is_refused(rule: str, member: Member) -> None:
    found = list(judging.of_member(member, Settings(), TODAY))
    assert rule in {judgement.rule for judgement in found if judgement.verdict == "refused"}, found


def test_a_type_that_the_settings_name_passes_and_no_list_names_all() -> None:
    instance = Member("aws:ec2/instance:Instance", "jump", {})
    named = read({"kafkalogs-policy:settings": {"types": ["aws:ec2/*"]}}, NAMES)
    assert list(judging.of_member(instance, named, TODAY)) == []
    all_ = read({"kafkalogs-policy:settings": {"types": ["*"]}}, NAMES)
    assert all_.problems == ("kafkalogs-policy:settings.types: '*': names everything; name a type, like aws:ec2/*",)
    assert [j.rule for j in judging.of_member(instance, all_, TODAY)] == ["known-types"]


@pytest.mark.parametrize(("environment", "least"), [("local", "1h"), ("staging", "1d"), ("prod", "7d")])
def test_the_audit_floor_is_not_below_that_of_the_environment(environment: str, least: str) -> None:
    platform = {"environment": environment, "compliance": {"auditFloor": "1ms"}}
    settings = read({"kafkalogs:platform": platform}, NAMES, environment)
    assert settings.problems == (
        f"kafkalogs:platform: auditFloor: '1ms': below the least of {environment}; write {least} or more",
    )
    assert settings.demands.audit_floor > 1
