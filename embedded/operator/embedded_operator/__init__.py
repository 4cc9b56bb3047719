"""The embedded operator: Strimzi's contract for Kafka, KafkaNodePool, KafkaTopic and KafkaUser on one machine."""
