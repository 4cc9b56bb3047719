"""The settings of the sinks' connectors: those that all sinks share, and those of each kind.

With the shared settings no record is lost, and no record blocks the others. docs/sinks.md lists the guarantees and
their conditions.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..config import limits, units
from ..kube.resources import known
from .args import JdbcSinkArgs, S3SinkArgs, SearchSinkArgs
from .connect import secret_file, secret_value
from .heap import ConnectorLoad
from .record import consumer_group

MAX_EVENT: Final = 512 * units.KIB
"""The longest log event that sinks take, in bytes; a longer one goes to the dead-letter topic."""

CATALOG: Final = "kafkalogs"
"""The name of the Iceberg catalog; one database can hold several catalogs."""

ROW_GROUP: Final = 8 * units.MIB
"""The bytes of an open file that the archive's writer holds. A task has an open file for each service and day."""

LEAST_OPEN: Final = 8
"""The full files for which each stack's archive has memory. It is also enough for some fifty small ones."""

POLL_RECORDS: Final = 64
"""The most records that a task takes at once. Nothing else bounds the bytes of a poll: a fetch is bounded while it is
still compressed, and 28 KB may be a thousand events of the largest size."""

POLLED_EVENT: Final = 3 * MAX_EVENT
"""What an event of the largest size holds while it is delivered, in bytes: the record, and the texts of the converted
event, in which Java may need two bytes for each one of the record."""

POLL_BYTES: Final = POLL_RECORDS * POLLED_EVENT
"""The most bytes of a poll of valid events."""

MAINTENANCE_BYTES: Final = 48 * units.MIB
"""What the maintenance of the archive's table holds: a row group that is read, one that is written, and a list of small
files. A test rewrites 146 MiB in a process with a heap of 96 MiB."""

ROWS_BETWEEN_CHECKS: Final = 10
"""After how many rows the archive's writer looks whether a row group is full. Its own 100 to 10,000 rows suit small
rows: after many of them, thousands of the largest size would follow before it looks again."""

_JAVAS_CERTIFICATES: Final = "sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory"

BULK_BYTES: Final = 4 * units.MIB
"""The largest request to the search engine that has more than one event, in bytes."""

ROW_KEY: Final = "__connect_topic,__connect_partition,__connect_offset,__connect_digest"
"""The columns of the key of an audit row. `RowKey` of the connector's plugin fills them."""

CONVERTER: Final = "kafkalogs.events.LogEventConverter"
_BYTES: Final = "org.apache.kafka.connect.converters.ByteArrayConverter"


def delivery_config(topics: Sequence[str], dead_letters: str, replicas: int) -> dict[str, Any]:
    """The settings of every sink (https://kafka.apache.org/documentation/#sinkconnectorconfigs).

    The converter refuses every record that is no log event, before the sink sees the record. Keys and headers pass as
    bytes, so they can cause no failure.
    """
    return {
        "topics": ",".join(topics),
        "key.converter": _BYTES,
        "header.converter": _BYTES,
        "value.converter": CONVERTER,
        "value.converter.max.bytes": MAX_EVENT,
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": dead_letters,
        "errors.deadletterqueue.topic.replication.factor": replicas,
        "errors.deadletterqueue.context.headers.enable": True,
        # The headers hold the reason. A log would repeat it with a stack trace of twenty lines for each record. These
        # lines are shipped, indexed and archived like all others, so each bad record would produce more records.
        "errors.log.enable": False,
        # These apply to converters, whose failures are never temporary. Sinks retry by themselves.
        "errors.retry.timeout": 5 * units.MINUTE,
        "errors.retry.delay.max.ms": 30 * units.SECOND,
        # A new sink, or one whose offsets are lost, starts with the oldest record that Kafka has.
        "consumer.override.auto.offset.reset": "earliest",
        "consumer.override.isolation.level": "read_committed",
        "consumer.override.max.poll.records": POLL_RECORDS,
        # These are for the producer of the dead-letter topic.
        "producer.override.max.request.size": limits.LETTER_RECORD,
        "producer.override.buffer.memory": limits.LETTER_RECORD,
        "producer.override.compression.type": "zstd",
        # Connect does not wait for the letter of a record that the converter refused, so the letter must not expire
        # while its topic refuses writes. The buffer fills then, and the task waits.
        "producer.override.delivery.timeout.ms": 2**31 - 1,
    }


def converter_writers(writers: Mapping[str, Sequence[str]] | None) -> dict[str, Any]:
    """The converter's setting of the services that may write each topic. Raises ValueError for a name that is none."""
    if not writers:
        return {}
    for name in [*writers, *(service for services in writers.values() for service in services)]:
        if not name or set(name) & set(",=|") or name != name.strip():
            raise ValueError(f"writers: {name!r}: write the name of a topic or a service, without , = and |")
    if empty := [topic for topic, services in writers.items() if not services]:
        raise ValueError(f"writers: {', '.join(empty)}: nobody may write; write a service, or * for all")
    entries = [f"{topic}={'|'.join(sorted(services))}" for topic, services in sorted(writers.items())]
    return {"value.converter.services": ",".join(entries)}


