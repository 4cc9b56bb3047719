"""The record that describes a part of the platform: `Part`, and the topics, users and groups that it declares.

Each part has one record, in `record.py` of its folder; `kafkalogs.parts` lists them all. Whatever must know all
parts reads the records: checks, the doctor, the plan, quotas, disk arithmetic, reserved names and the report. A record
is pure: it imports `config` and `catalog`, and neither Pulumi nor Kubernetes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ..config import limits, sizing, units
from ..config.models import Platform
from .network import PodGroup

TopicKind = Literal["logs", "derived", "dead-letters", "internal"]
"""What a topic holds. `logs`: log events as services wrote them. `derived`: the results of the stream job.
`dead-letters`: records that a reader could not process. `internal`: the state of a program; nothing in it may
expire."""

KIND_LABEL: Final = "kafkalogs.io/kind"
"""The label of each KafkaTopic that says its kind."""

CLASS_LABEL: Final = "kafkalogs.io/retention-class"
"""The label of each KafkaTopic that says its retention class."""

DEAD_LETTER_RETENTION: Final = 14 * units.DAY
"""How long dead letters are kept: the time to repair them and send them again; milliseconds."""

DEAD_LETTER_RESERVE: Final = 64 * units.MIB
"""The planned disk for one copy of a dead-letter topic. An alert reports dead letters long before this size."""

INTERNAL_RESERVE: Final = 16 * units.MIB
"""The planned disk for one copy of an internal topic. Internal topics are small, and compacted or rarely written."""

LEAST_RATE: Final = units.MIB
"""The least quota of a part, in bytes per second: a part that writes little must not wait either."""

Setting = str | int


def log_config(
    retention_ms: int, min_in_sync_replicas: int, max_message_bytes: int | None = None
) -> dict[str, Setting]:
    """The settings of a topic of log events (https://kafka.apache.org/documentation/#topicconfigs)."""
    return {
        "cleanup.policy": "delete",
        # The producers compress (zstd); the broker keeps their compression and saves the work.
        "compression.type": "producer",
        "max.message.bytes": max_message_bytes or limits.DEFAULT_BATCH,
        # The broker's clock, not the producer's. The time of the event is in the event. So no producer's clock decides
        # how long Kafka keeps a segment, when the stream job reports a minute, or whether Kafka takes the record: Kafka
        # would refuse one of a clock ahead, and a shipper tries a refused record again for ever.
        "message.timestamp.type": "LogAppendTime",
        "min.insync.replicas": min_in_sync_replicas,
        "retention.ms": retention_ms,
        # Kafka deletes whole segments: with small segments, records expire on time.
        "segment.bytes": sizing.SEGMENT_BYTES,
        "segment.ms": sizing.segment_ms(retention_ms),
    }


@dataclass(frozen=True, kw_only=True)
class TopicSpec:
    """One Kafka topic, of any part."""

    name: str
    """Its name in Kafka."""
    kind: TopicKind
    """What it holds."""
    retention_class: str
    """The class of its retention. Topics of the kind `internal` keep what their program needs."""
    partitions: int
    replicas: int
    config: Mapping[str, Setting]
    """All settings, by Kafka's names (https://kafka.apache.org/documentation/#topicconfigs)."""
    explicit_name: bool = False
    """Whether the KafkaTopic has `topicName` even if the name of the resource is the same."""
    rate: int = 0
    """The most that is written into the topic, over the whole cluster; bytes per second."""
    reserve: int = 0
    """The planned disk of one copy if there is no `rate`; bytes."""

    @property
    def retention_ms(self) -> int | None:
        """How long the topic keeps records; milliseconds. None: until they are compacted, or for ever."""
        kept = int(self.config.get("retention.ms", -1))
        return None if kept < 0 or self.config.get("cleanup.policy") == "compact" else kept


def dead_letter_topic(
    name: str, replicas: int, config: Mapping[str, Setting], *, explicit_name: bool = False
) -> TopicSpec:
    """A topic of records that a reader could not process. These are few, so one partition is enough."""
    return TopicSpec(
        name=name,
        kind="dead-letters",
        retention_class="dead-letters",
        partitions=1,
        replicas=replicas,
        config=config,
        explicit_name=explicit_name,
        reserve=DEAD_LETTER_RESERVE,
    )


def internal_topic(
    name: str, replicas: int, config: Mapping[str, Setting], *, partitions: int = 1, explicit_name: bool = False
) -> TopicSpec:
    """A topic with the state of a program: with `config`, nothing in it may expire."""
    return TopicSpec(
        name=name,
        kind="internal",
        retention_class="internal",
        partitions=partitions,
        replicas=replicas,
        config=config,
        explicit_name=explicit_name,
        reserve=INTERNAL_RESERVE,
    )


def copies(platform: Platform) -> tuple[int, int]:
    """How many copies of a record a stack keeps, and how many must have it before Kafka confirms a write."""
    return platform.kafka.replication_factor, platform.kafka.min_in_sync_replicas


AclKind = Literal["topic", "group", "transactionalId", "cluster"]
Pattern = Literal["literal", "prefix"]


@dataclass(frozen=True)
class Acl:
    """A rule that allows operations on the resources of one name or prefix."""

    kind: AclKind
    name: str
    pattern: Pattern
    operations: tuple[str, ...]


def passed_on(platform: Platform) -> int:
    """The quota of a part that writes what it reads; bytes per second on each broker.

    After an outage the part may catch up at twice the rate of all services.
    """
    return max(LEAST_RATE, 2 * sum(service.rate for service in platform.services.values()))


def allow(kind: AclKind, name: str, pattern: Pattern, *operations: str) -> Acl:
    """A rule that allows `operations`."""
    return Acl(kind, name, pattern, operations)


@dataclass(frozen=True, kw_only=True)
class UserSpec:
    """One identity in Kafka, with its rights and quotas."""

    name: str
    """The name of the KafkaUser, and of the Secret with its credentials."""
    acls: tuple[Acl, ...]
    """What it may do; everything else is refused."""
    authentication: str = "tls"
    """`tls` (a client certificate) or `scram-sha-512` (a password)."""
    producer_byte_rate: int | None = None
    """The most that it may write to each broker; bytes per second; not limited when None."""
    consumer_byte_rate: int | None = None
    """The most that it may read from each broker; bytes per second; not limited when None."""
    request_percentage: int = sizing.REQUEST_PERCENTAGE
    """The most that it may take of each broker's threads; percent of one thread."""
    controller_mutation_rate: int = sizing.CONTROLLER_MUTATION_RATE
    """The most partitions that it may create or delete; per second."""

    @property
    def quotas(self) -> dict[str, int]:
        """Its quotas by Kafka's names."""
        rates = {"producer_byte_rate": self.producer_byte_rate, "consumer_byte_rate": self.consumer_byte_rate}
        limited = {key: rate for key, rate in rates.items() if rate is not None}
        return {
            **limited,
            "request_percentage": self.request_percentage,
            "controller_mutation_rate": self.controller_mutation_rate,
        }


def client(
    name: str,
    *,
    writes: tuple[str, ...] = (),
    reads: tuple[str, ...] = (),
    read_prefixes: tuple[str, ...] = (),
    group_prefix: str | None = None,
) -> UserSpec:
    """An identity that writes and reads topics, without quotas of bytes.

    An idempotent producer needs only Write since Kafka 2.8 (KIP-679). Describe shows clients the partitions.
    DescribeConfigs shows readers how long a topic keeps records that they have not read yet.
    """
    acls = [
        *(allow("topic", topic, "literal", "Write", "Describe") for topic in writes),
        *(allow("topic", topic, "literal", "Read", "Describe", "DescribeConfigs") for topic in reads),
        *(allow("topic", prefix, "prefix", "Read", "Describe", "DescribeConfigs") for prefix in read_prefixes),
        *((allow("group", group_prefix, "prefix", "Read", "Describe"),) if group_prefix else ()),
    ]
    return UserSpec(name=name, acls=tuple(acls))


def _no_topics(_: Platform) -> tuple[TopicSpec, ...]:
    return ()


def _no_users(_: Platform) -> tuple[UserSpec, ...]:
    return ()


def _no_pods(_: Platform) -> tuple[PodGroup, ...]:
    return ()


def _no_names(_: Platform) -> tuple[str, ...]:
    return ()


def _no_credentials(_: Platform) -> Mapping[str, str]:
    return {}


def _reads_nothing(_: Platform, __: Mapping[str, str]) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Part:
    """The record of one part of the platform. Its functions get the configuration of a stack that has the part."""

    key: str
    """Its key in the stack file, and the name of the field of `Platform`."""
    title: str
    """Its name in messages, like `the pager`."""
    on: Callable[[Platform], bool] | None = None
    """Whether a stack has the part, if its key alone does not decide this."""
    images: tuple[str, ...] = ()
    """The images that it needs, by their names in `LogPipelineArgs.images`."""
    topics: Callable[[Platform], tuple[TopicSpec, ...]] = _no_topics
    """The topics that it makes."""
    users: Callable[[Platform], tuple[UserSpec, ...]] = _no_users
    """The identities that it makes, with their rights and quotas."""
    group: str | None = None
    """Its consumer group. The group's committed offsets show how far the part has read."""
    reads: Callable[[Platform, Mapping[str, str]], tuple[str, ...]] = _reads_nothing
    """The topics that its group reads. Second argument: the retention class of each topic of log events."""
    topic_names: tuple[str, ...] = ()
    """The names of all topics that it can make, reserved in every stack."""
    public_topics: tuple[str, ...] = ()
    """The topics among `topic_names` that teams may read."""
    user_names: tuple[str, ...] = ()
    """The names of all identities that it can make, reserved in every stack."""
    group_prefixes: tuple[str, ...] = ()
    """The prefixes of its consumer groups and transactional ids, reserved in every stack."""
    secrets: tuple[str, ...] = ()
    """The names of further Secrets that it or its operator makes, reserved in every stack."""
    certificates: Callable[[Platform], tuple[str, ...]] = _no_names
    """The services whose certificates `ServiceSecrets` makes for it."""
    credentials: Callable[[Platform], Mapping[str, str]] = _no_credentials
    """The credentials that `ServiceSecrets` makes for it: user by name."""
    endpoints: Callable[[Platform], tuple[str, ...]] = _no_names
    """The servers outside the platform that it uses: names of `endpoints`, like s3, or pagerduty."""
    pods: Callable[[Platform], tuple[PodGroup, ...]] = _no_pods
    """Its pods, with the ports that they serve, who may connect to these ports, and what the pods use. All network
    policies follow from this."""
    deploy: str = ""
    """The function that deploys it, as `module:function` below `kafkalogs`; empty for a part that others deploy."""

    def enabled(self, platform: Platform) -> bool:
        """Whether the stack has the part."""
        return self.on(platform) if self.on else getattr(platform, self.key) is not None
