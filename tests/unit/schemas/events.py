"""Log events for the tests of their schema: valid ones of all kinds, and the same in Avro."""

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import fastavro
from hypothesis import strategies as st
from jsonschema import Draft7Validator, FormatChecker
from kafkalogs.client.logevent import LONGEST_SERVICE, url_bytes
from kafkalogs.schemas.event import FIELDS, avro_schema, json_schema

FORMATS = FormatChecker(())


@FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    # Also what no pattern sees: the 31st of a month with 30 days. A moment in a year 0 or 10000 of UTC is none.
    return not isinstance(value, str) or bool(datetime.fromisoformat(value).astimezone(UTC))


FORMATS.checkers["date-time"] = (FORMATS.checkers["date-time"][0], (ValueError, OverflowError))

JSON = Draft7Validator(json_schema(), format_checker=FORMATS)
AVRO = fastavro.parse_schema(avro_schema())
NAMES = [field.name for field in FIELDS]

_hex = st.characters(codec="ascii", include_characters="0123456789abcdef", categories=())
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def _moment(naive: datetime, minutes: int, digits: int) -> str:
    """RFC 3339 with 0 to 9 digits of a second."""
    zone = timezone(timedelta(minutes=minutes))
    text = naive.replace(tzinfo=zone, microsecond=0).isoformat()
    fraction = f".{naive.microsecond * 1000:09}"[: digits + 1] if digits else ""
    return text[:19] + fraction + (text[19:] if minutes else "Z")


moments = st.builds(
    _moment,
    # A day from either end: in UTC they must be within 1970 to 9999 too.
    st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)),
    st.integers(-1439, 1439),
    st.integers(0, 9),
)


services = st.text(min_size=1, max_size=40).filter(lambda text: url_bytes(text) <= LONGEST_SERVICE)
"""JSON Schema counts the characters of a service; every part counts its bytes in a URL."""


def _ids(digits: int) -> st.SearchStrategy[str]:
    return st.text(_hex, min_size=digits, max_size=digits).filter(lambda text: bool(text.strip("0")))


documents = st.fixed_dictionaries(
    {
        "timestamp": moments,
        "service": services,
        "level": st.sampled_from(["debug", "info", "warning", "error", "critical"]),
        "message": st.text(),
        "trace_id": _ids(32),
        "span_id": _ids(16),
        "instance": st.text(min_size=1),
        "attributes": st.dictionaries(st.text(), _json, max_size=4),
    }
)
"""Valid events, as JSON holds them."""

data = st.fixed_dictionaries(
    {
        "timestamp": st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(
            lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        ),
        "service": services,
        "level": st.sampled_from(["debug", "info", "warning", "error", "critical"]),
        "message": st.text(),
        "trace_id": _ids(32),
        "span_id": _ids(16),
        "instance": st.text(min_size=1),
        "attributes": st.dictionaries(st.text(), _json.map(json.dumps), max_size=4),
    }
)
"""Valid events, as Avro holds them; of texts only those whose form is right, which Avro cannot check."""


def to_avro(document: dict[str, Any]) -> dict[str, Any]:
    """An event of JSON in Avro; raises where it has no such form."""
    converted = {
        "timestamp": lambda text: datetime.fromisoformat(text).astimezone(UTC),
        "attributes": lambda values: {key: json.dumps(value) for key, value in values.items()},
    }
    return {name: converted.get(name, lambda same: same)(value) for name, value in document.items()}


def to_json(datum: dict[str, Any]) -> dict[str, Any]:
    """An event of Avro in JSON."""
    moment: datetime = datum["timestamp"]
    return {
        **datum,
        "timestamp": moment.isoformat(timespec="milliseconds"),
        "attributes": {key: json.loads(value) for key, value in datum["attributes"].items()},
    }


def through_avro(datum: dict[str, Any]) -> dict[str, Any]:
    """An event written in Avro and read again; raises where it does not fit the schema."""
    if unknown := set(datum) - set(NAMES):
        raise ValueError(f"fields that the schema has not: {unknown}")
    out = io.BytesIO()
    fastavro.schemaless_writer(out, AVRO, datum, strict=True)
    out.seek(0)
    return fastavro.schemaless_reader(out, AVRO, None)  # type: ignore[return-value]
