"""Kafka, KafkaNodePool, KafkaTopic and KafkaUser: a Kafka cluster, its topics and its users.

- What is wanted: `spec`, `nodes`, `listeners`, `broker_config`, `acls`, `users`, `ca`, `scram`.
- How it gets there: `cluster`, `plan`, `rolling`, `authorities`, `topics`, `user_controller`.
- What talks to Kubernetes and to the brokers: `pods`, `services`, `network`, `connection`, `admin`.
"""
