"""The types of the values in a stack file: the text that people write, with its unit, and the program's value.

Each type has the form of its text for `stacks/schema.json`, so that editors refuse what `loading.load` refuses.
"""

import datetime
import math
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from . import limits, units

_AMOUNT: Final = r"\s*\d+(\.\d+)?\s*"
_SIZE_UNITS: Final = "(B|[KMGT]iB|[KMGT]i|kB|MB|GB|TB)"


def _written(pattern: str, example: str) -> WithJsonSchema:
    """The JSON Schema of a text of this form. The loader checks that an amount is not zero."""
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": [example]})


def _at_most(most: int, shown: str) -> AfterValidator:
    """An upper bound that no real value reaches. It keeps calculations with the value possible."""

    def check(value: int) -> int:
        if value > most:
            raise ValueError(f"more than anything can be; write at most {shown}")
        return value

    return AfterValidator(check)


Size = Annotated[
    int,
    BeforeValidator(units.parse_size),
    _at_most(1024 * units.TIB, "1024TiB"),
    _written(_AMOUNT + _SIZE_UNITS, "10GiB"),
]
"""Bytes, written like 10GiB."""


def _batch(value: int) -> int:
    if value > limits.LARGEST_BATCH:
        most = units.format_size(limits.LARGEST_BATCH)
        raise ValueError(f"more than readers hold and dead letters can be; write at most {most}")
    if value < limits.LEAST_BATCH:
        raise ValueError(f"too little for a log event; write at least {units.format_size(limits.LEAST_BATCH)}")
    return value


BatchSize = Annotated[Size, AfterValidator(_batch), _written(_AMOUNT + _SIZE_UNITS, "1MiB")]
"""Bytes of one batch (`limits`)."""

Rate = Annotated[
    int,
    BeforeValidator(units.parse_rate),
    _at_most(units.TIB, "1TiB/s"),
    _written(f"{_AMOUNT}{_SIZE_UNITS}/s", "2MiB/s"),
]
"""Bytes per second, written like 2MiB/s."""

Duration = Annotated[
    int,
    BeforeValidator(units.parse_duration),
    _at_most(36_500 * units.DAY, "36500d"),
    _written(f"{_AMOUNT}(ms|s|m|h|d)", "24h"),
]
"""Milliseconds, written like 24h."""

Cpu = Annotated[
    int,
    BeforeValidator(units.parse_cpu),
    _at_most(1_000_000, "1000"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": f"^{_AMOUNT}m?$", "examples": ["500m"]},
            ]
        }
    ),
]
"""Thousandths of a core, written like 500m."""

Percentage = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Count = Annotated[int, Field(ge=1, le=100_000, strict=True)]
"""A number of things."""

Nodes = Annotated[int, Field(ge=1, le=1_000, strict=True)]
"""A number of nodes."""

Years = Annotated[int, Field(ge=1, le=100, strict=True)]
"""A number of years."""

NodePort = Annotated[int, Field(ge=30000, le=32767, strict=True)]
"""A port of Kubernetes' default range for node ports."""

PartitionBy = Literal["trace_id", "instance_id", "user_id"]
Layout = Literal["service", "type", "level"]
Role = Literal["controller", "broker"]
Environment = Literal["local", "staging", "prod"]


def _single(value: object) -> object:
    if not isinstance(value, str | int | float):
        raise ValueError("not a single value; write a text, a number, true or false")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not a finite number; write digits")
    return value


BrokerSetting = Annotated[
    str | int | float | bool, BeforeValidator(_single), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
"""The value of one of Kafka's own settings."""


def parse_day(value: object) -> datetime.date:
    """The day of a text like 2027-01-31.

    YAML has a type for dates. An unquoted date comes from Pulumi as `2027-01-31 00:00:00 +0000 UTC`, and from Python's
    YAML as a date.
    """
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    text = value.removesuffix(" 00:00:00 +0000 UTC") if isinstance(value, str) else ""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            raise ValueError("not a day of the calendar; write year-month-day, like 2027-01-31") from None
    raise ValueError("not a day; write year-month-day, like 2027-01-31")


Day = Annotated[datetime.date, BeforeValidator(parse_day), _written(r"\d{4}-\d{2}-\d{2}", "2027-01-31")]
"""A day, written like 2027-01-31."""


@dataclass(frozen=True)
class Form:
    """The form that a whole text must have."""

    pattern: str
    """A regular expression that means the same in Python and in JSON Schema."""

    problem: str
    """For a text of another form: what the text is not, and what to write instead."""

    def fits(self, value: object) -> bool:
        """Whether a value is a text of the form."""
        return isinstance(value, str) and re.fullmatch(self.pattern, value, re.ASCII) is not None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic takes a check from an annotation."""

        def check(value: str) -> str:
            if not self.fits(value):
                raise ValueError(self.problem)
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        """How pydantic takes the form of a text for a JSON Schema."""
        return {"type": "string", "pattern": f"^({self.pattern})$"}


Words = Annotated[str, Form(r"[\s\S]*\S[\s\S]*", "empty; say it in words")]
"""A text that says something."""


Url = Annotated[str, Form(r"https?://[^\s/]+(/\S*)?", "not an address; write one like https://search.example.com")]
Host = Annotated[str, Form(r"[A-Za-z0-9.:-]+", "not a host; write its name or address, like logs.example.com")]
Version = Annotated[str, Form(r"\d+\.\d+\.\d+", "not a version; write all three numbers, like 4.3.1")]

Database = Annotated[
    str,
    Form(r"[A-Za-z0-9.-]+:\d{1,5}/[A-Za-z0-9_-]+", "not host:port/name; write it like db.example.com:5432/kafkalogs"),
]
"""A PostgreSQL database."""

Place = Annotated[
    str, Form(r"s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/[^\s]*)?", "not a place in S3; write it like s3://bucket/path")
]
"""A bucket, and perhaps a path in it."""

ObjectName = Annotated[
    str,
    Form(
        r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "not a name Kubernetes takes; use a-z, 0-9, - and ., with a letter or digit at both ends",
    ),
]
"""The name of a Secret or a StorageClass."""

SecretKey = Annotated[str, Form(r"[-._a-zA-Z0-9]+", "not a key of a Secret; use letters, digits, -, _ and .")]

NodeLabel = Annotated[
    str,
    Form(
        r"([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?",
        "not a label of nodes; write one like topology.kubernetes.io/zone",
    ),
]


@dataclass(frozen=True)
class NotNull:
    """For keys that switch something on. `search:` without a value is a mistake; it does not mean "absent"."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic takes a check from an annotation."""

        def check(value: object) -> object:
            if value is None:
                raise ValueError("nothing is below it; write {} to have it with its defaults, or leave it out")
            return value

        return core_schema.no_info_before_validator_function(check, handler(source))


class Settings(BaseModel):
    """The base of all models: camelCase keys, unknown keys refused, values that never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)
