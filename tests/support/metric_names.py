"""The metrics that rules and dashboards may use, by who tells them. A name that is not here is a mistake."""

from typing import Final

METRICS: Final[dict[str, frozenset[str]]] = {
    # apps/exporter; the first ones are Strimzi's kafkaExporter's too
    "exporter": frozenset(
        {
            "kafka_brokers",
            "kafka_topic_partitions",
            "kafka_topic_partition_current_offset",
            "kafka_topic_partition_oldest_offset",
            "kafka_topic_partition_leader",
            "kafka_topic_partition_leader_is_preferred",
            "kafka_topic_partition_replicas",
            "kafka_topic_partition_in_sync_replica",
            "kafka_topic_partition_under_replicated_partition",
            "kafka_consumergroup_members",
            "kafka_consumergroup_current_offset",
            "kafka_consumergroup_current_offset_sum",
            "kafka_consumergroup_lag",
            "kafka_consumergroup_lag_sum",
            "kafkalogs_topic_min_insync_replicas",
            "kafkalogs_topic_retention_seconds",
            "kafkalogs_topic_newest_event_timestamp_seconds",
            "kafkalogs_consumergroup_lag_seconds",
            "kafkalogs_consumergroup_event_timestamp_seconds",
            "kafkalogs_exporter_up",
            "kafkalogs_exporter_read_seconds",
            "kafkalogs_exporter_failures_total",
        }
    ),
    # jmx.KAFKA
    "kafka": frozenset(
        {
            "kafka_server_brokertopicmetrics_messagesin_total",
            "kafka_server_brokertopicmetrics_bytesin_total",
            "kafka_server_brokertopicmetrics_bytesout_total",
            "kafka_server_brokertopicmetrics_failedproducerequests_total",
            "kafka_server_replicamanager_underreplicatedpartitions",
            "kafka_server_replicamanager_underminisrpartitioncount",
            "kafka_server_replicamanager_offlinereplicacount",
            "kafka_controller_kafkacontroller_activecontrollercount",
            "kafka_controller_kafkacontroller_offlinepartitionscount",
            "kafka_network_requestmetrics_totaltimems",
            "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
            "kafka_log_log_size",
        }
    ),
    # jmx.CONNECT
    "connect": frozenset(
        {
            "kafka_connect_worker_connector_failed_task_count",
            "kafka_connect_worker_connector_running_task_count",
            "kafka_connect_worker_connector_total_task_count",
            "kafka_connect_connector_status",
            "kafka_connect_converter_foreign_events_total",
            "kafka_connect_task_error_record_errors_total",
            "kafka_connect_task_error_record_failures_total",
            "kafka_connect_task_error_deadletterqueue_produce_requests_total",
            "kafka_connect_task_error_deadletterqueue_produce_failures_total",
            "kafka_connect_sink_task_sink_record_send_total",
            "kafka_connect_sink_task_put_batch_avg_time_ms",
            "kafkalogs_archive_records_due",
            "kafkalogs_archive_rows_gained",
            "kafkalogs_archive_table_files",
            "kafkalogs_archive_table_bytes",
            "kafkalogs_archive_table_snapshots",
            "kafkalogs_archive_files_compacted",
            "kafkalogs_archive_orphans_removed",
            "kafkalogs_archive_orphans_refused",
            "kafkalogs_archive_maintenance_age_ms",
            "kafkalogs_audit_places_reused",
            "kafkalogs_events_ahead_total",
            "kafkalogs_events_behind_total",
        }
    ),
    # Flink's PrometheusReporter
    "flink": frozenset(
        {
            "flink_jobmanager_numRunningJobs",
            "flink_jobmanager_job_numRestarts",
            "flink_jobmanager_job_numberOfFailedCheckpoints",
            "flink_jobmanager_job_numberOfCompletedCheckpoints",
            "flink_jobmanager_job_lastCheckpointDuration",
        }
    ),
    # apps/exporter/filebeat.py
    "shipper": frozenset(
        {
            "filebeat_up",
            "filebeat_events_published_total",
            "filebeat_output_events_acked_total",
            "filebeat_output_events_failed_total",
            "filebeat_output_events_dropped_total",
            "filebeat_output_events_active",
            "filebeat_open_files",
            "filebeat_queue_bytes",
            "filebeat_queue_max_bytes",
            "filebeat_unread_bytes",
        }
    ),
    # apps/pager
    "pager": frozenset(
        {
            "pager_events_total",
            "pager_retries_total",
            "pager_records_total",
            "pager_suppressed_total",
            "pager_dead_letters_total",
            "pager_open_incidents",
            "pager_waiting_incidents",
            "pager_oldest_waiting_timestamp_seconds",
            "pager_newest_sent_timestamp_seconds",
            "pager_ready",
            "pager_delivery_delay_seconds_bucket",
        }
    ),
    "prometheus": frozenset({"ALERTS", "up", "prometheus_tsdb_head_series"}),
    "alertmanager": frozenset({"alertmanager_notifications_failed_total", "alertmanager_notifications_total"}),
}