def data_stream(retention_class: str) -> str:
    """The data stream of topics of a retention class."""
    return f"logs-{retention_class}-default"


def jdbc_url(database: str, ca_secret: str | None) -> str:
    """The JDBC URL of a PostgreSQL database. The client insists on TLS and on a certificate for that host.

    database: host:port/name.
    """
    ca = f"sslrootcert={secret_file(ca_secret, 'ca.crt')}" if ca_secret else _JAVAS_CERTIFICATES
    return f"jdbc:postgresql://{database}?sslmode=verify-full&{ca}"


def archive_config(name: str, args: S3SinkArgs) -> dict[str, Any]:
    """The settings of Iceberg's sink (https://iceberg.apache.org/docs/latest/kafka-connect).

    The converter's schema is the same for every record, and defines the table. Attributes are one column of JSON text.
    """
    prefix = consumer_group(name)
    config: dict[str, Any] = {
        "iceberg.tables": known(args.table),
        "iceberg.tables.auto-create-enabled": True,
        "iceberg.tables.default-partition-by": "day(timestamp),service",
        # The converter of a newer version of this package may know more fields.
        "iceberg.tables.evolve-schema-enabled": True,
        "iceberg.tables.auto-create-props.format-version": 2,
        "iceberg.tables.auto-create-props.write.parquet.compression-codec": "zstd",
        "iceberg.tables.auto-create-props.write.parquet.row-group-size-bytes": ROW_GROUP,
        # Each commit writes a new file of metadata. Without this setting the old files are never deleted.
        "iceberg.tables.auto-create-props.write.metadata.delete-after-commit.enabled": True,
        "iceberg.tables.auto-create-props.write.metadata.previous-versions-max": 20,
        # Settings of the writer, also for a table that exists already.
        "iceberg.tables.write-props.write.parquet.row-group-check-min-record-count": ROWS_BETWEEN_CHECKS,
        "iceberg.tables.write-props.write.parquet.row-group-check-max-record-count": ROWS_BETWEEN_CHECKS,
        "iceberg.catalog.kafkalogs.open-files.bytes": known(args.open_file_bytes),
        "kafkalogs.archive.maintenance.enabled": known(args.maintenance),
        "iceberg.control.topic": known(args.control_topic),
        "iceberg.control.commit.interval-ms": known(args.commit_interval_ms),
        # These names need prefixes that the Connect cluster's identity may use.
        "iceberg.control.group-id-prefix": f"{prefix}-control-",
        "iceberg.coordinator.transactional.prefix": f"{prefix}-",
        # A restarted coordinator must find what the tasks wrote before.
        "iceberg.kafka.auto.offset.reset": "earliest",
        "iceberg.catalog": CATALOG,
        "iceberg.catalog.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "iceberg.catalog.warehouse": known(args.warehouse),
        "iceberg.catalog.client.region": known(args.region),
        # About two minutes without S3 before a task fails, which is then restarted; below max.poll.interval.ms.
        "iceberg.catalog.s3.retry.num-retries": 15,
        "iceberg.catalog.s3.retry.min-wait-ms": 500,
        "iceberg.catalog.s3.retry.max-wait-ms": 10 * units.SECOND,
        # Parts wait in /tmp until they are sent, so they have the smallest size that S3 takes.
        "iceberg.catalog.s3.multipart.part-size-bytes": 5 * units.MIB,
        # Each row says which record it came from, so that a query can find gaps.
        "transforms": "origin",
        "transforms.origin.type": "org.apache.kafka.connect.transforms.InsertField$Value",
        "transforms.origin.topic.field": "kafka_topic",
        "transforms.origin.partition.field": "kafka_partition",
        "transforms.origin.offset.field": "kafka_offset",
    }
    return {**config, **converter_writers(known(args.writers)), **_catalog_config(args), **_s3_config(args)}


def _catalog_config(args: S3SinkArgs) -> dict[str, Any]:
    """The settings of the Iceberg catalog. Raises ValueError for a catalog `jdbc` without its database."""
    database, credentials = known(args.database), known(args.database_credentials)
    if args.catalog == "glue":
        return {"iceberg.catalog.type": "glue"}
    if args.catalog != "jdbc" or not database or not credentials:
        raise ValueError(f"catalog {args.catalog!r}: write glue, or jdbc with a database and its credentials")
    return {
        "iceberg.catalog.type": "jdbc",
        "iceberg.catalog.uri": jdbc_url(database, known(args.database_ca_secret)),
        "iceberg.catalog.jdbc.user": secret_value(credentials, "username"),
        "iceberg.catalog.jdbc.password": secret_value(credentials, "password"),
        "iceberg.catalog.jdbc.schema-version": "V1",
    }


