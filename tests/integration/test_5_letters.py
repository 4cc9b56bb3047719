"""Dead letters are sent again in Kafka's own transactions: each once, with its partition, key and headers."""

from __future__ import annotations

import sys
from collections import Counter

from confluent_kafka import Message

from tests.support import kafka
from tests.support.sandbox import Sandbox

TOPIC, SERVICE, PARTITION = "logs.cart-service", "cart-service", 1
MARK = "sent-again-from"
POISON = [b"no log event %d" % number for number in range(20)]


def send(platform: Sandbox) -> str:
    return platform.run(sys.executable, "-m", "kafkalogs.cli", "letters", "send", "search").text


def written(platform: Sandbox, reader: str) -> list[Message]:
    """The poison that consumers of committed records see in the source topic."""
    found = kafka.read_committed(platform, reader, TOPIC)
    return [message for message in found if message.value() in POISON]


def marks(messages: list[Message]) -> Counter[object]:
    return Counter(value for message in messages for name, value in message.headers() or [] if name == MARK)


def test_letters_are_sent_again_once_to_where_they_come_from(platform: Sandbox, reader: str) -> None:
    writer = kafka.Writer(platform, SERVICE)
    for number, value in enumerate(POISON):
        headers = [("number", str(number).encode())]
        writer.producer.produce(TOPIC, value, b"key", PARTITION, headers=headers)
    writer.flush()
    assert len(written(platform, reader)) == len(POISON)

    def listed() -> bool:
        command = (sys.executable, "-m", "kafkalogs.cli", "letters", "list")
        said = platform.run(*command).text
        return f" of {TOPIC}: " in said

    platform.wait("the poison among the dead letters", listed, 180)
    send(platform)
    send(platform)
    found = written(platform, reader)
    again = marks(found)
    # The poison comes back as new letters, which the second run may send too: but no letter is sent twice.
    assert len(again) >= len(POISON)
    assert set(again.values()) == {1}
    assert {(message.partition(), message.key()) for message in found} == {(PARTITION, b"key")}
    first = [message.value() for message in found if MARK in dict(message.headers() or [])][: len(POISON)]
    assert first == POISON
    assert all("number" in dict(message.headers() or []) for message in found)
