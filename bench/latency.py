"""The latency from produce to `errors.critical`, PagerDuty, search and S3, measured with known critical events.

All times come from one clock: that of the machine, on which all pods run. The time of a marker (a known event) is read
just before its service's producer gets the marker, so the wait for a batch (linger, 50 ms) counts. A marker arrives:

- errors.critical: when a consumer of committed records gets the marker;
- PagerDuty: when the stand-in accepted the event that opens the marker's incident (`created`, in ms); each marker has
  its own error class, and so its own incident;
- search: when a query finds the marker; there is a query every POLL seconds, which adds up to POLL, half on average;
- S3: at the time of the first snapshot of the table that contains the marker, in ms.
"""

from __future__ import annotations

import datetime
import http.client
import json
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from kafkalogs.client.logevent import LogEvent

from bench.events import Writer
from tests.support import kafka, pipeline
from tests.support.sandbox import Sandbox

SERVICE, TOPIC = "checkout-service", "logs.checkout-service"
CRITICAL = "errors.critical"
MARKERS, EVERY = 100, 1.5
"""The number of markers, and seconds between two: 40 per minute; the pager sends PagerDuty at most 60."""
POLL = 0.25
HITS = "hits.hits._source.trace_id"
PATIENCE = 120.0
"""Seconds within which the last marker must arrive everywhere."""


@dataclass
class Marks:
    """Markers by trace id: when each was written, and when it arrived at each place. Seconds since 1970."""

    run: str = field(default_factory=lambda: f"bench-{uuid.uuid4().hex[:12]}")
    written: dict[str, float] = field(default_factory=dict)
    seen: dict[str, dict[str, float]] = field(default_factory=dict)

    def see(self, where: str, trace: str, at: float) -> None:
        """Record when a marker first arrived at ``where``."""
        if trace in self.written:
            self.seen.setdefault(where, {}).setdefault(trace, at)

    def missing(self, where: str) -> set[str]:
        """The traces that were written but not seen at `where`."""
        return self.written.keys() - self.seen.get(where, {}).keys()

    def seconds(self, where: str) -> list[float]:
        """The latencies of the markers that arrived, sorted."""
        return sorted(at - self.written[trace] for trace, at in self.seen.get(where, {}).items())

    def event(self, number: int) -> LogEvent:
        """The next marker; its error class is the run and the marker's number."""
        trace, now = uuid.uuid4().hex, time.time()
        self.written[trace] = now
        return LogEvent(
            timestamp=datetime.datetime.fromtimestamp(now, datetime.UTC),
            service=SERVICE,
            level="critical",
            message=f"{self.run}: marker {number}",
            trace_id=trace,
            span_id=trace[:16],
            instance="bench-0",
            attributes={"error_class": f"{self.run}-{number}", "run": self.run},
        )


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile ``share`` of sorted values, by the nearest rank."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


class Watching:
    """Calls ``look`` in a thread until the block ends; the end of the block raises an error of ``look``."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._look()
        except BaseException as error:
            self._error = error


def critical_topic(sandbox: Sandbox, user: str, marks: Marks) -> Callable[[], None]:
    """A function that reads the markers in new records of errors.critical."""
    more = {"group.id": f"{user}.critical", "isolation.level": "read_committed", "enable.auto.commit": False}
    reader = Consumer(kafka.settings(sandbox, user, **more))
    partitions = reader.list_topics(CRITICAL, timeout=20).topics[CRITICAL].partitions
    ends = {p: reader.get_watermark_offsets(TopicPartition(CRITICAL, p), timeout=20)[1] for p in partitions}
    reader.assign([TopicPartition(CRITICAL, partition, end) for partition, end in ends.items()])

    def look() -> None:
        for message in reader.consume(500, timeout=0.05):
            now, value = time.time(), message.value()
            if message.error() is None and value and marks.run.encode() in value:
                marks.see("errors.critical", json.loads(value)["trace_id"], now)

    return look


@contextmanager
def index(sandbox: Sandbox, marks: Marks) -> Iterator[Callable[[], None]]:
    """A function that queries the search engine for the missing markers, over one connection."""
    engine = pipeline.search(sandbox)
    headers = {"Authorization": engine.login.header(), "Content-Type": "application/json"}
    with engine.way.listening(f"https://elasticsearch.{pipeline.SPACE}.svc:9200", engine.trust) as port:
        connection = http.client.HTTPConnection("localhost", port, timeout=30)

        def look() -> None:
            asked = time.time()
            pending = sorted(marks.missing("search"))
            if pending:
                query = {"size": len(pending), "query": {"terms": {"trace_id": pending}}, "_source": ["trace_id"]}
                connection.request("POST", f"/logs-*/_search?filter_path={HITS}", json.dumps(query), headers)
                answer = connection.getresponse()
                found = json.loads(answer.read())
                assert answer.status == 200, found
                now = time.time()
                for hit in found.get("hits", {}).get("hits", []):
                    marks.see("search", hit["_source"]["trace_id"], now)
            time.sleep(max(0.0, asked + POLL - time.time()))

        yield look


def paged(sandbox: Sandbox, marks: Marks) -> None:
    """Record when the stand-in accepted the incidents of the markers."""
    for incident in pipeline.incidents(sandbox):
        if marks.run in incident["dedup_key"]:
            trace = incident["payload"]["custom_details"]["trace_id"]
            marks.see("PagerDuty", trace, datetime.datetime.fromisoformat(incident["created"]).timestamp())


def archived(table: Any, marks: Marks, read: set[int]) -> None:
    """Record the first snapshot of the table with each marker. read: the snapshots that need no second scan."""
    from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, StartsWith

    first = min(marks.written.values())
    # the timestamp of an event has whole milliseconds
    since = datetime.datetime.fromtimestamp(first - 0.001, datetime.UTC).isoformat()
    # with the table's statistics, the time and the service exclude all files but those of the run
    wanted = And(
        And(EqualTo("service", SERVICE), GreaterThanOrEqual("timestamp", since)), StartsWith("message", marks.run)
    )
    for snapshot in sorted(table.snapshots(), key=lambda one: one.timestamp_ms):
        at = snapshot.timestamp_ms / 1000
        if at < first or snapshot.snapshot_id in read or not marks.missing("S3"):
            continue
        scan = table.scan(row_filter=wanted, selected_fields=("trace_id",), snapshot_id=snapshot.snapshot_id)
        for trace in scan.to_arrow().column("trace_id").to_pylist():
            marks.see("S3", trace, at)
        read.add(snapshot.snapshot_id)


def measure(sandbox: Sandbox, user: str, writer: Writer, count: int = MARKERS, every: float = EVERY) -> Marks:
    """Write markers among the writer's events, and record their arrivals. Waits PATIENCE seconds for the last one."""
    marks, read = Marks(), set[int]()
    with index(sandbox, marks) as searched, pipeline.archive(sandbox) as archive:
        with Watching(critical_topic(sandbox, user, marks)), Watching(searched):
            for number in range(count):
                writer.write(marks.event(number), TOPIC)
                time.sleep(every)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until and (marks.missing("errors.critical") or marks.missing("search")):
                time.sleep(1)
        while True:
            last = time.monotonic() >= until
            paged(sandbox, marks)
            archive.table.refresh()
            archived(archive.table, marks, read)
            if last or not (marks.missing("PagerDuty") or marks.missing("S3")):
                return marks
            time.sleep(5)