def _s3_config(args: S3SinkArgs) -> dict[str, Any]:
    """How the sink reaches an S3 server that is not AWS's, and by which keys and authority."""
    config: dict[str, Any] = {}
    endpoint, credentials, ca_secret = known(args.endpoint), known(args.credentials), known(args.ca_secret)
    if endpoint:
        config["iceberg.catalog.s3.endpoint"] = endpoint
        config["iceberg.catalog.s3.path-style-access"] = True
    if credentials:
        config["iceberg.catalog.s3.access-key-id"] = secret_value(credentials, "username")
        config["iceberg.catalog.s3.secret-access-key"] = secret_value(credentials, "password")
    if endpoint and ca_secret:
        config["iceberg.catalog.s3.client-factory-impl"] = "kafkalogs.archive.S3Clients"
        config["iceberg.catalog.kafkalogs.s3.ca.path"] = secret_file(ca_secret, "ca.crt")
    return config


def search_config(args: SearchSinkArgs) -> dict[str, Any]:
    """The settings of the search sink (embedded/build/java_projects/connect-plugins)."""
    credentials, ca_secret = known(args.credentials), known(args.ca_secret)
    config: dict[str, Any] = {
        "search.url": known(args.url),
        "search.username": secret_value(credentials, "username"),
        "search.password": secret_value(credentials, "password"),
        "search.streams": ",".join(f"{topic}={stream}" for topic, stream in sorted(known(args.streams).items())),
        "search.batch.bytes": BULK_BYTES,
        # A poll is smaller than a request to the engine should be: the sink collects the records of several.
        "search.poll.records": POLL_RECORDS,
        **converter_writers(known(args.writers)),
    }
    return {**config, "search.tls.ca.path": secret_file(ca_secret, "ca.crt")} if ca_secret else config


def database_config(args: JdbcSinkArgs) -> dict[str, Any]:
    """The settings of Debezium's JDBC sink (https://debezium.io/documentation/reference/connectors/jdbc.html).

    The key of a row is the position of its record in Kafka and a digest of its content. So a record that is delivered
    again replaces its row, and no other record does: not that of a topic that was deleted and made again.
    """
    return {
        "connection.url": jdbc_url(known(args.database), known(args.ca_secret)),
        "connection.username": secret_value(known(args.credentials), "username"),
        "connection.password": secret_value(known(args.credentials), "password"),
        "connection.pool.min_size": 1,
        "connection.pool.max_size": 4,
        "collection.name.format": known(args.table),
        "transforms": "key",
        "transforms.key.type": "kafkalogs.audit.RowKey",
        "primary.key.mode": "record_value",
        "primary.key.fields": ROW_KEY,
        "insert.mode": "upsert",
        "delete.enabled": False,
        "schema.evolution": "basic",
        "use.time.zone": "UTC",
        "batch.size": 500,
        # The database may be unreachable for a minute before the task fails; then the task is restarted.
        "flush.max.retries": 30,
        "flush.retry.delay.ms": 2 * units.SECOND,
        "connection.restart.on.errors": True,
        # One row that PostgreSQL cannot read as JSON would make every JSON query of the table fail.
        "value.converter.postgresql": True,
        **converter_writers(known(args.writers)),
    }


def open_file_bytes(tasks: int, services: int) -> int:
    """The memory for the open files of each task of the archive: for each service one row group of today, and one of
    another day while the archive catches up. The writer keeps within it, whatever the records hold."""
    return max(LEAST_OPEN, 2 * services) * ROW_GROUP // max(1, tasks)


def archive_load(tasks: int, partitions: int, services: int) -> ConnectorLoad:
    """What the archive's tasks hold in the heap of the workers."""
    task_bytes = open_file_bytes(tasks, services) + MAINTENANCE_BYTES
    return ConnectorLoad(tasks=tasks, partitions=partitions, task_bytes=task_bytes, poll_bytes=POLL_BYTES)


def search_load(tasks: int, partitions: int) -> ConnectorLoad:
    """What the search sink's tasks hold: the documents of a request and their records, its body, and its answer."""
    return ConnectorLoad(tasks=tasks, partitions=partitions, task_bytes=6 * BULK_BYTES, poll_bytes=POLL_BYTES)


def database_load(tasks: int, partitions: int) -> ConnectorLoad:
    """What the JDBC sink's tasks hold: a batch, and the connections of the pool."""
    return ConnectorLoad(tasks=tasks, partitions=partitions, task_bytes=8 * units.MIB, poll_bytes=POLL_BYTES)
