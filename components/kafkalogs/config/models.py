"""The stack's configuration `kafkalogs:platform`, parsed once into frozen models.

Only `loading.load` makes them from a file. It reports all problems of the file together, before anything is deployed.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, WithJsonSchema, field_validator

from . import sizing, units
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
    Percentage,
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
    *("no-wildcard-acl", "no-anonymous-user", "producer-quota", "client-limits", "dead-letter-topics"),
    *("requests-and-limits", "non-root", "pinned-images", "deletion-protection", "closed-network", "managed"),
    "known-types",
)
"""The rules of the policy pack, which an exception may name."""


class Storage(Settings):
    """The disk of each node of a pool."""

    type: Literal["persistent", "ephemeral"] = "persistent"
    """`persistent`: a PersistentVolumeClaim. `ephemeral`: the node's disk; the data is lost with the pod."""

    size: Size = 10 * units.GIB
    """The size of the disk of one node."""

    storage_class: ObjectName | None = Field(default=None, alias="class")
    """The StorageClass of the claim. When absent: that of `aws.storageClass`, else the cluster's default."""

    delete_claim: bool = Field(default=False, strict=True)
    """Whether the claims, and so the data, are deleted with the cluster."""


class Pool(Settings):
    """Kafka nodes with the same settings."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    """What the nodes do: controller, broker, or both."""

    replicas: Nodes
    """How many nodes."""

    storage: Storage = Storage()
    """The disk of each node."""

    memory: Size = 4 * units.GIB
    """The request and the limit of each node. Half is the Java heap, at most 6 GiB; the rest is Kafka's page cache."""

    cpu: Cpu = 500
    """The request of each node."""

    cpu_limit: Cpu | None = None
    """The limit of each node. When absent: 2 cores or `cpu`, whichever is more."""


class External(Settings):
    """A listener for clients outside Kubernetes, over node ports."""

    host: Host = "localhost"
    """The name or address at which clients reach the nodes; the brokers' certificates contain it."""

    port: NodePort = 32090
    """The node port of the bootstrap address; broker number i (from 0) listens on port + 1 + i."""


class Connections(Settings):
    """How many clients may connect to each listener of each broker."""

    listener: Count = sizing.CONNECTIONS
    """The most open connections; further clients wait."""

    per_second: Count = sizing.CONNECTIONS_PER_SECOND
    """The most new connections per second; further clients wait."""


class Kafka(Settings):
    """The Kafka cluster."""

    name: str = "logs"
    """The name of the Kafka resource; the Services, Secrets and pods of the cluster begin with it."""

    version: Version = "4.3.1"
    """The version of Kafka; the operator must support it."""

    pools: Annotated[dict[str, Pool], Field(min_length=1)] = Field(
        default={"kafka": Pool(roles=("controller", "broker"), replicas=3)}
    )
    """The node pools by name."""

    replication_factor: Count = 3
    """Copies of every record, in all topics and in Kafka's own."""

    min_in_sync_replicas: Count = 2
    """Copies that must have a record before Kafka confirms a write with `acks=all`; below the replication factor."""

    external: External | None = None
    """A listener outside Kubernetes; none when absent."""

    connections: Connections = Connections()
    """Limits of connections."""

    rack: NodeLabel | None = None
    """The node label with the zone, like topology.kubernetes.io/zone: copies are spread over zones. Not spread when
    absent."""

    config: dict[str, BrokerSetting] = Field(default={})
    """Further broker settings, by their Kafka names; they override those of the platform."""

    @property
    def reads_nodes(self) -> bool:
        """Whether a container of each broker asks the Kubernetes API for its node before the broker starts: for the
        node's zone or, with a node port, for its address. Strimzi gives the brokers the right to."""
        return self.rack is not None or self.external is not None


class Service(Settings):
    """A service that writes logs: the unit of the platform."""

    team: str
    """The team that owns the service."""

    rate: Rate
    """The most that the service writes, over the whole cluster. Its quota and its share of the disks follow from this
    rate."""

    tier: Annotated[int, Field(ge=1, le=4, strict=True)] = 3
    """How critical the service is; 1 is the most critical. Errors are enriched with the tier."""

    layout: Layout | None = None
    """Where the logs go. `service`: a topic for this service alone. `type`: the shared topic of each type. `level`: the
    shared topic of each level. When absent: `type` if `types` is given, else `service`."""

    types: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The types of the logs, each a class of `retention`; application when absent. With layout service, the first type
    goes to the service's own topic and the others to the shared topics of their types."""

    topic: str | None = None
    """The name of the service's own topic; logs.<service> when absent."""

    partition_by: PartitionBy | None = None
    """The field of an event that keys its record; instance_id when absent."""

    retention: Duration | None = None
    """How long the service's own topic keeps records; without an own topic, its shared topics. When absent: the
    retention of the class."""

    partitions: Count | None = None
    """The number of partitions of the same topics; it follows from the rate when absent."""

    max_message_bytes: BatchSize | None = None
    """The largest record batch of the same topics; 1MiB when absent."""

    instances: Count | None = None
    """How many instances the service runs. With partitionBy instance_id and fewer instances than brokers, the records
    reach fewer brokers at once, and each must allow more of the rate. When absent, many instances are assumed."""

    request_percentage: Percentage = sizing.REQUEST_PERCENTAGE
    """The most that the service takes of each broker's threads, in percent of one thread."""


