"""What programs outside the cluster need.

- `logevent`: the log event and its form as a record
- `settings`: the published catalog, and the settings of Kafka clients that follow from the catalog
- `cluster_access`: reads the catalog and credentials from Kubernetes
- `connect`: connects to Kafka as a service
- `reach`: HTTP and TCP to Services of the cluster, through a port-forward
- `command_line`: what all commands share
"""
