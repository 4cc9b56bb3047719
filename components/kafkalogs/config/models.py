"""The stack's configuration `kafkalogs:platform`, parsed once into frozen models.

`loading.load` is the only way in: it reports every problem of the file together, before anything is built from it.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, WithJsonSchema, field_validator

from . import units
from .aws import Aws
from .parts import Archive, Audit, Connect, Endpoints, Monitoring, Pager, PartSettings, Schemas, Search, Shipper, Stream
from .types import (
    BatchSize,
    BrokerSetting,
    Count,
    Cpu,
    Day,
    Duration,
    Environment,
    Host,
    Layout,
    NodeLabel,
    NodePort,
    Nodes,
    NotNull,
    ObjectName,
    PartitionBy,
    Rate,
    Role,
    Settings,
    Size,
    Version,
    Words,
    Years,
)

RETENTION: Final[Mapping[str, int]] = {
    "access": 24 * units.HOUR,
    "application": 72 * units.HOUR,
    "audit": 7 * units.DAY,
    "errors": 14 * units.DAY,
}
"""How long each retention class is kept unless the stack says otherwise; milliseconds."""


POLICY_RULES: Final = (
    *("encryption-in-transit", "encryption-at-rest", "replication", "retention-bounds", "audit-floor"),
    *("no-wildcard-acl", "no-anonymous-user", "producer-quota", "dead-letter-topics", "requests-and-limits"),
    *("non-root", "pinned-images", "deletion-protection", "closed-network", "managed"),
)
"""The rules of the policy pack, which an exception may name."""


class Storage(Settings):
    """The disk of each node of a pool."""

    type: Literal["persistent", "ephemeral"] = "persistent"
    """A PersistentVolumeClaim, or the node's own disk that is lost with the pod."""

    size: Size = 10 * units.GIB
    """The size of the disk of one node."""

    storage_class: ObjectName | None = Field(default=None, alias="class")
    """The StorageClass of the claim; that of `aws.storageClass`, else the cluster's default when absent."""

    delete_claim: bool = Field(default=False, strict=True)
    """Whether the claims, and so the data, go when the cluster is deleted."""


class Pool(Settings):
    """Kafka nodes that are alike."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    """What the nodes do: controller, broker, or both."""

    replicas: Nodes
    """How many nodes."""

    storage: Storage = Storage()
    """The disk of each node."""

    memory: Size = 4 * units.GIB
    """Requested and limited per node. Half is the Java heap, at most 6 GiB; the rest is Kafka's page cache."""

    cpu: Cpu = 500
    """Requested per node."""

    cpu_limit: Cpu | None = None
    """Limited per node; 2 cores or `cpu`, whichever is more, when absent."""


class External(Settings):
    """A listener for clients outside Kubernetes, over node ports."""

    host: Host = "localhost"
    """The name or address at which clients reach the nodes; it is put into the brokers' certificates."""

    port: NodePort = 32090
    """The node port of the bootstrap address; broker number i (from 0) listens on port + 1 + i."""


class Kafka(Settings):
    """The Kafka cluster."""

    name: str = "logs"
    """The name of the Kafka resource; the Services, Secrets and pods of the cluster begin with it."""

    version: Version = "4.3.1"
    """The version of Kafka; the operator must know it."""

    pools: Annotated[dict[str, Pool], Field(min_length=1)] = Field(
        default={"kafka": Pool(roles=("controller", "broker"), replicas=3)}
    )
    """The node pools by name."""

    replication_factor: Count = 3
    """Copies of every record, for all topics and Kafka's own."""

    min_in_sync_replicas: Count = 2
    """Copies that must have a record before `acks=all` is answered; below the replication factor."""

    external: External | None = None
    """A listener outside Kubernetes; none when absent."""

    rack: NodeLabel | None = None
    """The node label of the zone over which copies are spread, like topology.kubernetes.io/zone; none when absent."""

    config: dict[str, BrokerSetting] = Field(default={})
    """Further broker settings, by their Kafka names; they win over those of the platform."""


