"""The identity with which `kafkalogs doctor` looks at Kafka: it sees everything and can read no record."""

from typing import Final

from ..kube.resources import Manifest
from .identity import acl, user_manifest

DOCTOR: Final = "doctor"
"""The name of its KafkaUser."""


def doctor_manifest(namespace: str, cluster: str) -> Manifest:
    """The KafkaUser of the doctor.

    DescribeConfigs of the cluster shows quotas and the brokers' settings, Describe its rights, users and disks.
    """
    manifest = user_manifest(namespace, cluster, DOCTOR, "tls", None, None, None, None, None, None)
    whole = {"type": "allow", "resource": {"type": "cluster"}, "operations": ["Describe", "DescribeConfigs"]}
    manifest["spec"]["authorization"]["acls"] = [
        acl("topic", "*", "literal", "Describe", "DescribeConfigs"),
        acl("group", "*", "literal", "Describe"),
        {**whole, "host": "*"},
    ]
    return manifest
