"""Looks at Kafka through its admin API. Only Describe rights are used: no record is ever read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    ConfigResource,  # pyright: ignore[reportPrivateImportUsage]
    ListOffsetsResultInfo,  # pyright: ignore[reportPrivateImportUsage]
    OffsetSpec,  # pyright: ignore[reportPrivateImportUsage]
    ResourceType,  # pyright: ignore[reportPrivateImportUsage]
)

from exporter.committed import committed
from exporter.positions import Positions
from exporter.reading import Group, Partition, Reading

PAST = (86400, 21600, 3600, 900, 300, 60)
"""Ages in seconds at which the offset of a new partition is looked up, to fill its history."""
CONFIG_AGE = 600.0
"""Seconds for which settings of topics are cached."""

GROUPS_AT_ONCE = 4
"""Groups that are asked at the same time; each needs a client of its own."""

_Key = tuple[str, int]


class Kafka:
    """The cluster, and what was seen of it before. settings: librdkafka's. timeout: seconds for one request."""

    def __init__(
        self, settings: Mapping[str, Any], timeout: float = 20.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self.connect()
        self._timeout = timeout
        self._clock = clock
        self._positions: dict[_Key, Positions] = {}
        self._newest: dict[_Key, tuple[int, float | None, int | None]] = {}
        self._min_in_sync: dict[str, int] = {}
        self._retention: dict[str, float] = {}
        self._configured = 0.0

    def connect(self) -> None:
        """Make the client anew, which reads the certificates; what was seen of the cluster is kept."""
        self._admin = AdminClient(dict(self._settings))

    def read(self) -> Reading:
        """Read once. Raises KafkaException when Kafka does not answer, or refuses."""
        about = self._admin.list_topics(timeout=self._timeout)
        topics = {name: one.partitions for name, one in about.topics.items() if not name.startswith("__")}
        places = [(topic, number) for topic, partitions in topics.items() for number in partitions]
        keys = [(topic, number) for topic, number in places if topics[topic][number].leader >= 0]
        begin = self._offsets(keys, OffsetSpec.earliest())
        end = self._offsets(keys, OffsetSpec.latest())
        self._follow(begin, end)
        self._configure(list(topics))
        partitions: dict[str, dict[int, Partition]] = {}
        for topic, one in about.topics.items():
            for number, partition in one.partitions.items():
                key = (topic, number)
                _, newest, newest_offset = self._newest.get(key, (0, None, None))
                partitions.setdefault(topic, {})[number] = Partition(
                    leader=partition.leader,
                    replicas=tuple(partition.replicas),
                    in_sync=tuple(partition.isrs),
                    begin=begin[key].offset if key in begin else None,
                    end=end[key].offset if key in end else None,
                    newest=newest,
                    newest_offset=newest_offset,
                    positions=self._positions.get(key, Positions()),
                )
        groups = self._groups(places)
        return Reading(len(about.brokers), partitions, dict(self._min_in_sync), groups, dict(self._retention))

    def _offsets(self, keys: Iterable[_Key], spec: Any) -> dict[_Key, ListOffsetsResultInfo]:
        """Kafka's answer for each partition; a partition without a leader or a deleted one is left out."""
        asked = {TopicPartition(topic, number): spec for topic, number in keys}
        if not asked:
            return {}
        futures = self._admin.list_offsets(asked, request_timeout=self._timeout)
        return {(at.topic, at.partition): found for at, found in _answers(futures).items()}

    def _follow(self, begin: Mapping[_Key, Any], end: Mapping[_Key, Any]) -> None:
        """Update the history of each partition: its past offsets, and its newest record if it has grown."""
        for gone in self._positions.keys() - end.keys():
            # Without a leader it only cannot be asked; its history stays true.
            if gone[0] not in {topic for topic, _ in end}:
                del self._positions[gone]
                self._newest.pop(gone, None)
        new = [key for key in end if key not in self._positions]
        self._positions |= {key: Positions() for key in new}
        filled = [key for key in new if end[key].offset > begin[key].offset] if new else []
        for ago in PAST if filled else ():
            then = self._clock() - ago
            for key, found in self._offsets(filled, OffsetSpec.for_timestamp(int(then * 1000))).items():
                self._positions[key].add(found.offset if found.offset >= 0 else end[key].offset, then)
        grown = [key for key in end if self._newest.get(key, (None,))[0] != end[key].offset]
        asked = [key for key in grown if key in begin and end[key].offset > begin[key].offset]
        found = self._offsets(asked, OffsetSpec.max_timestamp())
        for key in grown:
            answer = found.get(key)
            if answer is None or answer.offset < 0:
                self._newest[key] = (end[key].offset, None, None)
            else:
                newest = answer.timestamp / 1000
                self._newest[key] = (end[key].offset, newest, answer.offset)
                self._positions[key].add(end[key].offset, newest)

    def _configure(self, topics: list[str]) -> None:
        now = self._clock()
        fresh = now - self._configured < CONFIG_AGE
        asked = [topic for topic in topics if not (fresh and topic in self._min_in_sync)]
        if asked:
            resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in asked]
            found = _answers(self._admin.describe_configs(resources, request_timeout=self._timeout))
            for one, settings in found.items():
                self._min_in_sync[one.name] = int(settings["min.insync.replicas"].value)
                self._retention.pop(one.name, None)
                kept = int(settings["retention.ms"].value)
                if kept >= 0 and "delete" in settings["cleanup.policy"].value:
                    self._retention[one.name] = kept / 1000
        if not fresh:
            self._configured = now
        for gone in self._min_in_sync.keys() - set(topics):
            del self._min_in_sync[gone]
            self._retention.pop(gone, None)

    def _groups(self, places: list[_Key]) -> dict[str, Group]:
        listed = self._admin.list_consumer_groups(request_timeout=self._timeout).result()
        names = [group.group_id for group in listed.valid]
        if not names:
            return {}
        described = _answers(self._admin.describe_consumer_groups(names, request_timeout=self._timeout))
        with ThreadPoolExecutor(GROUPS_AT_ONCE) as pool:
            asked = {name: pool.submit(committed, self._settings, name, places, self._timeout) for name in names}
        members = {name: len(group.members) for name, group in described.items()}
        return {name: Group(members.get(name, 0), offsets) for name, offsets in _answers(asked).items()}


def _answers(futures: Mapping[Any, Future[Any]]) -> dict[Any, Any]:
    """The successful answers; raises the first error if all answers are errors."""
    found: dict[Any, Any] = {}
    failed: KafkaException | None = None
    for key, future in futures.items():
        try:
            found[key] = future.result()
        except KafkaException as error:
            failed = failed or error
    if failed and not found:
        raise failed
    return found
