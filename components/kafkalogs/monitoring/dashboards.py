"""Grafana dashboards, as JSON that Grafana's provisioning or its sidecar loads (https://grafana.com/docs).

Each is a list of rows of panels; a panel is a title, a unit and its queries.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .watchdog import FIRING

SIDECAR_LABEL: Final = {"grafana_dashboard": "1"}
"""The label by which the sidecar of Grafana's chart finds ConfigMaps with dashboards."""

_WIDTH: Final = 24
_HEIGHT: Final = 8


@dataclass(frozen=True)
class Panel:
    """One graph, or one number."""

    title: str
    queries: tuple[tuple[str, str], ...]
    """Queries of Prometheus, each with the legend of its series."""

    unit: str = "short"
    """A unit of Grafana: short, s, ms, Bps, bytes, percentunit."""

    kind: str = "timeseries"
    """`timeseries` or `stat`."""


_LOGS: Final = 'topic=~"logs\\\\..+"'

DASHBOARDS: Final[dict[str, tuple[str, tuple[tuple[Panel, ...], ...]]]] = {
    "kafkalogs-overview": (
        "Logs: overview",
        (
            (
                Panel("Alerts", ((f"count({FIRING}) or vector(0)", ""),), kind="stat"),
                Panel("Brokers", (("max(kafka_brokers)", ""),), kind="stat"),
                Panel(
                    "Records written per second",
                    ((f"sum(rate(kafka_topic_partition_current_offset{{{_LOGS}}}[5m]))", ""),),
                    kind="stat",
                ),
                Panel("Dead letters", (("sum(kafkalogs:dead_letters:sum) or vector(0)", ""),), kind="stat"),
            ),
            (
                Panel(
                    "Records written per second, by topic",
                    ((f"sum by (topic) (rate(kafka_topic_partition_current_offset{{{_LOGS}}}[5m]))", "{{topic}}"),),
                ),
                Panel(
                    "How old the oldest unread record is, by consumer group",
                    (("max by (consumergroup) (kafkalogs_consumergroup_lag_seconds)", "{{consumergroup}}"),),
                    "s",
                ),
            ),
            (
                Panel(
                    "Time up to which each consumer group has come: seconds ago",
                    (
                        (
                            "time() - max by (consumergroup) (kafkalogs_consumergroup_event_timestamp_seconds)",
                            "{{consumergroup}}",
                        ),
                        ("time() - max(pager_newest_sent_timestamp_seconds)", "paged"),
                    ),
                    "s",
                ),
                Panel("Dead letters, by topic", (("kafkalogs:dead_letters:sum", "{{topic}}"),)),
            ),
        ),
    ),
    "kafkalogs-kafka": (
        "Logs: Kafka",
        (
            (
                Panel(
                    "Written, by topic",
                    (("sum by (topic) (rate(kafka_server_brokertopicmetrics_bytesin_total[5m]))", "{{topic}}"),),
                    "Bps",
                ),
                Panel(
                    "Read, by topic",
                    (("sum by (topic) (rate(kafka_server_brokertopicmetrics_bytesout_total[5m]))", "{{topic}}"),),
                    "Bps",
                ),
            ),
            (
                Panel(
                    "Time of a write, slowest of a hundred, by broker",
                    (
                        (
                            "max by (pod) (kafka_network_requestmetrics_totaltimems"
                            '{request="Produce", quantile="0.99"})',
                            "{{pod}}",
                        ),
                    ),
                    "ms",
                ),
                Panel(
                    "Idle request handlers, by broker",
                    (("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent", "{{pod}}"),),
                    "percentunit",
                ),
            ),
            (
                Panel("Size of logs, by broker", (("kafkalogs:broker_log_bytes:sum", "{{pod}}"),), "bytes"),
                Panel(
                    "Largest topics, over all brokers",
                    (("topk(10, sum by (topic) (kafka_log_log_size))", "{{topic}}"),),
                    "bytes",
                ),
            ),
            (
                Panel(
                    "Partitions that are not well",
                    (
                        ("sum(kafka_topic_partition_under_replicated_partition)", "under-replicated"),
                        ("sum(kafka_server_replicamanager_underminisrpartitioncount)", "below min ISR"),
                        ("max(kafka_controller_kafkacontroller_offlinepartitionscount)", "offline"),
                    ),
                ),
                Panel(
                    "Refused writes per second, by topic",
                    (
                        (
                            "sum by (topic) (rate(kafka_server_brokertopicmetrics_failedproducerequests_total[5m]))",
                            "{{topic}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
    "kafkalogs-consumers": (
        "Logs: consumers",
        (
            (
                Panel(
                    "Lag, by consumer group",
                    (("sum by (consumergroup) (kafka_consumergroup_lag_sum)", "{{consumergroup}}"),),
                ),
                Panel(
                    "Read per second, by consumer group",
                    (
                        (
                            "sum by (consumergroup) (rate(kafka_consumergroup_current_offset_sum[5m]))",
                            "{{consumergroup}}",
                        ),
                    ),
                ),
            ),
            (
                Panel(
                    "Tasks of connectors",
                    (
                        ("max by (connector) (kafka_connect_worker_connector_running_task_count)", "{{connector}} run"),
                        ("max by (connector) (kafka_connect_worker_connector_failed_task_count)", "{{connector}} fail"),
                    ),
                ),
                Panel(
                    "Time of a batch, by connector",
                    (("max by (connector) (kafka_connect_sink_task_put_batch_avg_time_ms)", "{{connector}}"),),
                    "ms",
                ),
            ),
            (
                Panel(
                    "Records that a connector could not take, per second",
                    (("sum by (connector) (rate(kafka_connect_task_error_record_errors_total[5m]))", "{{connector}}"),),
                ),
                Panel(
                    "Checkpoints of the Flink job",
                    (
                        ("max(flink_jobmanager_job_lastCheckpointDuration)", "ms for the last one"),
                        ("sum(increase(flink_jobmanager_job_numberOfFailedCheckpoints[15m]))", "failed in 15 min"),
                    ),
                ),
            ),
            (
                Panel(
                    "Files and snapshots of the archive's table",
                    (
                        ("max(kafkalogs_archive_table_files)", "files"),
                        ("max(kafkalogs_archive_table_snapshots)", "snapshots"),
                        ("max(kafkalogs_archive_files_compacted)", "rewritten into larger ones"),
                        ("max(kafkalogs_archive_orphans_removed)", "orphans removed"),
                        ("max(kafkalogs_archive_orphans_refused)", "orphans that may not be removed"),
                    ),
                ),
                Panel(
                    "Mean size of a file of the archive's table",
                    (("max(kafkalogs_archive_table_bytes) / max(kafkalogs_archive_table_files)", "bytes"),),
                    "bytes",
                ),
            ),
        ),
    ),
    "kafkalogs-alerts": (
        "Logs: pager and shipper",
        (
            (
                Panel(
                    "Incidents",
                    (("pager_open_incidents", "open"), ("pager_waiting_incidents", "not accepted yet")),
                ),
                Panel(
                    "From record to PagerDuty",
                    (
                        (
                            "histogram_quantile(0.5, sum by (le) (rate(pager_delivery_delay_seconds_bucket[15m])))",
                            "half",
                        ),
                        (
                            "histogram_quantile(0.99, sum by (le) (rate(pager_delivery_delay_seconds_bucket[15m])))",
                            "slowest of a hundred",
                        ),
                    ),
                    "s",
                ),
            ),
            (
                Panel(
                    "Sent to PagerDuty per second",
                    (("sum by (action, result) (rate(pager_events_total[5m]))", "{{action}} {{result}}"),),
                ),
                Panel(
                    "Lines shipped per second, by node",
                    (("sum by (pod) (rate(filebeat_output_events_acked_total[5m]))", "{{pod}}"),),
                ),
            ),
            (
                Panel(
                    "Queue of the shipper, by node",
                    (("filebeat_queue_bytes / filebeat_queue_max_bytes", "{{pod}}"),),
                    "percentunit",
                ),
                Panel("Not read yet, by node", (("filebeat_unread_bytes", "{{pod}}"),), "bytes"),
            ),
        ),
    ),
}
"""Title and rows by uid."""


def dashboard(uid: str, title: str, rows: Sequence[Sequence[Panel]]) -> dict[str, Any]:
    """The model of a dashboard; its data source is chosen in Grafana."""
    panels: list[dict[str, Any]] = []
    for y, row in enumerate(rows):
        width = _WIDTH // len(row)
        for x, panel in enumerate(row):
            position = {"x": x * width, "y": y * _HEIGHT, "w": width, "h": _HEIGHT}
            panels.append(_panel(len(panels) + 1, panel, position))
    return {
        "uid": uid,
        "title": title,
        "tags": ["kafkalogs"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}]},
        "panels": panels,
    }


def _panel(number: int, panel: Panel, position: dict[str, int]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    targets = [
        {"refId": chr(ord("A") + i), "datasource": source, "expr": query, "legendFormat": legend}
        for i, (query, legend) in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": source,
        "gridPos": position,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": targets,
    }


def dashboard_files() -> dict[str, str]:
    """The files of all dashboards, by name."""
    return {
        f"{uid}.json": json.dumps(dashboard(uid, title, rows), indent=1) for uid, (title, rows) in DASHBOARDS.items()
    }
