"""What a stack file declares, as plain values to compare with what runs.

All of it comes from the functions that the components build their manifests with; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from .. import parts
from ..catalog import resolve as catalog
from ..config.models import Platform
from ..config.naming import SHIPPED_TOPIC
from ..kafka.cluster import broker_ids, node_ids
from ..kafka.doctor_user import DOCTOR_USER
from ..kafka.identity import user_manifest, user_manifest_from_values
from ..kafka.topic import topic_manifest_from_values
from ..kube.resources import Manifest
from ..monitoring.manifests import monitor_manifest
from ..pager.component import DEAD_LETTER_BYTES, DEAD_LETTERS, PAGER, STATE, PagerArgs, state_topic_manifest
from ..parts import byte_rates
from ..pipeline import AUDIT_CLASS, CONNECT
from ..platform import cluster_args, reader_args, topic_args, writer_args
from ..schemas import event as log_schema
from ..schemas import registry as schemas
from ..shipper import daemon as shipper
from ..sinks import connect
from ..sinks import connectors as sinks
from ..sinks import settings as sink_settings
from ..stream import manifests as stream_manifests
from ..stream import services as stream_catalog
from ..stream.job import FlinkJobArgs
from ..stream.script import DEAD_LETTER_BYTES as STREAM_DEAD_LETTER_BYTES
from ..stream.script import OUTPUTS, TOPICS

CLUSTER_RESOURCE: Final = "kafka-cluster"
"""How Kafka names the cluster itself in rights."""

QUOTAS: Final[Mapping[str, str]] = {
    "producerByteRate": "producer_byte_rate",
    "consumerByteRate": "consumer_byte_rate",
    "requestPercentage": "request_percentage",
    "controllerMutationRate": "controller_mutation_rate",
}
"""Kafka's names of the quotas of a KafkaUser."""


@dataclass(frozen=True, order=True)
class Acl:
    """One right, in the words of a KafkaUser."""

    kind: str
    """topic, group, cluster or transactionalId."""
    name: str
    pattern: str
    """literal or prefix."""
    operation: str
    permission: str = "allow"
    host: str = "*"

    def __str__(self) -> str:
        only = "" if self.host == "*" else f" from {self.host}"
        return f"{self.permission} {self.operation} on {self.kind} {self.pattern} {self.name}{only}"


@dataclass(frozen=True)
class Topic:
    """A topic of a KafkaTopic."""

    name: str
    partitions: int
    replicas: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class User:
    """What a KafkaUser may do."""

    name: str
    principal: str
    """Its name in Kafka, without `User:`."""
    acls: frozenset[Acl]
    quotas: Mapping[str, float]
    """Bytes per second of each broker, by Kafka's names."""


@dataclass(frozen=True)
class Connector:
    """A sink."""

    name: str
    class_: str
    tasks: int
    config: Mapping[str, str]
    """The settings that do not depend on addresses."""


@dataclass(frozen=True)
class Group:
    """A consumer group of the platform's own."""

    part: str
    name: str
    topics: tuple[str, ...]


@dataclass(frozen=True)
class Declared:
    """Everything that the doctor compares."""

    platform: Platform
    topics: Mapping[str, Topic]
    users: Mapping[str, User]
    connectors: Mapping[str, Connector]
    groups: tuple[Group, ...]
    subjects: Mapping[str, str]
    """The type of schema, JSON or AVRO, by subject."""
    brokers: tuple[int, ...]
    nodes: tuple[int, ...]
    """The ids of all nodes of Kafka."""
    certificates: tuple[str, ...]
    """The services whose certificates the platform's own authority makes."""

    @property
    def dead_letters(self) -> list[str]:
        """The topics of what could not be delivered."""
        return sorted(name for name in self.topics if name.startswith("dlq."))


def declared(platform: Platform) -> Declared:
    """What a configuration declares."""
    known = catalog.resolve(platform)
    topic_manifests = [*_platform_topics(platform, known), *_part_topics(platform, known)]
    sinks_ = _connectors(platform, known)
    args = cluster_args(platform)
    return Declared(
        platform=platform,
        topics={topic.name: topic for topic in map(topic_of, topic_manifests)},
        users={user.name: user for user in map(user_of, _users(platform, known))},
        connectors=sinks_,
        groups=tuple(_groups(platform, known)),
        subjects=schemas.subjects(_log_topics(platform, known)) if platform.schemas else {},
        brokers=tuple(broker_ids(args.pools)),
        nodes=tuple(node for nodes in node_ids(args.pools).values() for node in nodes),
        certificates=tuple(parts.needed_secrets(platform)[0]),
    )


