"""What the doctor may do in Kubernetes: the Secrets that it reads, and its Role."""

from typing import Final

from ..config import naming
from ..kafka.cluster import node_ids
from ..kube.resources import Manifest
from ..kube.service_secrets import CA_SECRET, tls_secret
from ..platform import cluster_args
from .declared import Declared

NAME: Final = "kafkalogs-doctor"
"""The name of the Role."""


def secret_names(declared: Declared) -> tuple[str, ...]:
    """The Secrets of the namespace that the doctor reads: certificates, and the login of a registry outside. No Secret
    with the private key of an authority is among them."""
    platform = declared.platform
    cluster = platform.kafka.name
    names = {naming.cluster_ca_secret(cluster), f"{cluster}-clients-ca-cert", *declared.users}
    for pool, nodes in node_ids(cluster_args(platform).pools).items():
        names |= {f"{cluster}-{pool}-{node}" for node in nodes}
    if declared.certificates:
        names |= {CA_SECRET, *map(tls_secret, declared.certificates)}
    names |= set(platform.endpoints.ca_secrets.named().values())
    if (schemas := platform.schemas) and schemas.url:
        names |= {schemas.credentials_secret, *([schemas.ca_secret] if schemas.ca_secret else [])}
    return tuple(sorted(names))


def role(declared: Declared) -> Manifest:
    """The Role that the doctor needs, for the services and teams of a stack."""
    kinds = ["kafkas", "kafkatopics", "kafkausers", "kafkaconnects", "kafkaconnectors"]
    names = list(secret_names(declared))
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": NAME, "namespace": declared.platform.namespace},
        "rules": [
            {"apiGroups": ["kafka.strimzi.io"], "resources": kinds, "verbs": ["get", "list"]},
            {"apiGroups": ["flink.apache.org"], "resources": ["flinkdeployments"], "verbs": ["get", "list"]},
            {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["list"]},
            {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]},
            # when the stream job completed its last checkpoint
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"]},
        ],
    }
