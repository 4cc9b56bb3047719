"""Ways around the rules that were tried: each must be refused, by the rule that is about it."""

from __future__ import annotations

import base64
import json
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


def release(**changes: Any) -> Member:
    """The chart of the package, with other arguments."""
    return existing("Release", "operator", *(((key,), value) for key, value in changes.items()))


def shipper(name: str = "shipper", path: str = "/var/log", read_only: bool = True, **context: Any) -> Member:
    """A DaemonSet that reads the node's files as root."""
    rights = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    spec = example.pod()
    spec["securityContext"] = {}
    spec["containers"][0] |= {
        "securityContext": {**rights, "runAsUser": 0, **context},
        "volumeMounts": [{"name": "logs", "mountPath": "/var/log", "readOnly": read_only}],
    }
    spec["volumes"] = [{"name": "logs", "hostPath": {"path": path}}]
    about = {"name": name, "namespace": "kafkalogs-shipper"}
    return Member(
        "kubernetes:apps/v1:DaemonSet", name, {"metadata": about, "spec": {"template": {"spec": spec}}}, False, ""
    )


def document(action: str, resource: str, **more: Any) -> Member:
    statement = {"Effect": "Allow", "Action": [action], "Resource": [resource], **more}
    return attached("iam/policy:Policy", policy=json.dumps({"Statement": [statement]}))


def ports(**port: Any) -> Member:
    return policy({"ingress": [{"ports": [port]}]})


def hidden(text: str) -> Member:
    data = {"settings": base64.b64encode(text.encode()).decode()}
    return example.kubernetes("core/v1:Secret", "settings", {"data": data})


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
    ("a chart with an invented digest", IMAGES, release(values={"image": {"digest": example.DIGEST}})),
    ("a chart that nobody has judged", IMAGES, release(chart="oci://quay.io/evil/strimzi-kafka-operator")),
    ("another version of a judged chart", IMAGES, release(version="1.2.1")),
    ("a judged chart from another place", IMAGES, release(repositoryOpts={"repo": "https://charts.example.org"})),
    ("a judged chart with another registry", IMAGES, release(values={"defaultImageRegistry": "evil.example.org"})),
    ("a judged chart with an image in a variable", IMAGES,
     release(values={"extraEnvs": [{"name": "STRIMZI_KAFKA_IMAGES", "value": "4.3.1=evil"}]})),
    ("a judged chart with values in a file", IMAGES, release(valueYamlFiles=["other.yaml"])),
    ("a judged chart that a program changes", IMAGES, release(postrender="/bin/evil")),
    # further ones
    ("a prefix of consumer groups of one letter", RIGHTS, acl("group", "c", "Read", "prefix")),
    ("the Secrets of every namespace", RIGHTS, role(apiGroups=[""], resources=["secrets"], verbs=["get"])),
    ("the right to enter every pod", RIGHTS, role(apiGroups=[""], resources=["pods/exec"], verbs=["create"])),
    ("tokens of every service account", RIGHTS,
     role(apiGroups=[""], resources=["serviceaccounts/token"], verbs=["create"])),
    ("a role that others fill", RIGHTS,
     example.kubernetes("rbac.authorization.k8s.io/v1:ClusterRole", "wide", {"aggregationRule": {}})),
    ("a role that fills admin", RIGHTS,
     example.kubernetes("rbac.authorization.k8s.io/v1:ClusterRole", "wide",
                        {"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-admin": "true"}}})),
    ("a binding for all accounts of a namespace", RIGHTS, binding("reader", "system:serviceaccounts:default")),
    ("every bucket by an ARN", RIGHTS, document("s3:GetObject", "arn:aws:s3:::*")),
    ("every object of every bucket", RIGHTS, document("s3:GetObject", "arn:aws:s3:::*/*")),
    ("the first folder of every bucket", RIGHTS, document("s3:GetObject", "arn:aws:s3:::?*/logs/*")),
    ("every action by another wildcard", RIGHTS, document("s3:?*", "arn:aws:s3:::logs")),
    ("everybody by a condition that always holds", RIGHTS,
     document("s3:GetObject", "arn:aws:s3:::logs/a", Principal="*",
              Condition={"StringLike": {"aws:PrincipalArn": "*"}})),
    ("half of all addresses", "closed-network",
     policy({"ingress": [{"from": [{"ipBlock": {"cidr": "128.0.0.0/1"}}]}]})),
    ("every namespace by a label that all have", "closed-network",
     policy({"ingress": [{"from": [{"namespaceSelector": {"matchExpressions": [
         {"key": "kubernetes.io/metadata.name", "operator": "Exists"}]}}]}]})),
    ("a range of all ports", "closed-network", ports(port=1, endPort=65535)),
    ("a protocol without a port", "closed-network", ports(protocol="TCP")),
    ("brokers that leave with their data", "managed",
     existing("Kafka", "logs", (("metadata", "annotations", "strimzi.io/skip-broker-scaledown-check"), "true"))),
    ("topics that clients make", "audit-floor",
     existing("Kafka", "logs", (("spec", "kafka", "config", "auto.create.topics.enable"), "true"))),
    ("audit logs under another resource name", "audit-floor",
     existing("KafkaTopic", "logs.checkout", (("spec", "topicName"), "logs.audit"), (("metadata", "name"), "a"))),
    ("audit logs that are compacted and deleted", "audit-floor",
     topic("logs.audit", {"cleanup.policy": "compact,delete"})),
    ("an address in a hook", TRANSIT,
     existing("Deployment", "app", ((*CONTAINER, "lifecycle"),
                                    {"postStart": {"exec": {"command": ["curl", "http://example.org"]}}}))),
    ("an address in the data of a Secret", TRANSIT, hidden("url=http://example.org/logs")),
    ("an address in Flink's logging", TRANSIT,
     flink(("spec", "logConfiguration"), {"log4j-console.properties": "appender.url = http://example.org"})),
    ("calls of the kernel without a filter", ROOT,
     existing("Deployment", "app", ((*POD, "securityContext", "seccompProfile"), {"type": "Unconfined"}))),
    ("the node's /proc", ROOT,
     existing("Deployment", "app", ((*CONTAINER, "securityContext", "procMount"), "Unmasked"))),
    ("a port of the node", ROOT,
     existing("Deployment", "app", ((*CONTAINER, "ports"), [{"containerPort": 1, "hostPort": 1}]))),
    ("the image of an init container of Strimzi's", IMAGES,
     existing("KafkaConnect", "connect", (("spec", "clientRackInitImage"), "evil:1"))),
    ("files of an image as a volume", IMAGES,
     existing("Deployment", "app", ((*POD, "volumes"), [{"name": "a", "image": {"reference": "evil:1"}}]))),
    ("a disk of the node by a PersistentVolume", "known-types",
     example.kubernetes("core/v1:PersistentVolume", "node", {"spec": {"hostPath": {"path": "/"}}})),
    ("many Deployments in a list", "known-types", example.kubernetes("apps/v1:DeploymentList", "many", {"items": []})),
    ("a shipper of another name", ROOT, shipper(name="reader")),
    ("a shipper that writes to the node's logs", ROOT, shipper(read_only=False)),
    ("a shipper of other folders", ROOT, shipper(path="/var/log/../..")),
    ("a privileged shipper", ROOT, shipper(privileged=True)),
    ("a shipper with a capability", ROOT, shipper(capabilities={"drop": ["ALL"], "add": ["DAC_OVERRIDE"]})),
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


