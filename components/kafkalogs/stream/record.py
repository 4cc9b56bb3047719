"""The record of the stream job: the topics that it makes, its identity and its names."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ..catalog.network import FLINK_OPERATOR, PROMETHEUS, STRIMZI_OPERATOR, PodGroup, Served, named
from ..catalog.part import (
    DEAD_LETTER_RETENTION,
    Part,
    TopicSpec,
    UserSpec,
    allow,
    copies,
    dead_letter_topic,
    internal_topic,
    log_config,
    passed_on,
)
from ..config import limits, naming, units
from ..config.models import Platform
from ..config.naming import LOGS_PREFIX
from ..kafka.record import TO_KAFKA

STREAM: Final = "stream"
"""The name of the FlinkDeployment and of the KafkaUser."""

PREFIX: Final = f"{STREAM}."
"""The prefix of its consumer groups and of its transactional ids."""

OUTPUTS: Final = {
    "error": "logs.error",
    "critical": "errors.critical",
    "sampled": "logs.sampled",
    "rate": "metrics.error-rate",
    "latency": "metrics.latency",
    "correlations": "correlations",
    "dead_letters": naming.dead_letter_name("stream"),
    "catalog": "catalog.services",
}
"""The topics that the job writes, by what its templates call them."""

_OWN: Final = "|".join(name.removeprefix(LOGS_PREFIX) for name in OUTPUTS.values() if name.startswith(LOGS_PREFIX))
TOPICS: Final = rf"{re.escape(LOGS_PREFIX)}(?!({_OWN})$).*"
"""The topics that the job reads: those of all services, also of services to come, but none that the job writes."""

PARTITIONS: Final = 3
RETENTION: Final = 6 * units.HOUR
"""How long the topics that it makes of logs keep their records, if no longer outage is declared; milliseconds."""


def kept(platform: Platform) -> int:
    """How long the topics that the job makes of logs keep their records; milliseconds."""
    return max(RETENTION, platform.longest_outage)


DEAD_LETTER_CHARACTERS: Final = units.MIB
"""Characters of a record that still goes whole to the dead letters; of a longer one, the first half of that goes.
A broker takes larger ones only compressed. The headers tell where the record is."""

DEAD_LETTER_BYTES: Final = DEAD_LETTER_CHARACTERS * limits.CHARACTER + limits.STREAM_LETTER_ROOM
"""The largest dead letter, with its headers; bytes."""

SHARES: Final[Mapping[str, float]] = {
    "error": 0.1,
    "critical": 0.02,
    "sampled": 1.0,
    "rate": 0.005,
    "latency": 0.005,
    "correlations": 0.02,
}
"""How much of what all services write each topic is planned with. The sample holds everything but most debug logs; one
event in ten is an error in a bad hour."""


def retention_class(key: str) -> str:
    """The retention class of a topic that the job makes of logs."""
    return "errors" if key in {"error", "critical"} else "application"


def derived(key: str, partitions: int, replicas: int, in_sync: int, retention_ms: int) -> TopicSpec:
    """A topic that the job makes of logs."""
    return TopicSpec(
        name=OUTPUTS[key],
        kind="derived",
        retention_class=retention_class(key),
        partitions=partitions,
        replicas=replicas,
        config=log_config(retention_ms, in_sync),
    )


def dead_letters(replicas: int, in_sync: int, retention_ms: int = DEAD_LETTER_RETENTION) -> TopicSpec:
    """The topic of records that are no log events."""
    return dead_letter_topic(OUTPUTS["dead_letters"], replicas, log_config(retention_ms, in_sync, DEAD_LETTER_BYTES))


def service_catalog(replicas: int, in_sync: int) -> TopicSpec:
    """The topic of the service catalog: compacted, with the latest entry of each service."""
    return internal_topic(
        OUTPUTS["catalog"],
        replicas,
        {
            "cleanup.policy": "compact",
            # It is read whole when the stream job starts without state, so it is kept small.
            "segment.bytes": 16 * units.MIB,
            "segment.ms": units.DAY,
            "min.insync.replicas": in_sync,
        },
    )


def stream_user(producer_byte_rate: int | None) -> UserSpec:
    """The identity of the job: it reads all topics of services, those to come too, and writes its own."""
    reads, writes = ("Read", "Describe"), ("Write", "Describe")
    return UserSpec(
        name=STREAM,
        acls=(
            allow("topic", LOGS_PREFIX, "prefix", *reads),
            # Read also of what it writes: to end transactions that a failure left open, it asks who has written there.
            *(allow("topic", topic, "literal", "Read", *writes) for topic in OUTPUTS.values()),
            allow("group", PREFIX, "prefix", *reads),
            # The transactions by which its sinks are exactly once.
            allow("transactionalId", PREFIX, "prefix", *writes),
        ),
        producer_byte_rate=producer_byte_rate,
    )


def _topics(platform: Platform) -> tuple[TopicSpec, ...]:
    written = sum(service.rate for service in platform.services.values())
    planned = platform.stream.planned_share if platform.stream else 1.0
    made = [
        replace(derived(key, PARTITIONS, *copies(platform), kept(platform)), rate=int(written * planned * share))
        for key, share in SHARES.items()
    ]
    return (*made, dead_letters(*copies(platform)), service_catalog(*copies(platform)))


def _reads(_: Platform, log_classes: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(topic for topic in log_classes if re.fullmatch(TOPICS, topic))


METRICS_PORT: Final = 9249
REST_PORT: Final = 8081
CATALOG_PODS: Final = "catalog"
"""The name of the pods that write the service catalog into its topic."""

PODS: Final = PodGroup(
    peer=named(STREAM),
    # The operators ask the JobManager for the state of the job, and for savepoints.
    serves=(Served(REST_PORT, (STRIMZI_OPERATOR, FLINK_OPERATOR)), Served(METRICS_PORT, (PROMETHEUS,))),
    needs=(TO_KAFKA,),
    uses=("s3",),
    # Flink keeps its leader and its last checkpoint in ConfigMaps.
    api=True,
    among_themselves=True,
)
"""The pods of the job: JobManager and TaskManagers."""


def _pods(platform: Platform) -> tuple[PodGroup, ...]:
    own = platform.operator == "strimzi" and platform.stream is not None and platform.stream.install_operator
    return (
        PODS,
        PodGroup(peer=named(CATALOG_PODS), needs=(TO_KAFKA,)),
        *((PodGroup(peer=FLINK_OPERATOR, api=True),) if own else ()),
    )


STREAM_JOB: Final = Part(
    key="stream",
    title="the stream job",
    images=("flink", "catalog"),
    topics=_topics,
    users=lambda platform: (stream_user(passed_on(platform)),),
    group=f"{PREFIX}logs",
    reads=_reads,
    topic_names=tuple(OUTPUTS.values()),
    public_topics=tuple(topic for key, topic in OUTPUTS.items() if key != "dead_letters"),
    user_names=(STREAM,),
    group_prefixes=(PREFIX,),
    endpoints=lambda _: ("s3",),
    pods=_pods,
    deploy="stream.deploy:deploy",
)
