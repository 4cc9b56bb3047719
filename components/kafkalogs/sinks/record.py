"""The records of Kafka Connect and of its sinks: topics, the identity of the workers, and names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..catalog import part, resolve
from ..catalog.network import STRIMZI_OPERATOR, Peer, PodGroup, Served, named
from ..catalog.part import (
    DEAD_LETTER_RETENTION,
    Acl,
    Part,
    TopicSpec,
    UserSpec,
    allow,
    copies,
    passed_on,
)
from ..config import limits, sizing
from ..config.models import Platform
from ..config.naming import DEAD_LETTER_PREFIX, LOGS_PREFIX, dead_letter_name
from ..kafka.record import METRICS_PORT, TO_KAFKA

CONNECT: Final = "connect"
"""The Connect cluster of the archive, or of all sinks. Its KafkaUser has the same name, and the names of its internal
topics begin with it."""

GROUP_PREFIX: Final = "connect-"
"""Kafka Connect names the consumer group of a sink connect-<connector>."""

CONTROL_TOPIC: Final = "archive.control"
"""The topic through which the tasks of the archive agree on a commit; of the first generation."""


def control_topic(generation: int) -> str:
    """The control topic of a generation. The table remembers offsets by this name, so a lost topic needs a new one."""
    return CONTROL_TOPIC if generation == 1 else f"{CONTROL_TOPIC}.{generation}"


AUDIT_CLASS: Final = "audit"

PARTITIONS: Final = {"configs": 1, "offsets": 6, "status": 3}
"""The partitions of each internal topic. Kafka Connect needs exactly one for `configs`. Its defaults for the others, 25
and 5, suit hundreds of connectors."""

_SINKS: Final = ("archive", "search", "audit")

_CLUSTERS: Final = {"archive": CONNECT, "search": f"{CONNECT}-search", "audit": f"{CONNECT}-database"}
"""The Connect cluster of each sink, if each has its own. The archive's keeps the name of the shared one: a cloud knows
the service account. Policies take a topic with audit in its name for one of audit logs."""


def connect_of(platform: Platform, sink: str) -> str:
    """The name of the Connect cluster that runs a sink."""
    return _CLUSTERS[sink] if platform.connect.workers == "own" else CONNECT


def connect_clusters(platform: Platform) -> dict[str, tuple[str, ...]]:
    """The sinks of each Connect cluster of a stack, by the name of the cluster."""
    found: dict[str, tuple[str, ...]] = {}
    for sink in (ARCHIVE, SEARCH, AUDIT):
        if sink.enabled(platform):
            name = connect_of(platform, sink.key)
            found[name] = (*found.get(name, ()), sink.key)
    return found


def control_topics(platform: Platform) -> tuple[str, ...]:
    """The control topics of a stack: that of its archive."""
    return (control_topic(platform.archive.control_generation),) if platform.archive else ()


def internal_topics(connect: str) -> dict[str, str]:
    """The topics in which a Connect cluster keeps its state, by the names that Kafka Connect's settings use."""
    return {key: f"{connect}.{key}" for key in PARTITIONS}


def consumer_group(sink: str) -> str:
    """The consumer group of a sink."""
    return f"{GROUP_PREFIX}{sink}"


def internal_topic(connect: str, key: str, replicas: int, in_sync: int) -> TopicSpec:
    """One of the three internal topics. It is compacted, so it keeps the newest record of each key."""
    return part.internal_topic(
        internal_topics(connect)[key],
        replicas,
        {"cleanup.policy": "compact", "min.insync.replicas": in_sync},
        partitions=PARTITIONS[key],
        explicit_name=True,
    )


def dead_letters(topic: str, replicas: int, in_sync: int, largest_batch: int) -> TopicSpec:
    """The topic of records that a sink could not deliver. largest_batch: of the topics that the sink reads; bytes.

    Connect writes a dead letter with the timestamp of the original record. The topic replaces this timestamp by the
    time of the append: otherwise Kafka would refuse or delete at once a record that was replayed after a month.
    """
    config: dict[str, part.Setting] = {
        "cleanup.policy": "delete",
        "compression.type": "producer",
        "max.message.bytes": limits.letter_batch(largest_batch),
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": in_sync,
        "retention.ms": DEAD_LETTER_RETENTION,
        "segment.bytes": sizing.SEGMENT_BYTES,
    }
    return part.dead_letter_topic(topic, replicas, config, explicit_name=True)


