"""The committed offsets of a consumer group, from its coordinator.

The AdminClient's method ``list_consumer_group_offsets`` ends the process with a segmentation fault when a broker is no
longer the coordinator of the group, as during restarts of brokers: librdkafka then searches the coordinator for a
consumer (https://github.com/confluentinc/confluent-kafka-javascript/issues/374). A consumer of the group can send the
same request safely. The consumer never joins the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, TopicPartition


def committed(
    settings: Mapping[str, Any], group: str, places: Iterable[tuple[str, int]], timeout: float
) -> dict[tuple[str, int], int]:
    """The next offset that the group reads, for each of these partitions that the group has committed.

    settings: librdkafka's settings of the connection. timeout: seconds. Raises KafkaException, also while the
    coordinator moves to another broker.
    """
    own = {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_uncommitted"}
    consumer = Consumer({**settings, **own})
    try:
        found = consumer.committed([TopicPartition(*place) for place in places], timeout)
        return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}
    finally:
        consumer.close()
