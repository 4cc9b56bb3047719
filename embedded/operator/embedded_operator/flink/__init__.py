"""FlinkDeployment: an application, as the Flink Kubernetes operator runs it in standalone mode.

- What is wanted: `spec`.
- How it gets there: `deployments`, `upgrade`.
- What talks to Kubernetes and to the JobManager: `objects`, `api`.
"""
