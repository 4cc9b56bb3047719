"""KafkaConnect and KafkaConnector: workers, and connectors by the workers' REST API."""
