"""`S3Sink`, `SearchSink`, `JdbcSink` and `RawS3Sink`: connectors that copy logs out of Kafka, each at its own pace.

Each has a dead-letter topic for records that it cannot deliver (`settings.delivery_config`), so no record blocks the
next one. Their passwords are in Secrets that the Connect workers mount (`connect`).
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pulumi

from ..kafka.topic import topic_manifest, topic_resource
from ..kube.resources import STRIMZI_API, Manifest, custom_resource, known, manifest_of, metadata, typed
from ..kube.unknowns import Unknowns
from . import record
from .args import AnySinkArgs, JdbcSinkArgs, RawS3SinkArgs, S3SinkArgs, SearchSinkArgs
from .raw import raw_config
from .record import ICEBERG, JDBC, RAW, SEARCH_SINK
from .settings import archive_config, database_config, delivery_config, search_config


def dead_letters_manifest(args: AnySinkArgs) -> Manifest:
    """The KafkaTopic of the records that a sink cannot deliver."""
    copies = (known(args.topic_replicas), known(args.min_in_sync_replicas))
    topic = record.dead_letters(known(args.dead_letters), *copies, known(args.largest_batch))
    return topic_manifest(known(args.namespace), known(args.cluster), topic)


def control_manifest(args: S3SinkArgs) -> Manifest:
    """The KafkaTopic through which the tasks of an Iceberg sink agree on a commit."""
    topic = record.control(known(args.control_topic), known(args.topic_replicas), known(args.min_in_sync_replicas))
    return topic_manifest(known(args.namespace), known(args.cluster), topic)


def connector_manifest(name: str, args: AnySinkArgs, class_: str, own: Mapping[str, Any]) -> Manifest:
    """The KafkaConnector of a sink. own: the settings of its kind; a setting that is None is left out.

    The settings refer to Secrets only by `secret_value` and `secret_file`. A `paused` connector keeps its tasks, a
    `stopped` one gives them up. Strimzi restarts a failed connector at once, then after 2, 6, 12, 20, ... and at most
    60 minutes.
    """
    common = delivery_config(known(args.topics), known(args.dead_letters), known(args.topic_replicas))
    config = {**common, **own, **(known(args.config) or {})}
    return {
        "apiVersion": STRIMZI_API,
        "kind": "KafkaConnector",
        "metadata": metadata(name, known(args.namespace), known(args.connect), wait=True, at_once=True),
        "spec": {
            "class": class_,
            "tasksMax": known(args.tasks),
            "config": {key: value for key, value in config.items() if value is not None},
            "state": known(args.state),
            "autoRestart": {"enabled": True},
        },
    }


def archive_manifest(name: str, args: S3SinkArgs) -> Manifest:
    """The KafkaConnector of an `S3Sink`."""
    return connector_manifest(name, args, ICEBERG, archive_config(name, args))


def search_manifest(name: str, args: SearchSinkArgs) -> Manifest:
    """The KafkaConnector of a `SearchSink`."""
    return connector_manifest(name, args, SEARCH_SINK, search_config(args))


def database_manifest(name: str, args: JdbcSinkArgs) -> Manifest:
    """The KafkaConnector of a `JdbcSink`."""
    return connector_manifest(name, args, JDBC, database_config(args))


def raw_manifest(name: str, args: RawS3SinkArgs) -> Manifest:
    """The KafkaConnector of a `RawS3Sink`."""
    return connector_manifest(name, args, RAW, raw_config(args))


class _Sink(pulumi.ComponentResource):
    """What every sink has: its connector, its dead-letter topic, and the topics of its kind."""

    connector: pulumi.Output[str]
    dead_letters: pulumi.Output[str]

    def _make(self, name: str, args: AnySinkArgs, manifest: pulumi.Input[Manifest], *topics: pulumi.Resource) -> None:
        letters = manifest_of(dead_letters_manifest, args)
        made = topic_resource(f"{name}-dead-letters", letters, pulumi.ResourceOptions(parent=self))
        connector = custom_resource(
            name,
            "KafkaConnector",
            manifest,
            minutes=10,
            # A connector cannot start without its topics, and must stop before they are deleted.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[made, *topics]),
        )
        self.connector = connector.urn.apply(lambda _: name)
        self.dead_letters = made.urn.apply(lambda _: args.dead_letters)
        self.register_outputs({"connector": self.connector, "deadLetters": self.dead_letters})


class S3Sink(_Sink):
    """The archive: log events in an Iceberg table in S3, by day and service, each exactly once."""

    connector: pulumi.Output[str]
    """The name of the connector; its consumer group is connect-<connector>."""

    dead_letters: pulumi.Output[str]
    """The topic for records that the sink cannot deliver."""

    def __init__(self, name: str, args: S3SinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(S3SinkArgs, args)
        if args.catalog not in {"jdbc", "glue"}:
            raise pulumi.RunError(f"S3Sink {name}: catalog {args.catalog!r}: write jdbc or glue")
        if args.catalog == "jdbc" and not (args.database and args.database_credentials):
            raise pulumi.RunError(f"S3Sink {name}: catalog jdbc needs database and database_credentials")
        super().__init__("kafkalogs:index:S3Sink", name, {}, opts)
        kept = pulumi.ResourceOptions(parent=self, protect=args.protect or None)
        control = topic_resource(f"{name}-control", manifest_of(control_manifest, args), kept)
        self._make(name, args, manifest_of(partial(archive_manifest, name), args), control)


class SearchSink(_Sink):
    """Search: log events in data streams of Elasticsearch 8 or OpenSearch, each once."""

    connector: pulumi.Output[str]
    """The name of the connector; its consumer group is connect-<connector>."""

    dead_letters: pulumi.Output[str]
    """The topic for records that the sink cannot deliver."""

    def __init__(self, name: str, args: SearchSinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(SearchSinkArgs, args)
        super().__init__("kafkalogs:index:SearchSink", name, {}, opts)
        # A preview shows the whole connector, also if only the deployment will know the address.
        unknown = Unknowns()
        marked = replace(args, url=unknown.text(args.url))
        self._make(name, args, unknown.manifest(partial(search_manifest, name), marked, args))


class JdbcSink(_Sink):
    """A database: audit events in a table of PostgreSQL, each once."""

    connector: pulumi.Output[str]
    """The name of the connector; its consumer group is connect-<connector>."""

    dead_letters: pulumi.Output[str]
    """The topic for records that the sink cannot deliver."""

    def __init__(self, name: str, args: JdbcSinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(JdbcSinkArgs, args)
        super().__init__("kafkalogs:index:JdbcSink", name, {}, opts)
        self._make(name, args, manifest_of(partial(database_manifest, name), args))


class RawS3Sink(_Sink):
    """Unchanged records in S3, gzipped, one line each: at least once; an object that is written again replaces itself.

    It needs a Connect cluster whose image contains Aiven's S3 sink. That sink is published as a release archive only,
    so the tests do not run it. docs/sinks.md has the conditions.
    """

    connector: pulumi.Output[str]
    """The name of the connector; its consumer group is connect-<connector>."""

    dead_letters: pulumi.Output[str]
    """The topic for records that the sink cannot deliver."""

    def __init__(self, name: str, args: RawS3SinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = typed(RawS3SinkArgs, args)
        super().__init__("kafkalogs:index:RawS3Sink", name, {}, opts)
        self._make(name, args, manifest_of(partial(raw_manifest, name), args))
