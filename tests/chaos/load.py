"""The load of the campaign: events of the shop and of a probe, written without a pause while a fault comes and goes."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from kafkalogs.client.settings import Catalog
from shop.journeys import TYPES
from shop.traffic import LONGEST, events_of, incident, trace_of

from tests.support import kafka
from tests.support.run import CLASSES, PROBE, SEED, Record, Run, probe_record, record_of
from tests.support.sandbox import Sandbox

RATE = 20.0
"""Events a second; a fault must be seen, not the machine's limit."""

PATIENCE = 900
"""Seconds in which a producer tries to have a record acknowledged: longer than every fault of the campaign."""

PROBES = 25
"""One of so many events is a critical error of the probe."""


class Load:
    """Writes until its block ends, then waits until Kafka has acknowledged everything.

    run: what was written, in the form that the checks of the sinks take. Each load has an id of its own, so each fault
    has counts of its own.

    letters: the records that no sink may take, by the topic of dead letters that must have them.
    """

    def __init__(self, platform: Sandbox, catalog: Catalog, block: int) -> None:
        self.run = Run(uuid.uuid4().hex, [])
        self.letters: dict[str, list[bytes]] = {}
        self._records = self._endless(catalog, block)
        patient = {"message.timeout.ms": PATIENCE * 1000}
        users = [PROBE, *(service for service in TYPES if service in catalog.services)]
        self._writers = {user: kafka.Writer(platform, user, **patient) for user in users}
        self._platform, self._patient = platform, patient
        self._others: list[kafka.Writer] = []
        self._topics, self._held = set(catalog.topics), set[str]()
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._error: Exception | None = None

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        if kind is None:
            self._finish()

    @property
    def acknowledged(self) -> int:
        """The records that Kafka has acknowledged so far."""
        return sum(len(writer.acked) for writer in (*self._writers.values(), *self._others))

    @property
    def slowest(self) -> float:
        """The longest time in seconds from a write to its acknowledgement."""
        return max(writer.slowest for writer in self._writers.values())

    def incidents(self) -> dict[str, int]:
        """The critical errors of the probe that were written, by class."""
        names = [f"{name} {self.run.id}" for name in CLASSES]
        return dict(Counter(name for record in self.run.now for name in names if name.encode() in record.value))

    def add(self, records: list[Record], ahead: float = 0, **settings: Any) -> None:
        """Write records that all sinks must have, with a producer of their own, and have them acknowledged.

        ahead: seconds by which its clock is fast. settings: of the producer; all records are of one user.
        """
        writer = self._write_apart(records, ahead, **settings)
        self._others.append(writer)
        self.run.records.extend(records)

    def spoil(self, records: list[Record], *topics: str) -> None:
        """Write records that must be in these topics of dead letters and nowhere else, and have them acknowledged."""
        self._write_apart(records)
        self.expect_letters(records, *topics)

    def expect_letters(self, records: list[Record], *topics: str) -> None:
        """These records must be in these topics of dead letters."""
        for topic in topics:
            self.letters.setdefault(topic, []).extend(record.value for record in records)

    @contextmanager
    def held(self, *topics: str) -> Iterator[None]:
        """Nothing is written into these topics, or into any topic if none is named, for a block.

        What was written before is acknowledged when the block begins.
        """
        with self._writing:
            self._held = set(topics or self._topics)
            users = {record.user for record in self.run.records if record.topic in self._held}
        try:
            for user in users:
                self._writers[user].flush(PATIENCE)
            yield
        finally:
            with self._writing:
                self._held = set()

    def _write_apart(self, records: list[Record], ahead: float = 0, **settings: Any) -> kafka.Writer:
        writer = kafka.Writer(self._platform, records[0].user, **self._patient, **settings)
        for record in records:
            writer.write(record.topic, record.value, record.key, time.time() + ahead)
        writer.flush(PATIENCE)
        assert not writer.errors, writer.errors[0].str()
        return writer

    def _finish(self) -> None:
        if self._error is not None:
            raise self._error
        for user, writer in self._writers.items():
            writer.flush(PATIENCE)
            assert not writer.errors, f"{user}: {writer.errors[0].str()}"
        self.run.written = len(self.run.records)
        assert self.acknowledged == self.run.written > 0

    def _write(self) -> None:
        due = time.monotonic()
        try:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due += 1 / RATE
                record = next(self._records)
                with self._writing:
                    if record.topic not in self._held:
                        self._writers[record.user].write(record.topic, record.value, record.key)
                        self.run.records.append(record)
                for writer in self._writers.values():
                    writer.producer.poll(0)
        except Exception as error:  # raised again by the thread that waits
            self._error = error

    def _endless(self, catalog: Catalog, block: int) -> Iterator[Record]:
        number, request = 0, incident(SEED, block).first
        while True:
            begin = time.time() - LONGEST
            for event in events_of(SEED, request):
                if event.type not in catalog.services[event.service].topics:
                    continue
                if number % PROBES == 0:
                    error_class = f"{CLASSES[number // PROBES % len(CLASSES)]} {self.run.id}"
                    yield probe_record(self.run.id, "critical", number, error_class=error_class)
                yield record_of(catalog, event, trace_of(SEED, request), begin, self.run.id)
                number += 1
            request += 1
