"""Turns a record into an event for PagerDuty.

Limits: https://developer.pagerduty.com/docs/send-alert-event (summary 1024 and dedup_key 255 characters) and
https://developer.pagerduty.com/docs/events-api-v2-overview (an event 512 KB).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

SUMMARY = 1024
DEDUP_KEY = 255
EVENT_BYTES = 512_000

# Together far below EVENT_BYTES, also when JSON needs six bytes for each character.
_NAME = 255
_MESSAGE = 8192
_ATTRIBUTES_BYTES = 256 * 1024

SEVERITIES = {"critical": "critical", "error": "error", "warning": "warning", "info": "info", "debug": "info"}

# Attributes with the class of an error, the most explicit first; those with dots are OpenTelemetry's.
_CLASSES = ("error_class", "exception.type", "exception_type", "error.type")

# Parts of a message that differ from one occurrence of an error to the next: quoted values, UUIDs and other long
# hexadecimal numbers, decimal numbers (also addresses and times). A digit within a name, as in s3, stays.
_VARIABLE = re.compile(
    r"""(?<!\w)"[^"]*"(?!\w) | (?<!\w)'[^']*'(?!\w)
      | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
      | \b0x[0-9a-f]+\b | \b[0-9a-f]{8,}\b
      | [0-9]{2,}(?:[.,:][0-9]+)* | (?<![a-z])[0-9](?:[.,:][0-9]+)*(?![a-z])""",
    re.VERBOSE,
)


class MalformedError(ValueError):
    """A record that is no log event; its text says why."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What a record says. timestamp: when it happened, in seconds since 1970. payload: as the Events API calls it."""

    service: str
    error_class: str
    dedup_key: str
    timestamp: float
    trace_id: str
    payload: dict[str, Any]


def parse(value: bytes | None) -> Alert:
    """Read a record. Raises MalformedError unless it says which service met which error, when and how bad it is.

    Trace ids and attributes are taken as they come: an alert that can be understood is worth paging.
    """
    document = _document(value)
    faults = [
        f"{name} is not a text with something in it"
        for name in ("service", "level", "message", "timestamp")
        if not isinstance(document.get(name), str) or not document[name].strip()
    ]
    if faults:
        raise MalformedError("; ".join(faults))
    if document["level"] not in SEVERITIES:
        raise MalformedError(f"level {document['level'][:_NAME]!r} is none of {', '.join(SEVERITIES)}")
    moment = _moment(document["timestamp"])
    attributes = document.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    service, error_class = document["service"], error_class_of(document["message"], attributes)
    return Alert(
        service=_cut(service, _NAME),
        error_class=_cut(error_class, _NAME),
        dedup_key=dedup_key(service, error_class),
        timestamp=moment.timestamp(),
        trace_id=_text(document, "trace_id"),
        payload=_payload(document, attributes, error_class, moment),
    )


def error_class_of(message: str, attributes: dict[str, Any]) -> str:
    """The class of an error: from the attributes, else the message without its variable parts."""
    named = (attributes.get(name) for name in _CLASSES)
    return next((name.strip() for name in named if isinstance(name, str) and name.strip()), normalised(message))


def normalised(message: str) -> str:
    """A message without its variable parts: the same for each occurrence of an error."""
    text = " ".join(message[:_MESSAGE].lower().split())
    while (shorter := _VARIABLE.sub("*", text)) != text:
        text = shorter
    return text


def dedup_key(service: str, error_class: str) -> str:
    """PagerDuty's key for the incident of a service and class of error; long keys end in a digest."""
    # no two pairs give the same key: the first slash ends the service
    key = f"{service.replace('%', '%25').replace('/', '%2F')}/{error_class}"
    if len(key) <= DEDUP_KEY:
        return key
    return f"{key[: DEDUP_KEY - 17]}~{sha256(key.encode()).hexdigest()[:16]}"


def storm(alert: Alert) -> dict[str, Any]:
    """The payload of the incident that stands for many different errors of a service at once; ``alert``: the newest.

    Its dedup key is that of the empty class, which no error has.
    """
    message = " ".join(str(alert.payload["custom_details"]["message"]).split())
    summary = f"{alert.service}: many different errors at once, the newest is: {message}"
    payload = without_attributes(alert.payload)
    return {**payload, "summary": _cut(summary, SUMMARY), "class": "many different errors"}


def trigger(routing_key: str, key: str, payload: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
    """The event that opens an incident, or updates an open one."""
    return {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": key,
        "client": "kafkalogs",
        "payload": {**payload, "custom_details": {**payload["custom_details"], **details}},
    }


def resolve(routing_key: str, key: str) -> dict[str, Any]:
    """The event that ends an incident."""
    return {"routing_key": routing_key, "event_action": "resolve", "dedup_key": key}


def encode(event: dict[str, Any]) -> bytes:
    """An event as it is sent."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def without_attributes(payload: dict[str, Any]) -> dict[str, Any]:
    """A payload that is small enough to be kept."""
    details = {key: value for key, value in payload["custom_details"].items() if key != "attributes"}
    return {**payload, "custom_details": details}


def iso(timestamp: float) -> str:
    """RFC 3339 in UTC with milliseconds."""
    # a float is not exact: cut off, a millisecond would be missing
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(timestamp * 1000))
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _document(value: bytes | None) -> dict[str, Any]:
    if not value:
        raise MalformedError("empty")
    try:
        document = json.loads(value)
        # what Python reads but JSON cannot hold: infinite numbers, half characters
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON in UTF-8: {type(error).__name__}: {error}"[:1000]) from error
    if not isinstance(document, dict):
        raise MalformedError("not a JSON object")
    return document


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise MalformedError(f"timestamp {text[:_NAME]!r} has no time zone")
        moment = moment.astimezone(UTC)
        # In milliseconds, as it is sent: seconds as a float would round the last moment of 9999 to the year 10000.
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    except (ValueError, OverflowError) as error:
        if isinstance(error, MalformedError):
            raise
        raise MalformedError(f"timestamp {text[:_NAME]!r} is not RFC 3339") from error


def _payload(
    document: dict[str, Any], attributes: dict[str, Any], error_class: str, moment: datetime
) -> dict[str, Any]:
    service, message = document["service"], document["message"]
    team, tier = (_text(document, name) or _text(attributes, name) for name in ("team", "tier"))
    details = {
        "message": _cut(message, _MESSAGE),
        "trace_id": _text(document, "trace_id"),
        "tier": tier,
        "attributes": _small(attributes),
    }
    payload = {
        "summary": _cut(f"{service}: {' '.join(message.split())}", SUMMARY),
        "source": _text(document, "instance") or _cut(service, _NAME),
        "severity": SEVERITIES[document["level"]],
        "timestamp": iso(moment.timestamp()),
        "component": _cut(service, _NAME),
        "group": team,
        "class": _cut(error_class, _NAME),
    }
    about = {key: value for key, value in payload.items() if value}
    return {**about, "custom_details": {key: value for key, value in details.items() if value}}


def _small(attributes: dict[str, Any]) -> Any:
    size = len(json.dumps(attributes, ensure_ascii=False).encode())
    return attributes if size <= _ATTRIBUTES_BYTES else f"left out: {size} bytes"


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    return _cut(value, _NAME) if isinstance(value, str) else ""


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
