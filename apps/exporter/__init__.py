"""Metrics of Kafka and the log shipper for Prometheus.

``python3 -m exporter`` serves the state of topics and consumer groups, under the names of kafka_exporter, which Strimzi
deploys, and a few more metrics. ``python3 -m exporter.filebeat`` runs beside Filebeat and serves the metrics of
Filebeat's queue; ``python3 -m exporter.credentials`` fetches the shipper's certificate before Filebeat starts.
"""
