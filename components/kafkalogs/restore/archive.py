"""Log events out of the archive: the rows of its Iceberg table as the records that they were in Kafka.

They are read in slices of time, each in the order in which Kafka had them, so that memory holds one slice and a run
that was interrupted goes on at the beginning of one. Every event that is written again says in its attribute
``restored_from`` where it was first (topic/partition/offset); those are left out when the archive is read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from kafkalogs.client.logevent import LogEvent, LogEventError
from kafkalogs.client.settings import Service

ORIGIN = "restored_from"
SLICE = timedelta(minutes=5)
_COLUMNS = (
    *("timestamp", "service", "level", "message", "trace_id", "span_id", "instance", "attributes", "extra"),
    *("kafka_topic", "kafka_partition", "kafka_offset"),
)


class ArchiveError(Exception):
    """The archive cannot be read. Its text says what to do."""


@dataclass(frozen=True)
class Archived:
    """One event. value: the record, with its origin. topic: where it was."""

    event: LogEvent
    value: bytes
    topic: str


@dataclass(frozen=True)
class Slice:
    """The events of one span of time. broken: the places of rows that are no log events."""

    begin: datetime
    end: datetime
    events: Sequence[Archived]
    broken: Sequence[str]


def open_table(catalog: str, table: str) -> Any:
    """The archive's table, found by PyIceberg's own configuration. Raises ArchiveError."""
    try:
        from pyiceberg.catalog import load_catalog
    except ModuleNotFoundError as error:
        raise ArchiveError("PyIceberg is not installed; restoring needs: pip install 'pyiceberg[pyarrow]'") from error
    try:
        return load_catalog(catalog).load_table(table)
    # Each kind of catalog has errors of its own; none of their texts holds a password.
    except Exception as error:
        raise ArchiveError(
            f"the table {table} of the catalog {catalog!r} cannot be opened: {type(error).__name__}: {error}; "
            "docs/production.md shows how PyIceberg is told of the archive"
        ) from error


def slices(table: Any, service: str, begin: datetime, end: datetime, length: timedelta = SLICE) -> Iterator[Slice]:
    """The events of a service from ``begin`` to before ``end``. Raises ArchiveError."""
    from pyiceberg import expressions

    # Any: its expressions are classes whose constructors checkers do not know.
    to: Any = expressions
    there = {field.name for field in table.schema().fields}
    if missing := [name for name in _COLUMNS if name not in there]:
        raise ArchiveError(f"the table has no column {', '.join(missing)}: it is not an archive of log events")
    while begin < end:
        until = min(begin + length, end)
        after, before = (
            to.GreaterThanOrEqual("timestamp", begin.isoformat()),
            to.LessThan("timestamp", until.isoformat()),
        )
        wanted = to.And(to.EqualTo("service", service), to.And(after, before))
        try:
            rows: list[dict[str, Any]] = table.scan(wanted, selected_fields=_COLUMNS).to_arrow().to_pylist()
        except OSError as error:
            raise ArchiveError(f"the archive's files cannot be read: {error}") from error
        rows.sort(key=lambda row: (row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]))
        yield _slice(begin, until, rows)
        begin = until


def _slice(begin: datetime, end: datetime, rows: Sequence[Mapping[str, Any]]) -> Slice:
    events: list[Archived] = []
    broken: list[str] = []
    for row in rows:
        place = f"{row['kafka_topic']}/{row['kafka_partition']}/{row['kafka_offset']}"
        try:
            if (found := _archived(row, place)) is not None:
                events.append(found)
        except (LogEventError, ValueError, TypeError, RecursionError):
            broken.append(place)
    return Slice(begin, end, events, broken)


def _archived(row: Mapping[str, Any], place: str) -> Archived | None:
    """The event of a row; None if it was restored itself."""
    attributes: dict[str, Any] = json.loads(row["attributes"])
    if ORIGIN in attributes:
        return None
    names = ("timestamp", "service", "level", "message", "trace_id", "span_id", "instance")
    event = LogEvent(**{name: row[name] for name in names}, attributes={**attributes, ORIGIN: place})
    value = event.to_json()
    if row["extra"]:
        # fields of a newer schema, kept as one object of JSON
        document = {**json.loads(value), **cast("dict[str, Any]", json.loads(row["extra"]))}
        value = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Archived(event, value, row["kafka_topic"])


def topic_of(archived: Archived, into: Service) -> str:
    """Where a service writes an event: the topic that it came from if it writes there, else the one of its kind."""
    if archived.topic in into.topics.values():
        return archived.topic
    log_type = "application" if "application" in into.topics else next(iter(into.topics))
    return into.topic(log_type, archived.event.level)
