"""Kafka, KafkaNodePool, KafkaTopic and KafkaUser: what is wanted (`spec`, `plan`), and how it gets there (`cluster`,
`topics`, `user_controller`).
"""
