"""Records that readers cannot take, or hardly.

Records that a reader must refuse are dead letters, which the campaign counts too. All others must be in each sink.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tests.chaos import node
from tests.chaos.load import Load
from tests.chaos.state import BROKERS, SPACE, in_sync
from tests.support.run import PROBE, PROBE_TOPIC, Record, probe_record
from tests.support.sandbox import Sandbox

ALL_LETTERS = ("dlq.archive", "dlq.search", "dlq.stream")
"""The dead letters of all that read the probe's topic."""

SINKS_LETTERS = ("dlq.archive", "dlq.search")

TOO_LONG = 600_000
"""Bytes of an event that no reader takes: sinks take at most 524,288, the stream job fewer characters."""

LEVELS = 900
"""Nested arrays: the sinks take 100 levels; parsers that recurse end at 1,000 or so."""

DAYS = 615

LARGE, LARGE_EVENTS = 500_000, 600
"""Bytes of the text of a large event, and how many are in a batch: more than consumers take at once by default."""

ONE_BATCH = {
    "compression.type": "zstd",
    "message.max.bytes": 2 * LARGE * LARGE_EVENTS,
    "batch.size": 2 * LARGE * LARGE_EVENTS,
    "linger.ms": 60_000,
}
"""A producer that waits until all large events are in one batch, or it is flushed. Kafka limits a batch as it is
compressed."""


def no_events(load: Load, count: int) -> list[Record]:
    """Records of the probe that are no log events."""
    values = [f"no event {number} of {load.run.id}".encode() for number in range(count)]
    return [Record(PROBE, PROBE_TOPIC, b"poison", value, "info", False) for value in values]


def poison_by_size(platform: Sandbox, load: Load) -> None:
    """Five events are longer than any reader takes."""
    load.spoil([too_long(load.run.id, number) for number in range(5)], *ALL_LETTERS)


def too_long(run: str, number: int) -> Record:
    """An event of the probe that Kafka takes and no reader."""
    return probe_record(run, "info", number, fill="x" * TOO_LONG)


def poison_by_nesting(platform: Sandbox, load: Load) -> None:
    """Ten events have 900 levels of arrays in their attributes, and the sinks take 100."""
    load.spoil([nested(load.run.id, number) for number in range(10)], *SINKS_LETTERS)


def nested(run: str, number: int) -> Record:
    """An event of the probe with nested arrays in its attributes."""
    event = probe_record(run, "info", number, deep="@")
    arrays = b"[" * LEVELS + b"]" * LEVELS
    return dataclasses.replace(event, value=event.value.replace(b'"@"', arrays))


def events_of_many_days(platform: Sandbox, load: Load) -> None:
    """The events of a minute are of 615 days, each of which needs a file of its own in the archive."""
    load.add([ago(load.run.id, number, timedelta(days=number)) for number in range(DAYS)])


def a_clock_is_ahead(platform: Sandbox, load: Load) -> None:
    """The clock of a service is an hour and a minute ahead, for a minute."""
    _with_a_wrong_clock(load, timedelta(minutes=61))


def a_clock_is_behind(platform: Sandbox, load: Load) -> None:
    """The clock of a service is 20 min behind, for a minute."""
    _with_a_wrong_clock(load, -timedelta(minutes=20))


def _with_a_wrong_clock(load: Load, ahead: timedelta) -> None:
    for first in range(0, 60, 5):
        load.add([ago(load.run.id, first + number, -ahead) for number in range(5)], ahead.total_seconds())
        time.sleep(5)


def ago(run: str, number: int, age: timedelta) -> Record:
    """An event of the probe that happened so long ago, by its own clock."""
    event = probe_record(run, "info", number)
    document = json.loads(event.value) | {"timestamp": (datetime.now(UTC) - age).isoformat(timespec="milliseconds")}
    return dataclasses.replace(event, value=json.dumps(document).encode())


def a_small_batch_of_large_events(platform: Sandbox, load: Load) -> None:
    """A compressed batch of less than 1 MiB has 600 events of 500 KB; the stream job takes no event so long."""
    events = [large(load.run.id, number) for number in range(LARGE_EVENTS)]
    load.add(events, **ONE_BATCH)
    load.expect_letters(events, "dlq.stream")


def large(run: str, number: int) -> Record:
    """An event of the probe of almost the largest size that sinks take; all have one key, so one partition."""
    event = probe_record(run, "info", number)
    text = ("a large event " * LARGE)[:LARGE]
    document = json.loads(event.value) | {"message": text}
    return dataclasses.replace(event, key=b"one batch", value=json.dumps(document).encode())


def dead_letters_are_below_their_min_isr(platform: Sandbox, load: Load) -> None:
    """The topics of dead letters refuse writes for 60 s, because a replica is away, while poison is written."""
    first, *others = (node.addresses(platform, name)[0] for name in BROKERS)
    both = [pair for other in others for pair in ((first, other), (other, first))]
    with _all_replicas_needed(platform, ALL_LETTERS), node.dropped(platform, both):
        platform.wait("a replica is away", lambda: not in_sync(platform), 60)
        load.spoil(no_events(load, 20), *ALL_LETTERS)
        time.sleep(60)


@contextmanager
def _all_replicas_needed(platform: Sandbox, topics: tuple[str, ...]) -> Iterator[None]:
    """Topics that take a write only when all three replicas have it."""
    before = {topic: platform.get("kafkatopic", topic)["spec"]["config"]["min.insync.replicas"] for topic in topics}

    def change(topic: str, replicas: int) -> None:
        patch = json.dumps({"spec": {"config": {"min.insync.replicas": replicas}}})
        platform.kubectl(*SPACE, "patch", "kafkatopic", topic, "--type=merge", "-p", patch)

    def done(topic: str) -> bool:
        found = platform.get("kafkatopic", topic)
        ready = [c for c in found["status"]["conditions"] if c["type"] == "Ready" and c["status"] == "True"]
        return bool(ready) and found["status"]["observedGeneration"] == found["metadata"]["generation"]

    try:
        for topic in topics:
            change(topic, len(BROKERS))
        platform.wait("Kafka has the settings", lambda: all(done(topic) for topic in topics), 60)
        yield
    finally:
        for topic, replicas in before.items():
            change(topic, replicas)
