"""The actual state of a platform as plain values: the readers make them, the checks judge them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .declared import Acl

Place = tuple[str, int]
"""A topic and a partition."""


@dataclass(frozen=True)
class Partition:
    """Where a partition is. leader: the id of a broker, negative without one."""

    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True)
class Topic:
    """A topic in Kafka. config: all its settings, those of the brokers' defaults too."""

    name: str
    partitions: Mapping[int, Partition]
    config: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Kafka:
    """The cluster: its topics by name, and the ids of the brokers that are there."""

    brokers: frozenset[int]
    topics: Mapping[str, Topic]
    protocols: Mapping[int, str]
    """`listener.security.protocol.map` of each broker."""


@dataclass(frozen=True)
class Access:
    """Who may do what in Kafka. All names are without `User:`."""

    acls: Mapping[str, frozenset[Acl]]
    quotas: Mapping[str, Mapping[str, float]]
    """Quotas by user: a name, or words like `all users`."""
    scram: frozenset[str] = frozenset()
    """Users that have a password."""


@dataclass(frozen=True)
class Position:
    """The position of a group in a partition.

    committed: the next offset to read; None where the group has none. begin, end: the oldest offset and the next one.
    old: the first offset whose record is younger than the group's limit; `end` if there is none. expiring: the first
    offset whose record has most of its topic's retention left; 0 where records do not expire.
    """

    committed: int | None
    begin: int
    end: int
    old: int
    expiring: int = 0

    @property
    def at(self) -> int:
        """The offset that the group reads next; the oldest offset if the group has none."""
        return self.begin if self.committed is None else self.committed


@dataclass(frozen=True)
class Group:
    """A consumer group."""

    name: str
    members: int
    positions: Mapping[Place, Position]

    @property
    def lag(self) -> int:
        """Records that it has not read."""
        return sum(max(0, one.end - max(one.at, one.begin)) for one in self.positions.values())


@dataclass(frozen=True)
class LogDir:
    """A broker's disk; bytes. total, usable: of the volume; negative where the broker does not know."""

    logs: int
    total: int
    usable: int
    error: str = ""


@dataclass(frozen=True)
class Certificate:
    """A certificate in a Secret. until: its end; None if it cannot be read. digest: the SHA-256 of the first of its
    chain."""

    secret: str
    key: str
    until: datetime | None
    digest: str = ""


@dataclass(frozen=True)
class Served:
    """The certificate that a server shows. until: its end. digest: its SHA-256. secret: the Secret that it comes from;
    empty if no single one."""

    until: datetime
    digest: str
    secret: str = ""


@dataclass(frozen=True)
class Probe:
    """What a port answers. speaks: `tls`, `plaintext` or `nothing`; problem: what is wrong with its TLS. served: the
    certificate that it shows, if clients trust it."""

    what: str
    speaks: str
    problem: str = ""
    served: Served | None = None


@dataclass(frozen=True)
class Subject:
    """A subject of the schema registry. level: its own compatibility; None if it has none."""

    schema: object
    level: str | None


@dataclass(frozen=True)
class Connector:
    """A connector, as the Connect workers report it. states: of its tasks, each with its error trace."""

    state: str
    config: Mapping[str, str]
    tasks: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Job:
    """A job of Flink. failure: of the last minutes; empty if there is none."""

    name: str
    state: str
    failure: str = ""


@dataclass(frozen=True)
class Resource:
    """A resource of the platform in Kubernetes. problem: why it is not ready; empty if it is."""

    kind: str
    name: str
    problem: str = ""
    paused: bool = False


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet, or the nodes of Kafka. ready: how many of its pods are."""

    kind: str
    name: str
    wanted: int
    ready: int