class SharedTopic(Settings):
    """Settings of a topic into which several services write; absent settings follow from the services."""

    partition_by: PartitionBy | None = None
    """The field of an event that keys its record."""

    retention: Duration | None = None
    """How long the topic keeps records."""

    partitions: Count | None = None
    """The number of partitions."""

    max_message_bytes: BatchSize | None = None
    """The largest record batch."""


class Team(Settings):
    """A team that reads logs."""

    reads: Annotated[tuple[str, ...], Field(min_length=1)]
    """Topics, or prefixes of topics that end with *, like "logs.*"."""

    rate: Rate | None = None
    """The most that all consumers of the team read, over the whole cluster; not limited when absent."""

    request_percentage: Percentage = sizing.REQUEST_PERCENTAGE
    """The most that all consumers of the team take of each broker's threads, in percent of one thread."""


class Shop(Settings):
    """The demo shop, which runs every service of the stack and writes their logs into the platform."""

    enabled: bool = Field(default=False, strict=True)
    """Whether the shop runs."""

    rate: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)] = 50.0
    """Log events per second of all its services together."""

    seed: int = Field(default=1, strict=True)
    """The same seed gives the same orders, users and errors."""


ARCHIVE_YEARS: Final[Mapping[str, int]] = {"access": 1, "application": 1, "audit": 7, "errors": 2}
"""How many years the archive keeps each retention class unless the stack says otherwise."""


class Compliance(Settings):
    """What the law and the company's rules require of the logs."""

    audit_floor: Duration = 7 * units.DAY
    """The shortest time for which Kafka keeps audit logs; the policy pack enforces it for their topics."""

    archive_years: dict[str, Years] = Field(default=dict(ARCHIVE_YEARS))
    """How many years the archive keeps the logs of each retention class, locked. A class that is not named has the
    years of application."""

    @field_validator("archive_years")
    @classmethod
    def _of_all_classes(cls, given: dict[str, int]) -> dict[str, int]:
        return {**ARCHIVE_YEARS, **given}

    def years(self, retention_class: str) -> int:
        """How many years the archive keeps a class."""
        return self.archive_years.get(retention_class, self.archive_years.get("application", 1))


Rule = Annotated[str, WithJsonSchema({"type": "string", "enum": list(POLICY_RULES)})]


class PolicyException(Settings):
    """An exception for some resources from a rule of the policy pack, with an end."""

    rule: Rule
    """The name of the rule."""

    resource: Words
    """The names of the resources; * stands for any characters, beside at least three letters."""

    reason: Words
    """Why the exception exists; each preview prints it."""

    expires: Day
    """The last day on which the exception is valid, in UTC; at most 180 days ahead. From the next day on, the stack
    file is refused."""


class Platform(Settings):
    """Everything under `kafkalogs:platform`."""

    environment: Environment = "prod"
    """What the stack is for; the defaults of other keys follow from it."""

    operator: Literal["strimzi", "embedded", "auto"] = "strimzi"
    """Who runs Kafka: the Strimzi operator, the embedded one for a single machine, or `auto`: the one of this
    machine."""

    namespace: str = "kafkalogs"
    """The Kubernetes namespace of all parts."""

    protect: bool = Field(default=True, strict=True)
    """Whether Pulumi refuses to delete the cluster, its topics and its namespace."""

    kafka: Kafka = Kafka()
    """The Kafka cluster."""

    retention: dict[str, Duration] = Field(default={})
    """How long each class of logs is kept. Defaults: access 24h, application 72h, audit 7d, errors 14d. Further classes
    are further types of logs."""

    longest_outage: Duration = 6 * units.HOUR
    """The longest outage of a sink, the stream job or the pager that must lose no record. Each topic that one of them
    reads keeps its records at least as long."""

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
    """Kafka Connect, which runs the sinks. The stack has it if it has a sink."""

    endpoints: Endpoints = Endpoints()
    """The servers that the parts below use."""

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
    """What the law and the company's rules require."""

    exceptions: tuple[PolicyException, ...] = ()
    """Exceptions for some resources from rules of the policy pack."""

    aws: Annotated[Aws | None, NotNull()] = None
    """The AWS account, and what the platform uses in it; nothing of AWS when absent."""

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
