"""`S3Sink`, `SearchSink`, `JdbcSink` and `RawS3Sink`: connectors that carry logs out of Kafka, each at its own pace.

What they cannot deliver goes to a dead-letter topic of each (`sink_settings`), so no record holds up another. They take
their passwords from Secrets that the Connect workers mount (`connect`).
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi

from ..config import units
from ..kube.resources import Manifest, custom_resource, manifest_from_values, typed
from ..kube.unknowns import manifest_around
from .connect import ConnectorState, connector_manifest
from .raw import raw_config
from .settings import (
    archive_config,
    control_topic_manifest,
    database_config,
    dead_letter_topic_manifest,
    delivery_config,
    search_config,
)

ICEBERG: Final = "org.apache.iceberg.connect.IcebergSinkConnector"
SEARCH: Final = "kafkalogs.search.SearchSinkConnector"
JDBC: Final = "io.debezium.connector.jdbc.JdbcSinkConnector"
RAW: Final = "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector"


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

    control_topic: pulumi.Input[str] = "archive.control"
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

_COMMON: Final = frozenset(
    (
        *("namespace", "cluster", "connect", "topics", "dead_letters", "tasks", "state"),
        *("topic_replicas", "min_in_sync_replicas", "config"),
    )
)
"""The arguments that every sink has."""


class _Sink(pulumi.ComponentResource):
    """A connector and the topics that it needs."""

    connector: pulumi.Output[str]
    dead_letters: pulumi.Output[str]

    def _make(
        self, name: str, args: AnySinkArgs, class_: str, config: pulumi.Input[Manifest], topics: list[pulumi.Resource]
    ) -> None:
        child = pulumi.ResourceOptions(parent=self)
        about = {
            "namespace": args.namespace,
            "cluster": args.cluster,
            "replicas": args.topic_replicas,
            "min_in_sync_replicas": args.min_in_sync_replicas,
        }
        letters = manifest_from_values(dead_letter_topic_manifest, **about, topic=args.dead_letters)
        made = custom_resource(f"{name}-dead-letters", "KafkaTopic", letters, minutes=5, opts=child)
        # An address that only the deployment will know hides nothing else of the connector from a preview.
        manifest = manifest_around(
            sink_manifest,
            within=["own"],
            namespace=args.namespace,
            name=name,
            connect=args.connect,
            class_=class_,
            tasks=args.tasks,
            state=args.state,
            topics=args.topics,
            dead_letters=args.dead_letters,
            replicas=args.topic_replicas,
            own=config,
            further=args.config,
        )
        connector = custom_resource(
            name,
            "KafkaConnector",
            manifest,
            minutes=10,
            # A connector fails at its start without its topics, and must end before they go.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[made, *topics]),
        )
        self.connector = connector.urn.apply(lambda _: name)
        self.dead_letters = made.urn.apply(lambda _: args.dead_letters)
        self.register_outputs({"connector": self.connector, "deadLetters": self.dead_letters})


def sink_manifest(
    namespace: str,
    name: str,
    connect: str,
    class_: str,
    tasks: int,
    state: str,
    topics: list[str],
    dead_letters: str,
    replicas: int,
    own: dict[str, Any],
    further: dict[str, Any] | None,
) -> Manifest:
    """The KafkaConnector of a sink. own: what is particular to its kind; further: what the caller adds.

    A setting that is None in one of them is left out.
    """
    config = {**delivery_config(topics, dead_letters, replicas), **own, **(further or {})}
    config = {key: value for key, value in config.items() if value is not None}
    return connector_manifest(namespace, name, connect, class_, tasks, config, cast("ConnectorState", state))


class S3Sink(_Sink):
    """The archive: log events in an Iceberg table in S3, by day and service, each exactly once."""

    connector: pulumi.Output[str]
    """The name of the connector; its consumer group is connect-<connector>."""

    dead_letters: pulumi.Output[str]
    """The topic for what it cannot deliver."""

    def __init__(self, name: str, args: S3SinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(S3SinkArgs, args)
        if args.catalog not in {"jdbc", "glue"}:
            raise pulumi.RunError(f"S3Sink {name}: catalog {args.catalog!r}: write jdbc or glue")
        if args.catalog == "jdbc" and not (args.database and args.database_credentials):
            raise pulumi.RunError(f"S3Sink {name}: catalog jdbc needs database and database_credentials")
        super().__init__("kafkalogs:index:S3Sink", name, {}, opts)
        control = manifest_from_values(
            control_topic_manifest,
            namespace=args.namespace,
            cluster=args.cluster,
            topic=args.control_topic,
            replicas=args.topic_replicas,
            min_in_sync_replicas=args.min_in_sync_replicas,
        )
        opts = pulumi.ResourceOptions(parent=self)
        made = custom_resource(f"{name}-control", "KafkaTopic", control, minutes=5, opts=opts)
        own = manifest_from_values(archive_config, name=name, **_own_fields(args))
        self._make(name, args, ICEBERG, own, [made])


class SearchSink(_Sink):
    """Search: log events in data streams of Elasticsearch 8 or OpenSearch, each once."""

    connector: pulumi.Output[str]
    """The name of the connector; its consumer group is connect-<connector>."""

    dead_letters: pulumi.Output[str]
    """The topic for what it cannot deliver."""

    def __init__(self, name: str, args: SearchSinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(SearchSinkArgs, args)
        super().__init__("kafkalogs:index:SearchSink", name, {}, opts)
        self._make(name, args, SEARCH, manifest_around(search_config, late=["url"], **_own_fields(args)), [])


class JdbcSink(_Sink):
    """A database: audit events in a table of PostgreSQL, each once."""

    connector: pulumi.Output[str]
    """The name of the connector; its consumer group is connect-<connector>."""

    dead_letters: pulumi.Output[str]
    """The topic for what it cannot deliver."""

    def __init__(self, name: str, args: JdbcSinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(JdbcSinkArgs, args)
        super().__init__("kafkalogs:index:JdbcSink", name, {}, opts)
        self._make(name, args, JDBC, manifest_from_values(database_config, **_own_fields(args)), [])


class RawS3Sink(_Sink):
    """Records as they are, gzipped in S3, one line each: at least once, an object written again replacing itself.

    For Connect clusters whose image has Aiven's S3 sink, which is published as a release archive only. Not run here.
    docs/sinks.md has the conditions.
    """

    connector: pulumi.Output[str]
    """The name of the connector; its consumer group is connect-<connector>."""

    dead_letters: pulumi.Output[str]
    """The topic for what it cannot deliver."""

    def __init__(self, name: str, args: RawS3SinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(RawS3SinkArgs, args)
        super().__init__("kafkalogs:index:RawS3Sink", name, {}, opts)
        self._make(name, args, RAW, manifest_from_values(raw_config, **_own_fields(args)), [])


def _own_fields(args: AnySinkArgs) -> dict[str, Any]:
    """The arguments that not every sink has."""
    return {key: value for key, value in vars(args).items() if key not in _COMMON}
