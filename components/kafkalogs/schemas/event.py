"""The log event's schema: one description of its fields, and the JSON Schema and the Avro schema that follow from it.

Records are JSON, so JSON Schema says exactly what an event is. The Avro schema says the same to programs that keep or
pass on events in Avro; `Kind` has how each field looks there.

Both are made to evolve. A later version may add an optional field (`Field.required` False), widen a choice, or drop a
rule: the schema registry calls that backward compatible, a reader of the new version reads every old record. For it to
hold in JSON Schema the event is a closed object: were unknown fields allowed, old records could hold anything under a
new field's name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..config.levels import LEVELS

Schema = dict[str, Any]

Kind = Literal["text", "moment", "choice", "attributes"]
"""What a field holds; first in JSON, then in Avro:

- text: a string; a string, whose form Avro cannot check.
- moment: a string, RFC 3339 with a time zone; a long, milliseconds since 1970 (logical type timestamp-millis).
- choice: one of a list of strings; an enum.
- attributes: an object with whatever JSON can hold; a map of strings, each the JSON text of a value, because the
  readers of Avro that matter (Flink, Iceberg, Spark) take neither unions nor recursive types.

An optional field is left out in JSON, and null in Avro.
"""

TITLE: Final = "LogEvent"
_NAMESPACE: Final = "kafkalogs"

_MOMENT: Final = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""RFC 3339 without leap seconds; `format` alone is only a comment to many validators."""


@dataclass(frozen=True)
class Field:
    """One field of the event."""

    name: str
    kind: Kind
    doc: str
    required: bool = True
    not_empty: bool = False
    """Of a text: whether it has at least one character."""
    hex_digits: int | None = None
    """Of a text: exactly so many lower-case hexadecimal digits, not all zero."""
    choices: tuple[str, ...] = ()
    """Of a choice."""


FIELDS: Final[tuple[Field, ...]] = (
    Field("timestamp", "moment", "When it happened."),
    Field("service", "text", "The service that logged it.", not_empty=True),
    Field("level", "choice", "How bad it is.", choices=LEVELS),
    Field("message", "text", "What happened, for people."),
    Field("trace_id", "text", "W3C Trace Context: the request that it belongs to.", hex_digits=32),
    Field("span_id", "text", "W3C Trace Context: the step of the request.", hex_digits=16),
    Field("instance", "text", "The pod, process or file that wrote it.", not_empty=True),
    Field("attributes", "attributes", "Everything else; user_id is the key of topics partitioned by user."),
)
"""The log event. What is here is what `kafkalogs.logevent.LogEvent` reads and writes."""


def json_schema(fields: Sequence[Field] = FIELDS) -> Schema:
    """The JSON Schema (draft 7, the newest that all schema registries know). Its patterns need no look-ahead, which
    some languages' regular expressions lack."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": TITLE,
        "description": "One event of a log, in UTF-8.",
        "type": "object",
        "properties": {field.name: {"description": field.doc, **_in_json(field)} for field in fields},
        "required": [field.name for field in fields if field.required],
        "additionalProperties": False,
    }


def avro_schema(fields: Sequence[Field] = FIELDS) -> Schema:
    """The Avro schema (1.8 or newer)."""
    return {
        "type": "record",
        "name": TITLE,
        "namespace": _NAMESPACE,
        "doc": "One event of a log.",
        "fields": [_avro_field(field) for field in fields],
    }


def schema_text(schema: Schema) -> str:
    """A schema as it is registered: always the same text, so that registering it again changes nothing."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def _in_json(field: Field) -> Schema:
    match field.kind:
        case "moment":
            return {"type": "string", "format": "date-time", "pattern": _MOMENT}
        case "choice":
            return {"type": "string", "enum": list(field.choices)}
        case "attributes":
            return {"type": "object", "additionalProperties": True}
        case "text":
            schema: Schema = {"type": "string"}
            if field.not_empty:
                schema["minLength"] = 1
            if field.hex_digits:
                zero = "0" * field.hex_digits
                # The length too: in some languages $ also matches before a newline at the end.
                length = {"minLength": field.hex_digits, "maxLength": field.hex_digits}
                schema |= {"pattern": f"^[0-9a-f]{{{field.hex_digits}}}$", **length, "not": {"enum": [zero]}}
            return schema


def _avro_field(field: Field) -> Schema:
    kind = _in_avro(field)
    about: Schema = {"name": field.name, "doc": field.doc}
    return {**about, "type": kind} if field.required else {**about, "type": ["null", kind], "default": None}


def _in_avro(field: Field) -> str | Schema:
    match field.kind:
        case "moment":
            return {"type": "long", "logicalType": "timestamp-millis"}
        case "choice":
            return {"type": "enum", "name": _type_name(field.name), "symbols": list(field.choices)}
        case "attributes":
            return {"type": "map", "values": "string"}
        case "text":
            return "string"


def _type_name(field: str) -> str:
    """The name of a field's own Avro type: `error_class` becomes `ErrorClass`."""
    return "".join(word.capitalize() for word in field.split("_"))
