"""The records of the platform's topics: how many arrived, how many a team can read, how many arrive each second."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition, admin
from kafkalogs.client import settings as client
from kafkalogs.client.settings import Catalog, Credentials

from embedded.build.cache import EmbeddedError

Place = tuple[str, int]
"""A topic's name and the number of a partition."""


@dataclass(frozen=True)
class Flow:
    """The records of a topic. came: up to the snapshot. read: how many of these the team read. rate: new ones per s."""

    topic: str
    came: int
    read: int
    rate: float


class Reader:
    """A team that reads its topics with its own certificate, through the listener for clients outside."""

    def __init__(self, catalog: Catalog, team: str, credentials: Credentials, bootstrap: str) -> None:
        trouble = client.Trouble()
        quiet: dict[str, Any] = {"log_level": 0, "error_cb": trouble}
        self._asker = admin.AdminClient(quiet | client.admin(catalog, team, credentials, bootstrap=bootstrap))
        self._settings = quiet | client.consumer(catalog, team, credentials, group="report", bootstrap=bootstrap)
        try:
            metadata = self._asker.list_topics(timeout=15)
        except KafkaException as error:
            self._asker.poll(0)  # reports the client's errors to the callback
            raise EmbeddedError(
                f"Kafka does not answer at {bootstrap}: {trouble.last or error.args[0].str()}"
            ) from error
        self.brokers = sorted(cast(dict[int, Any], metadata.brokers))
        granted = catalog.topics_for(team)
        self.topics = {name: granted[name] for name in sorted(granted) if name in metadata.topics}
        # the real partitions and replication factor, not the declared ones
        self.shape = {
            name: (len(metadata.topics[name].partitions), _replicas(metadata.topics[name])) for name in self.topics
        }

    def ends(self) -> dict[Place, int]:
        """The end offset of every partition."""
        return self._offsets("latest")

    def beginnings(self) -> dict[Place, int]:
        """The first offset of every partition that retention has kept."""
        return self._offsets("earliest")

    def _offsets(self, which: Literal["earliest", "latest"]) -> dict[Place, int]:
        places = [TopicPartition(name, p) for name, (count, _) in self.shape.items() for p in range(count)]
        # Any: the module does not declare the class for type checkers
        wanted: Any = dict.fromkeys(places, getattr(cast(Any, admin).OffsetSpec, which)())
        answers = self._asker.list_offsets(wanted, request_timeout=15)
        return {(place.topic, place.partition): answer.result(20).offset for place, answer in answers.items()}

    def count(self, first: dict[Place, int], ends: dict[Place, int], seconds: float) -> Counter[str]:
        """Consume every record from ``first`` to before ``ends``, for at most ``seconds``; the number in each topic."""
        todo = {place: end for place, end in ends.items() if end > first[place]}
        counted: Counter[str] = Counter()
        consumer = Consumer(self._settings)
        try:
            consumer.assign([TopicPartition(topic, partition, first[topic, partition]) for topic, partition in todo])
            deadline = time.monotonic() + seconds
            while todo and time.monotonic() < deadline:
                for message in consumer.consume(5000, timeout=0.2):
                    _count(message, todo, ends, counted)
        finally:
            consumer.close()
        return counted


def _count(message: Message, todo: dict[Place, int], ends: dict[Place, int], counted: Counter[str]) -> None:
    if message.error() is not None:
        return
    place = (message.topic() or "", message.partition() or 0)
    offset = message.offset() or 0
    if offset < ends[place]:
        counted[place[0]] += 1
    if offset + 1 >= ends[place]:
        todo.pop(place, None)


def _replicas(topic: Any) -> int:
    return min(len(partition.replicas) for partition in topic.partitions.values())


def records(places: Iterable[tuple[Place, int]], first: dict[Place, int]) -> Counter[str]:
    """The number of records in each topic from ``first`` to before the given offsets."""
    total: Counter[str] = Counter()
    for place, end in places:
        total[place[0]] += end - first[place]
    return total


def silent_services(reader: Reader, catalog: Catalog, services: set[str], seconds: float) -> list[str]:
    """Wait until each service has logged, for at most ``seconds``; return those that have not."""
    # only topics that exist and that the reader may see
    writes = {service: set(catalog.topics_of(service)) & set(reader.topics) for service in services}
    deadline = time.monotonic() + seconds
    while True:
        logged = {topic for (topic, _), end in reader.ends().items() if end}
        silent = sorted(service for service, topics in writes.items() if topics and not topics & logged)
        if not silent or time.monotonic() > deadline:
            return silent
        time.sleep(1)


def flows(reader: Reader, *, reading: float, at_least: float) -> list[Flow]:
    """The records of each topic: in, out and per second.

    reading: seconds that consuming may take at most; at_least: seconds over which the rate is measured.
    """
    first, ends = reader.beginnings(), reader.ends()
    began = time.monotonic()
    read = reader.count(first, ends, reading)
    time.sleep(max(0.0, began + at_least - time.monotonic()))
    later, took = reader.ends(), time.monotonic() - began
    # meanwhile retention may have deleted records, so that nobody could read them
    kept = reader.beginnings()
    came = records(ends.items(), {place: min(max(first[place], kept[place]), ends[place]) for place in ends})
    new = records(later.items(), ends)
    return [Flow(topic, max(came[topic], read[topic]), read[topic], new[topic] / took) for topic in reader.topics]
