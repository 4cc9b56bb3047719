"""From a reading of Kafka to metrics. Pure.

The first names are those of kafka_exporter (https://github.com/danielqsj/kafka_exporter), which Strimzi deploys as
``kafkaExporter``: rules and dashboards on them work with either. Those that begin with ``kafkalogs_`` are ours.
"""

from __future__ import annotations

from exporter.exposition import Family
from exporter.reading import Group, Partition, Reading

KAFKA_EXPORTER = {
    "kafka_brokers": "Brokers in the cluster",
    "kafka_topic_partitions": "Partitions of a topic",
    "kafka_topic_partition_current_offset": "Offset of the next record of a partition",
    "kafka_topic_partition_oldest_offset": "Offset of the oldest record of a partition",
    "kafka_topic_partition_leader": "Broker that leads a partition, -1 without a leader",
    "kafka_topic_partition_leader_is_preferred": "1 if the leader is the preferred one",
    "kafka_topic_partition_replicas": "Replicas of a partition",
    "kafka_topic_partition_in_sync_replica": "Replicas of a partition that are in sync",
    "kafka_topic_partition_under_replicated_partition": "1 if replicas of a partition are not in sync",
    "kafka_consumergroup_members": "Members of a consumer group",
    "kafka_consumergroup_current_offset": "Offset that a consumer group reads next",
    "kafka_consumergroup_current_offset_sum": "Sum of these offsets over the partitions of a topic",
    "kafka_consumergroup_lag": "Records that a consumer group has not read",
    "kafka_consumergroup_lag_sum": "Sum of these over the partitions of a topic",
}
OURS = {
    "kafkalogs_topic_min_insync_replicas": "min.insync.replicas of a topic",
    "kafkalogs_topic_retention_seconds": "How long a topic keeps records; absent if they do not expire",
    "kafkalogs_topic_newest_event_timestamp_seconds": "Time at which Kafka got the newest record of a topic",
    "kafkalogs_consumergroup_lag_seconds": "Age of the oldest record of a topic that a consumer group has not read",
    "kafkalogs_consumergroup_event_timestamp_seconds": "Time of arrival up to which a consumer group has read a topic",
}


MARKERS = 2
"""Offsets at a partition's end that may hold no record: markers of the last and of an aborted transaction."""


def families(reading: Reading, now: float) -> list[Family]:
    """All metrics of a reading; now: seconds since 1970."""
    made = {name: Family(name, "gauge", about) for name, about in {**KAFKA_EXPORTER, **OURS}.items()}
    made["kafka_brokers"].add(reading.brokers)
    for topic, partitions in sorted(reading.partitions.items()):
        made["kafka_topic_partitions"].add(len(partitions), topic=topic)
        for number, partition in sorted(partitions.items()):
            _partition(made, topic, number, partition)
        newest = [p.newest for p in partitions.values() if p.newest is not None]
        if newest:
            made["kafkalogs_topic_newest_event_timestamp_seconds"].add(max(newest), topic=topic)
        if topic in reading.min_in_sync:
            made["kafkalogs_topic_min_insync_replicas"].add(reading.min_in_sync[topic], topic=topic)
        if topic in reading.retention:
            made["kafkalogs_topic_retention_seconds"].add(reading.retention[topic], topic=topic)
    for name, group in sorted(reading.groups.items()):
        _group(made, name, group, reading, now)
    return list(made.values())


def _partition(made: dict[str, Family], topic: str, number: int, partition: Partition) -> None:
    def add(name: str, value: float) -> None:
        made[f"kafka_topic_partition_{name}"].add(value, topic=topic, partition=number)

    add("leader", partition.leader)
    add("leader_is_preferred", partition.replicas[:1] == (partition.leader,))
    add("replicas", len(partition.replicas))
    add("in_sync_replica", len(partition.in_sync))
    add("under_replicated_partition", len(partition.in_sync) < len(partition.replicas))
    if partition.begin is not None and partition.end is not None:
        add("oldest_offset", partition.begin)
        add("current_offset", partition.end)


def _group(made: dict[str, Family], name: str, group: Group, reading: Reading, now: float) -> None:
    made["kafka_consumergroup_members"].add(group.members, consumergroup=name)
    topics: dict[str, list[tuple[int, Partition]]] = {}
    for (topic, number), offset in sorted(group.offsets.items()):
        partition = reading.partitions.get(topic, {}).get(number)
        # A group keeps its offsets of a deleted topic; they mean nothing.
        if partition is not None and partition.end is not None:
            topics.setdefault(topic, []).append((offset, partition))
            labels = {"consumergroup": name, "topic": topic, "partition": number}
            made["kafka_consumergroup_current_offset"].add(offset, **labels)
            made["kafka_consumergroup_lag"].add(max(0, partition.end - offset), **labels)
    for topic, found in topics.items():
        labels = {"consumergroup": name, "topic": topic}
        made["kafka_consumergroup_current_offset_sum"].add(sum(offset for offset, _ in found), **labels)
        lag = sum(max(0, (partition.end or 0) - offset) for offset, partition in found)
        made["kafka_consumergroup_lag_sum"].add(lag, **labels)
        unread = [time for offset, partition in found if (time := _unread(offset, partition)) is not None]
        behind = max(0.0, now - min(unread)) if unread else 0.0
        made["kafkalogs_consumergroup_lag_seconds"].add(behind, **labels)
        newest = [partition.newest for _, partition in found if partition.newest is not None]
        if unread or newest:
            read = min(unread) if unread else max(newest)
            made["kafkalogs_consumergroup_event_timestamp_seconds"].add(read, **labels)


def _unread(offset: int, partition: Partition) -> float | None:
    """When Kafka got the first record that was not read; None when all were.

    After the last record of a transaction comes a marker, which has an offset too, but is no record. The newest offset
    that Kafka names is the first of the newest batch, because all records of a batch have the time of their append.
    """
    if partition.end is None or offset >= partition.end or partition.newest_offset is None:
        return None
    if offset > partition.newest_offset and partition.end - offset <= MARKERS:
        return None
    return partition.positions.time_at(offset)
