"""The service catalog: the values that follow from the configuration. It does not use Pulumi.

Services, teams and shared topics give the topics with all settings, the identities with their rights, and the quotas.
`document` is the catalog as JSON, for programs that run on the platform.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..config import limits, naming, sizing
from ..config.levels import ERROR_LEVELS, LEVELS
from ..config.models import PartitionBy, Platform, Service, SharedTopic
from .part import TopicSpec, UserSpec, client, log_config

DEFAULT_TYPE: Final = "application"
DEFAULT_PARTITION_BY: Final[PartitionBy] = "instance_id"


@dataclass(frozen=True)
class Topic:
    """One topic with its resolved settings."""

    name: str
    retention_class: str
    writers: tuple[str, ...]
    """The services that write into it."""
    shared: bool
    partitions: int
    replicas: int
    min_in_sync_replicas: int
    retention_ms: int
    max_message_bytes: int
    partition_by: PartitionBy


@dataclass(frozen=True)
class Writer:
    """The identity of a service."""

    service: str
    team: str
    layout: str
    topics: Mapping[str, str]
    """The topic of each type of log, or of each level with layout level."""
    rate: int
    """Bytes per second over the whole cluster, as declared."""
    quota: int
    """Bytes per second that each broker allows."""
    request_percentage: int = sizing.REQUEST_PERCENTAGE
    """Percent of one thread of each broker that it may take."""


@dataclass(frozen=True)
class Reader:
    """The identity of a team."""

    team: str
    user: str
    group_prefix: str
    topics: tuple[str, ...]
    prefixes: tuple[str, ...]
    quota: int | None
    """Bytes per second that each broker allows; None is unlimited."""
    request_percentage: int = sizing.REQUEST_PERCENTAGE
    """Percent of one thread of each broker that it may take."""


@dataclass(frozen=True)
class Catalog:
    """Everything that follows from a configuration."""

    topics: Mapping[str, Topic]
    writers: Mapping[str, Writer]
    readers: Mapping[str, Reader]


def layout_of(service: Service) -> str:
    """The layout of a service: `layout` if written, else `type` if the service names types, else `service`."""
    return service.layout or ("type" if service.types else "service")


def own_topic(name: str, service: Service) -> str | None:
    """The topic that only this service writes; None if the layout has no such topic."""
    return (service.topic or f"logs.{name}") if layout_of(service) == "service" else None


def routes(name: str, service: Service) -> dict[str, str]:
    """The topic of each type of log of a service, or of each level with layout level."""
    if layout_of(service) == "level":
        return {level: f"logs.{level}" for level in LEVELS}
    types = service.types or (DEFAULT_TYPE,)
    topics = {kind: f"logs.{kind}" for kind in types}
    own = own_topic(name, service)
    return {**topics, types[0]: own} if own else topics


def retention_class(service: Service, route: str) -> str:
    """The retention class of what a service writes by `route` (a type, or a level)."""
    if layout_of(service) == "level":
        return "errors" if route in ERROR_LEVELS else DEFAULT_TYPE
    return route


def settings_of(name: str, service: Service, topic: str) -> SharedTopic:
    """The settings that a service gives one of its topics. They apply to its own topic, or else to its shared
    topics."""
    if own_topic(name, service) not in {None, topic}:
        return SharedTopic()
    return SharedTopic.model_construct(
        partition_by=service.partition_by,
        retention=service.retention,
        partitions=service.partitions,
        max_message_bytes=service.max_message_bytes,
    )


def writers_of(platform: Platform) -> dict[str, dict[str, str]]:
    """The services that write each topic, with the retention class that each service gives the topic."""
    writers: dict[str, dict[str, str]] = {}
    for name, service in platform.services.items():
        for route, topic in routes(name, service).items():
            writers.setdefault(topic, {})[name] = retention_class(service, route)
    return writers


def reads(pattern: str) -> tuple[str, bool]:
    """What a team's entry in `reads` names: a topic, or (True) the prefix of topics."""
    return (pattern[:-1], True) if pattern.endswith("*") else (pattern, False)


def topics_of(platform: Platform) -> dict[str, Topic]:
    """The topics of a configuration by name."""
    return {name: _topic(platform, name, writers) for name, writers in writers_of(platform).items()}


def largest_batch(platform: Platform) -> int:
    """The largest batch of all topics of log events; bytes. Dead letters and buffers of readers follow from it."""
    return max((topic.max_message_bytes for topic in topics_of(platform).values()), default=limits.DEFAULT_BATCH)


def resolve(platform: Platform) -> Catalog:
    """The catalog of a configuration in which `loading.load` found no problem."""
    topics = topics_of(platform)
    return Catalog(
        topics=topics,
        writers={name: _writer(platform, topics, name, service) for name, service in platform.services.items()},
        readers={name: _reader(platform, topics, name) for name in platform.teams},
    )


