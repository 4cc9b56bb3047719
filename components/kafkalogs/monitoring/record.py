"""The record of monitoring: the identity of the exporter, and its names."""

from dataclasses import replace
from typing import Final

from ..catalog.network import PodGroup, Served, named
from ..catalog.part import Part, UserSpec, allow
from ..config.models import Platform
from ..kafka.record import METRICS_PORT, TO_KAFKA
from ..kafka.record import PODS as KAFKA
from ..sinks.record import connect_clusters

USER: Final = "monitor"
"""The KafkaUser of the exporter."""

PROMETHEUS: Final = "prometheus"
PROMETHEUS_PORT: Final = 9090
ALERTMANAGER: Final = "alertmanager"
ALERTMANAGER_PORT: Final = 9093
EXPORTER: Final = "exporter"
EXPORTER_PORT: Final = 9308
"""kafka_exporter's port."""

SERVERS: Final = {
    # Prometheus scrapes itself. Who may reach Alertmanager can silence alerts: only Prometheus may.
    PROMETHEUS: PodGroup(peer=named(PROMETHEUS), serves=(Served(PROMETHEUS_PORT, (named(PROMETHEUS),)),), api=True),
    ALERTMANAGER: PodGroup(peer=named(ALERTMANAGER), serves=(Served(ALERTMANAGER_PORT, (named(PROMETHEUS),)),)),
}
"""The pods of Prometheus and of Alertmanager. People reach both by `kubectl port-forward`, which Kubernetes authorizes
and to which no network policy applies."""


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


def _pods(platform: Platform) -> tuple[PodGroup, ...]:
    exporter = PodGroup(peer=named(EXPORTER), serves=(Served(EXPORTER_PORT, (named(PROMETHEUS),)),), needs=(TO_KAFKA,))
    if platform.monitoring is None or platform.monitoring.operator:
        return (exporter,)
    told = {"pagerduty": platform.pager is not None, "watchdog": platform.monitoring.watchdog_secret is not None}
    # Strimzi opens the metrics of its pods to every pod.
    scraped = (KAFKA, *connect_clusters(platform))
    return (
        exporter,
        replace(SERVERS[PROMETHEUS], needs=tuple((name, METRICS_PORT) for name in scraped)),
        replace(SERVERS[ALERTMANAGER], uses=tuple(name for name, used in told.items() if used)),
    )


MONITORING: Final = Part(
    key="monitoring",
    title="the monitoring",
    images=("exporter", "monitoring"),
    users=lambda _: (exporter_user(USER),),
    user_names=(USER,),
    certificates=_certificates,
    pods=_pods,
    deploy="monitoring.deploy:deploy",
)
