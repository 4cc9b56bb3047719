"""What all kinds of resources need. It imports none of `kafka`, `connect` and `flink`.

- What is wanted: `spec` (checks), `settings` (options as Kafka writes them), `metrics`.
- How it gets there: `reconciler` (the frame of each pass), `work` (stores and queues), `status`.
- What talks to Kubernetes: `kube` (the API), `names`, `objects`, `pods`, `pod_state`.
"""
