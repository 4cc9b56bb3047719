"""What a `LogShipper` is made of."""

from dataclasses import dataclass

import pulumi

from ..config import units
from . import record
from .record import NAME


@dataclass(frozen=True)
class LogShipperArgs:
    """What is shipped, and how."""

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
    """The topic of all that is shipped; it is made here."""

    user: pulumi.Input[str] = NAME
    """The shipper's KafkaUser, which is made here."""

    namespaces: pulumi.Input[list[str]] | None = None
    """The namespaces whose pods are shipped; that of the Kafka cluster when absent; `*` for all. The shipper's own
    pods are never shipped: each of their lines would make another one."""

    files: pulumi.Input[dict[str, list[str]]] | None = None
    """Further log files of the nodes, below /var/log, by the name of the service that writes them; may have `*`."""

    partitions: pulumi.Input[int] = record.PARTITIONS
    """Partitions of the topic."""

    replicas: pulumi.Input[int] = 3
    """Copies of every record."""

    min_in_sync_replicas: pulumi.Input[int] = 2
    """Copies that must have a record before it is acknowledged."""

    retention_ms: pulumi.Input[int] = 24 * units.HOUR
    """How long the topic keeps records; milliseconds."""

    producer_byte_rate: pulumi.Input[int] | None = None
    """Bytes per second that each broker takes from all nodes together; not limited when absent."""

    protect: bool = False
    """Whether Pulumi refuses to delete the topic."""

    queue_bytes: pulumi.Input[int] = units.GIB
    """The largest size of the queue on each node's disk; bytes."""
