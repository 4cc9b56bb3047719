"""Reads log events from the archive: turns rows of its Iceberg table into the records that were in Kafka.

Rows are read in slices of time, each in the order of Kafka, so memory holds one slice and an interrupted run continues
at the start of a slice. Each restored event has its first place (topic/partition/offset) in the attribute
``restored_from``; rows with this attribute are skipped when the archive is read again.
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
    """The archive cannot be read. The text gives the remedy."""


@dataclass(frozen=True)
class Archived:
    """One event. value: the record with the attribute ``restored_from``. topic: the first topic of the event."""

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
    """The archive's table, found with PyIceberg's configuration. Raises ArchiveError."""
    try:
        from pyiceberg.catalog import load_catalog
    except ModuleNotFoundError as error:
        raise ArchiveError("PyIceberg is not installed; restoring needs: pip install 'pyiceberg[pyarrow]'") from error
    try:
        return load_catalog(catalog).load_table(table)
    # Each kind of catalog has different errors; none of their texts contains a password.
    except Exception as error:
        raise ArchiveError(
            f"the table {table} of the catalog {catalog!r} cannot be opened: {type(error).__name__}: {error}; "
            "docs/production.md shows how to configure PyIceberg for the archive"
        ) from error


def slices(table: Any, service: str, begin: datetime, end: datetime, length: timedelta = SLICE) -> Iterator[Slice]:
    """The events of a service from ``begin`` to before ``end``. Raises ArchiveError."""
    from pyiceberg import expressions

    # Any: type checkers do not know the constructors of PyIceberg's expressions.
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
    """The topic for an event: its first topic if the service writes to it, else the one for its type and level."""
    if archived.topic in into.topics.values():
        return archived.topic
    log_type = "application" if "application" in into.topics else next(iter(into.topics))
    return into.topic(log_type, archived.event.level)
