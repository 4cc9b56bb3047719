"""What each rule guards, and how it can be broken: the table from which every mutation of every stack follows."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kafkalogs_policy.environments import Demands
from kafkalogs_policy.kinds import WORKLOADS, kind
from kafkalogs_policy.model import Member
from kafkalogs_policy.rules.at_rest import disks
from kafkalogs_policy.rules.dead_letters import is_sink
from kafkalogs_policy.rules.quotas import writes
from kafkalogs_policy.topics import REPEATABLE, class_of

DAY = 86_400_000


class _Gone:
    def __repr__(self) -> str:
        return "gone"


GONE = _Gone()
"""In place of a value: it is taken out."""

Key = str | int
Path = tuple[Key, ...]
When = Callable[[Member, Demands], bool]


@dataclass(frozen=True)
class Guard:
    """A property that a rule guards."""

    rule: str
    kinds: tuple[str, ...]
    path: tuple[str, ...]
    """* stands for every item of a list, or every key."""
    values: tuple[Any, ...]
    """Each breaks it. A function makes one of the value that is there; None is no mutation."""
    when: When = lambda member, demands: True
    add: bool = False
    """Whether it is broken by what is not there yet."""
    unknown: bool = True
    """Whether the rule needs to know it."""


@dataclass(frozen=True)
class Mutation:
    stack: str
    rule: str
    index: int
    """Of the resource in its stack."""
    path: Path
    value: Any
    name: str

    def __str__(self) -> str:
        where = ".".join(str(key) for key in self.path)
        value = self.value if len(str(self.value)) < 30 else "..."
        return f"{self.stack}-{self.rule}-{self.name}-{where}-{value}"


def changed(member: Member, path: Path, value: Any) -> Member:
    """A resource with another value at a place."""
    if path == ("protect",):
        return replace(member, protect=value)
    properties: Any = copy.deepcopy(member.properties)
    held = properties
    for key in path[:-1]:
        if isinstance(held, dict) and key not in held:
            held[key] = {}
        held = held[key]
    if value is not GONE:
        held[path[-1]] = value
    elif isinstance(held, list):
        held.pop(path[-1])
    else:
        del held[path[-1]]
    return replace(member, properties=properties)


def places(properties: Any, pattern: tuple[str, ...], add: bool) -> Iterator[tuple[Path, Any]]:
    """The places that a pattern means, and what is there."""
    if not pattern:
        yield (), properties
        return
    head, rest = pattern[0], pattern[1:]
    if head == "*":
        keys: list[Key] = list(range(len(properties))) if isinstance(properties, list) else list(properties)
        for key in keys:
            yield from (((key, *path), value) for path, value in places(properties[key], rest, add))
    elif isinstance(properties, dict) and head in properties:
        yield from (((head, *path), value) for path, value in places(properties[head], rest, add))
    elif add and isinstance(properties, dict) and "*" not in rest:
        yield (head, *rest), None


# -- when


def _wants(flag: str) -> When:
    return lambda member, demands: bool(getattr(demands, flag))


def _topic(*classes: str) -> When:
    return lambda member, demands: class_of(member.view) in classes


def _expires(member: Member, demands: Demands) -> bool:
    policy = member.view["spec"]["config"]["cleanup.policy"].text
    return class_of(member.view) != "internal" and "delete" in (policy or "delete")


def _sink(member: Member, demands: Demands) -> bool:
    return is_sink(member.view)


def _writer(member: Member, demands: Demands) -> bool:
    """Who writes, and has a quota that can be taken away."""
    return any(writes(acl) for acl in member.view["spec"]["authorization"]["acls"].items)


def _has_disk(member: Member, demands: Demands) -> bool:
    return demands.encrypted_disks and any(True for _ in disks(member.type, member.view))


def _kept_topic(member: Member, demands: Demands) -> bool:
    return demands.protected and class_of(member.view) not in REPEATABLE


def _unprivileged(member: Member, demands: Demands) -> bool:
    # What runs as root already is no better without one of its settings.
    return "'runAsUser': 0" not in str(member.properties)


# -- values made of what is there


def _is(wanted: Any, value: Any) -> Callable[[Any], Any]:
    return lambda old: value if old == wanted else None


def _statement(**entries: Any) -> Callable[[Any], Any]:
    """A policy document whose first statement that allows has other entries."""

    def change(old: Any) -> Any:
        document = json.loads(old) if isinstance(old, str) else None
        allowing = [s for s in (document or {}).get("Statement", []) if s.get("Effect") == "Allow"]
        if not allowing:
            return None
        allowing[0].update(entries)
        return json.dumps(document)

    return change


def _wide(name: str) -> Callable[[Any], Any]:
    """An ACL for everything there is, that lets its user read if it did no more than watch."""

    def change(old: Any) -> Any:
        if old["resource"]["type"] == "cluster":
            return None
        watches = {operation.lower() for operation in old["operations"]} <= {"describe", "describeconfigs"}
        operations = ["Read"] if watches else old["operations"]
        return {**old, "resource": {**old["resource"], "name": name}, "operations": operations}

    return change


def _opened(old: Any) -> Any:
    """A policy document that also allows everybody everything."""
    if not isinstance(old, str):
        return None
    document = json.loads(old)
    document["Statement"].append({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"})
    return json.dumps(document)


def _short_lived(old: Any) -> Any:
    """A rule of a lifecycle by which audit logs, or all that is there, would expire tomorrow."""
    named = json.dumps(old.get("filter", {}))
    if "audit" in named or ("=" not in named and not str(old.get("id", "")).startswith("access-logs")):
        return None if "access" in named else {**old, "status": "Enabled", "expiration": {"days": 1}}
    return None


_T, _R, _P = "encryption-in-transit", "encryption-at-rest", "replication"
_DOMAIN = ("aws:opensearch/domain:Domain",)
_KEY = ("aws:kms/key:Key",)
_BUCKET = ("aws:s3/bucket:Bucket",)
_SSE = ("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",)
_CONFIG = ("spec", "config")
_LIMITS = ("spec", "kafka", "listeners", "*", "configuration")
_BROKER = ("spec", "kafka", "config")
_FLINK = ("spec", "flinkConfiguration")
_PODS = (("Deployment", "StatefulSet", "DaemonSet", "Job"), ("spec", "template", "spec"))
_CRON = (("CronJob",), ("spec", "jobTemplate", "spec", "template", "spec"))
_STRIMZI = ("KafkaNodePool", "KafkaConnect")
_DLQ = "errors.deadletterqueue.topic.name"
_VOLUME = ("spec", "storage", "volumes", "*")


def _containers() -> Iterator[Guard]:
    for kinds, spec in (_PODS, _CRON):
        for group in ("containers", "initContainers"):
            one = (*spec, group, "*")
            yield Guard("requests-and-limits", kinds, (*one, "resources"), (GONE,))
            for part in ("requests", "limits"):
                for resource in ("cpu", "memory"):
                    yield Guard("requests-and-limits", kinds, (*one, "resources", part, resource), (GONE,))
            context = (*one, "securityContext")
            yield Guard("non-root", kinds, (*context, "runAsNonRoot"), (False,))
            yield Guard("non-root", kinds, (*context, "runAsUser"), (0,), _unprivileged, add=True)
            yield Guard("non-root", kinds, (*context, "privileged"), (True,), add=True)
            yield Guard("non-root", kinds, (*context, "allowPrivilegeEscalation"), (True,), add=True)
            yield Guard("non-root", kinds, (*context, "allowPrivilegeEscalation"), (GONE,))
            yield Guard("non-root", kinds, (*context, "capabilities", "add"), (["SYS_ADMIN"],), add=True)
            yield Guard("pinned-images", kinds, (*one, "image"), ("app", "registry.example.org/app:latest", GONE))
            yield Guard("pinned-images", kinds, (*one, "image"), ("app:1.2.3",), _wants("digests"))


GUARDS: tuple[Guard, ...] = (
    Guard(_T, ("Kafka",), ("spec", "kafka", "listeners", "*", "tls"), (False, GONE)),
    Guard(_T, ("KafkaConnect",), ("spec", "tls"), (GONE,)),
    Guard(_T, ("KafkaConnect",), ("spec", "tls", "trustedCertificates"), ([], GONE)),
    Guard(_T, ("Service",), ("spec", "ports", "*", "name"), (_is("https", "http"),)),
    Guard(_T, ("Service",), ("spec", "ports", "*", "port"), (80, 9092)),
    Guard(_T, ("Ingress",), ("spec", "tls"), (GONE, [])),
    Guard(_T, _DOMAIN, ("domainEndpointOptions", "enforceHttps"), (False, GONE)),
    Guard(_T, _DOMAIN, ("domainEndpointOptions", "tlsSecurityPolicy"), ("Policy-Min-TLS-1-0-2019-07", GONE)),
    Guard(_T, _DOMAIN, ("nodeToNodeEncryption", "enabled"), (False, GONE)),
    Guard(_T, ("Deployment",), ("spec", "template", "spec", "containers", "*", "env", "*", "value"),
          (_is("SSL", "PLAINTEXT"), _is("verify-full", "disable"))),
    # at rest
    Guard(_R, ("KafkaNodePool",), (*_VOLUME, "class"), (GONE, ""), _has_disk),
    Guard(_R, ("StatefulSet",), ("spec", "volumeClaimTemplates", "*", "spec", "storageClassName"), (GONE,), _has_disk),
    Guard(_R, ("StorageClass",), ("parameters", "encrypted"), ("false", GONE), _wants("encrypted_disks")),
    Guard(_R, _SSE, ("rules", "*", "applyServerSideEncryptionByDefault", "sseAlgorithm"), ("AES256", GONE)),
    Guard(_R, _SSE, ("rules",), ([],)),
    Guard(_R, _DOMAIN, ("encryptAtRest", "enabled"), (False, GONE)),
    Guard(_R, _KEY, ("enableKeyRotation",), (False, GONE)),
    Guard(_R, ("aws:sqs/queue:Queue",), ("sqsManagedSseEnabled",), (False, GONE)),
    Guard(_R, ("aws:sns/topic:Topic",), ("kmsMasterKeyId",), (GONE,), unknown=False),
    Guard(_R, ("aws:rds/instance:Instance",), ("storageEncrypted",), (False, GONE)),
    Guard(_R, ("aws:ebs/volume:Volume",), ("encrypted",), (False, GONE)),
    # replication
    Guard(_P, ("KafkaTopic",), ("spec", "replicas"), (1, 2, GONE)),
    Guard(_P, ("KafkaTopic",), (*_CONFIG, "min.insync.replicas"), (1, 3, "1", GONE)),
    Guard(_P, ("KafkaTopic",), (*_CONFIG, "unclean.leader.election.enable"), (True,), add=True),
    *(
        Guard(_P, ("Kafka",), (*_BROKER, key), (1, 2, GONE))
        for key in ("default.replication.factor", "offsets.topic.replication.factor",
                    "transaction.state.log.replication.factor")
    ),
    *(Guard(_P, ("Kafka",), (*_BROKER, key), (1, 3, GONE)) for key in ("min.insync.replicas",
                                                                      "transaction.state.log.min.isr")),
    Guard(_P, ("Kafka",), (*_BROKER, "share.coordinator.state.topic.replication.factor"), (1,)),
    Guard(_P, ("Kafka",), (*_BROKER, "share.coordinator.state.topic.min.isr"), (1, 3)),
    Guard(_P, ("Kafka",), (*_BROKER, "unclean.leader.election.enable"), (True,), add=True),
    *(
        Guard(_P, ("KafkaConnect",), (*_CONFIG, f"{name}.storage.replication.factor"), (1, GONE))
        for name in ("config", "offset", "status")
    ),
    Guard(_P, ("KafkaConnector",), (*_CONFIG, "errors.deadletterqueue.topic.replication.factor"), (1, GONE)),
    Guard(_P, ("FlinkDeployment",), (*_FLINK, "high-availability.type"), ("NONE", GONE)),
    *(
        Guard(_P, ("FlinkDeployment",), (*_FLINK, key), ("file:///tmp/state", GONE))
        for key in ("high-availability.storageDir", "execution.checkpointing.dir",
                    "execution.checkpointing.savepoint-dir")
    ),
    Guard(_P, ("FlinkDeployment",), (*_FLINK, "execution.checkpointing.interval"), (GONE,)),
    Guard(_P, ("FlinkDeployment",), ("spec", "job", "upgradeMode"), ("stateless", GONE)),
    # retention
    Guard("retention-bounds", ("KafkaTopic",), (*_CONFIG, "retention.ms"), (-1, 1000, 3650 * DAY, GONE), _expires),
    Guard("audit-floor", ("KafkaTopic",), (*_CONFIG, "retention.ms"), (60_000, GONE), _topic("audit")),
    Guard("audit-floor", ("KafkaTopic",), (*_CONFIG, "retention.bytes"), (10**9,), _topic("audit"), add=True),
    Guard("audit-floor", ("KafkaTopic",), (*_CONFIG, "cleanup.policy"), ("compact,delete",), _topic("audit")),
    Guard("audit-floor", ("Kafka",), (*_BROKER, "log.retention.bytes"), (10**9,), add=True),
    Guard(
        "audit-floor",
        ("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",),
        ("rules", "*"),
        (_short_lived,),
        unknown=False,
    ),
    # access
    Guard(
        "no-wildcard-acl",
        ("KafkaUser",),
        ("spec", "authorization", "acls", "*"),
        (_wide("*"), _wide("")),
        unknown=False,
    ),
    Guard("no-wildcard-acl", ("KafkaUser",), ("spec", "authorization", "acls", "*", "operations"), (["All"],)),
    Guard("no-wildcard-acl", ("Kafka",), (*_BROKER, "allow.everyone.if.no.acl.found"), (True,), add=True),
    Guard(
        "no-wildcard-acl",
        ("aws:iam/rolePolicy:RolePolicy",),
        ("policy",),
        (_statement(Action="*"), _statement(Action=["s3:*"]), _statement(Resource="*")),
    ),
    Guard("no-wildcard-acl", ("aws:s3/bucketPolicy:BucketPolicy",), ("policy",), (_opened,)),
    Guard("no-wildcard-acl", _KEY, ("policy",), (_opened,)),
    Guard("no-anonymous-user", ("KafkaUser",), ("spec", "authentication"), (GONE, {})),
    Guard(
        "no-anonymous-user", ("Kafka",), ("spec", "kafka", "listeners", "*", "authentication"), (GONE, {"type": ""})
    ),
    Guard("no-anonymous-user", ("Kafka",), ("spec", "kafka", "authorization"), (GONE, {"type": "opa"})),
    Guard("no-anonymous-user", ("Kafka",), ("spec", "kafka", "authorization", "superUsers"), (["CN=me"],), add=True),
    Guard("no-anonymous-user", ("Kafka",), (*_BROKER, "super.users"), ("User:ANONYMOUS",), add=True),
    Guard("no-anonymous-user", ("KafkaConnect",), ("spec", "authentication"), (GONE,)),
    Guard("no-anonymous-user", _DOMAIN, ("advancedSecurityOptions", "enabled"), (False, GONE)),
    Guard("no-anonymous-user", _DOMAIN, ("advancedSecurityOptions", "anonymousAuthEnabled"), (True,), add=True),
    Guard("client-limits", ("KafkaUser",), ("spec", "quotas", "requestPercentage"), (0, -1, GONE)),
    Guard("client-limits", ("KafkaUser",), ("spec", "quotas", "controllerMutationRate"), (0, GONE)),
    Guard("client-limits", ("Kafka",), (*_LIMITS, "maxConnections"), (0, -1, GONE)),
    Guard("client-limits", ("Kafka",), (*_LIMITS, "maxConnectionCreationRate"), (0, GONE)),
    Guard("producer-quota", ("KafkaUser",), ("spec", "quotas"), (GONE,), _writer),
    Guard("producer-quota", ("KafkaUser",), ("spec", "quotas", "producerByteRate"), (0, GONE), _writer),
    # sinks
    Guard("dead-letter-topics", ("KafkaConnector",), (*_CONFIG, _DLQ), (GONE, ""), _sink),
    Guard("dead-letter-topics", ("KafkaConnector",), (*_CONFIG, "errors.tolerance"), ("none", GONE), _sink),
    # what runs
    *_containers(),
    *(
        Guard("requests-and-limits", _STRIMZI, ("spec", "resources", part, resource), (GONE,))
        for part in ("requests", "limits")
        for resource in ("cpu", "memory")
    ),
    Guard("requests-and-limits", _STRIMZI, ("spec", "resources"), (GONE,)),
    *(
        Guard("requests-and-limits", ("Kafka",), ("spec", "entityOperator", f"{name}Operator", "resources"), (GONE,))
        for name in ("topic", "user")
    ),
    *(
        Guard("requests-and-limits", ("FlinkDeployment",), ("spec", part, "resource", resource), (GONE,))
        for part in ("jobManager", "taskManager")
        for resource in ("cpu", "memory")
    ),
    *(
        Guard("non-root", _STRIMZI, ("spec", "template", container, "securityContext", "runAsNonRoot"), (False,))
        for container in ("kafkaContainer", "connectContainer")
    ),
    Guard("non-root", _STRIMZI, ("spec", "template"), (GONE,)),
    Guard("non-root", ("Kafka",), ("spec", "entityOperator", "template"), (GONE,)),
    Guard("non-root", ("FlinkDeployment",), ("spec", "podTemplate"), (GONE,)),
    *(
        Guard("pinned-images", ("KafkaConnect", "FlinkDeployment"), ("spec", "image"), values, when)
        for values, when in ((("flink", "flink:latest"), _wants("environment")), (("flink:2.3",), _wants("digests")))
    ),
    Guard("pinned-images", ("FlinkDeployment",), ("spec", "image"), (GONE,)),
    Guard("pinned-images", ("Release",), ("version",), (">=1.0", "1", GONE)),
    # who gets in, and who may do what
    Guard("closed-network", ("NetworkPolicy",), ("spec", "ingress"), ([{}],), add=True),
    Guard("no-wildcard-acl", ("Role", "ClusterRole"), ("rules", "*", "verbs"), (["*"], ["escalate"])),
    Guard("no-wildcard-acl", ("Role", "ClusterRole"), ("rules", "*", "resources"), (["*"],)),
    Guard("no-wildcard-acl", ("RoleBinding", "ClusterRoleBinding"), ("roleRef", "name"), ("cluster-admin",)),
    *(
        Guard("managed", ("Kafka", "KafkaTopic", "KafkaUser"), ("metadata", "annotations", key), (off,), add=True)
        for key, off in (("strimzi.io/managed", "false"), ("strimzi.io/pause-reconciliation", "true"))
    ),
    # deletion
    Guard("deletion-protection", ("KafkaTopic",), ("protect",), (False,), _kept_topic),
    Guard(
        "deletion-protection",
        ("Kafka", "KafkaNodePool", *_DOMAIN, *_KEY, *_BUCKET, "aws:glue/catalogDatabase:CatalogDatabase",
         "aws:rds/instance:Instance"),
        ("protect",),
        (False,),
        _wants("protected"),
    ),
    Guard("deletion-protection", ("KafkaNodePool",), (*_VOLUME, "deleteClaim"), (True,), _wants("protected"), add=True),
    Guard("deletion-protection", ("KafkaNodePool",), (*_VOLUME, "type"), ("ephemeral",), _wants("protected")),
    Guard("deletion-protection", _BUCKET, ("forceDestroy",), (True,), _wants("protected"), add=True),
    Guard(
        "deletion-protection",
        ("aws:s3/bucketVersioning:BucketVersioning",),
        ("versioningConfiguration", "status"),
        ("Suspended", GONE),
        _wants("protected"),
    ),
    Guard("deletion-protection", _KEY, ("deletionWindowInDays",), (7,), _wants("protected"), add=True),
    Guard("deletion-protection", ("aws:rds/instance:Instance",), ("deletionProtection",), (False, GONE),
          _wants("protected")),
    Guard(
        "deletion-protection",
        ("StatefulSet",),
        ("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"),
        ("Delete",),
        _wants("protected"),
    ),
)  # fmt: skip

TEXTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"https://(?!localhost|127\.)"), "http://"),
    (re.compile(r"(security\.protocol['\"]?\s*=\s*['\"]?)SSL"), r"\1PLAINTEXT"),
    (re.compile(r"sslmode=verify-full"), "sslmode=disable"),
    (re.compile(r"sslmode=verify-full"), "sslmode=prefer"),
    (re.compile(r"(jdbc:postgresql://[^?]*)\?sslmode=verify-full"), r"\1?"),
    (re.compile(r"(-kafka-bootstrap[\w.-]*):9093"), r"\1:9092"),
    (re.compile(r"(quarkus\.http\.insecure-requests=)disabled"), r"\1enabled"),
    (re.compile(r"(xpack\.security\.http\.ssl:\n\s+enabled: )true"), r"\1false"),
    (re.compile(r"(xpack\.security\.enabled: )true"), r"\1false"),
    (re.compile(r"^(ssl = )on", re.MULTILINE), r"\1off"),
    (re.compile(r"^hostssl", re.MULTILINE), "host"),
)
"""What makes a text that goes encrypted go in plain text."""

_TEXT_PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "ConfigMap": (("data",),),
    "KafkaConnector": (("spec", "config"),),
    "FlinkDeployment": (("spec", "flinkConfiguration"),),
    **dict.fromkeys(WORKLOADS, (("spec",),)),
}


def of_stack(stack: str, members: tuple[Member, ...], demands: Demands) -> Iterator[Mutation]:
    """Every mutation of a stack."""
    for index, member in enumerate(members):
        for guard in GUARDS:
            yield from _of_guard(stack, index, member, guard, demands)
        yield from _of_texts(stack, index, member)


def guarded(members: tuple[Member, ...], demands: Demands) -> Iterator[tuple[int, Guard, Path]]:
    """Every property of a stack that a rule needs to know."""
    for index, member in enumerate(members):
        for guard in GUARDS:
            if kind(member.type) in guard.kinds and guard.unknown and guard.when(member, demands):
                if guard.path == ("protect",):
                    continue  # the engine always knows it
                for path, old in places(member.properties, guard.path, guard.add):
                    made = [value(old) if callable(value) else value for value in guard.values]
                    if any(value is not None for value in made):
                        yield index, guard, path


def _of_guard(stack: str, index: int, member: Member, guard: Guard, demands: Demands) -> Iterator[Mutation]:
    if kind(member.type) not in guard.kinds or not guard.when(member, demands):
        return
    if guard.path == ("protect",):
        if member.protect:
            yield Mutation(stack, guard.rule, index, ("protect",), False, member.name)
        return
    for path, old in places(member.properties, guard.path, guard.add):
        for value in guard.values:
            made = value(old) if callable(value) else value
            if made is not None and made != old and not (made is GONE and old is None):
                yield Mutation(stack, guard.rule, index, path, made, member.name)


def _of_texts(stack: str, index: int, member: Member) -> Iterator[Mutation]:
    for place in _TEXT_PLACES.get(kind(member.type), ()):
        for root, held in places(member.properties, place, add=False):
            for path, text in _leaves(held):
                for pattern, instead in TEXTS:
                    broken = pattern.sub(instead, _without_comments(text))
                    if broken != _without_comments(text):
                        yield Mutation(stack, _T, index, (*root, *path), broken, member.name)


def _leaves(value: Any) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield (), value
    elif isinstance(value, dict | list):
        keys = range(len(value)) if isinstance(value, list) else value
        for key in keys:
            yield from (((key, *path), text) for path, text in _leaves(value[key]))


def _without_comments(text: str) -> str:
    return re.sub(r"^\s*(#|--|//).*$", "", text, flags=re.MULTILINE)
