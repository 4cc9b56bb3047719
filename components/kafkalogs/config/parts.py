"""The settings of the parts that a stack file can switch on, and of what these rely on."""

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
"""Under which key a Secret has PagerDuty's routing key, as the Secrets have it that the platform makes."""


class PartSettings(Settings):
    """The settings of a part: a stack has the part if its file has these."""


class Schemas(PartSettings):
    """The schema of log events in a registry, a subject for each topic of log events."""

    url: Url | None = None
    """An existing registry, by the API of Confluent's Schema Registry; one of the platform's own when absent."""

    ca_secret: ObjectName | None = None
    """The Secret whose ca.crt an existing registry is verified with; the public authorities when absent."""

    credentials_secret: ObjectName = "registry-writer-credentials"  # noqa: S105 - a name
    """The Secret with the username and password of who registers; an existing registry's must be there before."""

    compatibility: Literal["BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FULL", "FULL_TRANSITIVE"] = "BACKWARD"
    """What a new version of the schema must be to those before."""


class Connect(Settings):
    """The Kafka Connect cluster that runs the sinks."""

    replicas: Nodes = 2
    """How many workers; when one goes, the others take over its tasks."""

    cpu: Cpu = 200
    """Requested per worker."""


class Archive(PartSettings):
    """All logs in S3, as an Apache Iceberg table."""

    warehouse: Place = "s3://logs-archive/logs"
    """The bucket, and the path in it, of the table. With `aws` it is logs in its bucket when absent."""

    region: str = "us-east-1"
    """The region of the bucket. With `aws` it is that of aws when absent."""

    catalog: Literal["jdbc", "glue"] = "jdbc"
    """What knows the table's newest state: the database of `endpoints`, or AWS Glue. With `aws` it is glue."""

    commit_interval: Duration = 5 * units.MINUTE
    """How old the newest archived event may be; the shorter, the smaller the files."""


class Search(PartSettings):
    """The latest logs in Elasticsearch or OpenSearch, a data stream for each retention class."""


class Audit(PartSettings):
    """Audit logs in PostgreSQL."""


class CaSecrets(Settings):
    """Secrets in the platform's namespace whose ca.crt verifies what `endpoints` names, by its names there.

    ca.crt has one or several certificates of authorities in PEM; the endpoint's own must be signed by one of them.
    They must be there before: pods that use one wait for it. Absent ones are verified with the public authorities.
    """

    s3: ObjectName | None = None
    """Of the S3 server."""

    database: ObjectName | None = None
    """Of the database; Amazon RDS needs one, see docs/aws.md."""

    search: ObjectName | None = None
    """Of Elasticsearch or OpenSearch."""

    def named(self) -> dict[str, str]:
        """Those that the stack file names."""
        return {name: secret for name, secret in self if secret is not None}


class Endpoints(Settings):
    """What the parts of the platform rely on. What is absent and needed runs beside them: for one machine, and tests.

    Credentials of what is named here must be in the namespace before, as username and password: s3-credentials,
    postgres-credentials, search-sink-credentials, elastic-credentials (who may make index templates).
    """

    s3: Url | None = None
    """The URL of an S3 server, like https://s3.eu-central-1.amazonaws.com."""

    database: Database | None = None
    """host:port/name of a PostgreSQL database, for audit logs and the archive's catalog."""

    search: Url | None = None
    """The URL of Elasticsearch or OpenSearch."""

    ca_secrets: CaSecrets = CaSecrets()
    """Which authorities have signed their certificates, where these are not public ones."""


class Stream(PartSettings):
    """The Flink job: errors, rates, anomalies, correlations, samples."""

    install_operator: bool = Field(default=True, strict=True)
    """Whether Flink's operator is installed beside Strimzi's; false where one watches the namespace already. The
    embedded operator runs Flink itself."""

    parallelism: Count = 1
    """How many slots work on each step."""

    planned_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)] = 1.0
    """The share of the rates of all services with which the disks of the job's topics are planned. 1 means that all
    services write at their rate all the time."""

    state: Place = "s3://stream-state"
    """Where checkpoints and savepoints are. With `aws` it must be written: a bucket that is not the archive's."""


class Pager(PartSettings):
    """Critical errors to PagerDuty."""

    url: Url | None = None
    """The address that takes events, like https://events.pagerduty.com/v2/enqueue; a stand-in on this machine when
    absent."""

    routing_key_secret: ObjectName = "pagerduty-credentials"  # noqa: S105 - a name
    """The Secret with PagerDuty's routing key; it must be in the namespace before if `url` is given."""

    routing_key_field: SecretKey = ROUTING_KEY_FIELD
    """Under which key that Secret has it."""

    quiet: Duration = 10 * units.MINUTE
    """An incident is resolved when its last error is so long ago."""

    update: Duration = 5 * units.MINUTE
    """How often an open incident is told of further errors."""


class Shipper(PartSettings):
    """The logs of the cluster's own pods into Kafka."""

    kind: Literal["filebeat", "fluentd"] = "filebeat"
    """Which program ships them."""

    rate: Rate = units.MIB
    """What all its pods together may write to each broker at most."""


class Monitoring(PartSettings):
    """Metrics and alerts."""

    operator: bool = Field(default=False, strict=True)
    """Whether a Prometheus operator is there, which is told what to watch; an own Prometheus runs otherwise."""
