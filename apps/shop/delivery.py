"""Writes events to Kafka, and counts and logs each lost event."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from shop.settings import Route, Settings
from shop.traffic import Event

# Seconds between two lines about the same failure.
_QUIET = 10.0


def producer_settings(settings: Settings, route: Route) -> dict[str, Any]:
    """librdkafka's settings; its buffers are small because many services share a machine."""
    return {
        "bootstrap.servers": route.bootstrap,
        "client.id": settings.instance,
        "security.protocol": "SSL",
        "ssl.endpoint.identification.algorithm": "https",
        "ssl.ca.location": str(settings.ca),
        "ssl.certificate.location": str(settings.certificates / "user.crt"),
        "ssl.key.location": str(settings.certificates / "user.key"),
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "zstd",
        "linger.ms": 100,
        "message.max.bytes": max(1000, route.largest),
        "batch.size": max(1000, min(100_000, route.largest)),
        "queue.buffering.max.kbytes": 8192,
        "queue.buffering.max.messages": 20000,
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 5000,
        # its messages come through error_cb
        "log_level": 0,
    }


def encode(event: Event, trace_id: str, begin: float, instance: str) -> bytes:
    """The record value: one line of JSON. begin: when the request began, in seconds since 1970."""
    moment = datetime.fromtimestamp(begin + event.offset, UTC)
    document = {
        "timestamp": moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z",
        "service": event.service,
        "level": event.level,
        "message": event.message,
        "trace_id": trace_id,
        "span_id": event.span_id,
        "instance": instance,
        "attributes": event.attributes,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def key(event: Event, trace_id: str, partition_by: str, instance: str) -> bytes:
    """The record key; the trace id where an event has no user."""
    if partition_by == "instance_id":
        return instance.encode()
    if partition_by == "user_id":
        return str(event.attributes.get("user_id") or trace_id).encode()
    return trace_id.encode()


def say(message: str, **more: Any) -> None:
    """Write a line of JSON to the process's log."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    print(json.dumps({"timestamp": now, "message": message, **more}), flush=True)


class Delivery:
    """One service's producer and its counts: every event is acknowledged, failed or still in the buffer."""

    def __init__(self, settings: Settings, route: Route, make: Callable[[dict[str, Any]], Producer] = Producer) -> None:
        self._instance = settings.instance
        self._route = route
        self._said: dict[str, float] = {}
        self.events = 0
        self.acknowledged = 0
        self.failed: Counter[str] = Counter()
        self.topics: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()
        self.fatal = ""
        self._producer = make({**producer_settings(settings, route), "error_cb": self._trouble})

    def send(self, event: Event, trace_id: str, begin: float, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Put one event into the buffer; waits while the buffer is full. False on a stop or a fatal error meanwhile."""
        topic = self._route.topic(event.type, event.level)
        value = encode(event, trace_id, begin, self._instance)
        record_key = key(event, trace_id, self._route.keys[topic], self._instance)
        while not (stopping() or self.fatal):
            try:
                self._producer.produce(topic, value, record_key, on_delivery=self._delivered)
            except BufferError:
                self._say_seldom("the buffer is full: waiting for Kafka", waiting=len(self._producer))
                self._producer.poll(0.2)
                continue
            self.events += 1
            self.topics[topic] += 1
            self.levels[event.level] += 1
            return True
        return False

    def poll(self, seconds: float) -> None:
        """Serve delivery reports for up to `seconds`."""
        self._producer.poll(seconds)

    def flush(self, seconds: float) -> int:
        """Wait for events in the buffer; returns how many are then neither acknowledged nor failed."""
        return self._producer.flush(seconds)

    def counts(self) -> dict[str, Any]:
        """The counts of events, as one JSON object."""
        return {
            "events": self.events,
            "acknowledged": self.acknowledged,
            "failed": self.failed.total(),
            "topics": dict(sorted(self.topics.items())),
            "levels": dict(sorted(self.levels.items())),
        }

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.acknowledged += 1
            return
        self.failed[error.name()] += 1
        self._say_seldom("an event was not delivered", topic=message.topic(), reason=error.name(), detail=error.str())

    def _trouble(self, error: KafkaError) -> None:
        if error.fatal():
            self.fatal = error.str()
        self._say_seldom("Kafka client", reason=error.name(), detail=error.str())

    def _say_seldom(self, message: str, **more: Any) -> None:
        what = f"{message}:{more.get('topic')}:{more.get('reason')}"
        if time.monotonic() - self._said.get(what, -_QUIET) >= _QUIET:
            self._said[what] = time.monotonic()
            say(message, **more, failed_so_far=self.failed.total())
