"""Kafka Connect and its connectors, which copy logs to S3, to a search engine and to a database."""
