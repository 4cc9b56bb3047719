"""The arguments of the shipper."""

from dataclasses import dataclass

import pulumi

from ..config import units
from . import record
from .record import NAME


@dataclass(frozen=True)
class LogShipperArgs:
    """The arguments of a `LogShipper`."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    image: pulumi.Input[str]
    """The image of Filebeat, or of Fluentd with its plugins for Kafka, concat and Prometheus."""

    exporter_image: pulumi.Input[str]
    """The image of the exporter, which fetches the certificate and serves Filebeat's metrics."""

    kind: str = "filebeat"
    """`filebeat` or `fluentd`."""

    topic: pulumi.Input[str] = record.TOPIC
    """The topic of all shipped logs; the component makes it."""

    user: pulumi.Input[str] = NAME
    """The shipper's KafkaUser; the component makes it."""

    namespaces: pulumi.Input[list[str]] | None = None
    """The namespaces whose logs are shipped; `*` for all; when absent, the namespace of the Kafka cluster. The
    shipper's own logs are never shipped, because each line would cause another line."""

    files: pulumi.Input[dict[str, list[str]]] | None = None
    """Further log files of the nodes, by the name of the service that writes them: paths below /var/log, with or
    without `*`."""

    partitions: pulumi.Input[int] = record.PARTITIONS
    """Partitions of the topic."""

    replicas: pulumi.Input[int] = 3
    """Copies of each record in the topic."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies of such a record that must exist before Kafka confirms it."""

    retention_ms: pulumi.Input[int] = 24 * units.HOUR
    """How long the topic keeps records; milliseconds."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """The most that all nodes together may write to each broker; bytes per second; not limited when absent."""

    protect: bool = False
    """Whether Pulumi refuses to delete the topic."""

    queue_bytes: pulumi.Input[int] = units.GIB
    """The largest size of the queue on each node's disk; bytes."""
