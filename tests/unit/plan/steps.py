"""Steps of a preview as Pulumi writes them, made by hand; the tests change one thing of them each."""

from __future__ import annotations

import copy
import json
from typing import Any

from kafkalogs.plan import report
from kafkalogs.plan.cost import Prices
from kafkalogs.plan.preview import read

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
STRIMZI = "kubernetes:kafka.strimzi.io/v1:"
PLATFORM = "kafkalogs:index:LogPlatform"
PIPELINE = "kafkalogs:index:LogPipeline"

Json = dict[str, Any]


def step(
    op: str,
    kind: str,
    old: Json | None = None,
    new: Json | None = None,
    *,
    name: str = "it",
    parents: str = PLATFORM,
    **fields: Any,
) -> Json:
    """A step. fields: of the state before (old_protect=True) or after (new_protect), or of the step."""
    urn = f"urn:pulumi:prod::kafkalogs::{parents}${kind}::{name}"
    made: Json = {"op": op, "urn": urn}
    for key, inputs in (("old", old), ("new", new)):
        if inputs is not None:
            made[f"{key}State"] = {
                "urn": urn,
                "type": kind,
                "custom": not kind.startswith("kafkalogs:"),
                "inputs": inputs,
            }
            made[f"{key}State"] |= {k.removeprefix(f"{key}_"): v for k, v in fields.items() if k.startswith(f"{key}_")}
    return made | {k: v for k, v in fields.items() if not k.startswith(("old_", "new_"))}


def preview(*steps: Json, config: Json | None = None) -> str:
    """A preview of these steps as Pulumi prints it."""
    summary: dict[str, int] = {}
    for one in steps:
        summary[one["op"]] = summary.get(one["op"], 0) + 1
    document: Json = {"steps": list(steps), "changeSummary": summary}
    if config is not None:
        document["config"] = {"kafkalogs:platform": json.dumps(config)}
    return json.dumps(document)


def told(*steps: Json, config: Json | None = None) -> report.Report:
    """The report of these steps."""
    return report.report(read(preview(*steps, config=config)), Prices())


def kinds(*steps: Json) -> set[str]:
    """The kinds of danger of these steps, but for the one that no catalog is there."""
    return {danger.kind for danger in told(*steps).dangers if danger.where != "catalog"}


def changed(value: Json, *path: str | int, to: Any = ..., **also: Any) -> Json:
    """A copy of `value` with another value at `path`; without it if `to` is not given."""
    made = copy.deepcopy(value)
    holder: Any = made
    for part in path[:-1]:
        holder = holder.setdefault(part, {}) if isinstance(holder, dict) else holder[part]
    if to is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = to
    return made | also


def manifest(kind: str, name: str, spec: Json) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": "kafkalogs"}, "spec": spec}


def topic(name: str = "logs.cart-service", **config: Any) -> Json:
    settings = {"retention.ms": 7_200_000, "min.insync.replicas": 2, "cleanup.policy": "delete", **config}
    return manifest("KafkaTopic", name, {"partitions": 6, "replicas": 3, "config": settings})


def rule(operation: str, name: str, pattern: str = "literal", kind: str = "topic", effect: str = "allow") -> Json:
    resource = {"type": kind, "name": name, "patternType": pattern}
    return {"type": effect, "resource": resource, "operations": [operation, "Describe"], "host": "*"}


def user(name: str, *rules: Json, **quotas: int) -> Json:
    spec: Json = {"authentication": {"type": "tls"}, "authorization": {"type": "simple", "acls": list(rules)}}
    return manifest("KafkaUser", name, {**spec, **({"quotas": quotas} if quotas else {})})


PEER = {"podSelector": {"matchLabels": {"a": "b"}}}
LISTENER = {
    "name": "tls",
    "port": 9093,
    "type": "internal",
    "tls": True,
    "authentication": {"type": "tls"},
    "networkPolicyPeers": [PEER],
}
KAFKA = manifest(
    "Kafka",
    "logs",
    {
        "kafka": {
            "version": "4.3.1",
            "listeners": [LISTENER],
            "authorization": {"type": "simple"},
            "rack": {"topologyKey": "topology.kubernetes.io/zone"},
            "config": {
                "default.replication.factor": 3,
                "min.insync.replicas": 2,
                "offsets.topic.replication.factor": 3,
                "transaction.state.log.replication.factor": 3,
                "transaction.state.log.min.isr": 2,
                "share.coordinator.state.topic.replication.factor": 3,
                "share.coordinator.state.topic.min.isr": 2,
                "unclean.leader.election.enable": False,
                "ssl.enabled.protocols": "TLSv1.3",
            },
        }
    },
)
POOL = manifest(
    "KafkaNodePool",
    "kafka",
    {
        "replicas": 3,
        "roles": ["controller", "broker"],
        "storage": {
            "type": "jbod",
            "volumes": [
                {"id": 0, "type": "persistent-claim", "size": "10Gi", "deleteClaim": False, "class": "encrypted"},
                {"id": 1, "type": "persistent-claim", "size": "10Gi", "deleteClaim": False, "class": "encrypted"},
            ],
        },
    },
)
CONNECTOR = manifest(
    "KafkaConnector",
    "archive",
    {
        "class": "org.apache.iceberg.connect.IcebergSinkConnector",
        "tasksMax": 1,
        "config": {
            "topics": "logs.a,logs.b",
            "errors.deadletterqueue.topic.name": "dlq.archive",
            "errors.tolerance": "all",
            "iceberg.catalog.s3.endpoint": "https://s3.kafkalogs.svc:7070",
            "iceberg.catalog.uri": "jdbc:postgresql://db/x?sslmode=verify-full",
        },
    },
)


def catalog(
    classes: Json | None = None,
    readers: Json | None = None,
    services: Json | None = None,
    key: str = "trace_id",
) -> Json:
    """The catalog's ConfigMap. classes: topics with their retention classes; readers: teams with prefixes."""
    topics = {
        name: {"partitions": 3, "replicas": 3, "retentionMs": 7_200_000, "partitionBy": key, "retentionClass": kind}
        for name, kind in (classes or {"logs.a": "application"}).items()
    }
    teams = {name: {"topics": [], "prefixes": prefixes} for name, prefixes in (readers or {}).items()}
    document = {"topics": topics, "services": services or {}, "teams": teams}
    return {"metadata": {"name": "kafkalogs-catalog"}, "data": {"catalog.json": json.dumps(document)}}


def catalog_step(before: Json, after: Json) -> Json:
    return step("replace", "kubernetes:core/v1:ConfigMap", before, after, name="kafkalogs-catalog")
