"""The stream job in the report: the newest minute of error rates, and what is said before there is one."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from embedded.status import stream
from embedded.status.section import Row

from .platforms import at, clock, deployment, platform

pytestmark = pytest.mark.usefixtures("clock")
__all__ = ["clock"]


def minute(service: str, started: float, total: int, errors: int, **more: Any) -> dict[str, Any]:
    return {
        "service": service,
        "window_start": at(started),
        "total": total,
        "errors": errors,
        "usual_rate": 0.01,
        **more,
    }


ROWS = [
    minute("nginx", 180, 10, 10),
    minute("nginx", 120, 90, 8, anomaly=True),
    minute("nginx", 120, 10, 2, usual_rate=None, late=True, anomaly=None),
    minute("cart", 120, 100, 2),
    minute("calm", 120, 100, 0),
    minute("user", 120, 100, 1),
]


class Consumer:
    """Kafka's client on a topic of two partitions, of which one is empty."""

    def __init__(self, settings: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        self.settings, self.rows, self.places = settings, rows, {}
        assert settings["isolation.level"] == "read_committed"
        assert settings["enable.auto.commit"] is False
        assert settings["ssl.key.pem"] == "KEY of stream"

    def list_topics(self, topic: str, timeout: float) -> Any:
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={0: None, 1: None})})

    def get_watermark_offsets(self, place: Any, timeout: float) -> tuple[int, int]:
        return (0, len(self.rows)) if place.partition == 0 else (0, 0)

    def assign(self, places: list[Any]) -> None:
        self.places = {place.partition: place.offset for place in places}

    def consume(self, most: int, timeout: float) -> list[Any]:
        def message(partition: int, row: Any = None) -> Any:
            # what librdkafka says at a partition's end
            code = SimpleNamespace(code=lambda: KafkaError._PARTITION_EOF)
            return SimpleNamespace(
                error=lambda: None if row else code, value=lambda: json.dumps(row).encode(), partition=lambda: partition
            )

        rows = [message(0, row) for row in self.rows[self.places[0] :]]
        return [*rows, message(0), message(1)]

    def close(self) -> None:
        pass


def kafka(monkeypatch: pytest.MonkeyPatch, *answers: list[dict[str, Any]]) -> None:
    left = list(answers)
    take = lambda settings: Consumer(settings, left.pop(0) if len(left) > 1 else left[0])  # noqa: E731
    monkeypatch.setattr(stream, "Consumer", take)


def test_the_services_that_failed_most_in_the_newest_minute(monkeypatch: pytest.MonkeyPatch):
    old = [{**row, "window_start": at(3600)} for row in ROWS]
    kafka(monkeypatch, [], old, ROWS)
    section = stream.stream(platform(patience=60, deployments={"stream": deployment()}), "localhost:1")
    assert section is not None
    assert section.rows == [
        Row("newest minute reported", "07:58 UTC, over for 60 s"),
        Row("nginx", "10.0% of 100 events failed; usual is 1.0%; an anomaly", good=None),
        Row("cart", "2.0% of 100 events failed; usual is 1.0%"),
        Row("user", "1.0% of 100 events failed; usual is 1.0%"),
    ]


def test_a_job_that_reports_no_more_is_a_fault(monkeypatch: pytest.MonkeyPatch):
    kafka(monkeypatch, [minute("nginx", 420, 10, 0)])
    section = stream.stream(platform(deployments={"stream": deployment()}), "localhost:1")
    assert section is not None
    assert section.faults == ["stream: newest minute reported: 07:53 UTC, over for 6 min"]


def test_only_the_newest_records_are_read(monkeypatch: pytest.MonkeyPatch):
    kafka(monkeypatch, ROWS)
    settings: Any = {"ssl.key.pem": "KEY of stream"}
    assert stream.tail(settings, "metrics.error-rate", 2) == ROWS[-2:]


@pytest.mark.parametrize(("age", "says", "faults"), [(30, "is due within 90 s", 0), (1000, "was due 15 min ago", 1)])
def test_no_minute_yet_is_a_fault_only_when_it_is_overdue(
    monkeypatch: pytest.MonkeyPatch, age: float, says: str, faults: int
):
    kafka(monkeypatch, [])
    section = stream.stream(platform(deployments={"stream": deployment(age)}), "localhost:1")
    assert section is not None
    assert says in section.rows[0].found
    assert len(section.faults) == faults
