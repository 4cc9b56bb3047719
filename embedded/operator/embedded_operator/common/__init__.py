"""What all kinds of resources need: the way to Kubernetes, names, status, and the queue of work.

It imports none of `kafka`, `connect` and `flink`.
"""
