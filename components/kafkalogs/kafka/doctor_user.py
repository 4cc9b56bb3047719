"""The identity of `kafkalogs doctor` in Kafka: it sees all metadata and can read no record."""

from typing import Final

from ..catalog.part import UserSpec, allow

DOCTOR: Final = "doctor"
"""The name of the KafkaUser."""

DOCTOR_USER: Final = UserSpec(
    name=DOCTOR,
    acls=(
        allow("topic", "*", "literal", "Describe", "DescribeConfigs"),
        allow("group", "*", "literal", "Describe"),
        # DescribeConfigs on the cluster shows quotas and the brokers' settings; Describe shows ACLs, users and disks.
        allow("cluster", "kafka-cluster", "literal", "Describe", "DescribeConfigs"),
    ),
)
"""The rights of the doctor."""
