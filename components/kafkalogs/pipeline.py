"""`LogPipeline`: everything that reads the platform's logs, each part in a consumer group of its own.

Which parts there are is in the stack file: `schemas`, `archive`, `search`, `audit`, `stream`, `pager`, `shipper` and
`monitoring` of `kafkalogs:platform`. What they need besides, an S3 server or a search engine, is in `Endpoints`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import pulumi

from .aws import archive_layout
from .config import units
from .config.naming import SHIPPED_TOPIC
from .config.problems import ConfigError, Problem
from .kafka import jmx
from .kube.resources import Manifest
from .kube.service_secrets import CA_SECRET
from .monitoring.component import Monitoring, MonitoringArgs
from .pager.component import ENDPOINT, Pager, PagerArgs
from .parts import byte_rates, check_images
from .platform import LogPlatform
from .schemas.registry import LogSchema, LogSchemaArgs, SchemaRegistry, SchemaRegistryArgs, registry_url
from .shipper.daemon import LogShipper, LogShipperArgs, shipper_namespace
from .sinks import connectors as sinks
from .sinks import settings as sink_settings
from .sinks.connect import ConnectCluster, ConnectClusterArgs, heap_bytes
from .sinks.search_setup import SearchSetup, SearchSetupArgs
from .stream.job import FlinkJob, FlinkJobArgs

CONNECT: Final = "connect"
AUDIT_CLASS: Final = "audit"


@dataclass(frozen=True)
class Endpoints:
    """Where the parts find what is not of the platform: addresses in the cluster, or outside."""

    s3: str | None = None
    """URL of an S3 server that is not AWS's."""

    database: str | None = None
    """host:port/name of a PostgreSQL database: of the archive's catalog, and of audit logs."""

    search: pulumi.Input[str] | None = None
    """URL of Elasticsearch or OpenSearch."""

    pagerduty: str | None = None
    """URL that takes PagerDuty's events."""

    own: tuple[str, ...] = ()
    """Which of them, by their names here, have certificates of the platform's own authority, see `ServiceSecrets`."""

    ca_secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """By the names of others: the Secret whose ca.crt has the authorities that sign their certificates."""

    identities: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """The annotations by which a cloud gives an identity to the service account of `connect` and of `stream`."""

    archive_table: str = "logs.events"
    """Namespace and name of the archive's table in its catalog."""

    archive_by_class: bool = False
    """Whether each retention class has a folder of the archive's table, see `aws.archive_layout`."""

    def ca_secret(self, name: str) -> str | None:
        """The Secret whose ca.crt verifies one of them; None for the public authorities."""
        return CA_SECRET if name in self.own else self.ca_secrets.get(name)


@dataclass(frozen=True)
class LogPipelineArgs:
    """What a `LogPipeline` is made of."""

    platform: LogPlatform
    """Whose logs it reads; its configuration says which parts there are."""

    images: Mapping[str, str]
    """The images of the parts, see `parts.IMAGES`."""

    endpoints: Endpoints
    """What the parts need besides."""

    job: str
    """The templates of the stream job, see `FlinkJobArgs.template`."""


