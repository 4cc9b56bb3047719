"""The Connect cluster of a stack, and its sinks."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi

from ..aws import archive_layout
from ..catalog import resolve
from ..catalog.network import user_of
from ..catalog.part import passed_on
from ..config import limits
from ..kafka import jmx
from ..kube.service_secrets import CA_SECRET, credentials_secret
from ..kube.wiring import Wiring, address
from . import settings
from .args import JdbcSinkArgs, S3SinkArgs, SearchSinkArgs
from .connect import ConnectCluster, ConnectClusterArgs
from .connectors import JdbcSink, S3Sink, SearchSink
from .heap import ConnectorLoad, heap_bytes
from .record import ARCHIVE, AUDIT, CONNECT, audited, connect_clusters, connect_of, control_topic, rights_of
from .search_setup import SearchSetup, SearchSetupArgs

S3, DATABASE, SEARCH, ADMIN = map(credentials_secret, ("s3", "postgres", "search-sink", "elastic"))


def connect(wiring: Wiring) -> pulumi.Resource | None:
    """Each Connect cluster of the stack. Returns that which has the name of the part, if there is one."""
    for name, sinks in connect_clusters(wiring.platform).items():
        wiring.made[name] = ConnectCluster(name, _cluster_args(wiring, name, sinks), wiring.options())
    return wiring.made.get(CONNECT)


def _cluster_args(wiring: Wiring, name: str, sinks: Sequence[str]) -> ConnectClusterArgs:
    """Workers with the memory, the rights and the Secrets that their sinks need."""
    config = wiring.platform
    uses = {"s3": "archive" in sinks, "search": "search" in sinks, "database": _in_database(wiring, sinks)}
    return ConnectClusterArgs(
        wiring.namespace,
        wiring.cluster,
        wiring.images["connect"],
        heap_bytes(_loads(wiring, sinks), config.connect.replicas),
        connect=name,
        replicas=config.connect.replicas,
        version=config.kafka.version,
        topic_replicas=wiring.copies,
        min_in_sync_replicas=wiring.in_sync,
        producer_byte_rate=passed_on(config),
        cpu=config.connect.cpu,
        metrics=jmx.metrics_config(wiring.cluster, jmx.CONNECT_KEY) if config.monitoring else None,
        control_topics=list(rights_of(config, sinks).control_topics) or None,
        secrets=_secrets(wiring, uses),
        labels={label: value for name, used in uses.items() if used for label, value in user_of(name).labels.items()},
        account_annotations=wiring.endpoints.identity("connect") if "archive" in sinks else None,
    )


def _in_database(wiring: Wiring, sinks: Sequence[str]) -> bool:
    return any("database" in part.endpoints(wiring.platform) for part in (ARCHIVE, AUDIT) if part.key in sinks)


def _loads(wiring: Wiring, sinks: Sequence[str]) -> list[ConnectorLoad]:
    config, topics = wiring.platform, wiring.log_topics
    partitions = sum(topic.partitions for topic in topics.values())
    of_audit = sum(topics[name].partitions for name in audited(wiring.log_classes))
    loads = [
        *([settings.archive_load(1, partitions, _archive_files(wiring))] if "archive" in sinks else []),
        *([settings.search_load(1, partitions)] if "search" in sinks else []),
        *([settings.database_load(1, of_audit)] if "audit" in sinks else []),
    ]
    fetch = limits.fetched(resolve.largest_batch(config))
    return [replace(load, fetch=fetch) for load in loads]


def _secrets(wiring: Wiring, uses: dict[str, bool]) -> list[str]:
    """The Secrets that the workers mount: the credentials of the endpoints, and their authorities."""
    where = wiring.endpoints
    secrets: list[str] = [CA_SECRET] if where.own else []
    secrets += [S3] if uses["s3"] and where.s3 else []
    secrets += [SEARCH] if uses["search"] else []
    secrets += [DATABASE] if uses["database"] else []
    authorities = {where.ca_secret(name) for name, used in uses.items() if used} - set(secrets)
    return secrets + sorted(filter(None, authorities))


def _archive_files(wiring: Wiring) -> int:
    """How many files of a day the archive writes at the same time: one for each service, or for each of its classes."""
    if not wiring.endpoints.archive_by_class:
        return len(wiring.platform.services)
    classes = {name: topic.retention_class for name, topic in wiring.catalog.topics.items()}
    return sum(len({classes[topic] for topic in writer.topics.values()}) for writer in wiring.catalog.writers.values())


def archive(wiring: Wiring) -> pulumi.Resource | None:
    """The sink of all logs in S3."""
    archive, where = wiring.platform.archive, wiring.endpoints
    if archive is None:
        return None
    args = S3SinkArgs(
        namespace=wiring.namespace,
        cluster=wiring.cluster,
        connect=connect_of(wiring.platform, "archive"),
        topic_replicas=wiring.copies,
        min_in_sync_replicas=wiring.in_sync,
        largest_batch=resolve.largest_batch(wiring.platform),
        topics=list(wiring.log_classes),
        writers=wiring.writers,
        warehouse=archive.warehouse,
        region=archive.region,
        catalog=archive.catalog,
        database=where.database,
        database_credentials=DATABASE,
        endpoint=where.s3,
        credentials=S3 if where.s3 else None,
        ca_secret=where.ca_secret("s3"),
        database_ca_secret=where.ca_secret("database"),
        table=where.archive_table,
        open_file_bytes=settings.open_file_bytes(1, _archive_files(wiring)),
        control_topic=control_topic(archive.control_generation),
        protect=wiring.platform.protect,
        maintenance=archive.maintenance,
        commit_interval_ms=archive.commit_interval,
        config=archive_layout.sink_settings(wiring.log_classes) if where.archive_by_class else None,
    )
    return S3Sink("archive", args, wiring.options("shipper", connect_of(wiring.platform, "archive")))


def search(wiring: Wiring) -> pulumi.Resource | None:
    """The sink of recent logs in the search engine, and the Job that prepares the engine."""
    where = wiring.endpoints
    url = address(where.search, "search")
    ca_secret = where.ca_secret("search")
    setup_args = SearchSetupArgs(
        wiring.namespace,
        wiring.images["search-setup"],
        url,
        _kept(wiring),
        ADMIN,
        ca_secret,
        replicas=0 if "search" in where.own else 1,
    )
    setup = SearchSetup("search-setup", setup_args, wiring.options())
    args = SearchSinkArgs(
        namespace=wiring.namespace,
        cluster=wiring.cluster,
        connect=connect_of(wiring.platform, "search"),
        topic_replicas=wiring.copies,
        min_in_sync_replicas=wiring.in_sync,
        largest_batch=resolve.largest_batch(wiring.platform),
        topics=list(wiring.log_classes),
        writers=wiring.writers,
        url=url,
        streams={name: settings.data_stream(kind) for name, kind in wiring.log_classes.items()},
        credentials=SEARCH,
        ca_secret=ca_secret,
    )
    return SearchSink("search", args, wiring.options("shipper", connect_of(wiring.platform, "search"), setup))


def _kept(wiring: Wiring) -> dict[str, int]:
    """How long each data stream keeps events: the longest retention of its topics in Kafka; milliseconds."""
    topics, classes = wiring.catalog.topics, wiring.platform.retention_classes()
    kept: dict[str, int] = {}
    for name, kind in wiring.log_classes.items():
        stream = settings.data_stream(kind)
        kept[stream] = max(kept.get(stream, 0), topics[name].retention_ms if name in topics else classes[kind])
    return kept


def audit(wiring: Wiring) -> pulumi.Resource | None:
    """The sink of audit logs in PostgreSQL; None if no topic has audit logs."""
    topics = list(audited(wiring.log_classes))
    if not topics:
        return None
    args = JdbcSinkArgs(
        namespace=wiring.namespace,
        cluster=wiring.cluster,
        connect=connect_of(wiring.platform, "audit"),
        topic_replicas=wiring.copies,
        min_in_sync_replicas=wiring.in_sync,
        largest_batch=resolve.largest_batch(wiring.platform),
        topics=topics,
        writers={topic: wiring.writers[topic] for topic in topics},
        database=address(wiring.endpoints.database, "database"),
        credentials=DATABASE,
        ca_secret=wiring.endpoints.ca_secret("database"),
    )
    return JdbcSink("audit", args, wiring.options("shipper", connect_of(wiring.platform, "audit")))
