"""Replay of a text log: each line becomes one log event on a service's topic.

An event's message is the line; ``textlog`` reads level and time from it. Trace and span ids follow from the
file's name, the line's number and the line's text, so a line that is sent twice has the same trace id.

The replay saves the place before which all lines are acknowledged by Kafka or rejected. After an error or an
interruption (SIGINT, SIGTERM) the next run continues there and sends no line before that place again. It sends two
kinds of acknowledged line again: those after a line that failed, and those of the last second before a kill.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b

from confluent_kafka import KafkaError, Message

from kafkalogs.client.connect import FLUSH_SECONDS, Producer
from kafkalogs.client.logevent import Level, LogEvent
from kafkalogs.client.settings import RECORD_OVERHEAD, Catalog, LogType
from kafkalogs.replay.file import Line, LogFile, Place, ReplayState
from kafkalogs.replay.textlog import guess_level, leading_time

EMPTY = "empty"
BINARY = "binary (NUL bytes)"
ENCODING = "not UTF-8"
TOO_LONG = "too long for the topic"

# The most lines that wait for an acknowledgement: they stay in memory when one partition is stuck.
_WINDOW = 50_000
# Seconds between two writes of the place, and to wait for acknowledgements after an error.
_SAVE = 1.0
_FLUSH_AFTER_ERROR = 10.0


@dataclass(frozen=True)
class Destination:
    """The target of the events and their fields. level: of all events; None: read from each line.

    instance: the process that wrote the log.
    """

    catalog: Catalog
    service: str
    log_type: LogType | None
    level: Level | None
    instance: str

    def __post_init__(self) -> None:
        self.catalog.service(self.service).topic(self.type, self.level or "info")

    @property
    def type(self) -> str:
        """The log type: as given, else application, else the first that the service writes."""
        service = self.catalog.service(self.service)
        if self.log_type or service.layout == "level" or "application" in service.topics:
            return self.log_type or "application"
        return next(iter(service.topics))

    @property
    def topics(self) -> list[str]:
        """The topics that events may go to."""
        service = self.catalog.service(self.service)
        if service.layout == "level" and self.level is None:
            return sorted(set(service.topics.values()))
        return [service.topic(self.type, self.level or "info")]

    @property
    def longest(self) -> int:
        """Bytes of the longest value that any of the topics accepts."""
        return max(self.catalog.topics[topic].max_message_bytes for topic in self.topics) - RECORD_OVERHEAD


@dataclass(frozen=True)
class Result:
    """The result of one run; ``read == sent + sum(rejected) + unacknowledged``.

    rejected: lines by reason; first_rejected: the number of the first line by reason.
    place: what all runs together have reached. error: Kafka's error, if it stopped the run.
    """

    read: int
    sent: int
    rejected: dict[str, int]
    first_rejected: dict[str, int]
    unacknowledged: int
    place: Place
    error: str
    interrupted: bool


@dataclass(slots=True)
class _UnderWay:
    """A line that waits for an acknowledgement, without its text; ``outcome`` is set when the line is settled."""

    number: int
    end: int
    outcome: str = ""


_SENT = "sent"


class Replay:
    """One run over a file. ``stop()`` ends it early; no line is lost or sent twice."""

    def __init__(
        self, file: LogFile, state: ReplayState, place: Place, destination: Destination, producer: Producer
    ) -> None:
        self._file = file
        self._state = state
        self._place = place
        self._to = destination
        self._service = destination.catalog.service(destination.service)
        self._producer = producer
        self._line_limit = destination.longest
        self._under_way: deque[_UnderWay] = deque()
        self._waiting = 0
        self._failed = 0
        self._read = 0
        self._sent = 0
        self._rejected: Counter[str] = Counter()
        self._first_rejected: dict[str, int] = {}
        self._error = ""
        self._stopped = False
        self._saved = time.monotonic()
        self._now = datetime.now(UTC)

    def stop(self) -> None:
        """End early; ``run`` still waits for the acknowledgements of lines already sent."""
        self._stopped = True

    def run(self, progress: Callable[[int], None]) -> Result:
        """Send all lines after the place; ``progress`` is called with the file offset reached."""
        for line in self._file.lines(self._place, self._line_limit):
            self._take(line)
            if self._read % 256 == 0:
                self._serve(0)
                progress(line.end)
            while len(self._under_way) >= _WINDOW and not (self._stopped or self._error):
                self._serve(0.1)
            if self._stopped or self._error:
                break
        self._finish()
        progress(self._place.offset)
        return Result(
            read=self._read,
            sent=self._sent,
            rejected=dict(self._rejected),
            first_rejected=self._first_rejected,
            unacknowledged=self._waiting + self._failed,
            place=self._place,
            error=self._error,
            interrupted=self._stopped and self._place.offset < self._file.size,
        )

    def _finish(self) -> None:
        """Wait for acknowledgements. Lines that Kafka does not acknowledge in time are reported as unacknowledged."""
        patience = _FLUSH_AFTER_ERROR if self._error else FLUSH_SECONDS
        deadline = time.monotonic() + patience
        while self._waiting and time.monotonic() < deadline:
            self._producer.flush(0.5)
            self._keep(final=False)
        if self._waiting and not self._error:
            self._error = f"Kafka sent no acknowledgement for the remaining lines within {patience:.0f} s"
        self._keep(final=True)

    def _take(self, line: Line) -> None:
        """Count one line, and send it or reject it."""
        entry = _UnderWay(line.number, line.end)
        self._read += 1
        made = self._event(line)
        if isinstance(made, str):
            self._under_way.append(entry)
            self._rejected[made] += 1
            self._first_rejected.setdefault(made, line.number)
            self._settle(entry, made)
            return
        topic, key, value = made
        while not (self._stopped or self._error):
            try:
                self._producer.produce(topic, value, key, on_delivery=partial(self._delivered, entry))
            except BufferError:
                self._serve(0.1)
                continue
            self._under_way.append(entry)
            self._waiting += 1
            return
        self._read -= 1

    def _event(self, line: Line) -> tuple[str, bytes, bytes] | str:
        """Topic, key and value of a line's event; or the reason for rejecting the line."""
        if line.length == 0:
            return EMPTY
        if line.text is None:
            return TOO_LONG
        if b"\0" in line.text:
            return BINARY
        try:
            text = line.text.decode()
        except UnicodeDecodeError:
            return ENCODING
        if not text.strip():
            return EMPTY
        level = self._to.level or guess_level(text)
        attributes: dict[str, str | int] = {"source_file": self._file.path.name, "source_line": line.number}
        timed = leading_time(text, self._file.modified)
        if timed:
            attributes["source_time"] = timed[1]
        ids = blake2b(
            b"%s\0%d\0%s" % (self._file.path.name.encode(), line.number, line.text), digest_size=24
        ).hexdigest()
        event = LogEvent(
            timestamp=timed[0] if timed else self._now,
            service=self._to.service,
            level=level,
            message=text,
            trace_id=ids[:32],
            span_id=ids[32:],
            instance=self._to.instance,
            attributes=attributes,
        )
        name = self._service.topic(self._to.type, level)
        topic = self._to.catalog.topics[name]
        value = event.to_json()
        if len(value) > topic.max_message_bytes - RECORD_OVERHEAD:
            return TOO_LONG
        return name, event.key(topic.partition_by), value

    def _delivered(self, entry: _UnderWay, error: KafkaError | None, message: Message) -> None:
        self._waiting -= 1
        if error is not None:
            self._failed += 1
            self._error = self._error or f"{message.topic()}: {error.name()} ({error.str()})"
            return
        self._sent += 1
        self._settle(entry, _SENT)

    def _settle(self, entry: _UnderWay, outcome: str) -> None:
        """Set a line's outcome, and move the place past all settled lines at the front of the queue."""
        entry.outcome = outcome
        while self._under_way and (first := self._under_way[0]).outcome:
            self._under_way.popleft()
            self._place.offset, self._place.line = first.end, first.number
            if first.outcome == _SENT:
                self._place.delivered += 1
            else:
                self._place.rejected[first.outcome] = self._place.rejected.get(first.outcome, 0) + 1

    def _serve(self, seconds: float) -> None:
        self._producer.poll(seconds)
        self._keep(final=False)

    def _keep(self, *, final: bool) -> None:
        if final or time.monotonic() - self._saved >= _SAVE:
            self._state.save(self._place)
            self._saved = time.monotonic()