class LogPipeline(pulumi.ComponentResource):
    """Schemas, sinks, the stream job, the pager, the shipper and monitoring, as the stack file has them."""

    def __init__(self, name: str, args: LogPipelineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        config = args.platform.config
        check_images(config, args.images)
        super().__init__("kafkalogs:index:LogPipeline", name, {}, opts)
        self._args = args
        self._config = config
        self._child = pulumi.ResourceOptions(parent=self)
        self._namespace, self._cluster = config.namespace, config.kafka.name
        self._copies: Manifest = {
            "replication_factor": config.kafka.replication_factor,
            "min_in_sync_replicas": config.kafka.min_in_sync_replicas,
        }
        self._rates = byte_rates(config)
        self._services = sorted(args.platform.catalog.topics)
        # The shipper makes its topic: what reads it waits for that.
        shipped = self._shipper()
        self._topics = [*self._services, *([SHIPPED_TOPIC] if shipped else [])]
        self._after_topics = pulumi.ResourceOptions(parent=self, depends_on=[shipped] if shipped else None)
        self._schemas()
        self._sinks()
        stream = self._stream()
        self._pager(stream)
        self._monitoring()
        self.register_outputs({})

    def _schemas(self) -> None:
        schemas = self._config.schemas
        if schemas is None:
            return
        url, ca_secret, after = schemas.url, schemas.ca_secret, self._after_topics
        if url is None:
            registry = SchemaRegistry(
                "registry",
                SchemaRegistryArgs(
                    self._namespace,
                    self._cluster,
                    self._args.images["registry"],
                    **self._copies,
                    producer_byte_rate=self._rates["registry"],
                ),
                self._child,
            )
            # Known before the registry is there, so that a first preview shows all that the Job is told.
            url, ca_secret = registry_url(self._namespace), CA_SECRET
            after = pulumi.ResourceOptions.merge(after, pulumi.ResourceOptions(depends_on=[registry]))
        LogSchema(
            "schemas",
            LogSchemaArgs(
                self._namespace,
                self._args.images["schemas"],
                url,
                self._topics,
                schemas.compatibility,
                ca_secret,
                schemas.credentials_secret,
            ),
            after,
        )

    def _sinks(self) -> None:
        config, where = self._config, self._args.endpoints
        topics = self._args.platform.catalog.topics
        audit = sorted(name for name, topic in topics.items() if topic.retention_class == AUDIT_CLASS)
        partitions = sum(topic.partitions for topic in topics.values()) + (3 if config.shipper else 0)
        classes = self._classes()
        loads = [
            *([sink_settings.archive_load(1, partitions, self._archive_files())] if config.archive else []),
            *([sink_settings.search_load(1, partitions)] if config.search else []),
            *([sink_settings.database_load(1, sum(topics[name].partitions for name in audit))] if config.audit else []),
        ]
        if not loads:
            return
        secrets: list[str] = [CA_SECRET] if where.own else []
        secrets += ["s3-credentials"] if config.archive and where.s3 else []
        secrets += ["search-sink-credentials"] if config.search else []
        in_database = (config.archive is not None and config.archive.catalog == "jdbc") or config.audit is not None
        secrets += ["postgres-credentials"] if in_database else []
        uses = {
            "s3": config.archive is not None,
            "search": config.search is not None,
            "database": in_database,
        }
        authorities = {where.ca_secret(name) for name, used in uses.items() if used} - set(secrets)
        secrets += sorted(filter(None, authorities))
        workers = ConnectCluster(
            CONNECT,
            ConnectClusterArgs(
                self._namespace,
                self._cluster,
                self._args.images["connect"],
                heap_bytes(loads, config.connect.replicas),
                replicas=config.connect.replicas,
                version=config.kafka.version,
                topic_replicas=config.kafka.replication_factor,
                min_in_sync_replicas=config.kafka.min_in_sync_replicas,
                producer_byte_rate=self._rates["connect"],
                cpu=config.connect.cpu,
                metrics=jmx.metrics_config(self._cluster, jmx.CONNECT_KEY) if config.monitoring else None,
                control_topics=["archive.control"] if config.archive else None,
                secrets=secrets,
                labels={**{f"kafkalogs.io/uses-{name}": "true" for name, used in uses.items() if used}},
                account_annotations=self._identity("connect"),
            ),
            self._child,
        )
        # Connectors go before the workers that end them.
        after = pulumi.ResourceOptions.merge(self._after_topics, pulumi.ResourceOptions(depends_on=[workers]))
        common: Manifest = {
            "namespace": self._namespace,
            "cluster": self._cluster,
            "connect": CONNECT,
            "topic_replicas": config.kafka.replication_factor,
            "min_in_sync_replicas": config.kafka.min_in_sync_replicas,
        }
        if config.archive:
            archive = sinks.S3SinkArgs(
                **common,
                topics=self._topics,
                warehouse=config.archive.warehouse,
                region=config.archive.region,
                catalog=config.archive.catalog,
                database=where.database,
                database_credentials="postgres-credentials",
                endpoint=where.s3,
                credentials="s3-credentials" if where.s3 else None,
                ca_secret=where.ca_secret("s3"),
                database_ca_secret=where.ca_secret("database"),
                table=where.archive_table,
                commit_interval_ms=config.archive.commit_interval,
                config=archive_layout.sink_settings(classes) if where.archive_by_class else None,
            )
            sinks.S3Sink("archive", archive, after)
        if config.search:
            search = sinks.SearchSinkArgs(
                **common,
                topics=self._topics,
                url=_known(where.search, "search"),
                streams={name: sink_settings.data_stream(kind) for name, kind in classes.items()},
                credentials="search-sink-credentials",
                ca_secret=where.ca_secret("search"),
            )
            setup = SearchSetup(
                "search-setup",
                SearchSetupArgs(
                    self._namespace,
                    self._args.images["search-setup"],
                    search.url,
                    self._search_retention(classes),
                    "elastic-credentials",
                    where.ca_secret("search"),
                    replicas=0 if "search" in where.own else 1,
                ),
                self._child,
            )
            sinks.SearchSink(
                "search", search, pulumi.ResourceOptions.merge(after, pulumi.ResourceOptions(depends_on=[setup]))
            )
        if config.audit and audit:
            database = sinks.JdbcSinkArgs(
                **common,
                topics=audit,
                database=_known(where.database, "database"),
                credentials="postgres-credentials",
                ca_secret=where.ca_secret("database"),
            )
            sinks.JdbcSink("audit", database, after)

    def _classes(self) -> dict[str, str]:
        """The retention class of each topic that the sinks read."""
        classes = {name: topic.retention_class for name, topic in self._args.platform.catalog.topics.items()}
        return {**classes, **({SHIPPED_TOPIC: "application"} if self._config.shipper else {})}

    def _archive_files(self) -> int:
        """How many files of a day the archive writes at the same time: one for each service, or each of its classes."""
        if not self._args.endpoints.archive_by_class:
            return len(self._config.services)
        catalog = self._args.platform.catalog
        return sum(
            len({catalog.topics[topic].retention_class for topic in writer.topics.values()})
            for writer in catalog.writers.values()
        )

    def _identity(self, part: str) -> dict[str, str] | None:
        """The annotations of a part's service account; None where no cloud gives it an identity."""
        given = self._args.endpoints.identities.get(part)
        return dict(given) if given else None

    def _search_retention(self, classes: Mapping[str, str]) -> dict[str, int]:
        """How long each data stream keeps events (milliseconds): as long as Kafka does, the longest of its topics."""
        topics = self._args.platform.catalog.topics
        kept: dict[str, int] = {}
        for name, kind in classes.items():
            stream = sink_settings.data_stream(kind)
            own = topics[name].retention_ms if name in topics else self._config.retention_classes()[kind]
            kept[stream] = max(kept.get(stream, 0), own)
        return kept

    def _stream(self) -> FlinkJob | None:
        stream = self._config.stream
        if stream is None:
            return None
        where = self._args.endpoints
        args = FlinkJobArgs(
            self._namespace,
            self._cluster,
            self._args.images["flink"],
            self._args.images["catalog"],
            self._args.job,
            {name: {"team": service.team, "tier": service.tier} for name, service in self._config.services.items()},
            state=stream.state,
            s3_endpoint=where.s3,
            s3_credentials_secret="s3-credentials" if where.s3 else None,
            s3_ca_secret=where.ca_secret("s3"),
            parallelism=stream.parallelism,
            aws_region=self._config.aws.region if self._config.aws else None,
            account_annotations=self._identity("stream"),
            producer_byte_rate=self._rates["stream"],
            **self._copies,
        )
        return FlinkJob("stream", args, self._child)

    def _pager(self, stream: FlinkJob | None) -> None:
        pager = self._config.pager
        if pager is None:
            return
        Pager(
            "pager",
            PagerArgs(
                self._namespace,
                self._cluster,
                self._args.images["pager"],
                pager.routing_key_secret,
                pager.routing_key_field,
                self._args.endpoints.pagerduty or ENDPOINT,
                endpoint_ca_secret=self._args.endpoints.ca_secret("pagerduty"),
                quiet_seconds=pager.quiet // units.SECOND,
                update_seconds=pager.update // units.SECOND,
                producer_byte_rate=self._rates["pager"],
                **self._copies,
            ),
            pulumi.ResourceOptions(parent=self, depends_on=[stream] if stream else None),
        )

    def _shipper(self) -> LogShipper | None:
        shipper = self._config.shipper
        if shipper is None:
            return None
        args = LogShipperArgs(
            self._namespace,
            self._cluster,
            self._args.images["shipper"],
            self._args.images["exporter"],
            shipper.kind,
            SHIPPED_TOPIC,
            replicas=self._config.kafka.replication_factor,
            min_in_sync_replicas=self._config.kafka.min_in_sync_replicas,
            producer_byte_rate=self._rates["shipper"],
            protect=self._config.protect,
        )
        return LogShipper("shipper", args, self._child)

    def _monitoring(self) -> None:
        config, monitoring = self._config, self._config.monitoring
        if monitoring is None:
            return
        filebeat = config.shipper is not None and config.shipper.kind == "filebeat"
        consumers = ("pager", "stream", "archive", "search", "audit")
        pools = config.broker_pools().values()
        Monitoring(
            "monitoring",
            MonitoringArgs(
                self._namespace,
                self._cluster,
                self._args.images["exporter"],
                self._args.images["monitoring"],
                brokers=config.brokers(),
                broker_disk=min(pool.storage.size for pool in pools),
                parts=[name for name in consumers if getattr(config, name) is not None],
                shipper_namespace=shipper_namespace(self._namespace) if filebeat else None,
                operator=monitoring.operator,
                pagerduty_secret=config.pager.routing_key_secret if config.pager else None,
                pagerduty_field=config.pager.routing_key_field if config.pager else "routing-key",
                pagerduty_url=self._args.endpoints.pagerduty,
                pagerduty_own_ca=self._args.endpoints.ca_secret("pagerduty") is not None,
            ),
            self._child,
        )


_Address = TypeVar("_Address", str, pulumi.Input[str])


def _known(address: _Address | None, key: str) -> _Address:
    """An address that must be there; ConfigError names the key of the stack file that gives it."""
    if address is None:
        raise ConfigError([Problem(("endpoints", key), None, "nothing says where it is; write its address")])
    return address
