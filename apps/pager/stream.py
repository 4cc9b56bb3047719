"""The pager's side of Kafka: the topic that it reads, and the two that it writes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin import OffsetSpec as Spec  # pyright: ignore[reportPrivateImportUsage] (its public name)

from pager.incidents import Record
from pager.logs import log, log_seldom
from pager.settings import Settings

# seconds for a record to be acknowledged, and for a broker's answer
_ACKNOWLEDGED = 20.0
_ASKED = 5.0
_MOST_AT_ONCE = 500


class FatalError(Exception):
    """The client cannot go on: the process has to begin anew."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Something for the dead-letter topic. record: the source. value: written instead of the record's value."""

    reason: str
    detail: str
    record: Record | None = None
    value: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of what it holds."""
        return len(self.value or b"") + (self.record.size if self.record else 0)

    def headers(self, topic: str) -> list[tuple[str, str | bytes | None]]:
        """The record's own headers, then where it came from and why it is here."""
        about = {"reason": self.reason, "detail": self.detail[:1000], "topic": topic}
        if self.record:
            about |= {"partition": str(self.record.partition), "offset": str(self.record.offset)}
        kept = self.record.headers if self.record else ()
        return [*kept, *((f"kafkalogs.{name}", text.encode()) for name, text in about.items())]


def connection(settings: Settings) -> dict[str, Any]:
    """What each client needs: where, and mTLS with the brokers' host names checked."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "client.id": "pager",
        "security.protocol": "SSL",
        "ssl.endpoint.identification.algorithm": "https",
        "ssl.ca.location": str(settings.ca),
        "ssl.certificate.location": str(settings.certificates / "user.crt"),
        "ssl.key.location": str(settings.certificates / "user.key"),
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 5000,
        # its messages come through error_cb
        "log_level": 0,
    }


def consumer_settings(settings: Settings) -> dict[str, Any]:
    """librdkafka's settings of the group's one member."""
    return {
        **connection(settings),
        "group.id": settings.group,
        # A member with a name takes its partitions back at once when it returns, also after a crash; a second process
        # of the name shuts the first one out.
        "group.instance.id": settings.group,
        "session.timeout.ms": 30_000,
        "partition.assignment.strategy": "cooperative-sticky",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        # Flink writes in transactions
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "queued.max.messages.kbytes": 8192,
        "topic.metadata.refresh.interval.ms": 30_000,
    }


def producer_settings(settings: Settings) -> dict[str, Any]:
    """librdkafka's settings for state and dead letters."""
    return {
        **connection(settings),
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "zstd",
        "linger.ms": 0,
        "message.timeout.ms": int(_ACKNOWLEDGED * 1000),
        # a dead letter is the largest record there is, with headers
        "message.max.bytes": 1024 * 1024 + 64 * 1024,
    }


