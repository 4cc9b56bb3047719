"""FlinkDeployment: the JobManager and the TaskManager of a job, its savepoints and upgrades."""
