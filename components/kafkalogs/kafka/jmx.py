"""The metrics of Kafka's and Connect's processes for Prometheus: the configuration of their JMX exporter.

The names are those of Strimzi's examples, so that other people's rules and dashboards work too. Only metrics that rules
and dashboards use are read: each bean costs time at each scrape.
"""

from typing import Any, Final

import yaml

KAFKA_KEY: Final = "kafka.yml"
CONNECT_KEY: Final = "connect.yml"


def config_map_name(cluster: str) -> str:
    """The ConfigMap with both configurations."""
    return f"{cluster}-jmx-metrics"


def metrics_config(cluster: str, key: str) -> dict[str, Any]:
    """`metricsConfig` of a Kafka (`KAFKA_KEY`) or KafkaConnect (`CONNECT_KEY`) resource."""
    reference = {"configMapKeyRef": {"name": config_map_name(cluster), "key": key}}
    return {"type": "jmxPrometheusExporter", "valueFrom": reference}


def config_map_data() -> dict[str, str]:
    """The ConfigMap's content."""
    return {KAFKA_KEY: _text(KAFKA), CONNECT_KEY: _text(CONNECT)}


def _text(config: dict[str, Any]) -> str:
    return yaml.safe_dump(config, sort_keys=False, width=200)


def _rule(pattern: str, name: str, kind: str = "GAUGE", **labels: str) -> dict[str, Any]:
    return {"pattern": pattern, "name": name, "type": kind, **({"labels": labels} if labels else {})}


KAFKA: Final[dict[str, Any]] = {
    "lowercaseOutputName": True,
    "includeObjectNames": [
        "kafka.server:type=BrokerTopicMetrics,name=MessagesInPerSec,*",
        "kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec,*",
        "kafka.server:type=BrokerTopicMetrics,name=BytesOutPerSec,*",
        "kafka.server:type=BrokerTopicMetrics,name=FailedProduceRequestsPerSec,*",
        "kafka.server:type=ReplicaManager,name=UnderReplicatedPartitions",
        "kafka.server:type=ReplicaManager,name=UnderMinIsrPartitionCount",
        "kafka.server:type=ReplicaManager,name=OfflineReplicaCount",
        "kafka.controller:type=KafkaController,name=ActiveControllerCount",
        "kafka.controller:type=KafkaController,name=OfflinePartitionsCount",
        "kafka.network:type=RequestMetrics,name=TotalTimeMs,request=Produce",
        "kafka.network:type=RequestMetrics,name=TotalTimeMs,request=FetchConsumer",
        "kafka.server:type=KafkaRequestHandlerPool,name=RequestHandlerAvgIdlePercent",
        "kafka.log:type=Log,name=Size,*",
    ],
    "rules": [
        _rule(
            r"kafka.server<type=BrokerTopicMetrics, name=(\w+)PerSec, topic=(.+)><>Count",
            "kafka_server_brokertopicmetrics_$1_total",
            "COUNTER",
            topic="$2",
        ),
        # The metric without a topic is left out: it is the sum over all topics, which Prometheus can compute.
        _rule(
            r"kafka.server<type=ReplicaManager, name=(\w+)><>Value",
            "kafka_server_replicamanager_$1",
        ),
        _rule(
            r"kafka.controller<type=KafkaController, name=(\w+)><>Value",
            "kafka_controller_kafkacontroller_$1",
        ),
        _rule(
            r"kafka.network<type=RequestMetrics, name=TotalTimeMs, request=(\w+)><>(\d+)thPercentile",
            "kafka_network_requestmetrics_totaltimems",
            request="$1",
            quantile="0.$2",
        ),
        _rule(
            r"kafka.server<type=KafkaRequestHandlerPool, name=RequestHandlerAvgIdlePercent><>OneMinuteRate",
            "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
        ),
        _rule(
            r"kafka.log<type=Log, name=Size, topic=(.+), partition=(\d+)><>Value",
            "kafka_log_log_size",
            topic="$1",
            partition="$2",
        ),
    ],
}
"""For Kafka's nodes (https://kafka.apache.org/documentation/#monitoring)."""

