"""Writes the service catalog: ``python3 -m catalog``. Afterwards the topic has the content of the file.

Only changes are written. A removed service gets a null, so that compaction deletes its record.

Environment: KAFKA_BOOTSTRAP, KAFKA_USER (a folder with the files user.crt and user.key), KAFKA_CA (a file),
CATALOG_TOPIC, CATALOG_FILE (a line of JSON for each service, its name in the field service).

Exit codes: 0 written, 1 Kafka accepted no records for five minutes, 2 wrong settings. The end of the output gives
the reason.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

UNAVAILABLE = 1
SETTINGS = 2

# Seconds of retries, and between them, while Kafka does not answer (or does not know the user yet).
PATIENCE = 300.0
PAUSE = 5.0
# Seconds that one request may take.
TIMEOUT = 30.0

Rows = dict[str, str]
"""The line of JSON of each service, by name."""


def wanted(file: Path) -> Rows:
    """The rows in the file."""
    lines = file.read_text().splitlines()
    return {str(json.loads(line)["service"]): line for line in lines}


def changes(present: Rows, rows: Rows) -> dict[str, str | None]:
    """The rows to write; None for a removed service."""
    new = {service: line for service, line in rows.items() if present.get(service) != line}
    return {**new, **dict.fromkeys(sorted(present.keys() - rows.keys()))}


def present(consumer: Consumer, topic: str) -> Rows:
    """The rows in the topic; raises KafkaException."""
    about = consumer.list_topics(topic, timeout=TIMEOUT).topics[topic]
    if about.error is not None:
        raise KafkaException(about.error)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in about.partitions])
    rows: Rows = {}
    open_ends, deadline = set(about.partitions), time.monotonic() + TIMEOUT
    while open_ends:
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic} was not read to its end"))
        message = consumer.poll(1)
        if message is None:
            continue
        error, key, value = message.error(), message.key(), message.value()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            open_ends.discard(message.partition())
        elif key is not None and value is not None:
            rows[key.decode()] = value.decode()
        elif key is not None:
            rows.pop(key.decode(), None)
    return rows


def write(producer: Producer, topic: str, rows: dict[str, str | None]) -> None:
    """Write all rows; raises KafkaException for the first row that Kafka did not acknowledge."""
    failed: list[KafkaError] = []

    def done(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error)

    for service, line in rows.items():
        producer.produce(topic, None if line is None else line.encode(), service.encode(), on_delivery=done)
    left = producer.flush(TIMEOUT)
    if failed or left:
        raise KafkaException(failed[0] if failed else KafkaError(KafkaError._TIMED_OUT, f"{left} not written"))


def attempt(client: dict[str, Any], topic: str, rows: Rows) -> int:
    """Write the changes to the topic; returns the number of records written."""
    reads = {"group.id": "stream.catalog", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({**client, **reads})
    try:
        missing = changes(present(consumer, topic), rows)
    finally:
        consumer.close()
    if missing:
        # A new producer for each attempt, so that it sends no records from an earlier one.
        write(Producer({**client, "acks": "all", "enable.idempotence": True}), topic, missing)
    return len(missing)


def until_taken(again: Callable[[], int]) -> int:
    """The exit code."""
    begun = time.monotonic()
    while True:
        try:
            print(f"{again()} services changed")
            return 0
        except KafkaException as error:
            print(f"Kafka does not take the catalog: {error}", flush=True)
            if time.monotonic() > begun + PATIENCE:
                return UNAVAILABLE
            time.sleep(PAUSE)


def main() -> int:
    """The exit code."""
    try:
        rows = wanted(Path(os.environ["CATALOG_FILE"]))
        topic, user = os.environ["CATALOG_TOPIC"], Path(os.environ["KAFKA_USER"])
        client = {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"],
            "security.protocol": "SSL",
            "ssl.ca.location": os.environ["KAFKA_CA"],
            "ssl.certificate.location": str(user / "user.crt"),
            "ssl.key.location": str(user / "user.key"),
        }
    except (KeyError, TypeError, ValueError, OSError) as error:
        print(f"catalog: wrong settings: {error!r}")
        return SETTINGS
    return until_taken(lambda: attempt(client, topic, rows))


if __name__ == "__main__":
    sys.exit(main())
