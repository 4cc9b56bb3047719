"""From produce to `errors.critical`, to PagerDuty, to search, to S3: when each of them has a known critical event.

All times are of one clock, the machine's: every pod runs on it. A marker's time is read just before it is given to the
producer of its service, so waiting for a batch (linger, 50 ms) counts. Then:

- errors.critical: a consumer that reads committed records has it in its hands;
- PagerDuty: the stand-in accepted the event that opens its incident (`created`, in ms); each marker is a class of
  errors of its own, and so an incident;
- search: a query finds it; asked every POLL seconds, so up to that much is the question's, and half on average;
- S3: the time that the table's snapshot bears in which a reader first finds it, in ms.
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
"""How many, and seconds between two: 40 a minute, below the 60 that the pager tells PagerDuty at most."""
POLL = 0.25
HITS = "hits.hits._source.trace_id"
PATIENCE = 120.0
"""Seconds after the last marker in which it has to be everywhere."""


@dataclass
class Marks:
    """Markers by their trace ids: when each was written, and when it was seen where. Seconds since 1970."""

    run: str = field(default_factory=lambda: f"bench-{uuid.uuid4().hex[:12]}")
    written: dict[str, float] = field(default_factory=dict)
    seen: dict[str, dict[str, float]] = field(default_factory=dict)

    def see(self, where: str, trace: str, at: float) -> None:
        """Note the first time."""
        if trace in self.written:
            self.seen.setdefault(where, {}).setdefault(trace, at)

    def missing(self, where: str) -> set[str]:
        """The traces that were written but not seen at `where`."""
        return self.written.keys() - self.seen.get(where, {}).keys()

    def seconds(self, where: str) -> list[float]:
        """How long each took that was seen, sorted."""
        return sorted(at - self.written[trace] for trace, at in self.seen.get(where, {}).items())

    def event(self, number: int) -> LogEvent:
        """The next marker; its class of error is the run and its number."""
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
    """The smallest of the sorted values that so large a share of them does not exceed (nearest rank)."""
    return values[max(0, math.ceil(share * len(values)) - 1)]


class Watching:
    """Calls ``look`` in a thread until the block ends; the block's end raises what it raised."""

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
    """Looks at what comes into errors.critical from now on."""
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
    """Asks the search engine for the markers that it has not shown yet, over one connection."""
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
    """Notes when the stand-in accepted the incidents of the markers."""
    for incident in pipeline.incidents(sandbox):
        if marks.run in incident["dedup_key"]:
            trace = incident["payload"]["custom_details"]["trace_id"]
            marks.see("PagerDuty", trace, datetime.datetime.fromisoformat(incident["created"]).timestamp())


def archived(table: Any, marks: Marks, read: set[int]) -> None:
    """Notes in which snapshot of the table each marker is found first. read: the snapshots that need no second look."""
    from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, StartsWith

    first = min(marks.written.values())
    # an event's own time has whole milliseconds
    since = datetime.datetime.fromtimestamp(first - 0.001, datetime.UTC).isoformat()
    # the time and the service leave aside, by the table's statistics, all files but those of the run
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
    """Write markers among what the writer writes, and see where they come out. Waits PATIENCE seconds for the last."""
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
