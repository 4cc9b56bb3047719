"""What a stack file declares, as plain values to compare with what runs.

All of it comes from the records of the parts; a test compares it with the manifests that the components make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from .. import parts
from ..catalog.part import TopicSpec, UserSpec
from ..config.models import Platform
from ..config.naming import dead_letter_name
from ..kafka.cluster import broker_ids, node_ids
from ..platform import cluster_args
from ..schemas import event
from ..schemas.registration import subjects
from ..sinks.record import Sink, sinks
from ..sinks.settings import delivery_config

CLUSTER_RESOURCE: Final = "kafka-cluster"
"""Kafka's name for the cluster itself in ACLs."""


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
class Declared:
    """Everything that the doctor compares."""

    platform: Platform
    topics: Mapping[str, Topic]
    users: Mapping[str, User]
    connectors: Mapping[str, Connector]
    groups: tuple[parts.Group, ...]
    dead_letters: tuple[str, ...]
    """The names of the dead letter topics."""
    subjects: Mapping[str, str]
    """The type of schema, JSON or AVRO, by subject."""
    brokers: tuple[int, ...]
    nodes: tuple[int, ...]
    """The ids of all nodes of Kafka."""
    certificates: tuple[str, ...]
    """The services whose certificates the platform's own authority makes."""


def declared(platform: Platform) -> Declared:
    """What a configuration declares."""
    pools = cluster_args(platform).pools
    topics, log_classes = parts.topics(platform), parts.log_classes(platform)
    return Declared(
        platform=platform,
        topics={topic.name: _topic(topic) for topic in topics},
        users={user.name: _user(user) for user in parts.users(platform)},
        connectors={sink.name: _connector(platform, sink) for sink in sinks(platform, log_classes)},
        groups=tuple(parts.groups(platform)),
        dead_letters=tuple(sorted(topic.name for topic in topics if topic.kind == "dead-letters")),
        subjects=subjects(list(log_classes)) if platform.schemas else {},
        brokers=tuple(broker_ids(pools)),
        nodes=tuple(node for nodes in node_ids(pools).values() for node in nodes),
        certificates=tuple(parts.needed_secrets(platform)[0]),
    )


def disks(platform: Platform) -> dict[int, int]:
    """The size of each broker's disk; bytes."""
    pools, nodes = platform.broker_pools(), node_ids(cluster_args(platform).pools)
    return {node: pool.storage.size for name, pool in pools.items() for node in nodes[name]}


def own_schemas() -> dict[str, Any]:
    """The package's own schemas of the log event, by type."""
    return {"JSON": event.json_schema(), "AVRO": event.avro_schema()}


def as_mapping(value: object) -> dict[str, Any]:
    """A JSON object; an empty one for everything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """A JSON array; an empty one for everything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(value: object) -> str:
    """A setting in Kafka's format."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _connector(platform: Platform, sink: Sink) -> Connector:
    config = delivery_config(sink.topics, dead_letter_name(sink.name), platform.kafka.replication_factor)
    return Connector(sink.name, sink.class_, sink.tasks, {key: _text(value) for key, value in config.items()})


def _topic(topic: TopicSpec) -> Topic:
    settings = {key: _text(value) for key, value in topic.config.items()}
    return Topic(topic.name, topic.partitions, topic.replicas, settings)


def _user(user: UserSpec) -> User:
    return User(
        name=user.name,
        principal=f"CN={user.name}" if user.authentication.startswith("tls") else user.name,
        acls=frozenset(
            Acl(rule.kind, rule.name, rule.pattern, operation) for rule in user.acls for operation in rule.operations
        ),
        quotas={key: float(rate) for key, rate in user.quotas.items()},
    )
