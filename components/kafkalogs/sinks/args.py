"""The arguments of the sinks. No field is inherited: an inherited field has no description in the plugin's schema."""

from dataclasses import dataclass
from typing import Any

import pulumi

from ..config import limits, units
from ..config.naming import DEAD_LETTER_PREFIX
from .record import CONTROL_TOPIC


@dataclass(frozen=True, kw_only=True)
class S3SinkArgs:
    """Where log events are archived: an Iceberg table in S3."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    connect: pulumi.Input[str]
    """The name of the Connect cluster that runs the sink."""

    topics: pulumi.Input[list[str]]
    """The topics that the sink reads."""

    warehouse: pulumi.Input[str]
    """Where the table's files are, e.g. s3://archive/logs. The bucket must exist."""

    region: pulumi.Input[str] = "us-east-1"
    """The region of the bucket; an S3 server outside AWS takes any."""

    catalog: str = "jdbc"
    """The Iceberg catalog, which knows the table's newest state: `jdbc` (a PostgreSQL database) or `glue` (AWS)."""

    database: pulumi.Input[str] | None = None
    """The PostgreSQL database of the catalog `jdbc`: host:port/database."""

    database_credentials: pulumi.Input[str] | None = None
    """The Secret with the username and password of that database; for the catalog `jdbc`."""

    endpoint: pulumi.Input[str] | None = None
    """The address of an S3 server outside AWS, e.g. https://s3:7070; AWS when absent."""

    credentials: pulumi.Input[str] | None = None
    """The Secret with the access key as username and the secret key as password. When absent, the sink uses the
    identity that AWS gives to the pods of the Connect workers."""

    ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the certificate of the S3 server; when absent, Java's public authorities."""

    database_ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the certificate of the database; when absent, Java's public authorities."""

    dead_letters: pulumi.Input[str] = f"{DEAD_LETTER_PREFIX}archive"
    """The topic for records that the sink cannot deliver; the component makes it."""

    table: pulumi.Input[str] = "logs.events"
    """Namespace and name of the table; the sink creates it."""

    control_topic: pulumi.Input[str] = CONTROL_TOPIC
    """The topic through which the tasks agree on a commit; the component makes it. The table remembers its offsets by
    its name: a topic that was lost needs a new name."""

    protect: bool = False
    """Whether Pulumi refuses to delete the control topic: the table could not continue with another one."""

    open_file_bytes: pulumi.Input[int] = 64 * units.MIB
    """The memory of the files that each task has open; bytes. If more is needed, the task closes the file that was
    written the longest time ago, and the table gets more and smaller files."""

    maintenance: pulumi.Input[bool] = True
    """Whether the sink maintains its table: rewrites small files, expires snapshots and removes files that no snapshot
    has."""

    commit_interval_ms: pulumi.Input[int] = 5 * units.MINUTE
    """Milliseconds between two commits. A longer interval makes larger files, and events reach the archive later."""

    writers: pulumi.Input[dict[str, list[str]]] | None = None
    """The services that may write each topic; `*` as the only one for all. Events of other services go to the
    dead-letter topic. When absent, events of all services are taken."""

    tasks: pulumi.Input[int] = 1
    """How many tasks share the partitions."""

    state: pulumi.Input[str] = "running"
    """`running`, `paused` or `stopped`."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of each record in the topics that the component makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must exist before Kafka confirms it."""

    largest_batch: pulumi.Input[int] = limits.DEFAULT_BATCH
    """The largest batch of the topics that the sink reads, in bytes: a dead letter must be allowed to be as large."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the connector; they override the others."""


@dataclass(frozen=True, kw_only=True)
class SearchSinkArgs:
    """Where log events can be searched: data streams of Elasticsearch 8 or OpenSearch."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    connect: pulumi.Input[str]
    """The name of the Connect cluster that runs the sink."""

    topics: pulumi.Input[list[str]]
    """The topics that the sink reads."""

    url: pulumi.Input[str]
    """The address of the engine, e.g. https://elasticsearch:9200."""

    streams: pulumi.Input[dict[str, str]]
    """The data stream of each topic, see `data_stream`."""

    credentials: pulumi.Input[str]
    """The Secret with the username and password of a user who may create documents in these streams."""

    ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the engine's certificate; when absent, Java's public authorities."""

    dead_letters: pulumi.Input[str] = f"{DEAD_LETTER_PREFIX}search"
    """The topic for records that the sink cannot deliver; the component makes it."""

    writers: pulumi.Input[dict[str, list[str]]] | None = None
    """The services that may write each topic; `*` as the only one for all. Events of other services go to the
    dead-letter topic. When absent, events of all services are taken."""

    tasks: pulumi.Input[int] = 1
    """How many tasks share the partitions."""

    state: pulumi.Input[str] = "running"
    """`running`, `paused` or `stopped`."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of each record in the topics that the component makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must exist before Kafka confirms it."""

    largest_batch: pulumi.Input[int] = limits.DEFAULT_BATCH
    """The largest batch of the topics that the sink reads, in bytes: a dead letter must be allowed to be as large."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the connector; they override the others."""


