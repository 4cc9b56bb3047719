"""The log event. Every record of the platform's log topics is one event: one line of JSON in UTF-8.

Trace context follows W3C Trace Context (https://www.w3.org/TR/trace-context/): a trace id of 32 and a span id of 16
lower-case hexadecimal digits, neither all zero.

The sinks' converter (LogEvent.java in embedded/build/java_projects/connect-plugins) takes and refuses the same values.
It also takes fields that this version does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, cast
from urllib.parse import quote

from ..config.levels import LEVELS, Level, PartitionBy

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
"""RFC 3339; `datetime.fromisoformat` takes more."""

_HALF = re.compile("[\ud800-\udfff]")
_NO_CHARACTER: Final = "has half of a surrogate pair, which is no character"

LONGEST_SERVICE: Final = 240
"""Bytes of the name of a service in a URL. The archive's folder is service=<name>, and a folder's name has at most 255
bytes."""

DEEPEST: Final = 100
"""How deep an event's objects and arrays may be nested; the event itself is the first level."""

LONGEST_NUMBER: Final = 1000
"""Characters of a number in an event."""

_FIELDS = ("timestamp", "service", "level", "message", "trace_id", "span_id", "instance", "attributes")
_FREE_TEXTS = ("service", "message", "instance")


class LogEventError(ValueError):
    """A value that is not a log event. ``problems``: every fault, each with its field and value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("not a log event: " + "; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event. Raises LogEventError with all faults at once if a field does not follow the schema.

    timestamp: the time of the event; any time zone, written in UTC with milliseconds.
    instance: the pod, process or file that wrote the event.
    attributes: values that JSON can hold; ``user_id`` is the key of topics partitioned by user.
    """

    timestamp: datetime
    service: str
    level: Level
    message: str
    trace_id: str
    span_id: str
    instance: str
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        problems: list[str] = []
        if self.timestamp.tzinfo is None:
            problems.append(f"timestamp {self.timestamp.isoformat()} has no time zone")
        elif not is_storable(self.timestamp):
            problems.append(f"timestamp {self.timestamp.isoformat()} is not within 1970 to 9999 in UTC")
        if not self.service:
            problems.append("service is empty")
        problems += [f"{name} {_NO_CHARACTER}" for name in _FREE_TEXTS if _HALF.search(getattr(self, name))]
        if (bytes_ := url_bytes(self.service)) > LONGEST_SERVICE:
            shown = f"{self.service[:60]}..."
            problems.append(f"service {shown!r} has {bytes_} bytes in a URL; at most {LONGEST_SERVICE} are taken")
        if self.level not in LEVELS:
            problems.append(f"level {self.level!r} is none of {', '.join(LEVELS)}")
        if not _TRACE_ID.fullmatch(self.trace_id):
            problems.append(f"trace_id {self.trace_id!r} is not 32 lower-case hexadecimal digits, not all zero")
        if not _SPAN_ID.fullmatch(self.span_id):
            problems.append(f"span_id {self.span_id!r} is not 16 lower-case hexadecimal digits, not all zero")
        if not self.instance:
            problems.append("instance is empty")
        if problems:
            raise LogEventError(problems)

    def key(self, partition_by: PartitionBy) -> bytes:
        """The record key for a topic partitioned by ``partition_by``; the trace id if an event has no user."""
        match partition_by:
            case "instance_id":
                return self.instance.encode()
            case "user_id":
                return str(self.attributes.get("user_id") or self.trace_id).encode()
            case "trace_id":
                return self.trace_id.encode()

    def to_json(self) -> bytes:
        """The record value. Raises LogEventError for an attribute that cannot be written as JSON."""
        document = {
            "timestamp": format_timestamp(self.timestamp),
            "service": self.service,
            "level": self.level,
            "message": self.message,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "instance": self.instance,
            "attributes": self.attributes,
        }
        try:
            return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise LogEventError([f"attributes cannot be written as JSON: {error}"]) from error

    @classmethod
    def from_json(cls, value: bytes) -> LogEvent:
        """Read a record value. Raises LogEventError if the value is not a complete log event."""
        document = _parse(value)
        problems = [f"{name} is missing" for name in _FIELDS if name not in document]
        problems += [f"{name} is not a field of log events" for name in document if name not in _FIELDS]
        problems += [
            f"{name} {document[name]!r} is not {'an object' if kind is dict else 'a string'}"
            for name, kind in ((name, dict if name == "attributes" else str) for name in _FIELDS)
            if name in document and not isinstance(document[name], kind)
        ]
        if problems:
            raise LogEventError(problems)
        return cls(timestamp=_moment(document.pop("timestamp")), **document)


def url_bytes(text: str) -> int:
    """The bytes of a text in a URL, as Java's URLEncoder and so Iceberg's folders have them."""
    return len(quote(text, safe="*. ", errors="replace").replace("~", "%7E"))


def _moment(text: str) -> datetime:
    if not _MOMENT.fullmatch(text):
        raise LogEventError([f"timestamp {text[:60]!r} is not RFC 3339"])
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise LogEventError([f"timestamp is not RFC 3339: {error}"]) from error


def _parse(value: bytes) -> dict[str, Any]:
    """The JSON object of a record. Raises LogEventError for what is none, or what not every part can read."""
    try:
        parsed: object = json.loads(
            value.decode(),
            object_pairs_hook=_object,
            parse_int=lambda text: int(_number(text)),
            parse_float=lambda text: float(_number(text)),
            parse_constant=_constant,
        )
    except (ValueError, RecursionError) as error:
        raise LogEventError([f"not JSON in UTF-8: {error}"]) from error
    if not isinstance(parsed, dict):
        raise LogEventError(["not a JSON object"])
    problem = _unreadable(cast(object, parsed))
    if problem:
        raise LogEventError([problem])
    return cast(dict[str, Any], parsed)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("an object has a name twice")
    return made


def _number(text: str) -> str:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters; at most {LONGEST_NUMBER} are taken")
    return text


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _unreadable(parsed: object) -> str | None:
    """What not every part can read in a JSON value; None if nothing. It does not recurse, however deep the value is."""
    waiting = [(parsed, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str) and _HALF.search(value):
            return f"a text {_NO_CHARACTER}"
        if isinstance(value, (dict, list)):
            if depth > DEEPEST:
                return f"nested deeper than {DEEPEST} levels"
            inner = cast(dict[str, object] | list[object], value)
            parts = [*inner, *inner.values()] if isinstance(inner, dict) else inner
            waiting += [(part, depth + 1) for part in parts]
    return None


def is_storable(moment: datetime) -> bool:
    """Whether every part of the platform can hold a moment with a time zone: in UTC, from 1970 to 9999.

    The time of a Kafka record is not negative, and PyIceberg cannot read the year 0.
    """
    try:
        return moment.astimezone(UTC).year >= 1970
    except OverflowError:
        return False


def format_timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, for example ``2026-01-02T03:04:05.678Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
