"""The settings of the sinks' connectors: those that keep every record and let none hold up the others, and each kind's.

docs/sinks.md says what is guaranteed, and on which conditions.
"""

from collections.abc import Sequence
from typing import Any, Final

from ..config import units
from ..kube.resources import known
from .args import JdbcSinkArgs, S3SinkArgs, SearchSinkArgs
from .connect import secret_file, secret_value
from .heap import ConnectorLoad
from .record import LARGEST_LETTER

MAX_EVENT: Final = 512 * units.KIB
"""The longest log event that sinks take; a longer one goes to the dead-letter topic."""

CATALOG: Final = "kafkalogs"
"""The name of the Iceberg catalog; in a database, its tables can hold several."""

ROW_GROUP: Final = 8 * units.MIB
"""What the archive's writer holds of an open file: one for each service and day that a task is writing."""

_JAVAS_CERTIFICATES: Final = "sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory"

BULK_BYTES: Final = 4 * units.MIB
"""The largest request to the search engine, if it has more than one event."""

CONVERTER: Final = "kafkalogs.events.LogEventConverter"
_BYTES: Final = "org.apache.kafka.connect.converters.ByteArrayConverter"


def delivery_config(topics: Sequence[str], dead_letters: str, replicas: int) -> dict[str, Any]:
    """The settings of every sink (https://kafka.apache.org/documentation/#sinkconnectorconfigs).

    The converter refuses whatever is no log event, before the sink sees it. Keys and headers are only carried along,
    so that none of them can be at fault.
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
        # The headers say why. A log would say it again with a stack trace, twenty lines for each record, which are
        # shipped, indexed and archived like all others: poison would multiply itself.
        "errors.log.enable": False,
        # Of converters, which never fail for the moment only; sinks repeat by themselves.
        "errors.retry.timeout": 5 * units.MINUTE,
        "errors.retry.delay.max.ms": 30 * units.SECOND,
        # A new sink begins with all that Kafka still has, and so does one whose offsets are lost.
        "consumer.override.auto.offset.reset": "earliest",
        "consumer.override.isolation.level": "read_committed",
        "consumer.override.max.poll.records": 1000,
        # The producer of the dead-letter topic.
        "producer.override.max.request.size": LARGEST_LETTER,
        "producer.override.compression.type": "zstd",
    }


def data_stream(retention_class: str) -> str:
    """The data stream of topics of a retention class."""
    return f"logs-{retention_class}-default"


def jdbc_url(database: str, ca_secret: str | None) -> str:
    """The address of a PostgreSQL database: never without TLS, nor with another server's certificate.

    database: host:port/name.
    """
    ca = f"sslrootcert={secret_file(ca_secret, 'ca.crt')}" if ca_secret else _JAVAS_CERTIFICATES
    return f"jdbc:postgresql://{database}?sslmode=verify-full&{ca}"


def archive_config(name: str, args: S3SinkArgs) -> dict[str, Any]:
    """The settings of Iceberg's sink (https://iceberg.apache.org/docs/latest/kafka-connect).

    The table follows from the converter's schema, the same for every record: attributes are one column of JSON text.
    """
    prefix = f"connect-{name}"
    config: dict[str, Any] = {
        "iceberg.tables": known(args.table),
        "iceberg.tables.auto-create-enabled": True,
        "iceberg.tables.default-partition-by": "day(timestamp),service",
        # Of a newer version of this package, whose converter knows more fields.
        "iceberg.tables.evolve-schema-enabled": True,
        "iceberg.tables.auto-create-props.format-version": 2,
        "iceberg.tables.auto-create-props.write.parquet.compression-codec": "zstd",
        "iceberg.tables.auto-create-props.write.parquet.row-group-size-bytes": ROW_GROUP,
        # Each commit writes the table's metadata anew: without this, old versions of it pile up for ever.
        "iceberg.tables.auto-create-props.write.metadata.delete-after-commit.enabled": True,
        "iceberg.tables.auto-create-props.write.metadata.previous-versions-max": 20,
        "iceberg.control.topic": known(args.control_topic),
        "iceberg.control.commit.interval-ms": known(args.commit_interval_ms),
        # What the sink names itself begins with what the Connect cluster's identity may use.
        "iceberg.control.group-id-prefix": f"{prefix}-control-",
        "iceberg.coordinator.transactional.prefix": f"{prefix}-",
        # A coordinator that starts anew has to find what tasks wrote before.
        "iceberg.kafka.auto.offset.reset": "earliest",
        "iceberg.catalog": CATALOG,
        "iceberg.catalog.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "iceberg.catalog.warehouse": known(args.warehouse),
        "iceberg.catalog.client.region": known(args.region),
        # About two minutes without S3 before a task fails, which is then restarted; below max.poll.interval.ms.
        "iceberg.catalog.s3.retry.num-retries": 15,
        "iceberg.catalog.s3.retry.min-wait-ms": 500,
        "iceberg.catalog.s3.retry.max-wait-ms": 10 * units.SECOND,
        # Parts wait in /tmp until they are sent: the smallest that S3 takes.
        "iceberg.catalog.s3.multipart.part-size-bytes": 5 * units.MIB,
        # Where each record came from, so that anybody can count what is there.
        "transforms": "origin",
        "transforms.origin.type": "org.apache.kafka.connect.transforms.InsertField$Value",
        "transforms.origin.topic.field": "kafka_topic",
        "transforms.origin.partition.field": "kafka_partition",
        "transforms.origin.offset.field": "kafka_offset",
    }
    return {**config, **_catalog_config(args), **_s3_config(args)}


def _catalog_config(args: S3SinkArgs) -> dict[str, Any]:
    """Where the sink finds the table's newest state. Raises ValueError for a catalog that lacks its database."""
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
    }
    return {**config, "search.tls.ca.path": secret_file(ca_secret, "ca.crt")} if ca_secret else config


