"""Complete settings for Kafka clients: a service, a team or a tool passes them to confluent-kafka's constructors.

They follow only from the catalog that the platform publishes (ConfigMap ``kafkalogs-catalog``) and from the client's
certificate and key in PEM, which stay in memory. Names and units of the settings are librdkafka's
(https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import KafkaError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from kafkalogs.client.logevent import Level, PartitionBy

LogType = Literal["access", "application", "audit"]
Settings = dict[str, str | int | float | bool]

# A record batch's header is 61 bytes; a record's overhead is at most 27 bytes without headers (Kafka's message format,
# v2). The rest is space for a batch that compression makes larger.
RECORD_OVERHEAD = 512
# librdkafka's default; larger batches bring no gain.
LARGEST_BATCH = 1_000_000


class CatalogError(Exception):
    """A catalog that cannot be read or lacks a requested name. The text of the error lists the names that exist."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class Topic(_Model):
    """A log topic. ``max_message_bytes``: the limit of one batch, in bytes; ``retention_ms``: milliseconds."""

    partitions: int
    replicas: int
    min_insync_replicas: int
    retention_ms: int
    max_message_bytes: int
    compression: str
    partition_by: PartitionBy
    retention_class: str


class Service(_Model):
    """A service. ``topics``: topic by log type, or by level with layout level; ``bytes_per_second``: its rate."""

    team: str
    user: str
    layout: Literal["service", "type", "level"]
    topics: dict[str, str]
    bytes_per_second: int

    def topic(self, log_type: str, level: Level) -> str:
        """The topic of the service's events of this type and level. Raises CatalogError if there is none."""
        key = level if self.layout == "level" else log_type
        if key not in self.topics:
            raise CatalogError(f"{self.user} writes no {key} log; it writes: {', '.join(self.topics)}")
        return self.topics[key]


class Team(_Model):
    """A team that reads logs. ``group_prefix``: the prefix of the names of its consumer groups."""

    user: str
    group_prefix: str
    topics: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    def reads(self, topic: str) -> bool:
        """Whether the team may read a topic."""
        return topic in self.topics or topic.startswith(self.prefixes)


class Catalog(_Model):
    """The published catalog. ``external``: the address for clients outside Kubernetes, if there is one."""

    cluster: str
    namespace: str
    bootstrap: str
    external: str | None = None
    topics: dict[str, Topic]
    services: dict[str, Service]
    teams: dict[str, Team]

    @classmethod
    def parse(cls, text: str) -> Catalog:
        """Read ``catalog.json``. Raises CatalogError that names each wrong field."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'document'}: {e['msg']}" for e in error.errors(include_url=False)
            )
            raise CatalogError(f"catalog.json is not as this version of kafkalogs expects: {faults}") from error

    def service(self, name: str) -> Service:
        """A service by name. Raises CatalogError when there is none."""
        if name not in self.services:
            raise CatalogError(f"there is no service {name!r}; the services are: {', '.join(sorted(self.services))}")
        return self.services[name]

    def team(self, name: str) -> Team:
        """A team by name. Raises CatalogError when there is none."""
        if name not in self.teams:
            raise CatalogError(f"there is no team {name!r}; the teams are: {', '.join(sorted(self.teams))}")
        return self.teams[name]

    def topics_of(self, service: str) -> dict[str, Topic]:
        """Topic name to topic, for the topics that a service writes."""
        return {name: self.topics[name] for name in self.service(service).topics.values()}

    def topics_for(self, team: str) -> dict[str, Topic]:
        """Topic name to topic, for the topics that a team reads."""
        return {name: topic for name, topic in self.topics.items() if self.team(team).reads(name)}


@dataclass(frozen=True)
class Credentials:
    """A client's certificate and key in PEM. ``ca``: the cluster CA, which verifies the brokers' certificates."""

    ca: str = field(repr=False)
    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass
class Trouble:
    """An ``error_cb`` that keeps the client's last error of its connections: the reason for a time-out."""

    last: str = ""

    def __call__(self, error: KafkaError) -> None:
        """Keep the error that the client reports."""
        # "all brokers are down" follows every error and does not explain it
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # pyright: ignore[reportPrivateUsage] (its public name)
            self.last = error.str()


def connection(bootstrap: str, credentials: Credentials, client_id: str) -> Settings:
    """Settings that every client needs: the address, and mTLS that verifies the brokers' host names."""
    return {
        "bootstrap.servers": bootstrap,
        "client.id": client_id,
        "security.protocol": "SSL",
        "ssl.endpoint.identification.algorithm": "https",
        "ssl.ca.pem": credentials.ca,
        "ssl.certificate.pem": credentials.certificate,
        "ssl.key.pem": credentials.key,
        "socket.keepalive.enable": True,
    }


def producer(catalog: Catalog, service: str, credentials: Credentials, *, bootstrap: str | None = None) -> Settings:
    """Settings of a service's producer: no acknowledged record is lost, and no retry writes a record twice.

    bootstrap: the address; by default the address inside Kubernetes. Raises CatalogError for an unknown service.
    """
    largest = largest_batch(catalog.topics_of(service).values())
    return {
        **connection(bootstrap or catalog.bootstrap, credentials, service),
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "zstd",
        "linger.ms": 50,
        # The client fills batches up to this size before compression; a topic with a lower limit would refuse them.
        "message.max.bytes": largest,
        "batch.size": min(LARGEST_BATCH, largest),
    }


def consumer(
    catalog: Catalog, team: str, credentials: Credentials, *, group: str, bootstrap: str | None = None
) -> Settings:
    """Settings of a team's consumer: it starts at the first record, and the program commits offsets after its work.

    group: the consumer group without the team's prefix; the team may use only groups with this prefix. Raises
    CatalogError for an unknown team.
    """
    prefix = catalog.team(team).group_prefix
    return {
        **connection(bootstrap or catalog.bootstrap, credentials, f"{prefix}{group}"),
        "group.id": f"{prefix}{group}",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
    }


def admin(catalog: Catalog, user: str, credentials: Credentials, *, bootstrap: str | None = None) -> Settings:
    """Settings of an admin client that acts as ``user``."""
    return connection(bootstrap or catalog.bootstrap, credentials, user)


def largest_batch(topics: Iterable[Topic]) -> int:
    """Bytes of the largest batch that all of ``topics`` accept; librdkafka's minimum is 1000."""
    return max(1000, min(topic.max_message_bytes for topic in topics))
