"""Dead-letter topics in Kafka: read from a place on, and sent again in transactions.

A transaction holds records for the source topics and the offset behind their letters, so a letter is sent once, also
if the command ends in between. The offset's metadata tells of the letters before it that could not be sent. Two runs
at the same time have the same transactional id: Kafka ends the first.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from kafkalogs.client.cluster_access import AccessError
from kafkalogs.client.settings import Trouble
from kafkalogs.config import limits
from kafkalogs.config.naming import DEAD_LETTER_PREFIX
from kafkalogs.kafka.letters_user import GROUP_PREFIX, LETTERS
from kafkalogs.letters.letter import Letter, letter_of

_SECONDS = 15.0
_SILENCE = 30.0
"""Seconds without a record, before its partition's end, after which Kafka counts as unreachable."""

_AT_ONCE = 500
"""Letters in one transaction."""

_COMMIT = 60.0

NO_SOURCE = "its headers do not say where it comes from"
GONE = "its topic or partition does not exist any more"
CUT = "longer than the stream job takes, so it would come back"


@dataclass(frozen=True)
class Skips:
    """The letters of a partition that runs passed without sending them. last: the offset of the newest of them."""

    count: int = 0
    last: int = -1

    def __str__(self) -> str:
        """As it stands in the metadata of a committed offset."""
        return f"skipped={self.count} last={self.last}" if self.count else ""


def skips_of(metadata: str | None, begin: int) -> Skips:
    """What the metadata of a committed offset tells, until Kafka has deleted all that were skipped; begin: the oldest
    offset. The metadata of an earlier version tells nothing."""
    found = re.fullmatch(r"skipped=(\d+) last=(\d+)", metadata or "")
    return Skips(int(found[1]), int(found[2])) if found and int(found[2]) >= begin else Skips()


@dataclass(frozen=True)
class Box:
    """A dead-letter topic. begin, end: its oldest offset and its next one; sent: the offset up to which runs looked at
    letters; skips: those of them that were not sent; all by partition."""

    topic: str
    begin: Mapping[int, int]
    end: Mapping[int, int]
    sent: Mapping[int, int]
    skips: Mapping[int, Skips] = field(default_factory=dict[int, Skips])

    @property
    def waiting(self) -> int:
        """Offsets at which no run looked: the letters, and the markers of transactions among them."""
        return sum(self.end[number] - self.first(number) for number in self.end)

    @property
    def skipped(self) -> int:
        """Letters that runs skipped. What Kafka has deleted since counts until the newest one is deleted too."""
        return sum(skips.count for skips in self.skips.values())

    def first(self, number: int) -> int:
        """The offset of the first letter of a partition at which no run looked."""
        return min(max(self.begin[number], self.sent.get(number, 0)), self.end[number])