def control(topic: str, replicas: int, in_sync: int) -> TopicSpec:
    """The topic through which the tasks of an Iceberg sink agree on a commit.

    Its records belong to commits that may not be finished, so Kafka must never delete one.
    """
    config: dict[str, part.Setting] = {
        "cleanup.policy": "delete",
        "min.insync.replicas": in_sync,
        "retention.bytes": -1,
        "retention.ms": -1,
        "segment.bytes": sizing.SEGMENT_BYTES,
    }
    return part.internal_topic(topic, replicas, config, explicit_name=True)


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What the connectors of a Connect cluster may read and write."""

    read_prefixes: tuple[str, ...] = (LOGS_PREFIX,)
    write_prefixes: tuple[str, ...] = (DEAD_LETTER_PREFIX,)
    control_topics: tuple[str, ...] = ()


def connect_user(connect: str, rights: Rights, producer_byte_rate: int | None) -> UserSpec:
    """The identity that the workers and all their connectors share.

    Connect may not create topics: the topics that it needs are resources. The workers use the group <connect>.workers,
    the sinks use groups that begin with connect-. The Iceberg sink commits its offsets in transactions whose ids begin
    with connect- too.
    """
    own = internal_topics(connect).values()
    acls: list[Acl] = [
        *(allow("topic", topic, "literal", "Read", "Write", "Describe", "DescribeConfigs") for topic in own),
        *(allow("topic", topic, "literal", "Read", "Write", "Describe") for topic in rights.control_topics),
        *(allow("topic", prefix, "prefix", "Read", "Describe") for prefix in rights.read_prefixes),
        *(allow("topic", prefix, "prefix", "Write", "Describe") for prefix in rights.write_prefixes),
        allow("group", workers_group(connect), "literal", "Read", "Describe"),
        allow("group", GROUP_PREFIX, "prefix", "Read", "Describe"),
    ]
    if rights.control_topics:
        acls.append(allow("transactionalId", GROUP_PREFIX, "prefix", "Write", "Describe"))
    return UserSpec(name=connect, acls=tuple(acls), producer_byte_rate=producer_byte_rate)


def rest_url(connect: str, namespace: str) -> str:
    """Where Strimzi serves the REST API of a Connect cluster."""
    return f"http://{connect}-connect-api.{namespace}.svc:8083"


def workers_group(connect: str) -> str:
    """The group in which the workers of a Connect cluster share its tasks."""
    return f"{connect}.workers"


def _has_sinks(platform: Platform) -> bool:
    return any(getattr(platform, sink) is not None for sink in _SINKS)


def _connect_topics(platform: Platform) -> tuple[TopicSpec, ...]:
    return tuple(
        internal_topic(name, key, *copies(platform)) for name in connect_clusters(platform) for key in PARTITIONS
    )


def rights_of(platform: Platform, sinks: Sequence[str]) -> Rights:
    """What the workers of these sinks may do."""
    return Rights(control_topics=control_topics(platform) if "archive" in sinks else ())


def _connect_users(platform: Platform) -> tuple[UserSpec, ...]:
    return tuple(
        connect_user(name, rights_of(platform, sinks), passed_on(platform))
        for name, sinks in connect_clusters(platform).items()
    )


def _letters(platform: Platform, sink: str) -> TopicSpec:
    return dead_letters(dead_letter_name(sink), *copies(platform), resolve.largest_batch(platform))


def _archive_topics(platform: Platform) -> tuple[TopicSpec, ...]:
    controls = (control(topic, *copies(platform)) for topic in control_topics(platform))
    return _letters(platform, "archive"), *controls


def _audit_topics(platform: Platform) -> tuple[TopicSpec, ...]:
    """The audit sink exists only if a service writes audit logs."""
    classes = {topic.retention_class for topic in resolve.topics_of(platform).values()}
    return (_letters(platform, "audit"),) if AUDIT_CLASS in classes else ()


def audited(log_classes: Mapping[str, str]) -> tuple[str, ...]:
    """The topics of audit logs."""
    return tuple(sorted(topic for topic, kind in log_classes.items() if kind == AUDIT_CLASS))


def _all(_: Platform, log_classes: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(log_classes)


def _archive_endpoints(platform: Platform) -> tuple[str, ...]:
    """With AWS Glue the archive needs neither another S3 server nor a database for its catalog."""
    return ("s3", "database") if platform.archive is not None and platform.archive.catalog == "jdbc" else ()


@dataclass(frozen=True)
class Sink:
    """A connector that a stack has."""

    name: str
    class_: str
    topics: tuple[str, ...]
    tasks: int = 1


ICEBERG: Final = "kafkalogs.archive.ArchiveSinkConnector"
"""Iceberg's sink, which verifies its control topic (embedded/build/java_projects/connect-plugins)."""
PLAIN_ICEBERG: Final = "org.apache.iceberg.connect.IcebergSinkConnector"
"""Iceberg's sink alone, which earlier versions of this package deployed."""
SEARCH_SINK: Final = "kafkalogs.search.SearchSinkConnector"
JDBC: Final = "kafkalogs.audit.AuditSinkConnector"
"""Debezium's JDBC sink, which prepares the key of its table (embedded/build/java_projects/connect-plugins)."""
PLAIN_JDBC: Final = "io.debezium.connector.jdbc.JdbcSinkConnector"
"""Debezium's sink alone, which earlier versions of this package deployed."""
RAW: Final = "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector"


