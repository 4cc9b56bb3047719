"""The pipeline: a known set of events arrives everywhere it has to, in exact numbers; poison goes nowhere else."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Message

from tests.support import kafka, pipeline
from tests.support.sandbox import Sandbox

SERVICE = "pipeline-probe"
TOPIC = f"logs.{SERVICE}"
PLAIN, ERRORS, CRITICAL, AUDIT = 500, 60, 12, 40
CLASSES = ("CardDeclined", "Timeout", "DiskFull")
POISON: list[bytes | None] = [
    b"no JSON",
    b'{"service": "pipeline-probe"}',
    b'{"timestamp": 5, "service": 6, "level": 7, "message": 8}',
    b"\xff\xfe\xfa",
    b"x" * 900_000,
    None,
]


@dataclass
class Run:
    """What was written: `run` marks its events."""

    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    events: list[dict[str, Any]] = field(default_factory=list)
    audits: list[dict[str, Any]] = field(default_factory=list)

    def levels(self) -> Counter[str]:
        return Counter(event["level"] for event in self.events)


def _event(run: str, level: str, number: int, **attributes: Any) -> dict[str, Any]:
    moment = time.time()
    return {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z",
        "service": SERVICE,
        "level": level,
        "message": f"probe {number} of {run}",
        "trace_id": uuid.uuid4().hex,
        "span_id": uuid.uuid4().hex[:16],
        "instance": "probe-0",
        "attributes": {"run": run, "number": number, **attributes},
    }


@pytest.fixture(scope="module")
def written(platform: Sandbox) -> Run:
    """A seeded run of events of every level in a random order, poison among them, all acknowledged."""
    found = Run()
    levels = ["info"] * PLAIN + ["error"] * ERRORS + ["critical"] * CRITICAL
    random.Random(7).shuffle(levels)
    for number, level in enumerate(levels):
        more = {"error_class": CLASSES[number % 3]} if level == "critical" else {}
        found.events.append(_event(found.run, level, number, **more))
    found.audits = [_event(found.run, "info", 10_000 + number) for number in range(AUDIT)]
    writer = kafka.Writer(platform, SERVICE)
    for number, event in enumerate(found.events):
        if number % 100 == 0 and (poison := number // 100) < len(POISON):
            writer.producer.produce(TOPIC, POISON[poison], b"poison", on_delivery=writer._delivered)
        writer.write(TOPIC, json.dumps(event).encode(), event["trace_id"].encode())
    for event in found.audits:
        writer.write("logs.audit", json.dumps(event).encode(), event["trace_id"].encode())
    writer.flush()
    assert not writer.errors
    assert len(writer.acked) == len(found.events) + AUDIT + len(POISON)
    return found


@pytest.fixture(scope="module")
def reader(platform: Sandbox) -> Iterator[str]:
    """A user that may read everything, for what no team reads."""
    with pipeline.inspector(platform) as user:
        yield user


def _of(run: str, messages: list[Message]) -> list[dict[str, Any]]:
    """The events of a run among messages, each as a dictionary."""
    return [json.loads(value) for m in messages if (value := m.value()) and run.encode() in value]


def _eventually(platform: Sandbox, what: str, count: Any, wanted: int, seconds: float = 180) -> None:
    """`count()` becomes `wanted`, and stays."""
    platform.wait(f"{wanted} {what}", lambda: count() >= wanted, seconds)
    time.sleep(3)
    assert count() == wanted, what


def test_search_has_every_event_once(platform: Sandbox, written: Run) -> None:
    with pipeline.search(platform) as engine:
        _eventually(platform, "documents", lambda: engine.count(written.run), len(written.events) + AUDIT)


def test_the_database_has_exactly_the_audit_events(platform: Sandbox, written: Run) -> None:
    query = f"select count(*) from audit_log where message like '%{written.run}'"
    _eventually(platform, "rows", lambda: pipeline.sql(platform, query), AUDIT)


def test_the_archive_has_every_event_once(platform: Sandbox, written: Run) -> None:
    with pipeline.archive(platform) as table:
        places = lambda: table.places(SERVICE, written.run)  # noqa: E731
        _eventually(platform, "archived events", lambda: len(places()), len(written.events) + AUDIT, 300)
        assert len(set(places())) == len(written.events) + AUDIT


@pytest.mark.parametrize(
    ("topic", "levels"), [("logs.error", ("error", "critical")), ("errors.critical", ("critical",))]
)
def test_the_stream_job_finds_exactly_the_failures(
    platform: Sandbox, written: Run, reader: str, topic: str, levels: tuple[str, ...]
) -> None:
    wanted = sum(written.levels()[level] for level in levels)
    found: list[dict[str, Any]] = []

    def count() -> int:
        found[:] = _of(written.run, kafka.read_committed(platform, reader, topic))
        return len(found)

    _eventually(platform, f"events in {topic}", count, wanted)
    assert Counter(event["level"] for event in found) == {level: written.levels()[level] for level in levels}
    assert {(event["attributes"]["team"], int(event["attributes"]["tier"])) for event in found} == {("quality", 1)}


def test_each_class_of_critical_errors_is_one_incident(platform: Sandbox, written: Run) -> None:
    def records() -> int:
        return sum(incident["payload"]["custom_details"]["records"] for incident in incidents())

    def incidents() -> list[dict[str, Any]]:
        return [i for i in pipeline.incidents(platform) if SERVICE in i["dedup_key"]]

    platform.wait("an incident of each class", lambda: len(incidents()) >= len(CLASSES), 180)
    assert len(incidents()) == len(CLASSES)
    platform.wait("all records in them", lambda: records() == CRITICAL, 400)


@pytest.mark.parametrize("sink", ["archive", "search", "stream"])
def test_poison_is_a_dead_letter_of_each_consumer(platform: Sandbox, written: Run, reader: str, sink: str) -> None:
    def letters() -> Counter[bytes | None]:
        return Counter(m.value() for m in kafka.read_committed(platform, reader, f"dlq.{sink}"))

    platform.wait("the dead letters", lambda: set(POISON) <= set(letters()), 120)
