"""Clients for the tests: plain confluent-kafka with the Secrets read from the cluster, apart from the package's own."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.support.sandbox import Sandbox


def secret(sandbox: Sandbox, name: str) -> dict[str, str]:
    """A Secret's entries that are text."""
    data = sandbox.get("secret", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items() if not key.endswith(".p12")}


def bootstrap(sandbox: Sandbox) -> str:
    return f"localhost:{sandbox.port}"


def cluster_ca(sandbox: Sandbox) -> str:
    return secret(sandbox, "logs-cluster-ca-cert")["ca.crt"]


def settings(sandbox: Sandbox, user: str, **more: Any) -> dict[str, Any]:
    """mTLS settings of a user through the listener that is reached from outside the cluster."""
    own = secret(sandbox, user)
    return {
        "bootstrap.servers": bootstrap(sandbox),
        "security.protocol": "SSL",
        "ssl.ca.pem": cluster_ca(sandbox),
        "ssl.certificate.pem": own["user.crt"],
        "ssl.key.pem": own["user.key"],
        "log_level": 0,
        **more,
    }


def admin(sandbox: Sandbox, user: str) -> AdminClient:
    return AdminClient(settings(sandbox, user))


class Writer:
    """A producer that counts what was acknowledged. acks=all and idempotent unless told otherwise."""

    def __init__(self, sandbox: Sandbox, user: str, **more: Any) -> None:
        self.producer = Producer(
            settings(sandbox, user, **{"acks": "all", "enable.idempotence": True, "linger.ms": 5, **more})
        )
        self.acked: list[bytes] = []
        self.errors: list[KafkaError] = []
        # the longest time in seconds from a write to its acknowledgement
        self.slowest = 0.0

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.acked.append(message.value() or b"")
            self.slowest = max(self.slowest, message.latency() or 0.0)
        else:
            self.errors.append(error)

    def write(self, topic: str, value: bytes, key: bytes | None = None, at: float = 0) -> None:
        """at: the record's time, in seconds since 1970; now if it is 0."""
        while True:
            try:
                self.producer.produce(topic, value, key, on_delivery=self._delivered, timestamp=round(at * 1000))
                break
            except BufferError:
                self.producer.poll(0.1)
        self.producer.poll(0)

    def flush(self, seconds: float = 60) -> None:
        left = self.producer.flush(seconds)
        assert left == 0, f"{left} records neither acknowledged nor refused after {seconds} s"


def end_offsets(sandbox: Sandbox, user: str, topic: str) -> dict[int, int]:
    reader = Consumer(settings(sandbox, user, **{"group.id": "operations.offsets"}))
    try:
        partitions = reader.list_topics(topic, timeout=20).topics[topic].partitions
        return {p: reader.get_watermark_offsets(TopicPartition(topic, p), timeout=20)[1] for p in partitions}
    finally:
        reader.close()


def read_all(
    sandbox: Sandbox, user: str, topics: Iterable[str], *, group: str | None = None, seconds: float = 90
) -> list[Message]:
    """Every record of the topics, from the start to the end offsets of now."""
    group = group or f"{user.removeprefix('team-')}.{uuid.uuid4().hex}"
    reader = Consumer(
        settings(sandbox, user, **{"group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    )
    messages: list[Message] = []
    try:
        todo: dict[tuple[str, int], int] = {}
        for topic in topics:
            for partition in reader.list_topics(topic, timeout=20).topics[topic].partitions:
                low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
                if high > low:
                    todo[(topic, partition)] = high
        reader.assign([TopicPartition(t, p, 0) for t, p in todo])
        deadline = time.monotonic() + seconds
        while todo:
            assert time.monotonic() < deadline, f"still unread after {seconds} s: {todo}"
            for message in reader.consume(1000, timeout=1):
                error = message.error()
                assert error is None, error
                messages.append(message)
                place = (message.topic() or "", message.partition() or 0)
                if place in todo and (message.offset() or 0) + 1 >= todo[place]:
                    del todo[place]
        return messages
    finally:
        reader.close()


def read_committed(sandbox: Sandbox, user: str, topic: str, *, seconds: float = 90) -> list[Message]:
    """Every record of a topic that is not of an open or aborted transaction. Offsets have gaps where transactions end,
    so the end of each partition is where the broker says it is."""
    more = {"group.id": f"{user}.{uuid.uuid4().hex}", "isolation.level": "read_committed", "enable.partition.eof": True}
    reader = Consumer(settings(sandbox, user, **more, **{"enable.auto.commit": False}))
    messages: list[Message] = []
    try:
        todo = set(reader.list_topics(topic, timeout=20).topics[topic].partitions)
        reader.assign([TopicPartition(topic, partition, 0) for partition in todo])
        deadline = time.monotonic() + seconds
        while todo:
            assert time.monotonic() < deadline, f"partitions {todo} of {topic} still unread after {seconds} s"
            for message in reader.consume(1000, timeout=1):
                error = message.error()
                if error is None:
                    messages.append(message)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    todo.discard(message.partition())
        return messages
    finally:
        reader.close()


def refused(sandbox: Sandbox, user: str, topic: str) -> str:
    """The name of the error that a write answers; fails if it is accepted."""
    # Not idempotent: such a producer is refused before it names a topic.
    writer = Writer(sandbox, user, **{"message.timeout.ms": 15000, "enable.idempotence": False})
    writer.write(topic, b"{}")
    writer.flush()
    assert writer.errors, f"{user} could write to {topic}"
    return writer.errors[0].name()
