"""The load of the campaign: events of the shop and of a probe, written without a pause while a fault comes and goes."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from types import TracebackType

from kafkalogs.client.settings import Catalog
from shop.traffic import LONGEST, events_of, incident, trace_of

from tests.support import kafka
from tests.support.run import CLASSES, SEED, Record, Run, probe_record, record_of
from tests.support.sandbox import Sandbox

RATE = 20.0
"""Events a second; a fault must be seen, not the machine's limit."""

PATIENCE = 900
"""Seconds in which a producer tries to have a record acknowledged: longer than every fault of the campaign."""

PROBES = 25
"""One of so many events is a critical error of the probe."""


class Load:
    """Writes until its block ends, then waits until Kafka has acknowledged everything.

    run: what was written, in the form that the checks of the sinks take. stall: the longest time in seconds in which
    Kafka acknowledged nothing. Each load has an id of its own, so each fault has counts of its own.
    """

    def __init__(self, platform: Sandbox, catalog: Catalog, block: int) -> None:
        self.run = Run(uuid.uuid4().hex, [])
        self.stall = 0.0
        self._platform = platform
        self._records = self._endless(catalog, block)
        self._writers: dict[str, kafka.Writer] = {}
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
        return sum(len(writer.acked) for writer in self._writers.values())

    def incidents(self) -> dict[str, int]:
        """The critical errors of the probe that were written, by class."""
        names = [f"{name} {self.run.id}" for name in CLASSES]
        return dict(Counter(name for record in self.run.now for name in names if name.encode() in record.value))

    def _finish(self) -> None:
        if self._error is not None:
            raise self._error
        for user, writer in self._writers.items():
            writer.flush(PATIENCE)
            assert not writer.errors, f"{user}: {writer.errors[0].str()}"
        self.run.written = len(self.run.records)
        assert self.acknowledged == self.run.written > 0

    def _write(self) -> None:
        seen, since, due = 0, time.monotonic(), time.monotonic()
        try:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due += 1 / RATE
                record = next(self._records)
                self._writer(record.user).write(record.topic, record.value, record.key)
                self.run.records.append(record)
                for writer in self._writers.values():
                    writer.producer.poll(0)
                now = time.monotonic()
                if (acknowledged := self.acknowledged) > seen:
                    seen, since = acknowledged, now
                self.stall = max(self.stall, now - since)
        except Exception as error:  # raised again by the thread that waits
            self._error = error

    def _writer(self, user: str) -> kafka.Writer:
        if user not in self._writers:
            self._writers[user] = kafka.Writer(self._platform, user, **{"message.timeout.ms": PATIENCE * 1000})
        return self._writers[user]

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
