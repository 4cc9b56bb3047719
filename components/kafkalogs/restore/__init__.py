"""`kafkalogs restore`: logs of the archive back into Kafka."""
