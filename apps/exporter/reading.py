"""What the exporter knows of Kafka after one look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.positions import Positions


@dataclass(frozen=True)
class Partition:
    """One partition. begin, end: its oldest and its next offset; None for Kafka's own topics.

    newest, newest_offset: when Kafka got its newest records (seconds since 1970), and the offset of the first of these;
    None when it has none.
    positions: its history.
    """

    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]
    begin: int | None = None
    end: int | None = None
    newest: float | None = None
    newest_offset: int | None = None
    positions: Positions = field(default_factory=Positions)


@dataclass(frozen=True)
class Group:
    """A consumer group: its members, and the offset that it reads next by topic and partition."""

    members: int
    offsets: Mapping[tuple[str, int], int]


@dataclass(frozen=True)
class Reading:
    """The whole cluster. min_in_sync: ``min.insync.replicas`` by topic. retention: how long a topic keeps records, in
    seconds; only topics whose records expire."""

    brokers: int
    partitions: Mapping[str, Mapping[int, Partition]]
    min_in_sync: Mapping[str, int]
    groups: Mapping[str, Group]
    retention: Mapping[str, float] = field(default_factory=dict[str, float])
