"""The shipper: the logs of the cluster's own pods into Kafka."""
