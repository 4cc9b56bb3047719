"""`LogTopic`: one Kafka topic of log events."""

from dataclasses import dataclass
from typing import Final

import pulumi

from ..config import naming, sizing, units
from ..kube.resources import STRIMZI_API, Manifest, custom_resource, manifest_of, metadata, typed

CLOCK_SKEW: Final = units.HOUR
"""How far ahead of the broker's clock a record may be. One further ahead would keep its segment that much longer."""


@dataclass(frozen=True)
class LogTopicArgs:
    """What a `LogTopic` is made of."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    topic: pulumi.Input[str]
    """The name of the topic in Kafka."""

    partitions: pulumi.Input[int]
    """How many partitions. It can grow later, but never shrink."""

    replicas: pulumi.Input[int]
    """Copies of every record."""

    min_in_sync_replicas: pulumi.Input[int]
    """Copies that must have a record before `acks=all` is answered."""

    retention_ms: pulumi.Input[int]
    """How long records are kept; milliseconds."""

    max_message_bytes: pulumi.Input[int] | None = None
    """The largest record batch; bytes; 1 MiB when absent."""


def topic_manifest(
    namespace: str,
    cluster: str,
    topic: str,
    partitions: int,
    replicas: int,
    min_in_sync_replicas: int,
    retention_ms: int,
    max_message_bytes: int | None,
) -> Manifest:
    """The KafkaTopic of a topic; its settings are described at https://kafka.apache.org/documentation/#topicconfigs."""
    name = naming.resource_name(topic)
    spec: Manifest = {
        "partitions": partitions,
        "replicas": replicas,
        "config": {
            "cleanup.policy": "delete",
            # The producers compress (zstd); the broker keeps what they chose and saves the work.
            "compression.type": "producer",
            "max.message.bytes": max_message_bytes or units.MIB,
            # The time of the event, so that retention and replay follow it; what is already too old to keep, or
            # comes from a clock far ahead, is refused rather than lost or kept for ever.
            "message.timestamp.type": "CreateTime",
            "message.timestamp.before.max.ms": retention_ms,
            "message.timestamp.after.max.ms": CLOCK_SKEW,
            "min.insync.replicas": min_in_sync_replicas,
            "retention.ms": retention_ms,
            # Kafka deletes whole segments: small ones make the retention real.
            "segment.bytes": sizing.SEGMENT_BYTES,
            "segment.ms": sizing.segment_ms(retention_ms),
        },
    }
    if name != topic:
        spec["topicName"] = topic
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaTopic",
        "metadata": metadata(name, namespace, cluster, wait=True, at_once=True),
        "spec": spec,
    }


class LogTopic(pulumi.ComponentResource):
    """A Kafka topic of log events with settings that production wants."""

    topic: pulumi.Output[str]
    """The name of the topic in Kafka; who uses it waits until the topic is ready."""

    def __init__(self, name: str, args: LogTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(LogTopicArgs, args)
        super().__init__("kafkalogs:index:LogTopic", name, {}, opts)
        manifest = manifest_of(topic_manifest, **vars(args))
        resource = custom_resource(name, "KafkaTopic", manifest, minutes=5, opts=pulumi.ResourceOptions(parent=self))
        self.topic = resource.urn.apply(lambda _: args.topic)
        self.register_outputs({"topic": self.topic})
