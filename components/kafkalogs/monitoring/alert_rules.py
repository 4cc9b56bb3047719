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
            "These records were not delivered. Their headers give the reason.",
        ),
        alert(
            "DeadLetterQueueNotEmpty",
            "kafkalogs:dead_letters:sum > 0",
            "1m",
            "info",
            "{{ $labels.topic }} holds {{ $value | humanize }} records",
            "Kafka keeps these records until their retention ends. Fix the cause that their headers give, then send "
            "the records again.",
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
            "It delivers no records until it is restarted. Its KafkaConnector's status has the stack trace.",
        ),
        alert(
            "DeadLettersLost",
            # A counter that begins above zero after a restart of the task has risen too.
            "sum by (connector) (increase(kafka_connect_task_error_deadletterqueue_produce_failures_total[10m])) > 0"
            " or sum by (connector) (kafka_connect_task_error_deadletterqueue_produce_failures_total"
            " unless kafka_connect_task_error_deadletterqueue_produce_failures_total offset 10m) > 0",
            "0m",
            "critical",
            "{{ $value | humanize }} dead letters of the connector {{ $labels.connector }} could not be written",
            "These records are in neither the sink nor its dead-letter topic, but still in the source topic until its "
            "retention ends. Look at the workers' log for the reason: the topic refuses writes, or a record is larger "
            "than 32 MiB. Then set the sink's group back to an offset before them.",
        ),
        alert(
            "ConnectorNotRunning",
            "max by (connector) (kafka_connect_worker_connector_running_task_count) == 0",
            "5m",
            "warning",
            "no task of the connector {{ $labels.connector }} runs",
            "It is paused or stopped, or its tasks do not start. Look at its KafkaConnector.",
        ),
        alert(
            "EventsOfForeignServices",
            "sum by (connector) (increase(kafka_connect_converter_foreign_events_total[10m])) > 0",
            "0m",
            "warning",
            "the sink {{ $labels.connector }} refused {{ $value | humanize }} events of services that may not write "
            "their topic",
            "Someone forges events, or a service writes another name than its own. The events are in the sink's "
            "dead-letter topic; their headers name the service and the topic. Look at who may write that topic.",
        ),
        *_clocks(),
    ]


def _clocks() -> list[Rule]:
    """The alerts on events whose time is far from the time at which Kafka got them; every sink counts them."""
    ahead, behind = (f"kafkalogs_events_{where}_total" for where in ("ahead", "behind"))
    return [
        alert(
            "ClockAhead",
            # A counter that begins above zero, with a service's first such event, has risen too.
            f"max by (service) (increase({ahead}[10m]) > 0 or ({ahead} unless {ahead} offset 10m) > 0)",
            "0m",
            "warning",
            "the clock of {{ $labels.service }} is more than five minutes ahead",
            "Kafka got {{ $value | humanize }} events before the time that they say. They are stored, but search shows "
            "them in the future, and the archive has them under days to come. Set the clock of the service's nodes.",
        ),
        alert(
            "EventsBehind",
            f"max by (service) (increase({behind}[10m])) > 0",
            "30m",
            "warning",
            "the events of {{ $labels.service }} say times more than five minutes before Kafka got them",
            "The clock of the service's nodes is slow, or the service or its shipper is behind. The events are stored. "
            "The stream job reports their minutes late and leaves them out of latencies, correlations and anomalies.",
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
            "Errors in the logs are not detected, so nobody is paged. Look at the FlinkDeployment and its pods.",
        ),
        alert(
            "StreamJobRestarting",
            "sum(increase(flink_jobmanager_job_numRestarts[15m])) > 3",
            "0m",
            "warning",
            "the Flink job restarted {{ $value | humanize }} times within fifteen minutes",
            "The job keeps failing. The JobManager's log has the reason.",
        ),
        alert(
            "CheckpointsFailing",
            # Failed checkpoints are no measure: Flink counts each one that falls into a start of the job.
            "sum(increase(flink_jobmanager_job_numberOfCompletedCheckpoints[3m])) == 0"
            " and on() sum(flink_jobmanager_numRunningJobs) > 0",
            "2m",
            "warning",
            "no checkpoint of the Flink job was completed within three minutes",
            "The job's results become visible only at a checkpoint. Check the object store of the checkpoints.",
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
            "The incidents are in the pager's dead-letter topic, with PagerDuty's reason.",
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
            "The node's pods write logs faster than Kafka accepts them. When the queue is full the shipper stops "
            "reading, and lines are lost when Kubernetes rotates the files. Check the shipper's quota and the brokers.",
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
            "the shipper {{ $labels.pod }} dropped {{ $value | humanize }} lines",
            "The lines were larger than Kafka accepts. Look at Filebeat's log.",
        ),
        alert(
            "ShipperDown",
            "filebeat_up == 0",
            "5m",
            "critical",
            "the shipper {{ $labels.pod }} does not answer",
            "The node's logs are not shipped. Check the shipper's pod.",
        ),
    ]


def _monitoring() -> list[Rule]:
    return [
        alert(
            "TargetDown",
            "up == 0",
            "5m",
            "warning",
            "{{ $labels.job }} {{ $labels.pod }} does not serve metrics",
            "Faults of this target raise no alert. Check its pod.",
        ),
        alert(
            "MonitoringBlind",
            "absent(kafka_brokers)",
            "5m",
            "critical",
            "there are no metrics of topics and consumer groups",
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