def topic_of(manifest: Manifest) -> Topic:
    """The topic of a KafkaTopic."""
    spec = manifest["spec"]
    settings = cast("dict[str, Any]", spec.get("config") or {})
    return Topic(
        name=spec.get("topicName") or manifest["metadata"]["name"],
        partitions=int(spec["partitions"]),
        replicas=int(spec["replicas"]),
        config={key: _text(value) for key, value in settings.items()},
    )


def user_of(manifest: Manifest) -> User:
    """The user of a KafkaUser."""
    spec, name = manifest["spec"], str(manifest["metadata"]["name"])
    certified = spec["authentication"]["type"].startswith("tls")
    rules = cast("list[Manifest]", spec.get("authorization", {}).get("acls", []))
    limits = cast("dict[str, int]", spec.get("quotas") or {})
    return User(
        name=name,
        principal=f"CN={name}" if certified else name,
        acls=frozenset(one for rule in rules for one in acls_of(rule)),
        quotas={QUOTAS[key]: float(value) for key, value in limits.items()},
    )


def acls_of(rule: Manifest) -> Iterable[Acl]:
    """The rights of one rule of a KafkaUser."""
    resource = rule["resource"]
    whole = resource["type"] == "cluster"
    for operation in rule["operations"]:
        yield Acl(
            kind=resource["type"],
            name=CLUSTER_RESOURCE if whole else resource["name"],
            pattern="literal" if whole else resource.get("patternType", "literal"),
            operation=operation,
            permission=rule.get("type", "allow"),
            host=rule.get("host", "*"),
        )


def disks(platform: Platform) -> dict[int, int]:
    """The size of each broker's disk; bytes."""
    pools, nodes = platform.broker_pools(), node_ids(cluster_args(platform).pools)
    return {node: pool.storage.size for name, pool in pools.items() for node in nodes[name]}


def own_schemas() -> dict[str, Any]:
    """The package's own schemas of the log event, by type."""
    return {"JSON": log_schema.json_schema(), "AVRO": log_schema.avro_schema()}


