"""What Prometheus is told about Kafka and the log shipper.

``python3 -m exporter`` serves the state of topics and consumer groups, under the names of kafka_exporter, which Strimzi
deploys, and a few more that it does not have. ``python3 -m exporter.filebeat`` stands beside Filebeat and does the
same for its queue; ``python3 -m exporter.credentials`` fetches the shipper's certificate before Filebeat starts.
"""
