"""What the sinks are made of. No field is inherited: the plugin's schema would lose its description."""

from dataclasses import dataclass
from typing import Any

import pulumi

from ..config import units
from .record import CONTROL_TOPIC


@dataclass(frozen=True, kw_only=True)
class S3SinkArgs:
    """Where log events are archived: an Iceberg table in S3."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    connect: pulumi.Input[str]
    """The name of the Connect cluster that runs it."""

    topics: pulumi.Input[list[str]]
    """The topics that it reads."""

    warehouse: pulumi.Input[str]
    """Where the table's files are, e.g. s3://archive/logs. The bucket must be there."""

    region: pulumi.Input[str] = "us-east-1"
    """The region of the bucket; an S3 server of one's own takes any."""

    catalog: str = "jdbc"
    """What knows the table's newest state: `jdbc` (a PostgreSQL database) or `glue` (AWS)."""

    database: pulumi.Input[str] | None = None
    """Of the catalog `jdbc`: host:port/database of PostgreSQL."""

    database_credentials: pulumi.Input[str] | None = None
    """Of the catalog `jdbc`: the Secret with the database's username and password."""

    endpoint: pulumi.Input[str] | None = None
    """The address of an S3 server of one's own, e.g. https://s3:7070; AWS when absent."""

    credentials: pulumi.Input[str] | None = None
    """The Secret with the access key as username and the secret key as password; when absent, the identity that AWS
    gives the Connect workers' pods."""

    ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the certificate of the S3 server; when absent, Java's own."""

    database_ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the certificate of the database; when absent, Java's own."""

    dead_letters: pulumi.Input[str] = "dlq.archive"
    """The topic for what it cannot deliver; the sink makes it."""

    table: pulumi.Input[str] = "logs.events"
    """Namespace and name of the table, which the sink makes."""

    control_topic: pulumi.Input[str] = CONTROL_TOPIC
    """By which its tasks agree on a commit; the sink makes it."""

    commit_interval_ms: pulumi.Input[int] = 5 * units.MINUTE
    """Milliseconds between two commits: how old the newest archived event is, and how small the files get."""

    tasks: pulumi.Input[int] = 1
    """How many tasks share the partitions."""

    state: pulumi.Input[str] = "running"
    """`running`, `paused` or `stopped`."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of the records in the topics that it makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must be there before it counts."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the connector; they win."""


@dataclass(frozen=True, kw_only=True)
class SearchSinkArgs:
    """Where log events can be searched: data streams of Elasticsearch 8 or OpenSearch."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    connect: pulumi.Input[str]
    """The name of the Connect cluster that runs it."""

    topics: pulumi.Input[list[str]]
    """The topics that it reads."""

    url: pulumi.Input[str]
    """Where the engine answers, e.g. https://elasticsearch:9200."""

    streams: pulumi.Input[dict[str, str]]
    """The data stream of each topic, see `data_stream`."""

    credentials: pulumi.Input[str]
    """The Secret with the username and password of a user that may create documents in these streams."""

    ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the engine's certificate; when absent, Java's own."""

    dead_letters: pulumi.Input[str] = "dlq.search"
    """The topic for what it cannot deliver; the sink makes it."""

    tasks: pulumi.Input[int] = 1
    """How many tasks share the partitions."""

    state: pulumi.Input[str] = "running"
    """`running`, `paused` or `stopped`."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of the records in the topics that it makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must be there before it counts."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the connector; they win."""


@dataclass(frozen=True, kw_only=True)
class JdbcSinkArgs:
    """Where audit events are kept: a table in PostgreSQL."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    connect: pulumi.Input[str]
    """The name of the Connect cluster that runs it."""

    topics: pulumi.Input[list[str]]
    """The topics that it reads."""

    database: pulumi.Input[str]
    """host:port/database of PostgreSQL."""

    credentials: pulumi.Input[str]
    """The Secret with the database's username and password."""

    ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the database's certificate; when absent, Java's own."""

    table: pulumi.Input[str] = "audit_log"
    """The table, which the sink makes."""

    dead_letters: pulumi.Input[str] = "dlq.audit"
    """The topic for what it cannot deliver; the sink makes it."""

    tasks: pulumi.Input[int] = 1
    """How many tasks share the partitions."""

    state: pulumi.Input[str] = "running"
    """`running`, `paused` or `stopped`."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of the records in the topics that it makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must be there before it counts."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the connector; they win."""


@dataclass(frozen=True, kw_only=True)
class RawS3SinkArgs:
    """Where records are kept as they are: gzipped objects in S3."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    connect: pulumi.Input[str]
    """The name of the Connect cluster that runs it. Its image must have Aiven's S3 sink; the platform's has not."""

    topics: pulumi.Input[list[str]]
    """The topics that it reads."""

    bucket: pulumi.Input[str]
    """The bucket, which must be there; with versions kept, see docs/sinks.md."""

    region: pulumi.Input[str] = "us-east-1"
    """The region of the bucket; one of AWS's names also for an S3 server of one's own."""

    prefix: pulumi.Input[str] = ""
    """What objects' names begin with, e.g. raw/."""

    endpoint: pulumi.Input[str] | None = None
    """The address of an S3 server of one's own, whose certificate the workers' Java must trust; AWS when absent."""

    credentials: pulumi.Input[str] | None = None
    """The Secret with the access key as username and the secret key as password; when absent, the identity that AWS
    gives the Connect workers' pods."""

    dead_letters: pulumi.Input[str] = "dlq.raw"
    """The topic for what it cannot deliver; the sink makes it. Bytes are always taken, so it stays empty unless
    `config` has another converter or a transformation."""

    tasks: pulumi.Input[int] = 1
    """How many tasks share the partitions."""

    state: pulumi.Input[str] = "running"
    """`running`, `paused` or `stopped`."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of the records in the topics that it makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must be there before it counts."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the connector; they win."""


AnySinkArgs = S3SinkArgs | SearchSinkArgs | JdbcSinkArgs | RawS3SinkArgs
"""What the sinks have in common: each field of all four."""