def sinks(platform: Platform, log_classes: Mapping[str, str]) -> list[Sink]:
    """The connectors of a stack whose topics of log events have these classes."""
    logs = tuple(log_classes)
    found = [
        *([Sink("archive", ICEBERG, logs)] if platform.archive else []),
        *([Sink("search", SEARCH_SINK, logs)] if platform.search else []),
        *([Sink("audit", JDBC, audited(log_classes))] if platform.audit else []),
    ]
    return [sink for sink in found if sink.topics]


SEARCH_SETUP: Final = "search-setup"
"""The name of the pods that prepare the search engine and delete old indexes."""

_REST: Final = 8083


def _connect_pods(platform: Platform) -> tuple[PodGroup, ...]:
    """The workers. Strimzi itself makes the policy that opens their ports."""
    return tuple(_workers(platform, name, sinks) for name, sinks in connect_clusters(platform).items())


def _workers(platform: Platform, name: str, sinks: Sequence[str]) -> PodGroup:
    labels = {"strimzi.io/cluster": name, "strimzi.io/kind": "KafkaConnect", "strimzi.io/name": f"{name}-connect"}
    peer = Peer(name, labels)
    servers = {server for sink in (ARCHIVE, SEARCH, AUDIT) if sink.key in sinks for server in sink.endpoints(platform)}
    # With AWS Glue, the archive uses S3 too: the S3 of AWS, beside AWS's other services.
    aws = "archive" in sinks and platform.archive is not None and platform.archive.catalog != "jdbc"
    return PodGroup(
        peer=peer,
        serves=(
            Served(_REST, (peer, STRIMZI_OPERATOR)),
            *((Served(METRICS_PORT, open=True),) if platform.monitoring else ()),
        ),
        needs=(TO_KAFKA,),
        uses=(*sorted(servers), *(("aws",) if aws or platform.aws else ())),
    )


CONNECT_CLUSTER: Final = Part(
    key=CONNECT,
    title="Kafka Connect",
    on=_has_sinks,
    topics=_connect_topics,
    users=_connect_users,
    topic_names=tuple(topic for name in _CLUSTERS.values() for topic in internal_topics(name).values()),
    user_names=tuple(_CLUSTERS.values()),
    group_prefixes=(workers_group(CONNECT), GROUP_PREFIX),
    pods=_connect_pods,
    deploy="sinks.deploy:connect",
)

ARCHIVE: Final = Part(
    key="archive",
    title="the archive",
    images=("connect",),
    topics=_archive_topics,
    group=consumer_group("archive"),
    reads=_all,
    topic_names=(dead_letter_name("archive"), CONTROL_TOPIC),
    endpoints=_archive_endpoints,
    deploy="sinks.deploy:archive",
)

SEARCH: Final = Part(
    key="search",
    title="the search",
    images=("connect", "search-setup"),
    topics=lambda platform: (_letters(platform, "search"),),
    group=consumer_group("search"),
    reads=_all,
    topic_names=(dead_letter_name("search"),),
    endpoints=lambda _: ("search",),
    pods=lambda _: (PodGroup(peer=named(SEARCH_SETUP), uses=("search",)),),
    deploy="sinks.deploy:search",
)

AUDIT: Final = Part(
    key="audit",
    title="the audit sink",
    images=("connect",),
    topics=_audit_topics,
    group=consumer_group("audit"),
    reads=lambda _, log_classes: audited(log_classes),
    topic_names=(dead_letter_name("audit"),),
    endpoints=lambda _: ("database",),
    deploy="sinks.deploy:audit",
)