class Stream:
    """A consumer that keeps the offsets that it read, and a producer that waits until all is written.

    revoked: called before partitions move to another consumer, while they can still be committed. gone: called with
    partitions that another consumer has now. Both are called during ``read``.
    """

    def __init__(
        self,
        settings: Settings,
        revoked: Callable[[], object],
        gone: Callable[[Iterable[int]], object],
        *,
        make_consumer: Callable[[dict[str, Any]], Consumer] = Consumer,
        make_producer: Callable[[dict[str, Any]], Producer] = Producer,
        make_admin: Callable[[dict[str, Any]], AdminClient] = AdminClient,
    ) -> None:
        self._settings = settings
        self._make_consumer = make_consumer
        self._revoked = revoked
        self._gone = gone
        self._fatal = ""
        self._paused = False
        self.assigned: set[int] = set()
        # partition to the offset behind the last record read, and to the committed one
        self.ends: dict[int, int] = {}
        self.committed: dict[int, int] = {}
        self._consumer = make_consumer({**consumer_settings(settings), "error_cb": self._trouble})
        self._producer = make_producer({**producer_settings(settings), "error_cb": self._trouble})
        # apart from the consumer, whose connections are busy waiting for records
        self._admin = make_admin({**connection(settings), "error_cb": self._trouble})

    def subscribe(self) -> None:
        """Begin to read."""
        self._consumer.subscribe(
            [self._settings.topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose
        )

    def kept(self, seconds: float = 60) -> dict[str, bytes]:
        """The saved states of incidents, by dedup key. Raises KafkaException when not all can be read."""
        topic = self._settings.state
        settings = {**consumer_settings(self._settings), "error_cb": self._trouble}
        # this consumer is a member of no group
        del settings["group.instance.id"]
        reader = self._make_consumer(settings)
        try:
            about = reader.list_topics(topic, timeout=_ASKED).topics[topic]
            if about.error or not about.partitions:
                raise KafkaException(about.error or KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
            todo = set(about.partitions)
            reader.assign([TopicPartition(topic, partition, 0) for partition in todo])
            states: dict[str, bytes | None] = {}
            deadline = time.monotonic() + seconds
            while todo:
                if time.monotonic() > deadline:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic} could not be read whole"))
                for message in reader.consume(_MOST_AT_ONCE, timeout=0.2):
                    error = message.error()
                    if error is None:
                        states[(message.key() or b"").decode(errors="replace")] = message.value()
                    elif error.code() == KafkaError._PARTITION_EOF:
                        todo.discard(message.partition() or 0)
                    else:
                        log_seldom("warning", "the kept state is not readable", reason=error.str())
            return {key: value for key, value in states.items() if value}
        finally:
            reader.close()

    def read(self, seconds: float) -> list[Record]:
        """The next records; waits up to so many seconds for the first. Raises FatalError."""
        first = self._consumer.poll(seconds)
        if self._fatal:
            raise FatalError(self._fatal)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(_MOST_AT_ONCE, timeout=0)]
        # a partition may have moved during the fetch: another consumer reads its records
        ours = (message for message in messages if message.error() or message.partition() in self.assigned)
        return [record for record in map(self._received, ours) if record]

    def pause(self, paused: bool) -> None:
        """Stop fetching, or go on."""
        if paused != self._paused:
            self._paused = paused
            (self._consumer.pause if paused else self._consumer.resume)(self._places(self.assigned))
            log("warning" if paused else "info", "reading is paused" if paused else "reading goes on")

    def write(self, states: Mapping[str, dict[str, Any] | None], letters: Iterable[Letter]) -> None:
        """Write states (None: delete) and dead letters. Raises KafkaException unless all are acknowledged."""
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error:
                failed.append(error)

        for key, state in states.items():
            value = None if state is None else json.dumps(state, ensure_ascii=False).encode()
            self._producer.produce(self._settings.state, value, key.encode(), on_delivery=delivered)
        for letter in letters:
            record = letter.record
            value = record.value if record and letter.value is None else letter.value
            self._producer.produce(
                self._settings.dead_letters,
                value,
                record.key if record else None,
                headers=letter.headers(self._settings.topic),
                on_delivery=delivered,
            )
        left = self._producer.flush(_ACKNOWLEDGED + 5)
        if failed or left:
            raise KafkaException(failed[0] if failed else KafkaError(KafkaError._TIMED_OUT))

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit what is not committed yet. Raises KafkaException."""
        wanted = {p: offset for p, offset in offsets.items() if p in self.assigned and self.committed.get(p) != offset}
        if not wanted:
            return
        places = [TopicPartition(self._settings.topic, partition, offset) for partition, offset in wanted.items()]
        for place in self._consumer.commit(offsets=places, asynchronous=False) or ():
            if place.error:
                raise KafkaException(place.error)
        self.committed |= wanted

    def caught_up(self) -> bool:
        """Whether the whole topic is read, by the brokers' answer; always False with only some of the partitions."""
        topic = self._settings.topic
        try:
            partitions = set(self._admin.list_topics(topic, timeout=_ASKED).topics[topic].partitions)
            if not partitions or not partitions <= self.assigned:
                return False
            latest: dict[TopicPartition, Any] = {TopicPartition(topic, p): Spec.latest() for p in partitions}
            asked = self._admin.list_offsets(
                latest, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_ASKED
            )
            return all(self.ends.get(place.partition, -1) >= end.result().offset for place, end in asked.items())
        except KafkaException as error:
            log_seldom("warning", "whether all is read is not known", reason=str(error))
            return False

    def close(self) -> None:
        """Leave the consumer group."""
        self._consumer.close()

    def _received(self, message: Message) -> Record | None:
        partition, offset = message.partition() or 0, message.offset() or 0
        error = message.error()
        if error is None:
            self.ends[partition] = offset + 1
            headers = tuple((name, _bytes(value)) for name, value in message.headers() or ())
            return Record(partition, offset, _bytes(message.key()), _bytes(message.value()), headers)
        if error.code() == KafkaError._PARTITION_EOF:
            # The end may lie behind the last record: marks of transactions take offsets too.
            self.ends[partition] = max(offset, self.ends.get(partition, 0))
        else:
            self._trouble(error)
        return None

    def _assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        consumer.incremental_assign(places)
        self.assigned |= {place.partition for place in places}
        if self._paused:
            consumer.pause(places)
        log("info", "partitions assigned", partitions=sorted(self.assigned))

    def _revoke(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._revoked()
        self._lose(consumer, places)

    def _lose(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        partitions = {place.partition for place in places}
        self.assigned -= partitions
        for partition in partitions:
            self.ends.pop(partition, None)
            self.committed.pop(partition, None)
        self._gone(partitions)
        log("info", "partitions gone", partitions=sorted(partitions))

    def _places(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._settings.topic, partition) for partition in partitions]

    def _trouble(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error.str()
        # "all brokers are down" follows every reason and explains none
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            log_seldom("warning", f"Kafka client: {error.name()}", detail=error.str())


def _bytes(value: Any) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
