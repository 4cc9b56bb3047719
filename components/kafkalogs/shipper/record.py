"""The record of the shipper: its topic, its identity and its names."""

from dataclasses import replace
from typing import Final

from ..catalog.part import Part, TopicSpec, UserSpec, client, copies, log_config
from ..config.models import Platform

NAME: Final = "shipper"
"""The name of the DaemonSet and of the KafkaUser."""

METRICS_SERVICE: Final = "shipper-metrics"
"""The Service whose name stands for the addresses of all its pods."""

METRICS_SERVICE_PORT: Final = 9479

TOPIC: Final = "logs.platform"
"""The topic that it writes: the logs of the cluster's own pods."""

RETENTION_CLASS: Final = "application"
PARTITIONS: Final = 3

# The largest number that stays itself in Pulumi's engine, where numbers are doubles; milliseconds.
_FOREVER: Final = 2**53


def shipped(name: str, partitions: int, replicas: int, in_sync: int, retention_ms: int) -> TopicSpec:
    """The topic of what is shipped.

    It refuses no record for its age. A shipper never gives a line up, so a refused record would hold up all records
    behind it; and what waited for long on a node's disk is old.
    """
    return TopicSpec(
        name=name,
        kind="logs",
        retention_class=RETENTION_CLASS,
        partitions=partitions,
        replicas=replicas,
        config={**log_config(retention_ms, in_sync), "message.timestamp.before.max.ms": _FOREVER},
    )


def _topics(platform: Platform) -> tuple[TopicSpec, ...]:
    kept = platform.retention_classes()[RETENTION_CLASS]
    topic = shipped(TOPIC, PARTITIONS, *copies(platform), kept)
    return (replace(topic, rate=platform.shipper.rate * platform.brokers() if platform.shipper else 0),)


def _users(platform: Platform) -> tuple[UserSpec, ...]:
    rate = platform.shipper.rate if platform.shipper else None
    return (replace(client(NAME, writes=(TOPIC,)), producer_byte_rate=rate),)


SHIPPER: Final = Part(
    key="shipper",
    title="the shipper",
    images=("shipper", "exporter"),
    topics=_topics,
    users=_users,
    topic_names=(TOPIC,),
    public_topics=(TOPIC,),
    user_names=(NAME,),
    deploy="shipper.deploy:deploy",
)
