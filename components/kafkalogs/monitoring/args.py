"""What a `Monitoring` is made of."""

from dataclasses import dataclass

import pulumi

from ..config.parts import ROUTING_KEY_FIELD, WATCHDOG_FIELD
from . import record


@dataclass(frozen=True)
class MonitoringArgs:
    """What `Monitoring` watches, and whom it notifies."""

    namespace: pulumi.Input[str]
    """The namespace of the platform."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    exporter_image: pulumi.Input[str]
    """The image of the exporter."""

    image: pulumi.Input[str] | None = None
    """The image with Prometheus and Alertmanager; needed unless `operator`."""

    user: pulumi.Input[str] = record.USER
    """The KafkaUser of the exporter, which is made here."""

    brokers: int = 3
    """How many nodes run Kafka."""

    broker_disk: int | None = None
    """The disk of each broker; bytes; not watched when absent."""

    parts: list[str] | None = None
    """The consumers that there are, of pager, stream, archive, search and audit; all when absent."""

    shipper_namespace: str | None = None
    """The namespace of the log shipper; not watched when absent."""

    operator: bool = False
    """Whether a Prometheus operator runs in the Kubernetes cluster: it is told what to watch, and no own Prometheus
    and Alertmanager are made."""

    prometheus_namespace: str = "monitoring"
    """With `operator`: the namespace of its Prometheus."""

    retention: str = "24h"
    """How long Prometheus keeps what it has seen, as 24h or 15d."""

    storage_size: str | None = None
    """The disk of Prometheus, like 10Gi; what it has seen is lost with its pod when absent."""

    pagerduty_secret: pulumi.Input[str] | None = None
    """The Secret with PagerDuty's routing key; critical alerts page when it is given."""

    pagerduty_field: pulumi.Input[str] = ROUTING_KEY_FIELD
    """The field of that Secret with the key."""

    pagerduty_url: str | None = None
    """Where PagerDuty's Events API v2 is, another than its own."""

    pagerduty_own_ca: bool = False
    """Whether the certificate of that address is of the platform's CA."""

    watchdog_secret: pulumi.Input[str] | None = None
    """The Secret with the URL that is told each minute that people can be paged (a dead man's switch); not with
    `operator`."""

    watchdog_field: pulumi.Input[str] = WATCHDOG_FIELD
    """The field of that Secret with the URL."""

    webhook_url: str | None = None
    """Where critical alerts and warnings are posted in Alertmanager's format; nowhere when absent."""