def as_mapping(value: object) -> dict[str, Any]:
    """A JSON object; an empty one for everything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """A JSON array; an empty one for everything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(value: Any) -> str:
    """A setting as Kafka says it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _log_topics(platform: Platform, known: catalog.Catalog) -> list[str]:
    """The topics of log events: of the services, and of the shipper."""
    return [*sorted(known.topics), *([SHIPPED_TOPIC] if platform.shipper else [])]


def _audit_topics(known: catalog.Catalog) -> list[str]:
    return sorted(name for name, topic in known.topics.items() if topic.retention_class == AUDIT_CLASS)


def _here(platform: Platform) -> dict[str, Any]:
    return {"namespace": platform.namespace, "cluster": platform.kafka.name}


def _copies(platform: Platform) -> dict[str, Any]:
    return {
        "replicas": platform.kafka.replication_factor,
        "min_in_sync_replicas": platform.kafka.min_in_sync_replicas,
    }


def _platform_topics(platform: Platform, known: catalog.Catalog) -> list[Manifest]:
    return [topic_manifest_from_values(**vars(topic_args(platform, topic))) for topic in known.topics.values()]


def _part_topics(platform: Platform, known: catalog.Catalog) -> list[Manifest]:
    """The KafkaTopics of the parts that are switched on."""
    here, copies = _here(platform), _copies(platform)
    factors = {"replication_factor": copies["replicas"], "min_in_sync_replicas": copies["min_in_sync_replicas"]}
    made: list[Manifest] = []
    if platform.shipper:
        args = shipper.LogShipperArgs
        about: dict[str, Any] = {"partitions": args.partitions, "retention_ms": args.retention_ms}
        made.append(shipper.shipped_topic_manifest(**here, topic_name=SHIPPED_TOPIC, **about, **copies))
    if platform.schemas and platform.schemas.url is None:
        made += [schemas.registry_topic_manifest(topic=topic, **here, **factors) for topic in schemas.TOPICS]
    on = [name for name in ("archive", "search", "audit") if getattr(platform, name) is not None]
    if on:
        made += [
            connect.internal_topic_manifest(**here, topic=topic, partitions=connect.PARTITIONS[key], **copies)
            for key, topic in connect.internal_topics(CONNECT).items()
        ]
        made += [
            sink_settings.dead_letter_topic_manifest(**here, topic=f"dlq.{name}", **copies)
            for name in _connectors(platform, known)
        ]
    if platform.archive:
        made.append(sink_settings.control_topic_manifest(**here, topic=_control_topic(), **copies))
    if platform.stream:
        made += _stream_topics(here, copies)
        made.append(stream_catalog.catalog_topic_manifest(**here, **factors))
    if platform.pager:
        kept: dict[str, Any] = {
            "retention_ms": PagerArgs.dead_letter_retention_ms,
            "max_message_bytes": DEAD_LETTER_BYTES,
        }
        made.append(topic_manifest_from_values(topic=DEAD_LETTERS, partitions=1, **here, **copies, **kept))
        made.append(state_topic_manifest(**here, **factors))
    return made


def _stream_topics(here: Mapping[str, Any], copies: Mapping[str, Any]) -> list[Manifest]:
    args: Any = FlinkJobArgs  # the defaults of its fields are known values
    made: list[Manifest] = []
    for key, topic in OUTPUTS.items():
        dead = key == "dead_letters"
        settings: dict[str, Any] = {
            "partitions": 1 if dead else args.partitions,
            "retention_ms": args.dead_letter_retention_ms if dead else args.retention_ms,
            "max_message_bytes": STREAM_DEAD_LETTER_BYTES if dead else None,
        }
        if key != "catalog":
            made.append(topic_manifest_from_values(topic=topic, **{**here, **copies, **settings}))
    return made


def _control_topic() -> str:
    return str(cast("Any", sinks.S3SinkArgs).control_topic)


def _users(platform: Platform, known: catalog.Catalog) -> list[Manifest]:
    here = _here(platform)
    made = [user_manifest_from_values(**vars(writer_args(platform, writer))) for writer in known.writers.values()]
    made += [user_manifest_from_values(**vars(reader_args(platform, reader))) for reader in known.readers.values()]
    made.append(user_manifest(platform.namespace, platform.kafka.name, DOCTOR_USER))
    rates = byte_rates(platform)
    if platform.schemas and platform.schemas.url is None:
        topics: list[str] = [*schemas.TOPICS]
        made.append(
            _user(
                here,
                schemas.REGISTRY,
                writes=topics,
                reads=topics,
                group_prefix=schemas.GROUP_PREFIX,
                rate=rates["registry"],
            )
        )
    if platform.archive or platform.search or platform.audit:
        control = [_control_topic()] if platform.archive else None
        made.append(
            connect.connect_user_manifest(
                **here, connect=CONNECT, **_NO_PREFIXES, control_topics=control, producer_byte_rate=rates["connect"]
            )
        )
    if platform.stream:
        made.append(stream_manifests.stream_user_manifest(**here, producer_byte_rate=rates["stream"]))
    if platform.pager:
        read: list[str] = [str(PagerArgs.topic), STATE]
        made.append(
            _user(here, PAGER, writes=[DEAD_LETTERS, STATE], reads=read, group_prefix=f"{PAGER}.", rate=rates["pager"])
        )
    if platform.shipper:
        made.append(_user(here, shipper.NAME, writes=[SHIPPED_TOPIC], rate=rates["shipper"]))
    if platform.monitoring:
        made.append(monitor_manifest(**here, user="monitor"))
    return made


_NO_PREFIXES: Final[Mapping[str, Any]] = {"read_prefixes": None, "write_prefixes": None}


def _user(
    here: Mapping[str, Any],
    name: str,
    writes: list[str] | None = None,
    reads: list[str] | None = None,
    group_prefix: str | None = None,
    rate: int | None = None,
) -> Manifest:
    return user_manifest_from_values(
        **here,
        user=name,
        authentication="tls",
        writes=writes,
        reads=reads,
        read_prefixes=None,
        group_prefix=group_prefix,
        producer_byte_rate=rate,
        consumer_byte_rate=None,
    )


def _connectors(platform: Platform, known: catalog.Catalog) -> dict[str, Connector]:
    topics = {"archive": _log_topics(platform, known), "search": _log_topics(platform, known)}
    topics["audit"] = _audit_topics(known)
    classes = {"archive": sinks.ICEBERG, "search": sinks.SEARCH, "audit": sinks.JDBC}
    found: dict[str, Connector] = {}
    for name, class_ in classes.items():
        if getattr(platform, name) is None or not topics[name]:
            continue
        config = sink_settings.delivery_config(topics[name], f"dlq.{name}", platform.kafka.replication_factor)
        found[name] = Connector(name, class_, 1, {key: _text(value) for key, value in config.items()})
    return found


def _groups(platform: Platform, known: catalog.Catalog) -> Iterable[Group]:
    logs = _log_topics(platform, known)
    read = {
        "archive": logs,
        "search": logs,
        "audit": _audit_topics(known),
        "stream": [topic for topic in logs if re.fullmatch(TOPICS, topic)],
        "pager": [OUTPUTS["critical"]],
    }
    for part, group in parts.GROUPS.items():
        if getattr(platform, part) is not None and read[part]:
            yield Group(part, group, tuple(read[part]))
