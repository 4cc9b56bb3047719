"""The Flink job that extracts errors and computes statistics, and the topic with the services that it reads."""
