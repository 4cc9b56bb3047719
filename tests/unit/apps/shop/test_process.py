"""A service's process: what it is told, where its events go, and that nothing is lost without a word."""

from __future__ import annotations

import json
import sys
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from kafkalogs.client.logevent import LogEvent
from shop import __main__ as process
from shop import delivery, traffic
from shop.settings import Route, Settings, SettingsError

TOPIC = {"partitionBy": "trace_id", "maxMessageBytes": 1048576}


class Error:
    """What confluent-kafka gives a delivery report."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        return self._name

    def str(self) -> str:
        return f"Broker: {self._name}"

    def fatal(self) -> bool:
        return self._name == "_FATAL"


class Message:
    def __init__(self, topic: str) -> None:
        self._topic = topic

    def topic(self) -> str:
        return self._topic


class Kafka:
    """A producer in place of the real one: ``room`` for so many records, then BufferError until it is polled."""

    def __init__(self, room: int = 10**9, errors: dict[str, str] | None = None, answers: bool = True) -> None:
        self.room = room
        self.errors = errors or {}
        self.answers = answers
        self.settings: dict[str, Any] = {}
        self.records: list[tuple[str, bytes, bytes]] = []
        self.waiting: deque[tuple[str, Any]] = deque()
        self.full = 0

    def __call__(self, settings: dict[str, Any]) -> Any:
        self.settings = settings
        return self

    def __len__(self) -> int:
        return len(self.waiting)

    def produce(self, topic: str, value: bytes, key: bytes, on_delivery: Any) -> None:
        if len(self.waiting) >= self.room:
            self.full += 1
            raise BufferError
        self.records.append((topic, value, key))
        self.waiting.append((topic, on_delivery))

    def poll(self, seconds: float) -> int:
        while self.waiting and self.answers:
            topic, report = self.waiting.popleft()
            report(Error(self.errors[topic]) if topic in self.errors else None, Message(topic))
        return 0

    def flush(self, seconds: float) -> int:
        self.poll(0)
        return len(self.waiting)


LEVEL_TOPICS = {level: f"logs.{level}" for level in ("debug", "info", "warning", "error", "critical")}


@pytest.fixture
def mounted(tmp_path: Path) -> dict[str, str]:
    """The environment of a pod, with its files."""
    for name in ("user.crt", "user.key", "ca.crt"):
        (tmp_path / name).write_text("PEM")
    services = {
        "checkout-service": {"layout": "service", "topics": {"application": "logs.checkout-service"}},
        "auth-service": {"layout": "service", "topics": {"application": "logs.auth-service", "audit": "logs.audit"}},
        "nginx": {"layout": "type", "topics": {"access": "logs.access"}},
        "cart-service": {
            "layout": "level",
            "topics": LEVEL_TOPICS,
        },
        "order-service": {"layout": "service", "topics": {"application": "logs.order-service"}},
    }
    names = {topic for service in services.values() for topic in service["topics"].values()}
    topics: dict[str, Any] = {name: dict(TOPIC) for name in names}
    topics["logs.audit"] |= {"partitionBy": "user_id", "maxMessageBytes": 65536}
    topics["logs.access"] |= {"partitionBy": "instance_id"}
    topics["logs.order-service"] |= {"partitionBy": "user_id"}
    document = {"bootstrap": "logs-kafka-bootstrap.kafkalogs.svc:9093", "topics": topics, "services": services}
    (tmp_path / "catalog.json").write_text(json.dumps(document))
    return {
        "KAFKALOGS_CATALOG": str(tmp_path / "catalog.json"),
        "SHOP_CERTS": str(tmp_path),
        "SHOP_CA": str(tmp_path / "ca.crt"),
        "POD_NAME": "pod-1",
        "SHOP_SEED": "7",
        "SHOP_RATE": "0",
        "SHOP_COUNT": "400",
    }


def run(service: str, environment: dict[str, str], kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(delivery.Delivery.__init__, "__defaults__", (kafka,))
    monkeypatch.setattr(sys, "argv", ["shop", service])
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return process.main()


def expected(service: str, requests: int, types: tuple[str, ...]) -> list[traffic.Event]:
    return [e for k in range(requests) for e in traffic.logged(7, k, service, types)]


@pytest.mark.parametrize(
    ("service", "types"),
    [
        ("checkout-service", ("application",)),
        ("auth-service", ("application", "audit")),
        ("nginx", ("access",)),
        ("cart-service", ("application",)),
    ],
)
def test_each_event_reaches_its_topic_with_its_key(
    service: str, types: tuple[str, ...], mounted: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    kafka = Kafka()
    assert run(service, mounted, kafka, monkeypatch) == 0
    events = expected(service, 400, types)
    assert events
    assert len(kafka.records) == len(events)
    document = json.loads(Path(mounted["KAFKALOGS_CATALOG"]).read_text())
    routes = document["services"][service]
    for event, (topic, value, key) in zip(events, kafka.records, strict=True):
        written = LogEvent.from_json(value)
        assert (written.service, written.level, written.message) == (event.service, event.level, event.message)
        assert written.instance == "pod-1"
        assert topic == routes["topics"][event.level if routes["layout"] == "level" else event.type]
        assert key == written.key(document["topics"][topic]["partitionBy"])
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert counts["events"] == counts["acknowledged"] == sum(counts["topics"].values()) == len(events)
    assert (counts["failed"], counts["unacknowledged"]) == (0, 0)


def test_settings_that_lose_nothing(mounted: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    kafka = Kafka()
    run("auth-service", mounted, kafka, monkeypatch)
    wanted = {
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "zstd",
        "security.protocol": "SSL",
        "ssl.endpoint.identification.algorithm": "https",
        # the smallest of its topics' limits
        "message.max.bytes": 65536,
        "batch.size": 65536,
    }
    assert wanted.items() <= kafka.settings.items()


def test_a_full_buffer_is_waited_for(mounted: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any):
    kafka = Kafka(room=2)
    assert run("auth-service", mounted, kafka, monkeypatch) == 0
    assert kafka.full
    assert len(kafka.records) == len(expected("auth-service", 400, ("application", "audit")))
    assert "the buffer is full" in capsys.readouterr().out


def test_what_is_not_delivered_is_counted_and_said(
    mounted: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    kafka = Kafka(errors={"logs.audit": "TOPIC_AUTHORIZATION_FAILED"})
    assert run("auth-service", mounted, kafka, monkeypatch) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    said = [line for line in lines if line.get("reason")]
    assert [(line["topic"], line["reason"]) for line in said] == [("logs.audit", "TOPIC_AUTHORIZATION_FAILED")]
    counts = lines[-1]
    assert counts["failed"] == len(expected("auth-service", 400, ("audit",)))
    assert counts["acknowledged"] == len(expected("auth-service", 400, ("application",)))


def test_what_is_still_under_way_at_the_end_is_counted(
    mounted: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    assert run("checkout-service", mounted, Kafka(answers=False), monkeypatch) == 1
    counts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert counts["unacknowledged"] == counts["events"] > 0


def test_told_to_stop_while_the_buffer_is_full(mounted: dict[str, str]):
    kafka = Kafka(room=0)
    settings = Settings.read("checkout-service", mounted)
    route = Route.read(settings.catalog, settings.service)
    books = delivery.Delivery(settings, route, kafka)
    event = expected("checkout-service", 400, ("application",))[0]
    assert not books.send(event, "1" * 32, 0.0, stopping=lambda: kafka.full > 2)
    assert books.events == 0


def test_the_pace_is_that_of_the_clock(mounted: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    """Processes that start at different times are at the same request, and no event lies in the future."""
    clock = [1_800_000_000.0]
    monkeypatch.setattr(process.time, "time", lambda: clock[0])
    environment = {**mounted, "SHOP_RATE": "56", "SHOP_COUNT": ""}
    kafka = Kafka()
    settings = Settings.read("nginx", environment)
    route = Route.read(settings.catalog, settings.service)
    shop = process.Shop(settings, route.types, delivery.Delivery(settings, route, kafka))

    def poll(seconds: float) -> int:
        clock[0] += 0.1
        if clock[0] > 1_800_000_010:
            shop.stop()
        return Kafka.poll(kafka, seconds)

    monkeypatch.setattr(kafka, "poll", lambda seconds: poll(seconds) if seconds else 0)
    shop.run()
    per_second = 56 / traffic.EVENTS_PER_REQUEST
    assert len(kafka.records) == pytest.approx(10 * per_second, abs=2)
    first = int((1_800_000_000.0 - traffic.LONGEST) * per_second)
    events = [LogEvent.from_json(value) for _, value, _ in kafka.records]
    assert events[0].trace_id == traffic.trace_of(7, first)
    assert all(e.timestamp.timestamp() <= clock[0] for e in events)


def test_every_fault_of_the_environment_is_said_at_once(tmp_path: Path):
    environment = {
        "SHOP_RATE": "fast", "SHOP_SEED": "-1", "SHOP_COUNT": "0.5",
        "KAFKALOGS_CATALOG": str(tmp_path / "no.json"), "SHOP_CERTS": str(tmp_path), "SHOP_CA": str(tmp_path / "ca"),
    }  # fmt: skip
    with pytest.raises(SettingsError) as caught:
        Settings.read("nginx", environment)
    for part in ("SHOP_RATE=fast", "SHOP_SEED=-1", "SHOP_COUNT=0.5", "no.json", "user.crt", "user.key"):
        assert part in str(caught.value)


def test_no_rate_without_a_count_is_refused(mounted: dict[str, str]):
    with pytest.raises(SettingsError, match="SHOP_COUNT"):
        Settings.read("nginx", {**mounted, "SHOP_COUNT": ""})


def test_a_service_that_the_catalog_lacks(mounted: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any):
    assert run("fraud-service", mounted, Kafka(), monkeypatch) == 2
    assert "fraud-service" in capsys.readouterr().err


def test_a_catalog_that_is_none(mounted: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any):
    Path(mounted["KAFKALOGS_CATALOG"]).write_text("{}")
    assert run("nginx", mounted, Kafka(), monkeypatch) == 2
    assert "is not the platform's catalog" in capsys.readouterr().err
