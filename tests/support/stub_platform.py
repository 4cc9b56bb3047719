"""A platform in place of a cluster, and Kafka replaced at confluent-kafka's boundary."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafkalogs.client.connect import Connected
from kafkalogs.client.settings import Catalog, Credentials
from kafkalogs.config.levels import LEVELS

LIMIT = 1_048_576


def topic(partition_by: str = "trace_id", limit: int = LIMIT) -> dict[str, Any]:
    return {
        "partitions": 3, "replicas": 3, "minInsyncReplicas": 2, "retentionMs": 3_600_000, "maxMessageBytes": limit,
        "compression": "producer", "partitionBy": partition_by, "retentionClass": "application",
    }  # fmt: skip


def service(topics: dict[str, str], layout: str = "service") -> dict[str, Any]:
    return {"team": "edge", "user": "", "layout": layout, "topics": topics, "bytesPerSecond": 1}


DOCUMENT: dict[str, Any] = {
    "cluster": "logs",
    "namespace": "kafkalogs",
    "bootstrap": "logs-kafka-bootstrap.kafkalogs.svc:9093",
    "external": "localhost:32090",
    "topics": {
        "logs.checkout-service": topic(),
        "logs.auth-service": topic("user_id"),
        "logs.audit": topic("user_id", limit=65_536),
        "logs.access": topic("instance_id"),
        **{f"logs.{level}": topic("instance_id") for level in LEVELS},
    },
    "services": {
        "checkout-service": service({"application": "logs.checkout-service"}),
        "auth-service": service({"audit": "logs.audit", "application": "logs.auth-service"}),
        "nginx": service({"access": "logs.access"}, "type"),
        "mailer": service({level: f"logs.{level}" for level in LEVELS}, "level"),
    },
    "teams": {
        "operations": {"user": "team-operations", "groupPrefix": "operations.", "topics": [], "prefixes": ["logs."]},
        "security": {"user": "team-security", "groupPrefix": "security.", "topics": ["logs.audit"], "prefixes": []},
    },
}
for _name, _service in DOCUMENT["services"].items():
    _service["user"] = _name

CREDENTIALS = Credentials("CA PEM", "CERTIFICATE PEM", "KEY PEM")


class Error:
    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        return self._name

    def str(self) -> str:
        return f"Broker: {self._name}"


class Message:
    def __init__(self, topic: str) -> None:
        self._topic = topic

    def topic(self) -> str:
        return self._topic


class Kafka:
    """A producer that keeps what it acknowledges, as a topic does over several runs.

    room: records under way before BufferError. fails: the number of the record (from 1) that is refused, with all
    after it. held: partition by key's first byte that is acknowledged late, so that acknowledgements leave their order.
    """

    def __init__(self) -> None:
        self.acknowledged: list[tuple[str, bytes, bytes]] = []
        self.waiting: deque[tuple[tuple[str, bytes, bytes], Any]] = deque()
        self.produced = 0
        self.room = 1000
        self.fails = 0
        self.backwards = False
        self.on_produce: Callable[[int], None] = lambda number: None
        self.ids: dict[str, str] = {name: f"id of {name}" for name in DOCUMENT["topics"]}
        self.asked: list[tuple[str, str]] = []

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Any) -> None:
        if len(self.waiting) >= self.room:
            raise BufferError
        self.produced += 1
        self.waiting.append(((topic, key, value), (on_delivery, self.produced)))
        self.on_produce(self.produced)

    def poll(self, timeout: float) -> int:
        while self.waiting:
            record, (report, number) = self.waiting.pop() if self.backwards else self.waiting.popleft()
            if self.fails and number >= self.fails:
                report(Error("TOPIC_AUTHORIZATION_FAILED"), Message(record[0]))
            else:
                self.acknowledged.append(record)
                report(None, Message(record[0]))
        return 0

    def flush(self, timeout: float) -> int:
        self.poll(timeout)
        return len(self.waiting)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(value) for _, _, value in self.acknowledged]

    def connect(self, catalog: Catalog, name: str, credentials: Credentials, bootstrap: str, topics: Any) -> Any:
        assert credentials is CREDENTIALS
        self.asked.append((name, bootstrap))
        return Connected({name: self.ids[name] for name in topics}, self)


class Access:
    """The catalog and certificates, without Kubernetes."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.namespace = namespace

    def catalog(self) -> Catalog:
        return Catalog.parse(json.dumps(DOCUMENT))

    def credentials(self, cluster: str, user: str) -> Credentials:
        return CREDENTIALS


Said = pytest.CaptureFixture[str]
