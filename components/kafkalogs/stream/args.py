"""What a `FlinkJob` is made of."""

from dataclasses import dataclass
from typing import Any

import pulumi

from ..catalog.part import DEAD_LETTER_RETENTION
from . import record


@dataclass(frozen=True)
class FlinkJobArgs:
    """What a `FlinkJob` is made of. There is one in a namespace."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """Flink with the Kafka connector, the runner of SQL scripts and the S3 plugin."""

    catalog_image: pulumi.Input[str]
    """What writes the service catalog into its topic."""

    template: str
    """The script's templates, one after the other: jobs/macros.sql, jobs/tables.sql, jobs/logs.sql."""

    services: pulumi.Input[dict[str, dict[str, Any]]]
    """What `catalog.services` says of each service: its team and tier. It changes without a restart of the job."""

    writers: pulumi.Input[dict[str, list[str]]] | None = None
    """The services that may write each topic; `*` as the only one for all. Events of other services are dead letters. A
    topic `logs.<service>` that only this service writes need not be named, and changes nothing in the script. When
    absent, events of all services are taken."""

    state: pulumi.Input[str] = "s3://stream-state"
    """Where checkpoints, savepoints and the recovery data are; a URI of a file system that Flink knows."""

    s3_endpoint: pulumi.Input[str] | None = None
    """The S3 server's URL; Amazon's when absent."""

    s3_credentials_secret: pulumi.Input[str] | None = None
    """The Secret with `username`, the access key, and `password`, the secret key; the pod's identity when absent."""

    s3_ca_secret: pulumi.Input[str] | None = None
    """A Secret whose `ca.crt` signed the S3 server's certificate; the public authorities are trusted when absent."""

    parallelism: pulumi.Input[int] = 1
    """How many of each operator work side by side, all in one TaskManager."""

    checkpoint_seconds: pulumi.Input[int] = 5
    """Seconds between checkpoints: the longest that an error waits before consumers see it."""

    watermark_delay_seconds: pulumi.Input[int] = 10
    """How long after its time an event may come and still be counted in its minute; later ones are counted apart."""

    discovery_seconds: pulumi.Input[int] = 10
    """How often the job looks for new topics, partitions and catalogs; seconds."""

    debug_share: pulumi.Input[float] = 0.1
    """The share of traces whose debug logs are in `logs.sampled`; 0 to 1."""

    upgrade_mode: pulumi.Input[str] = "savepoint"
    """How a change of the job goes on from the last one: `savepoint`, `last-state` or `stateless`."""

    partitions: pulumi.Input[int] = record.PARTITIONS
    """Partitions of each topic that it writes."""

    retention_ms: pulumi.Input[int] = record.RETENTION
    """How long the topics that it writes keep their records; milliseconds."""

    dead_letter_retention_ms: pulumi.Input[int] = DEAD_LETTER_RETENTION
    """How long dead letters are kept; milliseconds."""

    replication_factor: pulumi.Input[int] = 3
    """Copies of every record that it writes."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies that must have a record before a write is answered."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """What it may write to each broker at most; bytes per second; not limited when absent."""

    job_manager_memory: pulumi.Input[str] = "832m"
    """Of the JobManager's pod; it compiles the script. As Flink writes it."""

    task_manager_memory: pulumi.Input[str] = "1024m"
    """Of the TaskManager's pod, as Flink writes it."""

    aws_region: pulumi.Input[str] | None = None
    """The region of Amazon's S3, where the pods have an identity of AWS; absent elsewhere."""

    account_annotations: pulumi.Input[dict[str, str]] | None = None
    """Annotations of the job's service account, by which a cloud gives it an identity."""
