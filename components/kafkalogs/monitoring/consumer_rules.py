"""The alerts on consumers: a part reads too late, no longer reads, or loses records that it has not read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..config import units
from ..pager.record import GROUP_PREFIX as PAGER_PREFIX
from ..pager.record import PAGER
from ..sinks.record import ARCHIVE, AUDIT, SEARCH, consumer_group
from ..stream.record import PREFIX as STREAM_PREFIX
from ..stream.record import STREAM_JOB
from .alert import Rule, alert


@dataclass(frozen=True)
class Consumer:
    """A part whose delay people notice."""

    alert: str
    """The alert's name, which says what goes wrong: LogsNotArchived."""

    group: str
    """A regular expression for its consumer groups, as they are in Kafka."""

    limit: int
    """How old its oldest unread record may be; seconds."""

    loss: str
    """What people lose, and where to look; a sentence."""

    severity: str = "critical"
    """`critical` or `warning`."""


EXPIRES_SOON: Final = 0.5
"""The share of a topic's retention that is left when an alert, and the doctor, tell of it."""


def _begins_with(prefix: str) -> str:
    return f"{re.escape(prefix)}.*"


CONSUMERS: Final[Mapping[str, Consumer]] = {
    PAGER.key: Consumer(
        "AlertsNotFiring",
        _begins_with(PAGER_PREFIX),
        120,
        "Critical errors of services do not become incidents. Look at the pager's log.",
    ),
    STREAM_JOB.key: Consumer(
        "ErrorsNotDetected",
        _begins_with(STREAM_PREFIX),
        300,
        "Errors in the logs are not detected, so nobody is paged. Look at the Flink job.",
    ),
    ARCHIVE.key: Consumer(
        "LogsNotArchived",
        consumer_group(ARCHIVE.key),
        1800,
        "Logs do not reach the archive, and are lost when Kafka's retention ends. Look at the connector archive.",
    ),
    SEARCH.key: Consumer(
        "LogsNotSearchable",
        consumer_group(SEARCH.key),
        300,
        "Search does not show new logs. Look at the connector search and at Elasticsearch.",
        "warning",
    ),
    AUDIT.key: Consumer(
        "AuditNotStored",
        consumer_group(AUDIT.key),
        1800,
        "Audit logs do not reach the database. Look at the connector audit and at PostgreSQL.",
    ),
}
"""The platform's consumers by part."""


def consumer_rules(consumers: Mapping[str, Consumer], lag: int) -> list[Rule]:
    """The alerts on consumer groups. lag: records that a group may be behind before its growing lag is an alert."""
    rules: list[Rule] = []
    for part, consumer in consumers.items():
        pattern = consumer.group.replace("\\", "\\\\")
        group = f'{{consumergroup=~"{pattern}"}}'
        rules.append(
            alert(
                consumer.alert,
                f"max by (consumergroup) (kafkalogs_consumergroup_lag_seconds{group}) > {consumer.limit}",
                "1m",
                consumer.severity,
                "{{ $labels.consumergroup }} is {{ $value | humanizeDuration }} behind",
                consumer.loss,
            )
        )
        missing = alert(
            f"{consumer.alert}NoConsumer",
            f"absent(kafka_consumergroup_members{group}) and on() kafka_brokers",
            "10m",
            consumer.severity,
            f"Kafka has no consumer group of {part}",
            consumer.loss,
        )
        missing["labels"]["part"] = part
        rules.append(missing)
    # Kafka keeps the offsets of an unused group for a week. A group without members alerts only if a part owns it.
    own = "|".join(consumer.group for consumer in consumers.values()).replace("\\", "\\\\")
    alive = f'(kafka_consumergroup_members > 0 or kafka_consumergroup_members{{consumergroup=~"{own}"}})'
    return [
        *rules,
        *_sink_rules(consumers),
        alert(
            "ConsumerLagGrowing",
            "sum by (consumergroup) (kafka_consumergroup_lag_sum)"
            f" > {lag} and sum by (consumergroup) (deriv(kafka_consumergroup_lag_sum[15m])) > 0",
            "15m",
            "warning",
            "{{ $labels.consumergroup }} is {{ $value | humanize }} records behind, and falls further behind",
            "The group reads more slowly than producers write. Give it more tasks or instances, up to the topic's "
            "partitions.",
        ),
        *_expiry_rules(alive),
    ]


def _expiry_rules(alive: str) -> list[Rule]:
    """The alerts on records that expire unread. alive: the groups that count, as a query.

    While a new exporter takes the place of the old one, there are the series of both. A join on series that are not
    aggregated would then be an error.
    """
    retention = "max by (topic) (kafkalogs_topic_retention_seconds)"
    lag = "max by (consumergroup, topic) (kafkalogs_consumergroup_lag_seconds)"
    return [
        alert(
            "RecordsExpireSoon",
            f"({retention} - on (topic) group_right () {lag})"
            f" < on (topic) group_left () ({EXPIRES_SOON} * {retention})"
            f" and on (consumergroup) {alive}",
            "5m",
            "critical",
            "{{ $labels.consumergroup }} has {{ $value | humanizeDuration }} left to read {{ $labels.topic }}",
            "Then Kafka deletes records that it has not read. Let it read again, or raise the topic's retention now.",
        ),
        alert(
            "RecordsExpiredUnread",
            "max by (consumergroup, topic, partition) (kafka_consumergroup_current_offset)"
            " < on (topic, partition) group_left () min by (topic, partition) (kafka_topic_partition_oldest_offset)"
            f" and on (consumergroup) {alive}",
            "0m",
            "critical",
            "records of {{ $labels.topic }} were deleted before {{ $labels.consumergroup }} read them",
            "These records are lost to this consumer. Raise the topic's retention until it has caught up.",
        ),
    ]


def _sink_rules(consumers: Mapping[str, Consumer]) -> list[Rule]:
    """The alerts of the sinks' own metrics: what a sink has read, and what is where it belongs."""
    rules: list[Rule] = []
    if ARCHIVE.key in consumers:
        rules.append(
            alert(
                "ArchivedRowsMissing",
                "sum by (connector) (kafkalogs_archive_records_due)"
                " - max by (connector) (kafkalogs_archive_rows_gained) > 0",
                "10m",
                "critical",
                "{{ $value | humanize }} records that the sink {{ $labels.connector }} has read are not in its table",
                "Commits may end without an error and without rows. Look at the connector's log and at docs/sinks.md.",
            )
        )
        rules.append(
            alert(
                "ArchiveNotMaintained",
                f"max by (connector) (kafkalogs_archive_maintenance_age_ms) > {units.DAY}",
                "1h",
                "warning",
                "the table of {{ $labels.connector }} was not maintained for {{ $value | humanize }} ms",
                "Small files and snapshots pile up, and queries of the archive become slow. Connect's log says why.",
            )
        )
    if AUDIT.key in consumers:
        rules.append(
            alert(
                "AuditPlacesReused",
                "max by (connector) (kafkalogs_audit_places_reused) > 0",
                "0m",
                "critical",
                "the table of {{ $labels.connector }} has other records at the places of new ones",
                "An audit topic was made again, or another cluster writes into the same table. All rows stay, but the"
                " old topic may have held records that were not stored. The worker's log names the place.",
            )
        )
    return rules
