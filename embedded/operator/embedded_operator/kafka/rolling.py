"""When a node may be restarted, and which one first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from embedded_operator.kafka.admin import Topic, Voter
from embedded_operator.kafka.nodes import Node

CAUGHT_UP_MS = 5_000
"""Milliseconds that a controller in step may be behind the active one: followers fetch at least every 500 ms."""


def blocking(node_id: int, topics: Iterable[Topic], min_in_sync: Mapping[str, int]) -> list[str]:
    """Partitions that would fall below min ISR without the node.

    A partition with no more replicas than min ISR stops at every restart, at any time: it blocks no restart
    (Strimzi: KafkaAvailability).
    """
    found: list[str] = []
    for topic in topics:
        needed = min_in_sync.get(topic.name, 1)
        for part in topic.partitions:
            others = [one for one in part.in_sync if one != node_id]
            if node_id in part.in_sync and len(part.replicas) > needed and len(others) < needed:
                found.append(f"{topic.name}-{part.number}")
    return found


def out_of_sync(node_id: int, topics: Iterable[Topic]) -> list[str]:
    """Partitions of which the node has a replica that is not in sync."""
    return [
        f"{topic.name}-{part.number}"
        for topic in topics
        for part in topic.partitions
        if node_id in part.replicas and node_id not in part.in_sync
    ]


def quorum_stays(node_id: int, active: int, voters: Sequence[Voter]) -> bool:
    """Whether a majority of controllers is in step without the node.

    One or two controllers never keep a majority without one of them; they are restarted anyway.
    """
    if node_id not in {voter.id for voter in voters} or len(voters) <= 2:
        return True
    latest = max(voter.caught_up for voter in voters)
    in_step = [
        voter
        for voter in voters
        if voter.id != node_id and (voter.id == active or latest - voter.caught_up <= CAUGHT_UP_MS)
    ]
    return len(in_step) > len(voters) // 2


def order(nodes: Iterable[Node], active: int) -> list[Node]:
    """Controllers before brokers, and the active controller last."""
    return sorted(nodes, key=lambda node: (node.id == active, node.pool.broker, node.id))
