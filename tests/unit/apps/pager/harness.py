"""A pager on a fake broker, told to PagerDuty's stand-in without a network, on a clock of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pager.pager as loop
import pager.stream as stream
from pager.api import Answer, judge
from pager.incidents import Book
from pager.metrics import Metrics
from pager.pace import Backoff, TokenBucket
from pager.routing_key import RoutingKey
from pagerduty.alerts import Alerts
from pagerduty.trouble import answer

from .world import KEY, Admin, Broker, Clock, Consumer, Producer, settings_of


class Crash(BaseException):
    """The process is killed."""


class Line:
    """The way to PagerDuty: what goes wrong on it is decided by ``fate``, event by event."""

    def __init__(self, alerts: Alerts) -> None:
        self.alerts = alerts
        self.fate: Callable[[], str | None] = lambda: None
        self.sent: list[dict[str, Any]] = []

    def send(self, body: bytes) -> Answer:
        event = json.loads(body)
        self.sent.append(event)
        fate = self.fate()
        if fate == "crash before":
            raise Crash
        if fate == "refuse":
            return Answer("failed", "network", "no route")
        if fate in ("429", "500", "503", "400"):
            return judge(answer(fate)[0], json.dumps(answer(fate)[1]).encode())
        status, document = self.alerts.enqueue(body)
        if fate == "crash after":
            raise Crash
        if fate == "lose":
            return Answer("failed", "network", "connection closed")
        return judge(status, json.dumps(document).encode())


class Harness:
    """One pager after another on the same broker and the same account."""

    def __init__(self, folder: Path, broker: Broker | None = None, seed: int = 0, **settings: str) -> None:
        self.clock = Clock()
        loop.time = stream.time = self.clock  # type: ignore[assignment]
        self.settings = settings_of(folder, **{"PAGER_QUIET": "60", "PAGER_UPDATE": "20", **settings})
        self.broker = broker or Broker()
        self.alerts = Alerts(lambda: {KEY})
        self.line = Line(self.alerts)
        self.chance = random.Random(seed)
        self.renewed = False
        self.start()

    def start(self) -> None:
        """A new process, which knows nothing but what Kafka has."""
        self.metrics = Metrics()
        self.consumers: list[Consumer] = []

        def consumer(settings: dict[str, Any]) -> Consumer:
            self.consumers.append(Consumer(self.broker, settings))
            return self.consumers[-1]

        def make(revoked: Any, gone: Any) -> stream.Stream:
            self.stream = stream.Stream(
                self.settings, revoked, gone,
                make_consumer=consumer,  # type: ignore[arg-type]
                make_producer=lambda _: Producer(self.broker),  # type: ignore[arg-type,return-value]
                make_admin=lambda _: Admin(self.broker),  # type: ignore[arg-type,return-value]
            )  # fmt: skip
            return self.stream

        self.book = Book(self.settings.quiet, self.settings.update)
        self.backoff = Backoff(self.settings.retry, self.settings.retry_longest, self.settings.throttled, self.chance)
        self.pager = loop.Pager(
            stream=make,
            pagerduty=loop.PagerDuty(
                api=self.line,  # type: ignore[arg-type]
                routing_key=RoutingKey(self.settings.routing_key),
                bucket=TokenBucket(self.settings.per_minute, self.settings.burst, self.clock.monotonic()),
                backoff=self.backoff,
            ),
            book=self.book,
            metrics=self.metrics,
            renewed=lambda: self.renewed,
        )
        assert self.pager._restore()
        self.stream.subscribe()

    @property
    def consumer(self) -> Consumer:
        return self.consumers[0]

    def turns(self, count: int = 1, seconds: float = 0.25) -> None:
        for _ in range(count):
            self.pager.turn()
            self.clock.now += seconds

    def until(self, done: Callable[[], bool], seconds: float = 600) -> None:
        """Turn until something is so."""
        deadline = self.clock.now + seconds
        while not done():
            assert self.clock.now < deadline, f"not within {seconds} s"
            self.turns()

    def open(self) -> dict[str, int]:
        """The open alerts, with the records that PagerDuty knows of."""
        return {
            a["dedup_key"]: a["payload"]["custom_details"]["records"] for a in self.alerts.all() if not a["resolved"]
        }

    def dead(self) -> list[tuple[bytes | None, dict[str, bytes]]]:
        return [(value, headers) for _, value, headers in self.broker.written["dlq.pager"]]