@dataclass
class Sent:
    """What one run did. skipped: letters by reason."""

    sent: int = 0
    skipped: dict[str, int] = field(default_factory=dict[str, int])

    def skip(self, reason: str) -> None:
        """Count a letter that is not sent."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


class Letters:
    """The dead letters of a cluster. settings: librdkafka's, of the connection. Methods raise AccessError."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._trouble = Trouble()
        self._settings = {"log_level": 0, **settings, "error_cb": self._trouble}

    def topics(self) -> list[str]:
        """The names of the dead-letter topics."""
        return sorted(name for name in self._partitions() if name.startswith(DEAD_LETTER_PREFIX))

    def box(self, topic: str) -> Box:
        """How full a dead-letter topic is."""
        with closing(self._consumer(topic)) as consumer:
            try:
                numbers = sorted(consumer.list_topics(topic, _SECONDS).topics[topic].partitions)
                places = [TopicPartition(topic, number) for number in numbers]
                marks = {place.partition: consumer.get_watermark_offsets(place, _SECONDS) for place in places}
                committed = consumer.committed(places, _SECONDS)
            except KafkaException as error:
                raise self._error(error) from error
        return Box(
            topic,
            {number: mark[0] for number, mark in marks.items()},
            {number: mark[1] for number, mark in marks.items()},
            {at.partition: at.offset for at in committed if at.offset >= 0},
            {at.partition: skips_of(at.metadata, marks[at.partition][0]) for at in committed},
        )

    def read(self, box: Box, *, everything: bool) -> Iterator[Letter]:
        """The letters in their order. everything: also those at which runs looked before."""
        start = {number: box.begin[number] if everything else box.first(number) for number in box.end}
        left = {number: box.end[number] for number in box.end if start[number] < box.end[number]}
        with closing(self._consumer(box.topic)) as consumer:
            try:
                consumer.assign([TopicPartition(box.topic, number, start[number]) for number in left])
                yield from self._until(consumer, left)
            except KafkaException as error:
                raise self._error(error) from error

    def _until(self, consumer: Consumer, left: dict[int, int]) -> Iterator[Letter]:
        heard = time.monotonic()
        while left:
            message = consumer.poll(1.0)
            if message is None:
                if time.monotonic() - heard > _SILENCE:
                    raise AccessError(f"Kafka sent no dead letter within {_SILENCE:.0f} s{self._because()}")
                continue
            heard, number = time.monotonic(), int(message.partition() or 0)
            if error := message.error():
                if error.code() != KafkaError._PARTITION_EOF:  # pyright: ignore[reportPrivateUsage] (its public name)
                    raise KafkaException(error)
                left.pop(number, None)
                continue
            if number not in left:
                continue
            if int(message.offset() or 0) >= left[number]:
                del left[number]
                continue
            yield letter_of(message)
            if int(message.offset() or 0) + 1 >= left[number]:
                del left[number]

    def send(self, topic: str, done: Sent, *, everything: bool, limit: int | None) -> None:
        """Send letters to where they come from, in their order. limit: the most that this run looks at. `done` counts
        what is committed, also if this raises AccessError."""
        there = self._partitions()
        try:
            producer = self._producer(topic)
        except KafkaException as error:
            raise self._error(error) from error
        # Only now: until the new producer had ended it, another run could go on sending.
        box = self.box(topic)
        skips = {} if everything else dict(box.skips)
        with closing(self._consumer(box.topic)) as group:
            letters = islice(self.read(box, everything=everything), limit)
            while portion := list(islice(letters, _AT_ONCE)):
                reasons = [unsendable(letter, there) for letter in portion]
                for letter, reason in zip(portion, reasons, strict=True):
                    if reason:
                        before = skips.get(letter.partition, Skips())
                        skips[letter.partition] = Skips(before.count + 1, letter.offset)
                sendable = [letter for letter, reason in zip(portion, reasons, strict=True) if not reason]
                self._commit(producer, group, sendable, _places(portion, skips))
                done.sent += len(sendable)
                for reason in filter(None, reasons):
                    done.skip(reason)

    def _commit(
        self, producer: Producer, group: Consumer, letters: list[Letter], offsets: list[TopicPartition]
    ) -> None:
        """Send letters in one transaction, with the offsets behind all that were looked at."""
        failed: list[str] = []
        try:
            producer.begin_transaction()
            try:
                for letter in letters:
                    _produce(producer, letter, failed)
                if producer.flush(_COMMIT) and not failed:
                    failed.append(f"not acknowledged within {_COMMIT:.0f} s")
                if failed:
                    raise AccessError(f"Kafka did not take a record again: {failed[0]}{self._because()}")
                producer.send_offsets_to_transaction(offsets, group.consumer_group_metadata(), _COMMIT)
                producer.commit_transaction(_COMMIT)
            except BaseException:
                _abort(producer)
                raise
        except KafkaException as error:
            raise self._error(error) from error

    def _partitions(self) -> dict[str, int]:
        """How many partitions each topic has."""
        with closing(self._consumer("any")) as consumer:
            try:
                found = consumer.list_topics(timeout=_SECONDS).topics
            except KafkaException as error:
                raise self._error(error) from error
        return {name: len(about.partitions) for name, about in found.items()}

    def _consumer(self, topic: str) -> Consumer:
        own = {
            "group.id": f"{GROUP_PREFIX}{topic}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            # a broker sends a larger first batch too
            "fetch.message.max.bytes": limits.letter_batch(limits.LARGEST_BATCH),
        }
        try:
            return Consumer(cast("Any", {**self._settings, **own}))
        except KafkaException as error:
            raise self._error(error) from error

    def _producer(self, topic: str) -> Producer:
        own = {
            "transactional.id": f"{GROUP_PREFIX}{topic}",
            "acks": "all",
            "compression.type": "zstd",
            # before compression; the source topic limits what is stored
            "message.max.bytes": limits.LETTER_RECORD,
            "queue.buffering.max.kbytes": 4 * limits.LETTER_RECORD // 1024,
        }
        producer = Producer(cast("Any", {**self._settings, **own}))
        producer.init_transactions(_COMMIT)
        return producer

    def _error(self, error: KafkaException) -> AccessError:
        said = str(error.args[0].str())
        if "FENCED" in str(error.args[0].name()):
            said = f"{said}; another run sends the letters of this topic"
        return AccessError(f"Kafka, asked as {LETTERS}: {said}{self._because(said)}")

    def _because(self, said: str = "") -> str:
        last = self._trouble.last
        return f"; last: {last}" if last and last != said else ""


def unsendable(letter: Letter, there: Mapping[str, int]) -> str:
    """Why a letter cannot be sent again; empty if it can. there: partitions by topic."""
    if letter.source is None:
        return NO_SOURCE
    topic, partition, _ = letter.source
    if partition >= there.get(topic, 0):
        return GONE
    return CUT if letter.reason.startswith("longer than ") else ""


def _places(letters: list[Letter], skips: Mapping[int, Skips]) -> list[TopicPartition]:
    """The offset behind the last letter of each partition, with what was skipped before it."""
    last = {letter.partition: letter for letter in letters}
    return [
        TopicPartition(letter.topic, number, letter.offset + 1, metadata=str(skips.get(number, Skips())))
        for number, letter in last.items()
    ]


def _produce(producer: Producer, letter: Letter, failed: list[str]) -> None:
    assert letter.source is not None
    topic, partition, _ = letter.source

    def delivered(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failed.append(f"{letter.place} to {topic}: {error.str()}")

    while True:
        try:
            producer.produce(topic, letter.value, letter.key, partition, delivered, headers=cast("Any", letter.again))
            producer.poll(0)
        except BufferError:
            producer.poll(0.1)
        else:
            return


def _abort(producer: Producer) -> None:
    """Give a transaction up; Kafka itself gives it up if it cannot be told."""
    try:
        producer.abort_transaction(_SECONDS)
    except KafkaException:
        return