CONNECT: Final[dict[str, Any]] = {
    "lowercaseOutputName": True,
    "includeObjectNames": [
        "kafka.connect:type=connect-worker-metrics,*",
        "kafka.connect:type=connector-metrics,*",
        "kafka.connect:type=task-error-metrics,*",
        "kafka.connect:type=sink-task-metrics,*",
        "kafka.connect:type=plugins,*",
    ],
    "rules": [
        _rule(
            r"kafka.connect<type=connect-worker-metrics, connector=([^,]+)><>connector-(\w+)-task-count",
            "kafka_connect_worker_connector_$2_task_count",
            connector="$1",
        ),
        {
            **_rule(
                r"kafka.connect<type=connector-metrics, connector=([^,]+)><>status: ([a-z]+)",
                "kafka_connect_connector_status",
                connector="$1",
                status="$2",
            ),
            "value": 1,
        },
        _rule(
            r"kafka.connect<type=task-error-metrics, connector=([^,]+), task=(\d+)><>total-record-(errors|failures)",
            "kafka_connect_task_error_record_$3_total",
            "COUNTER",
            connector="$1",
            task="$2",
        ),
        _rule(
            r"kafka.connect<type=task-error-metrics, connector=([^,]+), task=(\d+)>"
            r"<>deadletterqueue-produce-(requests|failures)",
            "kafka_connect_task_error_deadletterqueue_produce_$3_total",
            "COUNTER",
            connector="$1",
            task="$2",
        ),
        _rule(
            r"kafka.connect<type=sink-task-metrics, connector=([^,]+), task=(\d+)><>sink-record-send-total",
            "kafka_connect_sink_task_sink_record_send_total",
            "COUNTER",
            connector="$1",
            task="$2",
        ),
        # The metric of the converter of log events (embedded/build/java_projects/connect-plugins).
        _rule(
            r"kafka.connect<type=plugins, connector=([^,]+), task=(\d+), converter=value><>foreign-events-total",
            "kafka_connect_converter_foreign_events_total",
            "COUNTER",
            connector="$1",
            task="$2",
        ),
        _rule(
            r"kafka.connect<type=sink-task-metrics, connector=([^,]+), task=(\d+)><>put-batch-avg-time-ms",
            "kafka_connect_sink_task_put_batch_avg_time_ms",
            connector="$1",
            task="$2",
        ),
        # These are our sinks' own (embedded/build/java_projects/connect-plugins). JMX quotes unusual names of services.
        _rule(
            r"kafka.connect<type=plugins, connector=([^,]+), task=(\d+), service=\"?(.+?)\"?>"
            r"<>events-(ahead|behind)-total",
            "kafkalogs_events_$4_total",
            "COUNTER",
            connector="$1",
            task="$2",
            service="$3",
        ),
        *(
            _rule(
                rf"kafka.connect<type=plugins, connector=([^,]+), task=(\d+)><>{name}",
                metric,
                connector="$1",
                task="$2",
            )
            for name, metric in {
                "records-due": "kafkalogs_archive_records_due",
                "rows-gained": "kafkalogs_archive_rows_gained",
                "table-files": "kafkalogs_archive_table_files",
                "table-bytes": "kafkalogs_archive_table_bytes",
                "table-snapshots": "kafkalogs_archive_table_snapshots",
                "files-compacted": "kafkalogs_archive_files_compacted",
                "orphans-removed": "kafkalogs_archive_orphans_removed",
                "orphans-refused": "kafkalogs_archive_orphans_refused",
                "maintenance-age-ms": "kafkalogs_archive_maintenance_age_ms",
                "places-reused": "kafkalogs_audit_places_reused",
            }.items()
        ),
    ],
}
"""For Connect's workers (https://kafka.apache.org/documentation/#connect_monitoring)."""
