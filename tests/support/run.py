"""A known run: events of the shop and of a probe, which every part of the pipeline must treat in exact numbers.

The shop is a function of a seed, so what some of its requests log is known beforehand; they are written here with the
certificates of its services. Its `instance` tells a run's events from all others, wherever they are found.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kafkalogs.client.settings import Catalog
from shop.delivery import encode, key
from shop.traffic import LONGEST, Event, events_of, incident, trace_of

from tests.support import kafka
from tests.support.sandbox import Sandbox

PROBE = "pipeline-probe"
PROBE_TOPIC = f"logs.{PROBE}"
SEED = 8
REQUESTS = 120
CRITICAL = 12
CLASSES = ("CardDeclined", "Timeout", "DiskFull")
"""The classes of the probe's critical errors, before the run's id."""


@dataclass(frozen=True)
class Record:
    """One event on its way. user: whose certificate writes it."""

    user: str
    topic: str
    key: bytes
    value: bytes
    level: str
    audit: bool


@dataclass
class Run:
    """id: the instance of all its events. records: in the order of their writing."""

    id: str
    records: list[Record]
    written: int = 0
    _writers: dict[str, kafka.Writer] = field(default_factory=dict)

    def write(self, platform: Sandbox, share: float = 1.0, seconds: float = 0) -> None:
        """Write this share of all its records, evenly over the time, and have them acknowledged."""
        part = self.records[self.written : self.written + round(len(self.records) * share + 0.5)]
        before = {user: len(writer.acked) for user, writer in self._writers.items()}
        started = time.monotonic()
        for number, record in enumerate(part):
            if record.user not in self._writers:
                patient = {"message.timeout.ms": 120_000}
                self._writers[record.user] = kafka.Writer(platform, record.user, **patient)
            self._writers[record.user].write(record.topic, record.value, record.key)
            time.sleep(max(0.0, started + seconds * number / len(part) - time.monotonic()))
        for user, writer in self._writers.items():
            writer.flush(120)
            assert not writer.errors, f"{user}: {writer.errors[0].str()}"
        acked = sum(len(writer.acked) - before.get(user, 0) for user, writer in self._writers.items())
        assert acked == len(part)
        self.written += len(part)

    @property
    def now(self) -> list[Record]:
        """What has been written."""
        return self.records[: self.written]

    def failures(self) -> Counter[str]:
        """How many events of the levels that the stream job looks for have been written."""
        return Counter(record.level for record in self.now if record.level in ("error", "critical"))

    def audits(self) -> int:
        return sum(record.audit for record in self.now)

    def topics(self) -> set[str]:
        return {record.topic for record in self.records}


def shop_run(catalog: Catalog, *, block: int = 0, requests: int = REQUESTS, probes: int = CRITICAL) -> Run:
    """Requests of the shop during an incident, and the probe's critical errors spread among them.

    block: another one has other requests.
    """
    run, begin = uuid.uuid4().hex, time.time() - LONGEST
    first = incident(SEED, block).first
    records = [
        record_of(catalog, event, trace_of(SEED, k), begin, run)
        for k in range(first, first + requests)
        for event in events_of(SEED, k)
        if event.type in catalog.services[event.service].topics
    ]
    for number in range(probes):
        probe = probe_record(run, "critical", number, error_class=f"{CLASSES[number % len(CLASSES)]} {run}")
        records.insert(number * len(records) // probes, probe)
    return Run(run, records)


def probe_record(run: str, level: str, number: int, service: str = PROBE, **attributes: Any) -> Record:
    """An event of a service of the tests' own."""
    attributes = {"number": number, **attributes}
    event = Event(service, "application", level, f"probe {number}", f"{number + 1:016x}", 0, attributes)
    trace = uuid.uuid4().hex
    return Record(service, f"logs.{service}", trace.encode(), encode(event, trace, time.time(), run), level, False)


def record_of(catalog: Catalog, event: Event, trace: str, begin: float, run: str) -> Record:
    topic = catalog.services[event.service].topics[event.type]
    record_key = key(event, trace, catalog.topics[topic].partition_by, run)
    audit = event.type == "audit"
    return Record(event.service, topic, record_key, encode(event, trace, begin, run), event.level, audit)


def of(run: Run, values: Iterable[bytes | None]) -> list[dict[str, Any]]:
    """The run's events among values of records."""
    # its id is also in what parts of the platform log of it
    events = [json.loads(value) for value in values if value and run.id.encode() in value]
    return [event for event in events if event["instance"] == run.id]
