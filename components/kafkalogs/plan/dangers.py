"""All dangers of a preview: which rule checks which resource, and what no rule can check.

A rule reports nothing about a value that the preview hides. So this module searches all that a rule would read, and
reports each hidden value as a danger: a hidden value must not look like a value without danger.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from . import aws, cluster, rights, sinks, topics
from .aws import POLICIES, WATCHED, kind_of
from .changes import subject
from .findings import Context, Danger, sorted_dangers
from .markdown import Markdown, code, codes
from .preview import Preview, Step
from .values import UNKNOWN, Hidden, Path, at, hidden_in, mapping, sequence, texts_in, true

Rule = Callable[[Step, Context], Iterator[Danger]]

RULES: Final[Mapping[str, Rule]] = {
    "kubernetes:kafka.strimzi.io/*:KafkaTopic": topics.dangers,
    "kubernetes:kafka.strimzi.io/*:KafkaUser": rights.dangers,
    "kubernetes:kafka.strimzi.io/*:Kafka": cluster.kafka_dangers,
    "kubernetes:kafka.strimzi.io/*:KafkaNodePool": cluster.pool_dangers,
    "kubernetes:kafka.strimzi.io/*:KafkaConnector": sinks.dangers,
    "kubernetes:kafka.strimzi.io/*:KafkaConnect": sinks.connect_dangers,
    "kubernetes:core/*:ConfigMap": sinks.settings_dangers,
    "kubernetes:core/*:Namespace": cluster.store_dangers,
    "kubernetes:core/*:PersistentVolumeClaim": cluster.store_dangers,
    "kubernetes:core/*:PersistentVolume": cluster.store_dangers,
    "kubernetes:apps/*:StatefulSet": cluster.store_dangers,
    "kubernetes:storage.k8s.io/*:StorageClass": cluster.store_dangers,
    "kubernetes:apiextensions.k8s.io/*:CustomResourceDefinition": cluster.store_dangers,
    "kubernetes:networking.k8s.io/*:NetworkPolicy": rights.network_dangers,
    "kubernetes:admissionregistration.k8s.io/*:ValidatingAdmissionPolicy": rights.admission_dangers,
    "kubernetes:admissionregistration.k8s.io/*:ValidatingAdmissionPolicyBinding": rights.admission_dangers,
    "kubernetes:rbac.authorization.k8s.io/*:Role": rights.rbac_dangers,
    "kubernetes:rbac.authorization.k8s.io/*:ClusterRole": rights.rbac_dangers,
    "kubernetes:rbac.authorization.k8s.io/*:RoleBinding": rights.rbac_dangers,
    "kubernetes:rbac.authorization.k8s.io/*:ClusterRoleBinding": rights.rbac_dangers,
}
"""The rule of each type; a * in the type stands for the API version."""

# Resources whose deletion loses no data: the program can make them again, or their deletion removes rights.
_HARMLESS: Final = re.compile(
    r"kafkalogs:index:\w+|pulumi:.*"
    r"|kubernetes:(core/v1:(ConfigMap|Service|ServiceAccount|LimitRange|ResourceQuota)"
    r"|apps/v1:(Deployment|DaemonSet)|batch/v1:(Job|CronJob)|policy/v1:\w+|autoscaling/\w+:\w+|yaml/v2:\w+"
    r"|scheduling.k8s.io/\w+:\w+|flink.apache.org/\w+:\w+|monitoring.coreos.com/\w+:\w+|external-secrets.io/\w+:\w+)"
    r"|aws:iam/\w+:(Role|RolePolicy|RolePolicyAttachment|Policy)|aws:kms/\w+:Alias|aws:s3/\w+:BucketLifecycleConfiguration(V2)?"
    r"|aws:cloudwatch/\w+:LogResourcePolicy"
)

# The kinds that a rule reads, so a hidden value in them is a danger; and the kinds for which this is also true of a
# new resource.
_SPEC: Final = frozenset(
    {"KafkaTopic", "KafkaUser", "Kafka", "KafkaNodePool", "KafkaConnector", "NetworkPolicy", "StorageClass"}
)
_ALSO_NEW: Final = frozenset(
    {"KafkaUser", "Kafka", "NetworkPolicy", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}
)
_RBAC: Final = ("rules", "subjects", "roleRef")

_ENCRYPTING: Final = re.compile(
    r"(?i)(^|\.)(tls|ssl|encrypted|encryption|enforce_?https|storage_?encrypted|kms_?key_?(id|arn)|kms_?master_?key_?id"
    r"|ssl_?enabled|transit_?encryption\w*|at_?rest_?encryption\w*)$"
)
_PLAIN: Final = re.compile(r"(?i)(^|[.\[\"])(insecure\w*|\w*skip_?verify|\w*verification_?mode)$")
_TLS_URL: Final = re.compile(r"https://([\w.-]+(?::\d+)?)")
_PLAIN_URL: Final = re.compile(r"http://([\w.-]+(?::\d+)?)")
_SSLMODE: Final = re.compile(r"sslmode=([\w-]+)")
_STRICT: Final = ("verify-full", "verify-ca", "require", "prefer", "allow", "disable")
_PLAIN_PROTOCOL: Final = re.compile(r"\b(SASL_)?PLAINTEXT\b")


def find(preview: Preview, context: Context) -> list[Danger]:
    """Every danger of a preview, the worst kinds first."""
    return sorted_dangers(_all(preview, context))


def _all(preview: Preview, context: Context) -> Iterator[Danger]:
    if preview.missing:
        text = Markdown("Pulumi counted operations that the preview does not list: this report does not contain them")
        yield Danger("incomplete", Markdown("preview"), codes(preview.missing), Markdown("not listed"), text)
    for step in sorted(preview.steps, key=_weight):
        rule = RULES.get(re.sub(r"/v\w+:", "/*:", step.type))
        yield from rule(step, context) if rule else aws.dangers(step, context)
        yield from _protection(step)
        yield from _encryption(step)
        yield from _hidden(step)
        yield from _strange(step)
        yield from _target(step)
    yield from topics.key_dangers(context)
    yield from rights.audit_dangers(context)
    if context.unread:
        text = Markdown(
            f"the owners of topics, and which topics hold audit logs, are not known: {code(context.unread)}"
        )
        yield Danger("unknown", Markdown("catalog"), Markdown("known"), Markdown("not shown"), text)


def _weight(step: Step) -> int:
    """The rank among dangers of one kind: the resource that holds most comes first."""
    order = ("Namespace", "Kafka", "KafkaNodePool", "Bucket", "Key", "Domain", "StatefulSet", "KafkaTopic", "KafkaUser")
    return order.index(step.kind) if step.kind in order else len(order)


def _protection(step: Step) -> Iterator[Danger]:
    if step.custom and step.unprotected and step.op != "delete":
        text = Markdown("Pulumi no longer refuses to delete it: the next change of the stack file may delete it")
        yield Danger("protection", subject(step), Markdown("protected"), Markdown("not protected"), text)


def _strange(step: Step) -> Iterator[Danger]:
    """Deletions and operations that no rule covers: a needless question is better than none."""
    if step.op.startswith("unknown operation"):
        text = Markdown(f"this version does not know the operation: {code(step.op)}")
        yield Danger("unknown", subject(step), Markdown("there"), Markdown("not known"), text)
    known = RULES.keys() & {re.sub(r"/v\w+:", "/*:", step.type)}
    kind = kind_of(step)
    if not step.goes or not step.custom or known or _HARMLESS.fullmatch(step.type):
        return
    if kind is None or not (kind in aws.STORES or kind in aws.GUARDS):
        text = Markdown(f"no rule knows what a {code(step.type)} holds: check whether its deletion loses data")
        yield Danger("unknown", subject(step), Markdown("there"), Markdown("deleted"), text)


def _target(step: Step) -> Iterator[Danger]:
    """A provider with a new target: the resources in the old target stay there, and Pulumi no longer sees them."""
    if not step.type.startswith("pulumi:providers:") or not step.stays or step.op == "same":
        return
    keys = sorted(
        key
        for key in {*mapping(step.old), *mapping(step.new)} - {"version", "__internal", "pluginDownloadURL"}
        if at(step.old, key) != at(step.new, key) or isinstance(at(step.new, key), Hidden)
    )
    if keys:
        text = Markdown(
            f"{codes(keys)} changed: this may be another cluster or account, where these resources do not exist"
        )
        yield Danger(
            "unknown", Markdown(f"provider {code(step.name)}"), Markdown("as deployed"), Markdown("another"), text
        )


# -- encryption, in any resource


def _encryption(step: Step) -> Iterator[Danger]:
    """Addresses, flags and protocols that lose encryption, in any resource."""
    if not step.stays:
        return
    before, after = list(texts_in(step.old)), list(texts_in(step.new))
    secure = {host for text in before for host in _TLS_URL.findall(text)}
    plain_before = {host for text in before for host in _PLAIN_URL.findall(text)}
    for host in sorted({host for text in after for host in _PLAIN_URL.findall(text)} & secure - plain_before):
        text = Markdown("data sent there is not encrypted")
        yield Danger("encryption", subject(step), code(f"https://{host}"), code(f"http://{host}"), text)
    modes = [
        [_STRICT.index(m) for t in texts for m in _SSLMODE.findall(t) if m in _STRICT] for texts in (before, after)
    ]
    if modes[0] and (not modes[1] or max(modes[1]) > max(modes[0])):
        was, now = (_STRICT[max(mode)] if mode else "none" for mode in modes)
        text = Markdown("the database's certificate is checked less, or nothing is encrypted")
        yield Danger("encryption", subject(step), code(f"sslmode={was}"), code(f"sslmode={now}"), text)
    if any(map(_PLAIN_PROTOCOL.search, after)) and not any(map(_PLAIN_PROTOCOL.search, before)):
        text = Markdown("records and passwords cross the network in clear text")
        yield Danger("encryption", subject(step), Markdown("TLS"), code("PLAINTEXT"), text)
    # Listeners, StorageClasses and `WATCHED` properties on AWS have separate rules.
    if step.kind in {"Kafka", "StorageClass"} or kind_of(step) in WATCHED:
        return
    yield from _flags(step, step.old, step.new, ())


def _flags(step: Step, old: Any, new: Any, path: Path) -> Iterator[Danger]:
    named = ".".join(map(str, path))
    if isinstance(new, Hidden):
        return
    weaker = _ENCRYPTING.search(named) and old not in (None, False, "false", "") and new in (None, False, "false", "")
    looser = _PLAIN.search(named) and true(new) and not true(old)
    if weaker or looser:
        before = (
            Markdown("set") if isinstance(old, dict | list | Hidden) else Markdown("on") if true(old) else code("set")
        )
        after = Markdown("on") if looser else Markdown("off")
        yield Danger(
            "encryption", subject(step), before, after, Markdown(f"{code(named)} no longer asks for encryption")
        )
        return
    if isinstance(old, dict):
        for key, value in mapping(old).items():
            yield from _flags(step, value, at(new, key), (*path, key))
        for key in mapping(new).keys() - mapping(old).keys():
            if _PLAIN.search(key):
                yield from _flags(step, None, at(new, key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(sequence(old)) == len(sequence(new)):
        for i, value in enumerate(sequence(old)):
            yield from _flags(step, value, at(new, i), (*path, i))


# -- hidden values


def _hidden(step: Step) -> Iterator[Danger]:
    """Values that a rule would read and the preview hides."""
    if step.new is None:
        return
    hidden: dict[Hidden, list[str]] = {}
    for path, why in _hidden_places(step):
        if why is UNKNOWN or _may_differ(step, path):
            hidden.setdefault(why, []).append(".".join(map(str, path)))
    for why, paths in hidden.items():
        text = f"{codes(paths, 5)}: {why}; it may lose data or widen access"
        before = Markdown("as deployed") if step.old is not None else Markdown("not there")
        yield Danger("unknown", subject(step), before, Markdown("not shown"), Markdown(text))


def _may_differ(step: Step, path: Path) -> bool:
    """Whether a secret may have changed: Pulumi shows both values alike, but names the changed paths."""
    if step.old is None or step.op == "replace" or at(step.old, *path) != at(step.new, *path):
        return True
    prefix = ".".join(map(str, path))
    return step.changed is None or any(changed.startswith(prefix) for changed in step.changed)


def _hidden_places(step: Step) -> Iterator[tuple[Path, Hidden]]:
    new = step.new or {}
    fresh = step.old is None
    kind = kind_of(step)
    if kind:
        for key in POLICIES.get(kind, ()):
            yield from hidden_in(at(new, key), (key,))
        if not fresh:
            for path, *_ in WATCHED.get(kind, ()):
                # A value that was hidden before too, like the ARN of a key, is reported only if it changed.
                if isinstance(value := at(new, *path), Hidden):
                    yield path, value
        return
    if not step.type.startswith("kubernetes:") or (fresh and step.kind not in _ALSO_NEW):
        return
    if step.kind in _SPEC:
        keys = ("parameters", "reclaimPolicy") if step.kind == "StorageClass" else ("metadata", "spec")
        for key in keys:
            yield from _top(hidden_in(at(new, key), (key,)), step, fresh=fresh)
    elif step.kind in {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}:
        for key in _RBAC:
            yield from hidden_in(at(new, key), (key,))
    elif step.kind == "ConfigMap" and not fresh:
        for key in ("search.json", "schemas.json"):
            if at(step.old, "data", key) is not None:
                yield from hidden_in(at(new, "data", key), ("data", key))


def _top(places: Iterator[tuple[Path, Hidden]], step: Step, *, fresh: bool) -> Iterator[tuple[Path, Hidden]]:
    """The relevant places: in metadata only the name, the namespace or all of it; in a new Kafka only its rights."""
    for path, why in places:
        if path[0] == "metadata" and (fresh or (len(path) > 1 and path[1] not in {"name", "namespace"})):
            continue
        if fresh and step.kind == "Kafka" and not {"listeners", "authorization", "kafka", "spec"} & {*path[-3:]}:
            continue
        yield path, why
