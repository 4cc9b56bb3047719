"""The events that the bench writes, its markers, quantiles and page."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest
from kafkalogs.client.logevent import LogEvent
from kafkalogs.client.settings import Catalog
from shop.journeys import TYPES

from bench import events, latency
from bench.figures import Figure, merged

NOW = b"2026-11-23T16:00:00.123Z"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    topic = {
        "partitions": 3, "replicas": 3, "minInsyncReplicas": 2, "retentionMs": 1, "maxMessageBytes": 1000,
        "compression": "producer", "partitionBy": "trace_id", "retentionClass": "application",
    }  # fmt: skip
    names = [name for name in TYPES if name != "nginx"]
    services = {
        name: {"team": "t", "user": name, "layout": "service", "topics": {"application": f"logs.{name}"},
               "bytesPerSecond": 1}
        for name in names
    }  # fmt: skip
    topics = {f"logs.{name}": topic for name in names}
    topics["logs.user-service"] = {**topic, "partitionBy": "user_id"}
    document = {"cluster": "logs", "namespace": "n", "bootstrap": "b", "topics": topics, "services": services}
    return Catalog.model_validate({**document, "teams": {}})


def test_each_event_is_a_log_event_with_its_topics_key(catalog: Catalog) -> None:
    made = events.templates(catalog, 300)
    assert {one.service for one in made} > {"checkout-service", "user-service"}
    assert "nginx" not in {one.service for one in made}
    for one in made:
        key, value = one.made(NOW, 77)
        event = LogEvent.from_json(value)
        assert one.topic == f"logs.{event.service}"
        assert key == event.key(catalog.topics[one.topic].partition_by)
        assert json.loads(value)["timestamp"] == NOW.decode()


def test_another_round_has_other_traces_that_hang_together_as_before(catalog: Catalog) -> None:
    made = events.templates(catalog, 50)
    first, second = (
        [LogEvent.from_json(one.made(NOW, salt)[1]).trace_id for one in made] for salt in (1, 2)
    )  # fmt: skip
    assert not set(first) & set(second)
    assert [a == b for a, b in pairwise(first)] == [a == b for a, b in pairwise(second)]
    assert max(Counter(first).values()) > 2


def test_the_mean_size_is_that_of_the_values(catalog: Catalog) -> None:
    made = events.templates(catalog, 50)
    sizes = [len(one.made(NOW, 5)[1]) for one in made]
    assert events.mean_bytes(made) == pytest.approx(sum(sizes) / len(sizes))


def test_a_marker_is_an_incident_of_its_own() -> None:
    marks = latency.Marks()
    made = [marks.event(number) for number in range(3)]
    assert len({one.attributes["error_class"] for one in made}) == 3
    assert {LogEvent.from_json(one.to_json()).level for one in made} == {"critical"}
    assert marks.written.keys() == {one.trace_id for one in made}


def test_a_marker_counts_when_it_is_seen_first_and_only_if_it_is_ours() -> None:
    marks = latency.Marks(written={"a": 10.0, "b": 20.0})
    for trace, at in (("a", 11.5), ("a", 99.0), ("c", 12.0)):
        marks.see("search", trace, at)
    assert marks.seconds("search") == [1.5]
    assert marks.missing("search") == {"b"}
    assert marks.missing("S3") == {"a", "b"}


def test_quantiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert latency.quantile(values, 0.5) == 50
    assert latency.quantile(values, 0.99) == 99
    assert latency.quantile([3.0], 0.99) == 3


def test_a_page_keeps_the_sections_of_parts_that_were_not_measured() -> None:
    page = merged("# Measured figures\n\nBy hand.\n", {"start": [Figure.at_most("a", 5, 6, "min")]}, "1 May")
    page = merged(page, {"load": [Figure("b", "1"), Figure("c", "2", met=False)]}, "2 May")
    page = merged(page, {"start": [Figure.at_most("a", 7, 6, "min")]}, "3 May")
    assert page.startswith("# Measured figures\n\nBy hand.\n\n## start\n")
    assert page.count("## ") == 2
    assert "| a | 7.0 min | at most 6 min | **missed** |" in page
    assert "5.0 min" not in page
    assert "| b | 1 |  |  |" in page
    assert "2 May" in page
    assert "1 May" not in page
