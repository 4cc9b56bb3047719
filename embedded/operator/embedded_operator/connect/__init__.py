"""KafkaConnect and KafkaConnector: a Connect cluster's workers, and its connectors, by the workers' REST API.

- What is wanted: `spec`, `connectors`.
- How it gets there: `cluster`, `controller`.
- What talks to Kubernetes and to the workers: `objects`, `api`.
"""