class Service(Settings):
    """A service that writes logs: the unit of the platform."""

    team: str
    """The team that owns it."""

    rate: Rate
    """What it writes at most, over the whole cluster; its quota and its share of the disks follow from it."""

    tier: Annotated[int, Field(ge=1, le=4, strict=True)] = 3
    """How much depends on it, 1 being the most; errors are enriched with it."""

    layout: Layout | None = None
    """Where its logs go: `service`, a topic of its own; `type`, the shared topic of each type; `level`, the shared
    topic of each level. `type` when `types` is given, else `service`."""

    types: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The types of its logs, each a class of `retention`; application when absent. With layout service, the first
    goes to its own topic and the others to the shared topics of their types."""

    topic: str | None = None
    """The name of its own topic; logs.<service> when absent."""

    partition_by: PartitionBy | None = None
    """The field of an event that keys its record; instance_id when absent."""

    retention: Duration | None = None
    """How long its own topic (or its shared ones, if it has none) keeps records; that of their class when absent."""

    partitions: Count | None = None
    """Partitions of the same topics; they follow from the rate when absent."""

    max_message_bytes: BatchSize | None = None
    """The largest record batch of the same topics; 1MiB when absent."""

    instances: Count | None = None
    """How many instances it runs. With partitionBy instance_id and fewer instances than brokers, its records reach
    fewer brokers at once, and each must allow more of its rate. When absent, many are assumed."""


class SharedTopic(Settings):
    """Settings of a topic into which several services write; absent ones follow from the services."""

    partition_by: PartitionBy | None = None
    """The field of an event that keys its record."""

    retention: Duration | None = None
    """How long it keeps records."""

    partitions: Count | None = None
    """Its partitions."""

    max_message_bytes: BatchSize | None = None
    """Its largest record batch."""


class Team(Settings):
    """A team that reads logs."""

    reads: Annotated[tuple[str, ...], Field(min_length=1)]
    """Topics, or prefixes of topics that end with *, like "logs.*"."""

    rate: Rate | None = None
    """What all its consumers read at most, over the whole cluster; not limited when absent."""


class Shop(Settings):
    """The demo shop that logs into the platform: every service of the stack runs in it."""

    enabled: bool = Field(default=False, strict=True)
    """Whether it runs."""

    rate: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)] = 50.0
    """Log events per second of all its services together."""

    seed: int = Field(default=1, strict=True)
    """The same seed gives the same orders, users and errors."""


ARCHIVE_YEARS: Final[Mapping[str, int]] = {"access": 1, "application": 1, "audit": 7, "errors": 2}
"""How many years the archive keeps each retention class unless the stack says otherwise."""


class Compliance(Settings):
    """What the law and the company's rules ask of the logs."""

    audit_floor: Duration = 7 * units.DAY
    """The least time for which audit logs stay in Kafka; the policy pack holds their topics to it."""

    archive_years: dict[str, Years] = Field(default=dict(ARCHIVE_YEARS))
    """How many years the archive keeps the logs of each retention class, locked; a class that is not named is kept as
    long as application."""

    @field_validator("archive_years")
    @classmethod
    def _of_all_classes(cls, given: dict[str, int]) -> dict[str, int]:
        return {**ARCHIVE_YEARS, **given}

    def years(self, retention_class: str) -> int:
        """How many years the archive keeps a class."""
        return self.archive_years.get(retention_class, self.archive_years.get("application", 1))


Rule = Annotated[str, WithJsonSchema({"type": "string", "enum": list(POLICY_RULES)})]


class PolicyException(Settings):
    """A rule of the policy pack that some resources need not keep, for a while."""

    rule: Rule
    """The name of the rule."""

    resource: Words
    """The names of the resources, * standing for any characters."""

    reason: Words
    """Why; it is printed with each preview."""

    expires: Day
    """The last day on which it holds (in UTC); the stack file is refused from the next one on."""


class Platform(Settings):
    """Everything under `kafkalogs:platform`."""

    environment: Environment = "prod"
    """What the stack is for; the defaults of other keys follow from it."""

    operator: Literal["strimzi", "embedded", "auto"] = "strimzi"
    """Who runs Kafka: the Strimzi operator, the embedded one for a single machine, or `auto`: what this machine has."""

    namespace: str = "kafkalogs"
    """The Kubernetes namespace of all parts."""

    protect: bool = Field(default=True, strict=True)
    """Whether Pulumi refuses to delete the cluster, its topics and its namespace."""

    kafka: Kafka = Kafka()
    """The Kafka cluster."""

    retention: dict[str, Duration] = Field(default={})
    """How long each class of logs is kept, over the defaults access 24h, application 72h, audit 7d, errors 14d;
    further classes are further types of logs."""

    services: dict[str, Service] = Field(default={})
    """The services that write logs, by name."""

    topics: dict[str, SharedTopic] = Field(default={})
    """Settings of shared topics, by name."""

    teams: dict[str, Team] = Field(default={})
    """The teams that read logs, by name."""

    shop: Shop = Shop()
    """The demo shop."""

    schemas: Annotated[Schemas | None, NotNull()] = None
    """The schema of log events in a registry; none when absent."""

    connect: Connect = Connect()
    """What runs the sinks; it is there if one of them is."""

    endpoints: Endpoints = Endpoints()
    """What the parts below rely on."""

    archive: Annotated[Archive | None, NotNull()] = None
    """All logs in S3; none when absent."""

    search: Annotated[Search | None, NotNull()] = None
    """The latest logs in Elasticsearch; none when absent."""

    audit: Annotated[Audit | None, NotNull()] = None
    """Audit logs in PostgreSQL; none when absent."""

    stream: Annotated[Stream | None, NotNull()] = None
    """The Flink job; none when absent."""

    pager: Annotated[Pager | None, NotNull()] = None
    """Critical errors to PagerDuty; none when absent. It needs `stream`."""

    shipper: Annotated[Shipper | None, NotNull()] = None
    """The logs of the cluster's own pods; none when absent."""

    monitoring: Annotated[Monitoring | None, NotNull()] = None
    """Metrics and alerts; none when absent."""

    compliance: Compliance = Compliance()
    """What the law and the company's rules ask."""

    exceptions: tuple[PolicyException, ...] = ()
    """Rules of the policy pack that some resources need not keep."""

    aws: Annotated[Aws | None, NotNull()] = None
    """The AWS account, and what the platform has in it; nothing of AWS when absent."""

    def retention_classes(self) -> dict[str, int]:
        """The classes of retention with their milliseconds."""
        return {**RETENTION, **self.retention}

    def broker_pools(self) -> dict[str, Pool]:
        """The pools whose nodes are brokers."""
        return {name: pool for name, pool in self.kafka.pools.items() if "broker" in pool.roles}

    def brokers(self) -> int:
        """How many brokers the cluster has."""
        return sum(pool.replicas for pool in self.broker_pools().values())


PART_KEYS: Final = tuple(
    name
    for name, field in Platform.model_fields.items()
    if any(isinstance(kind, type) and issubclass(kind, PartSettings) for kind in get_args(field.annotation))
)
"""The keys of the parts that a stack file can switch on."""
