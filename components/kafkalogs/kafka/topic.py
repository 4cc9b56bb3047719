"""`LogTopic`: one Kafka topic of log events. `topic_manifest` builds the KafkaTopic of every topic of the platform."""

from dataclasses import dataclass
from typing import cast

import pulumi

from ..catalog.part import CLASS_LABEL, KIND_LABEL, TopicKind, TopicSpec, log_config
from ..config import naming
from ..kube.resources import STRIMZI_API, Manifest, custom_resource, known, manifest_of, metadata, typed


@dataclass(frozen=True)
class LogTopicArgs:
    """The arguments of a `LogTopic`."""

    namespace: pulumi.Input[str]
    """The namespace of the Kafka cluster."""

    cluster: pulumi.Input[str]
    """The name of the Kafka cluster."""

    topic: pulumi.Input[str]
    """The name of the topic in Kafka."""

    partitions: pulumi.Input[int]
    """The number of partitions. It can grow later, but never shrink."""

    replicas: pulumi.Input[int]
    """Copies of every record."""

    min_in_sync_replicas: pulumi.Input[int]
    """Copies that must have a record before Kafka confirms a write with `acks=all`."""

    retention_ms: pulumi.Input[int]
    """How long records are kept; milliseconds."""

    max_message_bytes: pulumi.Input[int] | None = None
    """The largest record batch; bytes; 1 MiB when absent."""

    kind: pulumi.Input[str] | None = None
    """What the topic holds, for the policies: logs, derived, dead-letters or internal; logs when absent."""

    retention_class: pulumi.Input[str] | None = None
    """The retention class of the records, for the policies; application when absent."""


def topic_manifest(namespace: str, cluster: str, topic: TopicSpec) -> Manifest:
    """The KafkaTopic of a topic."""
    name = naming.resource_name(topic.name)
    labels = {KIND_LABEL: topic.kind, CLASS_LABEL: topic.retention_class}
    spec: Manifest = {"partitions": topic.partitions, "replicas": topic.replicas, "config": dict(topic.config)}
    if topic.explicit_name or name != topic.name:
        spec["topicName"] = topic.name
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaTopic",
        "metadata": metadata(name, namespace, cluster, wait=True, at_once=True, labels=labels),
        "spec": spec,
    }


def log_topic_manifest(args: LogTopicArgs) -> Manifest:
    """The KafkaTopic of a `LogTopic`."""
    least = known(args.min_in_sync_replicas)
    spec = TopicSpec(
        name=known(args.topic),
        kind=cast("TopicKind", known(args.kind) or "logs"),
        retention_class=known(args.retention_class) or "application",
        partitions=known(args.partitions),
        replicas=known(args.replicas),
        config=log_config(known(args.retention_ms), least, known(args.max_message_bytes)),
    )
    return topic_manifest(known(args.namespace), known(args.cluster), spec)


def topic_resource(name: str, manifest: pulumi.Input[Manifest], opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """A KafkaTopic from its manifest; Pulumi waits until it is ready."""
    return custom_resource(name, "KafkaTopic", manifest, minutes=5, opts=opts)


class LogTopic(pulumi.ComponentResource):
    """A Kafka topic of log events with settings for production."""

    topic: pulumi.Output[str]
    """The name of the topic in Kafka. A resource that uses this output waits until the topic is ready."""

    def __init__(self, name: str, args: LogTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(LogTopicArgs, args)
        super().__init__("kafkalogs:index:LogTopic", name, {}, opts)
        manifest = manifest_of(log_topic_manifest, args)
        resource = topic_resource(name, manifest, pulumi.ResourceOptions(parent=self))
        self.topic = resource.urn.apply(lambda _: args.topic)
        self.register_outputs({"topic": self.topic})
