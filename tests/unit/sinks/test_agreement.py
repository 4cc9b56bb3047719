"""The converter and the Python client take the same values as log events. The schema takes none that they refuse."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kafkalogs.client.logevent import LogEvent, LogEventError
from kafkalogs.schemas.event import json_schema

from tests.unit.schemas.events import JSON

from .support import EVENT

# What parsers and stores disagree about, as it stands in the record.
NUMBERS = ["0", "-0", "01", "1.", ".5", "+1", "1e999", "-1E-999", "9" * 1000, "9" * 1001, "1." + "0" * 998 + "1", "0x1"]
WORDS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "null",
    "true",
    "nul",
    "[]",
    "{}",
    "[1,]",
    '{"a":1,}',
    '{"a":1,"a":2}',
    "\ufeff1",
]
TEXTS = [
    "\\ud800",
    "\\udc00\\ud800",
    "\\ud83d\\ude00",
    "\\u0000",
    "\x00",
    "\t",
    "\\x",
    "\\/",
    "\\u12g4",
    "\x7f",
    "\u2028",
]
NESTED = (("[", "1", "]"), ('{"a":', "1", "}"))
DEEP = [
    left * levels + inside + right * levels for levels in (98, 99, 100, 900, 3000) for left, inside, right in NESTED
]
SERVICES = [
    "",
    "x",
    "x" * 240,
    "x" * 241,
    "\u0416" * 40,
    "\u0416" * 41,
    "a b~*._-" * 30,
    "\U0001f600" * 20,
    "%" * 80,
    "%" * 81,
]
MOMENTS = [
    *(
        "2026-01-02T03:04:05Z",
        "2026-01-02t03:04:05.6z",
        "2026-01-02 03:04:05+00:00",
        "2026-01-02T03:04:05",
        "20260102T030405Z",
    ),
    *(
        "2026-W01-1T03:04:05Z",
        "2026-01-02T03:04Z",
        "2026-01-02T03:04:05,6Z",
        "2026-01-02T03:04:60Z",
        "2026-01-02T24:00:00Z",
    ),
    *("2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2026-01-02T03:04:05+0100", "2026-01-02T03:04:05+23:59"),
    *("2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05-05:60", "2026-01-02T03:04:05+01:00:30", "0000-01-01T00:00:00Z"),
    *(
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:59:59+01:00",
        "1969-12-31T23:59:59.999999999Z",
        "1969-12-31T23:30:00-01:00",
    ),
    *(
        "9999-12-31T23:59:59.9999999Z",
        "9999-12-31T23:59:59-00:01",
        "0001-01-01T00:00:00+01:00",
        "+12026-01-02T03:04:05Z",
    ),
    *("2026-01-02T03:04:05Z\n", "\u0662026-01-02T03:04:05Z", "2026-01-02T03:04:05." + "1" * 40 + "Z", "", "now"),
]


def written(text: str) -> str:
    """A text in JSON, with its escapes as they stand."""
    return f'"{text}"'


raw = st.one_of(
    st.sampled_from([*NUMBERS, *WORDS, *DEEP, *map(written, TEXTS)]),
    st.text().map(json.dumps),
    st.floats().map(json.dumps),
    st.integers().map(str),
)
members = st.tuples(st.sampled_from([*map(written, TEXTS), '"a"', '"b"']), raw).map(":".join)
objects = st.lists(members, max_size=3).map(lambda some: "{" + ",".join(some) + "}")
fields = {
    "timestamp": st.sampled_from([json.dumps(text) for text in MOMENTS]),
    "service": st.one_of(st.sampled_from(SERVICES), st.text(max_size=100)).map(json.dumps),
    "level": st.sampled_from(['"info"', '"Info"', '"critical"', '"info\\n"']),
    "message": st.text().map(json.dumps),
    "trace_id": st.sampled_from(
        [json.dumps(text) for text in ("a" * 32, "0" * 32, "A" * 32, "a" * 32 + "\n", "a" * 31)]
    ),
    "span_id": st.sampled_from([json.dumps(text) for text in ("b" * 16, "0" * 16, "b" * 16 + "\n", "\u0661" * 16)]),
    "instance": st.text().map(json.dumps),
    "attributes": objects,
}
changes = st.lists(
    st.sampled_from(list(fields)).flatmap(
        lambda name: st.tuples(st.just(name), st.one_of(fields[name], fields[name], raw, st.none()))
    ),
    max_size=3,
)
frames = st.sampled_from(["{}", " \n{}\t", "\ufeff{}", "{} {{}}", "[{}]", "{},", "\u00a0{}", "\x0c{}"])


def value(changed: list[tuple[str, str | None]], twice: str | None = None) -> str:
    """The JSON of an event with some members replaced, left out (None), or, `twice`, repeated."""
    members = {**{name: json.dumps(part) for name, part in EVENT.items()}, **dict(changed)}
    listed = [(name, part) for name, part in members.items() if part is not None]
    listed += [(name, part) for name, part in listed if name == twice]
    return "{" + ",".join(f'"{name}":{part}' for name, part in listed) + "}"


def python_takes(record: bytes) -> bool:
    try:
        LogEvent.from_json(record)
    except LogEventError:
        return False
    return True


@settings(max_examples=400, deadline=None)
@given(changes, st.none() | st.sampled_from(list(fields)), frames, st.sampled_from(["utf-8", "utf-16", "latin-1"]))
@example([("attributes", '{"a":"\\ud800"}')], None, "{}", "utf-8")
@example([("attributes", '{"a":NaN}')], None, "{}", "utf-8")
@example([("attributes", '{"a":1,"a":2}')], None, "{}", "utf-8")
@example([], "level", "{}", "utf-8")
@example([], None, "{}", "utf-16")
@example([("service", json.dumps("\u0416" * 41))], None, "{}", "utf-8")
def test_whatever_the_one_takes_the_other_takes(plugins, changed, twice, frame, encoding):
    record = frame.replace("{}", value(changed, twice), 1).replace("{{}}", "{}").encode(encoding, "replace")
    answer = plugins.convert(record)
    assert answer["outcome"] in {"ok", "DataException"}
    assert (answer["outcome"] == "ok") == python_takes(record), answer


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *(("timestamp", json.dumps(text)) for text in MOMENTS),
        *(("service", json.dumps(text)) for text in SERVICES),
        *(("attributes", f'{{"a":{part}}}') for part in [*NUMBERS, *WORDS, *DEEP, *map(written, TEXTS)]),
        *(("attributes", f"{{{written(text)}:1}}") for text in TEXTS),
        *(("message", written(text)) for text in TEXTS),
    ],
)
def test_each_hard_case_is_judged_alike(plugins, name, part):
    record = value([(name, part)]).encode()
    assert (plugins.convert(record)["outcome"] == "ok") == python_takes(record)


@settings(max_examples=150, deadline=None)
@given(changes)
def test_bytes_that_are_cut_anywhere_are_judged_alike(plugins, changed):
    record = value(changed).encode()
    for end in range(0, len(record), max(1, len(record) // 7)):
        cut = record[:end] + b"\xff" + record[end + 1 :]
        assert (plugins.convert(cut)["outcome"] == "ok") == python_takes(cut)
        assert (plugins.convert(record[:end])["outcome"] == "ok") == python_takes(record[:end])


def test_the_schema_takes_no_service_and_no_year_that_the_others_refuse(plugins):
    assert json_schema()["properties"]["service"]["maxLength"] == 240
    for changed in (
        {"service": "x" * 241},
        {"timestamp": "1969-12-31T23:59:59Z"},
        {"timestamp": "0001-01-02T00:00:00Z"},
    ):
        record = {**EVENT, **changed}
        assert not JSON.is_valid(record)
        assert not python_takes(json.dumps(record).encode())
        assert plugins.convert(json.dumps(record).encode())["outcome"] == "DataException"
