"""How far the parts of the platform are behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec
from kafkalogs.client.committed import committed
from kafkalogs.parts import GROUPS

from tests.support import kafka
from tests.support.sandbox import Sandbox

Offsets = Mapping[tuple[str, int], int]


def ends(platform: Sandbox, reader: str, topics: Iterable[str]) -> Offsets:
    """The end of each partition."""
    return _offsets(platform, reader, topics, OffsetSpec.latest())


def starts(platform: Sandbox, reader: str, topics: Iterable[str]) -> Offsets:
    """The oldest record of each partition."""
    return _offsets(platform, reader, topics, OffsetSpec.earliest())


def behind(platform: Sandbox, reader: str, consumer: str, until: Offsets) -> int:
    """How many records before these offsets a part has yet to read. Records that retention has removed do not count."""
    oldest = starts(platform, reader, {topic for topic, _ in until})
    read = committed(kafka.settings(platform, reader), GROUPS[consumer], list(until), 30)
    return sum(max(0, end - max(read.get(place, 0), oldest[place])) for place, end in until.items())


def lag(platform: Sandbox, reader: str, consumer: str, topics: Iterable[str]) -> int:
    """How many records of these topics a part has yet to read; of audit and pager, of the topics that they read."""
    topics = {"audit": {"logs.audit"}, "pager": {"errors.critical"}}.get(consumer, set(topics))
    now = ends(platform, reader, topics)
    records = behind(platform, reader, consumer, now)
    # The end of a transaction has an offset too, and no consumer ever reads it.
    return max(0, records - len(now)) if consumer == "pager" else records


def _offsets(platform: Sandbox, reader: str, topics: Iterable[str], spec: OffsetSpec) -> Offsets:
    admin = kafka.admin(platform, reader)
    known = admin.list_topics(timeout=30).topics
    places = [TopicPartition(topic, partition) for topic in topics for partition in known[topic].partitions]
    asked = admin.list_offsets(dict.fromkeys(places, spec))
    return {(place.topic, place.partition): found.result(30).offset for place, found in asked.items()}
