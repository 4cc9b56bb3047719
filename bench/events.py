"""Realistic events at any rate: one block of the demo shop's requests, repeated with new traces."""

from __future__ import annotations

import datetime
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, Message, Producer
from kafkalogs.client import settings as client
from kafkalogs.client.cluster_access import ClusterAccess
from kafkalogs.client.logevent import LogEvent, format_timestamp
from kafkalogs.client.settings import Catalog
from shop.traffic import BLOCK, events_of, trace_of

SEED = 7
START = b'{"timestamp":"'
TIME = len(format_timestamp(datetime.datetime.now(datetime.UTC)))
# Seconds between two rounds of the writer; each round writes all events that are due.
TICK = 0.01


@dataclass(frozen=True, slots=True)
class Template:
    """An event without its time and trace. key: None if the trace id is the key."""

    service: str
    topic: str
    before: bytes
    trace: tuple[int, bytes]
    after: bytes
    key: bytes | None

    def made(self, now: bytes, salt: int) -> tuple[bytes, bytes]:
        """Key and value of the event at time ``now``; events with the same trace and salt get the same new trace."""
        trace = b"%08x" % (self.trace[0] ^ salt) + self.trace[1]
        return self.key or trace, START + now + self.before + trace + self.after


def templates(catalog: Catalog, requests: int = BLOCK) -> list[Template]:
    """The events of the shop's first requests, without those whose service or topic is not in the catalog.

    A whole block has the shop's long-term share of failures, and contains one incident.
    """
    made: list[Template] = []
    for k in range(requests):
        for event in events_of(SEED, k):
            service = catalog.services.get(event.service)
            key: Any = event.type if service is None or service.layout != "level" else event.level
            if service is None or key not in service.topics:
                continue
            topic = service.topics[key]
            by = catalog.topics[topic].partition_by
            trace = trace_of(SEED, k)
            whole = LogEvent(
                timestamp=datetime.datetime.now(datetime.UTC),
                service=event.service,
                level=event.level,  # pyright: ignore[reportArgumentType] (the shop's levels are the schema's)
                message=event.message,
                trace_id=trace,
                span_id=event.span_id,
                instance="bench-0",
                attributes=event.attributes,
            )
            fixed = whole.key(by)
            before, after = whole.to_json()[len(START) + TIME :].split(trace.encode(), 1)
            made.append(
                Template(
                    event.service,
                    topic,
                    before,
                    (int(trace[:8], 16), trace[8:].encode()),
                    after,
                    None if fixed == trace.encode() else fixed,
                )
            )
    return made


def mean_bytes(of: list[Template]) -> float:
    """The mean size of an event's value."""
    return len(START) + TIME + 32 + sum(len(one.before) + len(one.after) for one in of) / len(of)


class Writer:
    """Writes events at ``rate`` per second; each service has a producer with the service's certificate.

    The settings are those that the platform gives to every service (`kafkalogs.client.producer`: acks=all, idempotent,
    zstd, linger 50 ms). ``failed``: records that Kafka did not accept. ``throttled``: how often a broker throttled a
    producer because its quota was used up.
    """

    def __init__(self, access: ClusterAccess, catalog: Catalog, events: list[Template]) -> None:
        self.rate = 0.0
        self.failed = 0
        self.throttled = 0
        self._events = events
        self._salt = random.getrandbits(32)
        self._place = 0
        self._stop = threading.Event()
        self._producers = {
            service: Producer(
                {
                    **client.producer(
                        catalog, service, access.credentials(catalog.cluster, service), bootstrap=catalog.external
                    ),
                    "delivery.report.only.error": True,
                    "on_delivery": self._refused,
                    "throttle_cb": self._held_back,
                    "log_level": 0,
                }
            )
            for service in {one.service for one in events}
        }
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for producer in self._producers.values():
            producer.flush(30)

    def write(self, event: LogEvent, topic: str) -> None:
        """Write an additional event with the producer of its service; the record's key is the trace id."""
        self._producers[event.service].produce(topic, event.to_json(), event.trace_id.encode())

    def _run(self) -> None:
        last, owed = time.monotonic(), 0.0
        while not self._stop.wait(TICK):
            now = time.monotonic()
            # At most one second of delayed events is written later; more would be an unwanted burst.
            owed = min(owed + self.rate * (now - last), self.rate)
            last = now
            stamp = format_timestamp(datetime.datetime.now(datetime.UTC)).encode()
            for _ in range(int(owed)):
                self._next(stamp)
            owed -= int(owed)
            for producer in self._producers.values():
                producer.poll(0)

    def _next(self, stamp: bytes) -> None:
        event = self._events[self._place]
        key, value = event.made(stamp, self._salt)
        while not self._stop.is_set():
            try:
                self._producers[event.service].produce(event.topic, value, key)
                break
            except BufferError:
                self._producers[event.service].poll(0.05)
        self._place += 1
        if self._place == len(self._events):
            self._place, self._salt = 0, random.getrandbits(32)

    def _refused(self, error: KafkaError | None, _: Message) -> None:
        self.failed += error is not None

    def _held_back(self, event: Any) -> None:
        self.throttled += event.throttle_time > 0
