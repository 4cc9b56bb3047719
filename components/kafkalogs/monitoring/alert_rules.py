"""The platform's own alerts: one for each way in which logs no longer arrive, cannot be found, or no longer page.

A part that is switched off has no alerts. The `description` of an alert says what people lose and where to look first.
Severity `critical` pages; `warning` can wait for the next working day; `info` is only shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..pager.record import PAGER
from ..stream.record import STREAM_JOB
from .alert import Rule, alert
from .consumer_rules import CONSUMERS, Consumer, consumer_rules
from .kafka_rules import kafka_rules
from .watchdog import watchdog_rule


@dataclass(frozen=True)
class Watched:
    """The parts and sizes that the rules watch."""

    consumers: Mapping[str, Consumer] = field(default_factory=lambda: dict(CONSUMERS))
    """The consumers by part."""

    broker_disk: int | None = None
    """The disk of each broker; bytes; no alerts on disks when None."""

    brokers: int = 3
    """How many nodes run Kafka."""

    connect: bool = True
    """Whether Kafka Connect runs."""

    shipper: bool = True
    """Whether the log shipper runs."""

    lag: int = 10_000
    """Records that a group may be behind before its growing lag is an alert."""


def rule_groups(watched: Watched) -> dict[str, Any]:
    """The file of rules that Prometheus loads; also `spec` of a PrometheusRule."""
    groups: dict[str, list[Rule]] = {
        "kafkalogs-recording": _recorded(),
        "kafkalogs-consumers": consumer_rules(watched.consumers, watched.lag),
        "kafkalogs-kafka": kafka_rules(watched.brokers, watched.broker_disk),
        "kafkalogs-dead-letters": _dead_letters(),
        "kafkalogs-monitoring": _monitoring(),
        "kafkalogs-watchdog": [watchdog_rule()],
    }
    if watched.connect:
        groups["kafkalogs-connect"] = _connect()
    if STREAM_JOB.key in watched.consumers:
        groups["kafkalogs-stream"] = _stream()
    if PAGER.key in watched.consumers:
        groups["kafkalogs-pager"] = _pager()
    if watched.shipper:
        groups["kafkalogs-shipper"] = _shipper()
    return {"groups": [{"name": name, "rules": rules} for name, rules in groups.items()]}


def _recorded() -> list[Rule]:
    return [
        {
            "record": "kafkalogs:dead_letters:sum",
            "expr": 'sum by (topic) (kafka_topic_partition_current_offset{topic=~"dlq\\\\..+"}'
            ' - kafka_topic_partition_oldest_offset{topic=~"dlq\\\\..+"})',
        },
        {"record": "kafkalogs:broker_log_bytes:sum", "expr": "sum by (pod) (kafka_log_log_size)"},
    ]


def _dead_letters() -> list[Rule]:
    return [
        alert(
            "DeadLetters",
            'sum by (topic) (increase(kafka_topic_partition_current_offset{topic=~"dlq\\\\..+"}[10m])) > 0',
            "0m",
            "warning",
            "{{ $value | humanize }} records went to {{ $labels.topic }} within ten minutes",
            "They are not where they belong. Their headers say why.",
        ),
        alert(
            "DeadLetterQueueNotEmpty",
            "kafkalogs:dead_letters:sum > 0",
            "1m",
            "info",
            "{{ $labels.topic }} holds {{ $value | humanize }} records",
            "They wait there until their retention ends. Mend what their headers say, and send them again.",
        ),
    ]


def _connect() -> list[Rule]:
    return [
        alert(
            "ConnectorFailed",
            "max by (connector) (kafka_connect_worker_connector_failed_task_count) > 0"
            ' or max by (connector) (kafka_connect_connector_status{status="failed"}) > 0',
            "1m",
            "critical",
            "the connector {{ $labels.connector }} has failed",
            "It carries nothing until it is started again. Its KafkaConnector's status has the stack trace.",
        ),
        alert(
            "ConnectorNotRunning",
            "max by (connector) (kafka_connect_worker_connector_running_task_count) == 0",
            "5m",
            "warning",
            "no task of the connector {{ $labels.connector }} runs",
            "It is paused or stopped, or its tasks do not start. Look at its KafkaConnector.",
        ),
    ]


def _stream() -> list[Rule]:
    return [
        alert(
            "StreamJobDown",
            "max(flink_jobmanager_numRunningJobs) < 1",
            "2m",
            "critical",
            "the Flink job does not run",
            "Errors are not taken out of the logs, so nobody is paged. Look at the FlinkDeployment and its pods.",
        ),
        alert(
            "StreamJobRestarting",
            "sum(increase(flink_jobmanager_job_numRestarts[15m])) > 3",
            "0m",
            "warning",
            "the Flink job restarted {{ $value | humanize }} times within fifteen minutes",
            "Something fails again and again. Look at the job manager's log.",
        ),
        alert(
            "CheckpointsFailing",
            # Failed checkpoints are no measure: Flink counts each one that falls into a start of the job.
            "sum(increase(flink_jobmanager_job_numberOfCompletedCheckpoints[3m])) == 0"
            " and on() sum(flink_jobmanager_numRunningJobs) > 0",
            "2m",
            "warning",
            "No checkpoint of the Flink job was completed within three minutes",
            "Its results are only seen at a checkpoint. Look at the object store of the checkpoints.",
        ),
    ]


def _pager() -> list[Rule]:
    return [
        alert(
            "PagerFailing",
            'sum(increase(pager_events_total{result=~"rejected|retried"}[5m])) > 0'
            " and on() (time() - pager_oldest_waiting_timestamp_seconds) > 60",
            "1m",
            "critical",
            "PagerDuty has not accepted an incident for over a minute",
            "Nobody is paged. Look at the pager's log for PagerDuty's answer, and at the routing key.",
        ),
        alert(
            "PagerNotReady",
            "pager_ready == 0",
            "2m",
            "critical",
            "the pager does not read its topic, or has no routing key that PagerDuty knows",
            "Nobody is paged; errors are kept and told later. Look at the pager's log and the routing key's Secret.",
        ),
        alert(
            "PagerRejected",
            'sum(increase(pager_dead_letters_total{reason="rejected"}[15m])) > 0',
            "0m",
            "critical",
            "PagerDuty rejected {{ $value | humanize }} incidents",
            "They are in the pager's dead-letter topic, with PagerDuty's reason.",
        ),
    ]


def _shipper() -> list[Rule]:
    return [
        alert(
            "ShipperBackPressure",
            "filebeat_queue_bytes / filebeat_queue_max_bytes > 0.5",
            "5m",
            "warning",
            "the queue of the shipper {{ $labels.pod }} is {{ $value | humanizePercentage }} full",
            "Kafka takes less than the node's pods write. When the queue is full the shipper stops reading, and "
            "lines are lost when Kubernetes rotates the files. Look at its quota and at the brokers.",
        ),
        alert(
            "ShipperNotDelivering",
            "rate(filebeat_output_events_acked_total[5m]) == 0 and filebeat_output_events_active > 0",
            "5m",
            "critical",
            "the shipper {{ $labels.pod }} delivers nothing",
            "The node's logs wait on its disk. Look at Filebeat's log: rights, certificates, brokers.",
        ),
        alert(
            "ShipperDropping",
            "increase(filebeat_output_events_dropped_total[15m]) > 0",
            "0m",
            "warning",
            "the shipper {{ $labels.pod }} gave up {{ $value | humanize }} lines",
            "They were larger than Kafka takes. Look at Filebeat's log.",
        ),
        alert(
            "ShipperDown",
            "filebeat_up == 0",
            "5m",
            "critical",
            "the shipper {{ $labels.pod }} does not answer",
            "The node's logs are not shipped. Look at its pod.",
        ),
    ]


def _monitoring() -> list[Rule]:
    return [
        alert(
            "TargetDown",
            "up == 0",
            "5m",
            "warning",
            "{{ $labels.job }} {{ $labels.pod }} gives no metrics",
            "What happens there is not seen. Look at its pod.",
        ),
        alert(
            "MonitoringBlind",
            "absent(kafka_brokers)",
            "5m",
            "critical",
            "nothing is known of topics and consumer groups",
            "Alerts on lag and replicas cannot fire. Look at the exporter.",
        ),
        alert(
            "NotificationsFailing",
            "sum by (integration) (increase(alertmanager_notifications_failed_total[10m])) > 0",
            "5m",
            "critical",
            "Alertmanager could not notify by {{ $labels.integration }}",
            "These alerts reach nobody. Look at Alertmanager's log.",
        ),
    ]
