"""The record of monitoring: the identity of the exporter, and its names."""

from typing import Final

from ..catalog.part import Part, UserSpec, allow
from ..config.models import Platform

USER: Final = "monitor"
"""The KafkaUser of the exporter."""

PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"


def exporter_user(name: str) -> UserSpec:
    """The identity of the exporter: it sees every topic and every group, and can read no record."""
    return UserSpec(
        name=name,
        acls=(
            allow("topic", "*", "literal", "Describe", "DescribeConfigs"),
            allow("group", "*", "literal", "Describe"),
            allow("cluster", "kafka-cluster", "literal", "Describe"),
        ),
    )


def _certificates(platform: Platform) -> tuple[str, ...]:
    """Without a Prometheus operator the platform runs both itself."""
    operator = platform.monitoring is not None and platform.monitoring.operator
    return () if operator else (PROMETHEUS, ALERTMANAGER)


MONITORING: Final = Part(
    key="monitoring",
    title="the monitoring",
    images=("exporter", "monitoring"),
    users=lambda _: (exporter_user(USER),),
    user_names=(USER,),
    certificates=_certificates,
    deploy="monitoring.deploy:deploy",
)
