"""The log event's schema: one description of its fields, and the JSON Schema and the Avro schema that follow from it.

Records are JSON, so JSON Schema defines an event exactly. The Avro schema is for programs that keep or forward events
in Avro; `Kind` lists the Avro type of each field.

Both schemas can evolve. A later version may add an optional field (`Field.required` False), widen a choice, or drop a
rule. The schema registry calls such a version backward compatible: a reader of the new version reads every old record.
For this reason the event is a closed object in JSON Schema: if unknown fields were allowed, an old record could contain
any value under a new field's name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..client.logevent import LONGEST_SERVICE
from ..config.levels import LEVELS

Schema = dict[str, Any]

Kind = Literal["text", "moment", "choice", "attributes"]
"""The type of a field; first in JSON, then in Avro:

- text: a string; a string too, but Avro cannot check its form.
- moment: a string, RFC 3339 with a time zone; a long, milliseconds since 1970 (logical type timestamp-millis).
- choice: one of a list of strings; an enum.
- attributes: an object with any JSON values; a map of strings, each the JSON text of a value, because the important
  readers of Avro (Flink, Iceberg, Spark) support neither unions nor recursive types.

An absent optional field is missing in JSON, and null in Avro.
"""

TITLE: Final = "LogEvent"
_NAMESPACE: Final = "kafkalogs"

_MOMENT: Final = (
    "^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""RFC 3339 from 1970 on, without leap seconds. Many validators ignore `format`, so the pattern is needed too."""


@dataclass(frozen=True)
class Field:
    """One field of the event."""

    name: str
    kind: Kind
    doc: str
    required: bool = True
    not_empty: bool = False
    """For a text: whether it must have at least one character."""
    longest: int | None = None
    """For a text: its most bytes in a URL, and so its most characters. JSON Schema can count characters only."""
    hex_digits: int | None = None
    """For a text: the exact number of lower-case hexadecimal digits; not all of them may be zero."""
    choices: tuple[str, ...] = ()
    """For a choice: its strings."""


FIELDS: Final[tuple[Field, ...]] = (
    Field("timestamp", "moment", "When it happened."),
    Field("service", "text", "The service that logged it.", not_empty=True, longest=LONGEST_SERVICE),
    Field("level", "choice", "How bad it is.", choices=LEVELS),
    Field("message", "text", "What happened, for people."),
    Field("trace_id", "text", "W3C Trace Context: the request that it belongs to.", hex_digits=32),
    Field("span_id", "text", "W3C Trace Context: the step of the request.", hex_digits=16),
    Field("instance", "text", "The pod, process or file that wrote it.", not_empty=True),
    Field("attributes", "attributes", "Everything else; user_id is the key of topics partitioned by user."),
)
"""The fields of the log event; `kafkalogs.logevent.LogEvent` reads and writes the same fields."""


def json_schema(fields: Sequence[Field] = FIELDS) -> Schema:
    """The JSON Schema (draft 7, the newest that all schema registries know). Its patterns use no look-ahead, because
    the regular expressions of some languages lack it."""
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
    """The text of a schema for the registry. The text is always the same, so registration is idempotent."""
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
            if field.longest:
                schema["maxLength"] = field.longest
            if field.hex_digits:
                zero = "0" * field.hex_digits
                # The length is checked too, because in some languages $ also matches before a newline at the end.
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
    """The name of the Avro type of a field: `error_class` becomes `ErrorClass`."""
    return "".join(word.capitalize() for word in field.split("_"))
