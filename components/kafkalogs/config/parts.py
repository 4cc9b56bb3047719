"""The settings of the parts that a stack file can switch on, and of what these parts use."""

from typing import Annotated, Final, Literal

from pydantic import Field

from . import units
from .types import (
    Count,
    Cpu,
    Database,
    Duration,
    Nodes,
    ObjectName,
    Place,
    Rate,
    SecretKey,
    Settings,
    Url,
)

ROUTING_KEY_FIELD: Final = "password"
WATCHDOG_FIELD: Final = "url"
"""The key under which a Secret holds PagerDuty's routing key. The platform's own Secrets have this key."""


class PartSettings(Settings):
    """The settings of a part. A stack has the part if its file has these settings."""


class Schemas(PartSettings):
    """The schema of log events in a registry, with a subject for each topic of log events."""

    url: Url | None = None
    """An existing registry with the API of Confluent's Schema Registry. When absent, the platform runs a registry."""

    ca_secret: ObjectName | None = None
    """The Secret whose ca.crt verifies an existing registry; the public authorities when absent."""

    credentials_secret: ObjectName = "registry-writer-credentials"  # noqa: S105 - a name
    """The Secret with the username and password that register the schema. For an existing registry, create it first."""

    compatibility: Literal["BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FULL", "FULL_TRANSITIVE"] = "BACKWARD"
    """How a new version of the schema must be compatible with earlier versions."""


class Connect(Settings):
    """Kafka Connect, which runs the sinks."""

    workers: Literal["own", "shared"] = "own"
    """`own`: each sink has a Connect cluster of its own, so what stops the workers of one sink stops no other.
    `shared`: one cluster runs all sinks."""

    replicas: Nodes = 2
    """The number of workers of each cluster. When a worker stops, the others take over its tasks."""

    cpu: Cpu = 200
    """The request of each worker."""


class Archive(PartSettings):
    """All logs in S3, as an Apache Iceberg table."""

    warehouse: Place = "s3://logs-archive/logs"
    """The bucket of the table, and the path in the bucket. Default with `aws`: the path logs in `aws.bucket`."""

    region: str = "us-east-1"
    """The region of the bucket. Default with `aws`: `aws.region`."""

    catalog: Literal["jdbc", "glue"] = "jdbc"
    """What stores the table's newest state. `jdbc`: the database of `endpoints`. `glue`: AWS Glue, required with
    `aws`."""

    commit_interval: Duration = 5 * units.MINUTE
    """The time between two commits, and so how far the archive may lag. A shorter time makes smaller files."""

    maintenance: bool = True
    """Whether the sink rewrites small files of its table, expires old snapshots and removes files that no snapshot has.
    Set it to false if another program does so, see docs/sinks.md."""

    control_generation: Count = 1
    """The number of the archive's control topic. Raise it by one after the control topic was lost, see docs/sinks.md.
    Never set it back."""


class Search(PartSettings):
    """The latest logs in Elasticsearch or OpenSearch, a data stream for each retention class."""


class Audit(PartSettings):
    """Audit logs in PostgreSQL."""


class CaSecrets(Settings):
    """Secrets in the platform's namespace whose ca.crt verifies the servers of `endpoints`, under the same keys.

    ca.crt holds certificates of one or several authorities in PEM; one of these authorities must have signed the
    server's certificate. Create the Secrets first: pods wait for them. Without a Secret, the public authorities verify
    the server.
    """

    s3: ObjectName | None = None
    """For the S3 server."""

    database: ObjectName | None = None
    """For the database; Amazon RDS needs one, see docs/aws.md."""

    search: ObjectName | None = None
    """For Elasticsearch or OpenSearch."""

    def named(self) -> dict[str, str]:
        """The Secrets that the stack file names."""
        return {name: secret for name, secret in self if secret is not None}


class Endpoints(Settings):
    """The servers that the parts use. A needed server that is absent here runs in the platform: for one machine, and
    tests.

    For the servers that are named here, create Secrets with username and password in the namespace first:
    s3-credentials, postgres-credentials, search-sink-credentials, elastic-credentials (a user that may make index
    templates).
    """

    s3: Url | None = None
    """The URL of an S3 server, like https://s3.eu-central-1.amazonaws.com."""

    database: Database | None = None
    """host:port/name of a PostgreSQL database, for audit logs and the archive's catalog."""

    search: Url | None = None
    """The URL of Elasticsearch or OpenSearch."""

    ca_secrets: CaSecrets = CaSecrets()
    """The authorities that signed the servers' certificates, where these are not public authorities."""


class Stream(PartSettings):
    """The Flink job: errors, rates, anomalies, correlations, samples."""

    install_operator: bool = Field(default=True, strict=True)
    """Whether Flink's operator is installed beside Strimzi's. Write false if one already watches the namespace. The
    embedded operator runs Flink itself."""

    parallelism: Count = 1
    """The number of slots that work on each step."""

    planned_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)] = 1.0
    """The disks of the job's topics are planned for this share of the rates of all services. 1 means that all services
    write at their rate all the time."""

    state: Place = "s3://stream-state"
    """The place of checkpoints and savepoints. With `aws`, write a bucket that is not the archive's."""


class Pager(PartSettings):
    """Critical errors to PagerDuty."""

    url: Url | None = None
    """The address for events, like https://events.pagerduty.com/v2/enqueue; a stand-in on this machine when absent."""

    routing_key_secret: ObjectName = "pagerduty-credentials"  # noqa: S105 - a name
    """The Secret with PagerDuty's routing key. If `url` is given, create the Secret in the namespace first."""

    routing_key_field: SecretKey = ROUTING_KEY_FIELD
    """The key under which that Secret holds the routing key."""

    quiet: Duration = 10 * units.MINUTE
    """An incident is resolved after this time without an error."""

    update: Duration = 5 * units.MINUTE
    """How often an open incident is updated with further errors."""


class Shipper(PartSettings):
    """The logs of the cluster's own pods into Kafka."""

    kind: Literal["filebeat", "fluentd"] = "filebeat"
    """Which program ships them."""

    rate: Rate = units.MIB
    """The most that all shipper pods together may write to each broker."""


class Monitoring(PartSettings):
    """Metrics and alerts."""

    operator: bool = Field(default=False, strict=True)
    """Whether a Prometheus operator exists, which then gets the monitors. If false, the platform runs a Prometheus."""

    watchdog_secret: ObjectName | None = None
    """The Secret with the URL of a dead man's switch outside the platform, which is told each minute that people can
    be paged; none when absent. With `operator`, send the alert `KafkalogsWatchdog` there yourself."""

    watchdog_field: SecretKey = WATCHDOG_FIELD
    """The key under which that Secret holds the URL."""
