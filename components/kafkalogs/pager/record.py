"""The record of the pager: its topics, its identity and its names."""

from dataclasses import replace
from typing import Final

from ..catalog.network import PROMETHEUS, PodGroup, Served, named
from ..catalog.part import (
    DEAD_LETTER_RETENTION,
    LEAST_RATE,
    Part,
    TopicSpec,
    UserSpec,
    client,
    copies,
    dead_letter_topic,
    internal_topic,
    log_config,
)
from ..config import naming, units
from ..config.models import Platform
from ..kafka.record import TO_KAFKA

NAME: Final = "pager"
"""The name of the Deployment and of the KafkaUser."""

GROUP_PREFIX: Final = f"{NAME}."
GROUP: Final = f"{GROUP_PREFIX}incidents"
TOPIC: Final = "errors.critical"
"""The topic that the pager reads."""

DEAD_LETTERS: Final = naming.dead_letter_name(NAME)
STATE: Final = "pager.state"
"""The topic of the open incidents."""

HEALTH_PORT: Final = 8080
METRICS_PORT: Final = 9404

DEAD_LETTER_BYTES: Final = units.MIB + 64 * units.KIB
"""The largest dead letter, in bytes: a record of up to 1 MiB, and the reason of the failure."""


def dead_letters(replicas: int, in_sync: int, retention_ms: int = DEAD_LETTER_RETENTION) -> TopicSpec:
    """The topic of records that the pager cannot read, and of events that PagerDuty rejects."""
    return dead_letter_topic(DEAD_LETTERS, replicas, log_config(retention_ms, in_sync, DEAD_LETTER_BYTES))


def state(replicas: int, in_sync: int) -> TopicSpec:
    """The topic of the open incidents: the last state of each, until it is resolved."""
    return internal_topic(
        STATE,
        replicas,
        {
            "cleanup.policy": "compact",
            # Each start reads the whole topic, so it must stay small: small segments, soon compacted.
            "segment.bytes": 16 * units.MIB,
            "segment.ms": units.HOUR,
            "min.cleanable.dirty.ratio": "0.1",
            "delete.retention.ms": units.DAY,
            "min.insync.replicas": in_sync,
        },
    )


def _topics(platform: Platform) -> tuple[TopicSpec, ...]:
    return dead_letters(*copies(platform)), state(*copies(platform))


def _users(_: Platform) -> tuple[UserSpec, ...]:
    user = client(NAME, writes=(DEAD_LETTERS, STATE), reads=(TOPIC, STATE), group_prefix=GROUP_PREFIX)
    return (replace(user, producer_byte_rate=LEAST_RATE),)


PODS: Final = PodGroup(
    peer=named(NAME),
    serves=(Served(METRICS_PORT, (PROMETHEUS,)),),
    needs=(TO_KAFKA,),
    uses=("pagerduty",),
)
"""The pager's pods: only the platform's Prometheus may connect to them, for their metrics."""


PAGER: Final = Part(
    key="pager",
    title="the pager",
    images=("pager",),
    topics=_topics,
    users=_users,
    group=GROUP,
    reads=lambda _, __: (TOPIC,),
    topic_names=(DEAD_LETTERS, STATE),
    user_names=(NAME,),
    group_prefixes=(GROUP_PREFIX,),
    endpoints=lambda _: ("pagerduty",),
    pods=lambda _: (PODS,),
    deploy="pager.deploy:deploy",
)
