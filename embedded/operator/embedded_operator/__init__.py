"""The embedded operator: the contracts of Strimzi and of the Flink Kubernetes operator, on one machine."""