def test_the_shipper_of_the_platform_may_read_the_logs_of_its_node() -> None:
    found = [j.rule for j in judging.of_member(shipper(), Settings(), TODAY)]
    assert ROOT not in found


@pytest.mark.parametrize("type_", ["command:local:Command", "pulumi-python:dynamic:Resource"])
def test_no_setting_lets_a_program_run(type_: str) -> None:
    named = read({"kafkalogs-policy:settings": {"types": [type_]}}, NAMES)
    assert [j.rule for j in judging.of_member(Member(type_, "run", {}), named, TODAY)] == ["known-types"]


@pytest.mark.parametrize("pattern", ["*", "aws:*", "kubernetes:*", "*:*", "?ws:ec2/*", "[a-z]ws:ec2/x"])
def test_a_pattern_of_types_names_a_module(pattern: str) -> None:
    found = read({"kafkalogs-policy:settings": {"types": [pattern]}}, NAMES)
    assert (len(found.problems), found.demands.types) == (1, frozenset())


@pytest.mark.parametrize(("environment", "least"), [("local", "1h"), ("staging", "1d"), ("prod", "7d")])
def test_the_audit_floor_is_not_below_that_of_the_environment(environment: str, least: str) -> None:
    platform = {"environment": environment, "compliance": {"auditFloor": "1ms"}}
    settings = read({"kafkalogs:platform": platform}, NAMES, environment)
    assert settings.problems == (
        f"kafkalogs:platform: auditFloor: '1ms': below the least of {environment}; write {least} or more",
    )
    assert settings.demands.audit_floor > 1