def database_config(args: JdbcSinkArgs) -> dict[str, Any]:
    """The settings of Debezium's JDBC sink (https://debezium.io/documentation/reference/connectors/jdbc.html).

    A row's key is where its record is in Kafka, so a record that comes again replaces its own row.
    """
    return {
        "connection.url": jdbc_url(known(args.database), known(args.ca_secret)),
        "connection.username": secret_value(known(args.credentials), "username"),
        "connection.password": secret_value(known(args.credentials), "password"),
        "connection.pool.min_size": 1,
        "connection.pool.max_size": 4,
        "collection.name.format": known(args.table),
        "primary.key.mode": "kafka",
        "insert.mode": "upsert",
        "delete.enabled": False,
        "schema.evolution": "basic",
        "use.time.zone": "UTC",
        "batch.size": 500,
        # The database may be away for a minute before the task fails, and is then restarted.
        "flush.max.retries": 30,
        "flush.retry.delay.ms": 2 * units.SECOND,
        "connection.restart.on.errors": True,
        "value.converter.nul.allowed": False,
    }


def archive_load(tasks: int, partitions: int, services: int) -> ConnectorLoad:
    """What the archive's tasks hold, for the heap of the workers: a row group of each service, today's and another
    day's while it catches up."""
    return ConnectorLoad(tasks=tasks, partitions=partitions, task_bytes=2 * services * ROW_GROUP // max(1, tasks))


def search_load(tasks: int, partitions: int) -> ConnectorLoad:
    """What the search sink's tasks hold: a request as documents, as one body, and its answer."""
    return ConnectorLoad(tasks=tasks, partitions=partitions, task_bytes=3 * BULK_BYTES)


def database_load(tasks: int, partitions: int) -> ConnectorLoad:
    """What the JDBC sink's tasks hold: a batch, and the connections of the pool."""
    return ConnectorLoad(tasks=tasks, partitions=partitions, task_bytes=8 * units.MIB)
