"""From a record to an event: what PagerDuty takes, whatever the record says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pager import alert
from pagerduty.alerts import faults_of

from .world import KEY, event

texts = st.text(min_size=1, max_size=400).filter(lambda text: text.strip())
long_texts = st.one_of(texts, st.integers(1000, 200_000).map(lambda n: "ü\x00" * n))
json_values: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(long_texts, long_texts, st.sampled_from(sorted(alert.SEVERITIES)), long_texts, json_values, st.integers(0, 4))
def test_what_is_sent_is_within_all_limits_and_valid(
    service: str, message: str, level: str, instance: str, value: Any, many: int
):
    attributes = {"value": value, "team": instance, "bulk": "x\n" * (many * 60_000)}
    record = event(service, message=message, level=level, instance=instance, attributes=attributes)
    found = alert.parse(record)
    made = alert.trigger(KEY, found.dedup_key, found.payload, {"records": 3})
    body = alert.encode(made)
    assert len(body) <= alert.EVENT_BYTES <= 512 * 1024
    assert faults_of(json.loads(body)) == []
    assert faults_of(json.loads(alert.encode(alert.resolve(KEY, found.dedup_key)))) == []
    assert len(made["payload"]["summary"]) <= 1024
    assert len(found.dedup_key) <= 255
    assert alert.parse(record) == found


def test_what_a_person_reads():
    found = alert.parse(event(message="payment 4711\n failed", attributes={"error_class": "Timeout", "team": "pay"}))
    assert found.dedup_key == "checkout-service/Timeout"
    assert found.payload == {
        "summary": "checkout-service: payment 4711 failed",
        "source": "checkout-service-0",
        "severity": "critical",
        "timestamp": "2026-11-23T12:00:00.000Z",
        "component": "checkout-service",
        "group": "pay",
        "class": "Timeout",
        "custom_details": {
            "message": "payment 4711\n failed",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "attributes": {"error_class": "Timeout", "team": "pay"},
        },
    }
    assert alert.without_attributes(found.payload)["custom_details"].keys() == {"message", "trace_id"}


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({"error_class": "A", "exception.type": "B"}, "A"),
        ({"exception.type": "java.net.SocketTimeoutException"}, "java.net.SocketTimeoutException"),
        ({"exception_type": " KeyError "}, "KeyError"),
        ({"error.type": "timeout"}, "timeout"),
        ({"error_class": " ", "error.type": 5}, "order * failed after * ms"),
        ({}, "order * failed after * ms"),
    ],
)
def test_the_class_of_an_error(attributes: dict[str, Any], wanted: str):
    assert alert.error_class_of("Order 4711 failed  after 800.5 ms", attributes) == wanted


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("user 'Bob' of \"ACME\" can't log in", "user * of * can't log in"),
        ("no answer from 10.2.3.4:5432 in 800 ms", "no answer from * in * ms"),
        ("order O-1a2b3c4d of user-00012", "order o-* of user-*"),
        ("trace 0af76519-16cd-43dd-8448-eb211c80319c at 0xFFe1", "trace * at *"),
        ("s3 and utf8 are down", "s3 and utf8 are down"),
        ("try 3 of 5", "try * of *"),
    ],
)
def test_what_varies_is_taken_out_of_a_message(message: str, wanted: str):
    assert alert.normalised(message) == wanted


@given(texts)
def test_to_normalise_twice_changes_nothing(message: str):
    assert alert.normalised(alert.normalised(message)) == alert.normalised(message)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_make_no_other_class(first: int, second: int):
    assert alert.normalised(f"order {first} failed") == alert.normalised(f"order {second} failed")


@given(st.one_of(st.text("a/%~2F", min_size=2, max_size=8), st.integers(130, 300).map(lambda n: "a/" * n)), st.data())
def test_no_two_kinds_of_error_share_an_incident(text: str, data: st.DataObject):
    """Also where service and class together are the same text, only divided elsewhere."""
    cuts = [data.draw(st.integers(1, len(text) - 1)) for _ in range(2)]
    first, second = ((text[:cut], text[cut:].removeprefix("/")) for cut in cuts)
    assert (alert.dedup_key(*first) == alert.dedup_key(*second)) == (first == second)
    longer = (text, text + "x")
    assert alert.dedup_key(*longer) != alert.dedup_key(text, text)


@given(texts, texts)
def test_a_dedup_key_has_a_length_that_is_taken(service: str, error: str):
    assert 0 < len(alert.dedup_key(service, error)) <= 255


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"text", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b'"text"', "not a JSON object"),
        (b"{}", "service is not"),
        (event(service=" "), "service is not"),
        (event(message=""), "message is not"),
        (event(level=5), "level is not"),
        (event(level="fatal"), "level 'fatal' is none of"),
        (event(timestamp="yesterday"), "not RFC 3339"),
        (event(timestamp="2026-11-23T12:00:00"), "no time zone"),
        (event(timestamp="0001-01-01T00:00:00+14:00"), "not RFC 3339"),
        (event(attributes={"x": float("nan")}), "not JSON"),
        (event(attributes={"x": 1}).replace(b": 1}", b": 1e999}"), "not JSON"),
        (event(message="half a \ud800 character"), "not JSON"),
    ],
)
def test_what_is_no_log_event(value: bytes | None, why: str):
    with pytest.raises(alert.MalformedError, match=re.escape(why)):
        alert.parse(value)


def test_the_last_moment_that_can_be_written_is_paged():
    found = alert.parse(event(timestamp="9999-12-31T23:59:59.9999999Z"))
    assert found.payload["timestamp"] == "9999-12-31T23:59:59.999Z"


def test_trace_and_attributes_do_not_keep_an_alert_from_being_paged():
    found = alert.parse(event(trace_id=5, instance=None, attributes="none", more=1))
    assert found.payload["source"] == "checkout-service"
    assert found.trace_id == ""


def test_what_is_too_large_is_left_out_and_said():
    found = alert.parse(event(message="m" * 900_000, attributes={"x": "y" * 900_000}))
    assert found.payload["custom_details"]["attributes"].startswith("left out: 900")
    assert found.payload["summary"].endswith("…")
