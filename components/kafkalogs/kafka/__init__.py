"""Kafka itself: the operator, the cluster, topics, users, and the metrics of its JVMs."""
