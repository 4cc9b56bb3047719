"""The record of the shipper: its topic, its identity and its names."""

from dataclasses import replace
from typing import Final

from ..catalog.network import PROMETHEUS, PodGroup, Served, named
from ..catalog.part import Part, TopicSpec, UserSpec, client, copies, log_config
from ..config.models import Platform
from ..kafka.record import TO_KAFKA

NAME: Final = "shipper"
"""The name of the DaemonSet and of the KafkaUser."""

METRICS_SERVICE: Final = "shipper-metrics"
"""The headless Service, whose name resolves to the addresses of all the shipper's pods."""

METRICS_SERVICE_PORT: Final = 9479

TOPIC: Final = "logs.platform"
"""The topic that the shipper writes: the logs of the cluster's pods."""

RETENTION_CLASS: Final = "application"
PARTITIONS: Final = 3


def shipped(name: str, partitions: int, replicas: int, in_sync: int, retention_ms: int) -> TopicSpec:
    """The topic of the shipped logs."""
    return TopicSpec(
        name=name,
        kind="logs",
        retention_class=RETENTION_CLASS,
        partitions=partitions,
        replicas=replicas,
        config=log_config(retention_ms, in_sync),
    )


def _topics(platform: Platform) -> tuple[TopicSpec, ...]:
    kept = platform.retention_classes()[RETENTION_CLASS]
    topic = shipped(TOPIC, PARTITIONS, *copies(platform), kept)
    return (replace(topic, rate=platform.shipper.rate * platform.brokers() if platform.shipper else 0),)


def _users(platform: Platform) -> tuple[UserSpec, ...]:
    rate = platform.shipper.rate if platform.shipper else None
    return (replace(client(NAME, writes=(TOPIC,)), producer_byte_rate=rate),)


FLUENTD_METRICS_PORT: Final = 24231


def pods(kind: str) -> PodGroup:
    """The shipper's pods. They fetch their certificate from the Kubernetes API."""
    port = FLUENTD_METRICS_PORT if kind == "fluentd" else METRICS_SERVICE_PORT
    return PodGroup(peer=named(NAME), serves=(Served(port, (PROMETHEUS,)),), needs=(TO_KAFKA,), api=True, shipper=True)


SHIPPER: Final = Part(
    key="shipper",
    title="the shipper",
    images=("shipper", "exporter"),
    topics=_topics,
    users=_users,
    topic_names=(TOPIC,),
    public_topics=(TOPIC,),
    user_names=(NAME,),
    pods=lambda platform: (pods(platform.shipper.kind),) if platform.shipper else (),
    deploy="shipper.deploy:deploy",
)
