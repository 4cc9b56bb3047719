"""The committed offsets of a consumer group, from the group's coordinator.

confluent-kafka's AdminClient has `list_consumer_group_offsets`, but if a broker is no longer the coordinator of the
group, for example while brokers restart, the call ends the process with a segmentation fault: librdkafka then looks for
a consumer's coordinator, and the AdminClient is not a consumer
(https://github.com/confluentinc/confluent-kafka-javascript/issues/374). A consumer of the group reads the offsets
safely. The consumer never joins the group.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any, Final, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

Place = tuple[str, int]
"""A topic and the number of a partition."""

_MOVING: Final = frozenset(
    (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
)
_PAUSE: Final = 0.2


class Group:
    """A consumer group, read without joining it. settings: librdkafka's settings of the connection. Close it after use.

    Raises KafkaException for wrong settings.
    """

    def __init__(self, settings: Mapping[str, Any], name: str) -> None:
        own = {"group.id": name, "enable.auto.commit": False, "isolation.level": "read_uncommitted"}
        self._consumer = Consumer(cast("Any", {**settings, **own}))

    def committed(self, places: Iterable[Place], seconds: float) -> dict[Place, int]:
        """The next offset that the group reads, for each of these partitions with a committed offset.

        seconds: the limit for all attempts; the request is retried while the coordinator moves to another broker.
        Raises KafkaException.
        """
        asked = [TopicPartition(*place) for place in places]
        until = time.monotonic() + seconds
        while True:
            try:
                found = self._consumer.committed(asked, max(1.0, until - time.monotonic()))
            except KafkaException as error:
                if error.args[0].code() not in _MOVING or time.monotonic() > until:
                    raise
                time.sleep(_PAUSE)
            else:
                return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()


def committed(settings: Mapping[str, Any], group: str, places: Iterable[Place], seconds: float) -> dict[Place, int]:
    """`Group.committed` with a connection for this one call."""
    with closing(Group(settings, group)) as one:
        return one.committed(places, seconds)
