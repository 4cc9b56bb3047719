"""The converter: what is a log event, and what is refused with which reason."""

import json

import pytest

from .support import EVENT, event


def refused(plugins, value, **settings):
    answer = plugins.convert(value, **settings)
    assert answer["outcome"] == "DataException", answer
    return answer["reason"]


def test_an_event_becomes_a_struct_of_fixed_types(plugins):
    answer = plugins.convert(event())
    assert answer["event"] == {
        **{name: EVENT[name] for name in ("service", "level", "message", "trace_id", "span_id", "instance")},
        "timestamp": 1767323045678,
        "attributes": json.dumps(EVENT["attributes"]),
        "extra": None,
    }


def test_attributes_stay_as_they_were_written(plugins):
    written = '{ "big": 1234567890123456789012, "exact": 0.10000000000000000001, "deep": [{"a":null}],"é":"\\u00e9"}'
    value = event(attributes="HERE").replace(b'"HERE"', written.encode())
    assert plugins.convert(value)["event"]["attributes"] == written


def test_fields_of_a_newer_schema_are_kept(plugins):
    converted = plugins.convert(event(region="eu", weight=1.50, **{'odd"name': [1, {"a": 2}]}))["event"]
    assert json.loads(converted["extra"]) == {"region": "eu", "weight": 1.5, 'odd"name': [1, {"a": 2}]}
    assert converted["message"] == EVENT["message"]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2026-01-02T03:04:05Z", 1767323045000),
        ("2026-01-02T04:04:05.678901+01:00", 1767323045678),
        ("2026-01-02t03:04:05.6z", 1767323045600),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_times_of_any_zone_are_read(plugins, text, milliseconds):
    assert plugins.convert(event(timestamp=text))["event"]["timestamp"] == milliseconds


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the value is null"),
        (b"", "not a JSON object"),
        (b"kernel: oops", "not JSON"),
        (b'{"timestamp":', "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (event() + b" {}", "something follows"),
        (event().replace(b"placed", b"\xff\xfe"), "not UTF-8"),
        (event().replace(b"placed", b"\xed\xa0\x80"), "not UTF-8"),
        (event().decode().encode("utf-16"), "not UTF-8"),
        (event().replace(b"placed", b"\\ud800"), "message has half of a surrogate pair"),
        (event().replace(b'{"timestamp"', b'{"level": "debug", "timestamp"'), "Duplicate field 'level'"),
        (event(attributes="A").replace(b'"A"', b"[" * 2000 + b"]" * 2000), "not JSON"),
        (event(service=None), "service is missing"),
        (event(attributes=None), "attributes is missing"),
        (event(attributes=[1]), "attributes is not an object"),
        (event(message=5), "message is not a string"),
        (event(level="loud"), "level 'loud' is none of"),
        (event(trace_id="0" * 32), "is no W3C trace id"),
        (event(span_id="B7AD6B7169203331"), "is no W3C span id"),
        (event(instance=""), "instance is empty"),
        (event(timestamp="yesterday"), "timestamp 'yesterday' is not RFC 3339"),
        (event(timestamp="2026-01-02T03:04:05"), "is not RFC 3339"),
        (event(timestamp="+12026-01-02T03:04:05Z"), "is not in the years"),
    ],
)
def test_what_is_no_log_event_is_refused(plugins, value, reason):
    assert reason in refused(plugins, value)


def test_all_faults_are_named_at_once(plugins):
    reason = refused(plugins, event(service=None, level="loud", attributes=7))
    assert all(part in reason for part in ("service is missing", "level 'loud'", "attributes is not an object")), reason


def test_a_value_that_is_too_long_is_refused(plugins):
    assert plugins.convert(event(message="x" * 400_000))["outcome"] == "ok"
    assert "900" in refused(plugins, event(message="x" * 900_000))
    assert "the limit is 100" in refused(plugins, event(), max_bytes="100")


def test_u0000_is_refused_only_where_it_cannot_be_stored(plugins):
    value = event(message="a\0b")
    assert plugins.convert(value)["event"]["message"] == "a\0b"
    assert "message has U+0000" in refused(plugins, value, nul_allowed="false")