@dataclass(frozen=True, kw_only=True)
class JdbcSinkArgs:
    """Where audit events are kept: a table in PostgreSQL."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    connect: pulumi.Input[str]
    """The name of the Connect cluster that runs the sink."""

    topics: pulumi.Input[list[str]]
    """The topics that the sink reads."""

    database: pulumi.Input[str]
    """The PostgreSQL database: host:port/database."""

    credentials: pulumi.Input[str]
    """The Secret with the database's username and password."""

    ca_secret: pulumi.Input[str] | None = None
    """The Secret whose ca.crt signed the database's certificate; when absent, Java's public authorities."""

    table: pulumi.Input[str] = "audit_log"
    """The table; the sink creates it."""

    dead_letters: pulumi.Input[str] = f"{DEAD_LETTER_PREFIX}audit"
    """The topic for records that the sink cannot deliver; the component makes it."""

    writers: pulumi.Input[dict[str, list[str]]] | None = None
    """The services that may write each topic; `*` as the only one for all. Events of other services go to the
    dead-letter topic. When absent, events of all services are taken."""

    tasks: pulumi.Input[int] = 1
    """How many tasks share the partitions."""

    state: pulumi.Input[str] = "running"
    """`running`, `paused` or `stopped`."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of each record in the topics that the component makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must exist before Kafka confirms it."""

    largest_batch: pulumi.Input[int] = limits.DEFAULT_BATCH
    """The largest batch of the topics that the sink reads, in bytes: a dead letter must be allowed to be as large."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the connector; they override the others."""


@dataclass(frozen=True, kw_only=True)
class RawS3SinkArgs:
    """Where records are kept unchanged: gzipped objects in S3."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    connect: pulumi.Input[str]
    """The name of the Connect cluster that runs the sink. Its image must contain Aiven's S3 sink; the platform's image
    does not."""

    topics: pulumi.Input[list[str]]
    """The topics that the sink reads."""

    bucket: pulumi.Input[str]
    """The bucket. It must exist and keep versions, see docs/sinks.md."""

    region: pulumi.Input[str] = "us-east-1"
    """The region of the bucket; also for an S3 server outside AWS, a name that AWS uses."""

    prefix: pulumi.Input[str] = ""
    """The prefix of the objects' names, e.g. raw/."""

    endpoint: pulumi.Input[str] | None = None
    """The address of an S3 server outside AWS; AWS when absent. The Java of the workers must trust its certificate."""

    credentials: pulumi.Input[str] | None = None
    """The Secret with the access key as username and the secret key as password. When absent, the sink uses the
    identity that AWS gives to the pods of the Connect workers."""

    dead_letters: pulumi.Input[str] = f"{DEAD_LETTER_PREFIX}raw"
    """The topic for records that the sink cannot deliver; the component makes it. The sink takes any bytes, so
    the topic stays empty unless `config` sets another converter or a transformation."""

    tasks: pulumi.Input[int] = 1
    """How many tasks share the partitions."""

    state: pulumi.Input[str] = "running"
    """`running`, `paused` or `stopped`."""

    topic_replicas: pulumi.Input[int] = 3
    """Copies of each record in the topics that the component makes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must exist before Kafka confirms it."""

    largest_batch: pulumi.Input[int] = limits.DEFAULT_BATCH
    """The largest batch of the topics that the sink reads, in bytes: a dead letter must be allowed to be as large."""

    config: pulumi.Input[dict[str, Any]] | None = None
    """Further settings of the connector; they override the others."""


AnySinkArgs = S3SinkArgs | SearchSinkArgs | JdbcSinkArgs | RawS3SinkArgs
"""The arguments of any sink. A function that takes them reads only fields that all four have."""
