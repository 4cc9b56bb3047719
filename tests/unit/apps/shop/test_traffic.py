"""What the shop logs is known beforehand: a pure function of the seed and the request's number."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop import traffic
from shop.journeys import JOURNEYS, TYPES

seeds = st.integers(0, 2**31)
requests = st.integers(0, 10**12)


@given(seeds, requests)
def test_a_request_is_the_same_wherever_it_is_worked_out(seed: int, k: int):
    first = traffic.events_of(seed, k)
    traffic.events_of(seed, k + 1)
    assert traffic.events_of(seed, k) == first
    assert traffic.trace_of(seed, k) == traffic.trace_of(seed, k)


def test_known_requests_stay_as_they_are():
    """Pods may run another Python than the tests: their random numbers must agree."""
    events = traffic.events_of(7, 19)
    assert traffic.trace_of(7, 19) == "9f8dd122736d62e20cb586e3ceb71903"
    assert [f"{e.service} {e.level} {e.span_id[:4]}" for e in events] == [
        "auth-service info 50d6",
        "auth-service info 50d6",
        "cart-service info 82af",
        "inventory-service info 2891",
        "fraud-service info 7869",
        "payment-service info 2988",
        "payment-service info 2988",
        "shipping-service info 4e7d",
        "notification-service info a5e3",
        "order-service info e857",
        "checkout-service info 5c7a",
        "nginx info 1d98",
    ]


@given(seeds, requests)
def test_the_services_share_a_request_out_among_them(seed: int, k: int):
    whole = traffic.events_of(seed, k)
    parts = [event for service in TYPES for event in traffic.events_of(seed, k, service)]
    assert sorted(map(repr, parts)) == sorted(map(repr, whole))
    assert all(event.service == service for service in TYPES for event in traffic.events_of(seed, k, service))


@settings(max_examples=20)
@given(seeds, st.integers(0, 10**9), st.integers(0, 60), st.integers(0, 60))
def test_counts_add_up(seed: int, first: int, before: int, after: int):
    whole = traffic.counts(seed, before + after, first)
    assert whole == traffic.counts(seed, before, first) + traffic.counts(seed, after, first + before)
    by_service = Counter(
        (event.service, event.type, event.level)
        for service in TYPES
        for k in range(first, first + before + after)
        for event in traffic.events_of(seed, k, service)
    )
    assert whole == by_service


@given(seeds, requests)
def test_a_trace_spans_services_and_ends_in_time(seed: int, k: int):
    events = traffic.events_of(seed, k)
    assert len({event.service for event in events}) >= 2
    spans = {event.span_id for event in events}
    root = next(event.span_id for event in events if event.service == "nginx")
    parents = {event.attributes["parent_span_id"] for event in events if event.service != "nginx"}
    assert parents <= spans
    assert root in parents
    assert all(0 <= event.offset < traffic.LONGEST for event in events)
    for event in events:
        assert event.type in TYPES[event.service]


def test_the_mean_that_the_pace_rests_on():
    """SHOP_RATE is events per second; the pace is requests per second."""
    for seed in (1, 7, 99):
        mean = sum(traffic.counts(seed, 12_000).values()) / 12_000
        assert mean == pytest.approx(traffic.EVENTS_PER_REQUEST, rel=0.03)


def test_errors_come_in_bursts_and_reach_the_callers():
    seed = 7
    incident = traffic.incident(seed, 0)
    during = [traffic.events_of(seed, k) for k in range(incident.first, incident.last)]
    quiet = [traffic.events_of(seed, k) for k in range(incident.first)]

    def share(sample: list[list[traffic.Event]]) -> float:
        its = [[e for e in events if e.service == incident.service] for events in sample]
        asked = [events for events in its if events]
        return sum(any(e.level == "error" for e in events) for events in asked) / len(asked)

    assert share(during) > 0.4
    assert share(quiet) < 0.05


def test_a_failing_service_fails_its_callers():
    """Each error that comes from below names who failed, and that service logged an error of its own before."""
    upstream = 0
    for k in range(20_000):
        failed: set[str] = set()
        for event in traffic.events_of(7, k):
            if event.attributes.get("error") == "upstream":
                upstream += 1
                assert event.attributes["callee"] in failed
            if event.level == "error":
                failed.add(event.service)
    assert upstream > 20


def test_a_caller_goes_on_without_what_it_can_do_without():
    gone_on = 0
    for k in range(20_000):
        events = traffic.events_of(7, k)
        for event in events:
            if event.service == "recommendation-service" and event.level == "error":
                gone_on += 1
                caller = [e for e in events if e.service == "catalog-service"]
                assert "info" in {e.level for e in caller}, "the product is shown"
                assert "error" not in {e.level for e in caller}
                assert "recommendation-service" in {e.attributes.get("callee") for e in caller}
    assert gone_on


def test_critical_events_are_rare_and_of_the_failing_service():
    found = [(k, e) for k in range(30_000) for e in traffic.events_of(3, k) if e.level == "critical"]
    assert 0 < len(found) < 300
    for k, event in found:
        assert traffic.incident(3, k // traffic.BLOCK).hits(event.service, k)


def test_each_journey_and_level_occurs():
    counted = traffic.counts(1, 30_000)
    assert {service for service, _, _ in counted} == set(TYPES)
    assert {level for _, _, level in counted} == {"debug", "info", "warning", "error", "critical"}
    assert sum(journey.share for journey in JOURNEYS) == 100
    assert len(TYPES) >= 12


def test_a_failed_request_is_a_server_error_at_the_door():
    for k in range(3000):
        events = traffic.events_of(5, k)
        door = next(event for event in events if event.service == "nginx")
        failed = any(
            e.level == "error" and e.attributes["parent_span_id"] == door.span_id for e in events if e is not door
        )
        assert (door.attributes["status"] == 503) == failed
        assert (door.level == "error") == failed


@given(seeds, requests)
def test_a_service_of_the_stack_file_alone_takes_part_too(seed: int, k: int):
    events = traffic.logged(seed, k, "returns-service", ("audit",))
    assert events == traffic.logged(seed, k, "returns-service", ("audit",))
    assert all((e.service, e.type) == ("returns-service", "audit") for e in events)


def test_a_guest_logs_now_and_then():
    assert 60 < sum(len(traffic.logged(1, k, "returns-service", ("application",))) for k in range(1000)) < 140


def test_only_types_that_the_stack_gives_a_service_are_logged():
    whole = [e for k in range(300) for e in traffic.events_of(1, k, "auth-service")]
    audit = [e for k in range(300) for e in traffic.logged(1, k, "auth-service", ("audit",))]
    assert audit == [e for e in whole if e.type == "audit"]
    assert 0 < len(audit) < len(whole)