def _topic(platform: Platform, name: str, writers: Mapping[str, str]) -> Topic:
    # The settings of the shared topic first, then those of the writers for what is not set.
    asked = [platform.topics.get(name, SharedTopic())]
    asked += [settings_of(writer, platform.services[writer], name) for writer in writers]
    keys: list[PartitionBy] = [a.partition_by for a in asked if a.partition_by]
    retention = next((a.retention for a in asked if a.retention), None)
    partitions = next((a.partitions for a in asked if a.partitions), None)
    max_message_bytes = next((a.max_message_bytes for a in asked if a.max_message_bytes), limits.DEFAULT_BATCH)
    kind = next(iter(writers.values()))
    rate = sum(platform.services[writer].rate for writer in writers)
    return Topic(
        name=name,
        retention_class=kind,
        writers=tuple(writers),
        shared=all(own_topic(writer, platform.services[writer]) != name for writer in writers),
        partitions=partitions or sizing.partitions_for(rate, platform.brokers()),
        replicas=platform.kafka.replication_factor,
        min_in_sync_replicas=platform.kafka.min_in_sync_replicas,
        retention_ms=retention or platform.retention_classes()[kind],
        max_message_bytes=max_message_bytes,
        partition_by=keys[0] if keys else DEFAULT_PARTITION_BY,
    )


def _writer(platform: Platform, topics: Mapping[str, Topic], name: str, service: Service) -> Writer:
    routed = routes(name, service)
    shares = [
        sizing.leader_share(
            topics[topic].partitions,
            platform.brokers(),
            service.instances if topics[topic].partition_by == "instance_id" else None,
        )
        for topic in set(routed.values())
    ]
    return Writer(
        service=name,
        team=service.team,
        layout=layout_of(service),
        topics=routed,
        rate=service.rate,
        quota=sizing.quota_per_broker(service.rate, shares),
        request_percentage=service.request_percentage,
    )


def _reader(platform: Platform, topics: Mapping[str, Topic], name: str) -> Reader:
    team = platform.teams[name]
    granted = [reads(pattern) for pattern in team.reads]
    literal = tuple(text for text, prefix in granted if not prefix)
    prefixes = tuple(text for text, prefix in granted if prefix)
    seen = [t for t in topics.values() if t.name in literal or t.name.startswith(prefixes)]
    shares = [sizing.leader_share(t.partitions, platform.brokers()) for t in seen]
    return Reader(
        team=name,
        user=naming.team_user(name),
        group_prefix=naming.group_prefix(name),
        topics=literal,
        prefixes=prefixes,
        quota=sizing.quota_per_broker(team.rate, shares) if team.rate else None,
        request_percentage=team.request_percentage,
    )


def disk_needs(platform: Platform, topics: Mapping[str, Topic]) -> list[sizing.DiskNeed]:
    """What each service needs on the brokers' disks, the largest first."""
    needs = [
        sizing.DiskNeed(
            name=name,
            rate=service.rate,
            retention=max(topics[topic].retention_ms for topic in routes(name, service).values()),
            copies=platform.kafka.replication_factor,
        )
        for name, service in platform.services.items()
    ]
    return sorted(needs, key=lambda need: -need.size)


def spec(topic: Topic) -> TopicSpec:
    """The `TopicSpec` of a topic of services."""
    return TopicSpec(
        name=topic.name,
        kind="logs",
        retention_class=topic.retention_class,
        partitions=topic.partitions,
        replicas=topic.replicas,
        config=log_config(topic.retention_ms, topic.min_in_sync_replicas, topic.max_message_bytes),
    )


def writer_user(writer: Writer) -> UserSpec:
    """The identity of a service: it writes its own topics and reads nothing."""
    user = client(writer.service, writes=tuple(sorted(set(writer.topics.values()))))
    return replace(user, producer_byte_rate=writer.quota, request_percentage=writer.request_percentage)


def reader_user(reader: Reader) -> UserSpec:
    """The identity of a team: it reads the granted topics with the team's consumer groups, and writes nothing."""
    user = client(reader.user, reads=reader.topics, read_prefixes=reader.prefixes, group_prefix=reader.group_prefix)
    return replace(user, consumer_byte_rate=reader.quota, request_percentage=reader.request_percentage)


def document(platform: Platform, catalog: Catalog) -> dict[str, Any]:
    """The catalog in the form of the ConfigMap `kafkalogs-catalog`, for programs on the platform."""
    external = platform.kafka.external
    return {
        "cluster": platform.kafka.name,
        "namespace": platform.namespace,
        "bootstrap": naming.bootstrap(platform.kafka.name, platform.namespace),
        "external": f"{external.host}:{external.port}" if external else None,
        "topics": {
            topic.name: {
                "partitions": topic.partitions,
                "replicas": topic.replicas,
                "minInsyncReplicas": topic.min_in_sync_replicas,
                "retentionMs": topic.retention_ms,
                "maxMessageBytes": topic.max_message_bytes,
                "compression": "producer",
                "partitionBy": topic.partition_by,
                "retentionClass": topic.retention_class,
            }
            for topic in catalog.topics.values()
        },
        "services": {
            writer.service: {
                "team": writer.team,
                "user": writer.service,
                "layout": writer.layout,
                "topics": dict(writer.topics),
                "bytesPerSecond": writer.rate,
            }
            for writer in catalog.writers.values()
        },
        "teams": {
            reader.team: {
                "user": reader.user,
                "groupPrefix": reader.group_prefix,
                "topics": list(reader.topics),
                "prefixes": list(reader.prefixes),
            }
            for reader in catalog.readers.values()
        },
    }
