"""`kafkalogs restore`: writes logs from the archive back to Kafka."""
