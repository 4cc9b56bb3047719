"""What programs outside the cluster need: ready settings for Kafka clients, the log event, the way to a cluster."""
