"""The report at the end of `make up`: a green one is earned, a fault is named and fails it."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafkalogs.client.settings import Catalog

from embedded.build.cache import EmbeddedError
from embedded.status import next_steps, refusals, report, topics
from embedded.status.pods import Component, components
from embedded.status.section import Section
from tests.support.stub_platform import CREDENTIALS, DOCUMENT, Said

CATALOG = Catalog.parse(json.dumps(DOCUMENT))


class Reader:
    """Offsets as the test says: one pair of (first, end) a topic at each look."""

    def __init__(self, first: dict[str, int], ends: list[dict[str, int]], unread: int = 0) -> None:
        self.topics = dict(CATALOG.topics)
        self.shape = {name: (topic.partitions, topic.replicas) for name, topic in self.topics.items()}
        self.brokers = [0, 1, 2]
        self._first = first
        self._ends = iter(ends)
        self._unread = unread

    def beginnings(self) -> dict[topics.Place, int]:
        return {(topic, 0): self._first.get(topic, 0) for topic in self.topics}

    def ends(self) -> dict[topics.Place, int]:
        looked = next(self._ends)
        return {(topic, 0): looked.get(topic, 0) for topic in self.topics}

    def count(self, first: dict[topics.Place, int], ends: dict[topics.Place, int], seconds: float) -> Counter[str]:
        return Counter({topic: ends[topic, 0] - first[topic, 0] - self._unread for topic in self.topics})


def test_records_in_out_and_rate(monkeypatch: pytest.MonkeyPatch):
    clock = iter((100.0, 100.0, 104.0))
    monkeypatch.setattr(topics.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(topics.time, "sleep", lambda seconds: None)
    reader: Any = Reader({"logs.access": 10}, [{"logs.access": 110}, {"logs.access": 150}])
    flows = {flow.topic: flow for flow in topics.flows(reader, reading=1, at_least=4)}
    assert flows["logs.access"] == topics.Flow("logs.access", 100, 100, 10.0)
    assert flows["logs.audit"] == topics.Flow("logs.audit", 0, 0, 0.0)


def test_only_silent_services_are_named():
    reader: Any = Reader({}, [{"logs.access": 1, "logs.info": 1}] * 3)
    services = {"nginx", "mailer", "checkout-service"}
    assert topics.silent_services(reader, CATALOG, services, 0) == ["checkout-service"]


def pod(name: str, part: str, *, ready: bool = True, memory: str = "48Mi", owner: str = "ReplicaSet") -> Any:
    return SimpleNamespace(
        metadata=SimpleNamespace(
            name=name,
            labels={"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": part},
            owner_references=[SimpleNamespace(kind=owner)],
        ),
        status=SimpleNamespace(phase="Running", container_statuses=[SimpleNamespace(ready=ready)]),
        spec=SimpleNamespace(
            node_name="node-1", containers=[SimpleNamespace(resources=SimpleNamespace(requests={"memory": memory}))]
        ),
    )


def cluster(pods: list[Any]) -> Any:
    core = SimpleNamespace(list_namespaced_pod=None)
    return SimpleNamespace(
        namespace="kafkalogs",
        core=core,
        call=lambda *words, **more: SimpleNamespace(items=pods),
        catalog=lambda: CATALOG,
        credentials=lambda cluster, user: CREDENTIALS,
    )


def test_pods_by_part():
    pods = [pod("nginx", "shop"), pod("cart-service", "shop", ready=False), pod("kafka", "strimzi-logs", memory="1Gi")]
    pods.append(pod("search-setup", "pipeline", ready=False, owner="Job"))
    assert components(cluster(pods)) == [
        Component("kafka", 1, 1, ("node-1",), 2**30),
        Component("shop", 2, 1, ("node-1",), 2 * 48 * 2**20),
    ]


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on localhost that handles one connection; its address."""
    with socket.create_server(("localhost", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"localhost:{listening.getsockname()[1]}"
        thread.join()


def test_only_a_refusal_is_a_refusal():
    def closes(connection: socket.socket) -> None:
        connection.recv(64)

    def alerts(connection: socket.socket) -> None:
        connection.recv(64)
        connection.sendall(bytes.fromhex("15030300020246"))

    def answers(connection: socket.socket) -> None:
        connection.recv(64)
        connection.sendall(bytes.fromhex("00000006000000010000"))

    for answer, refused in ((closes, True), (alerts, True), (answers, False)):
        with server(answer) as address:
            assert refusals.in_plaintext(address).refused is refused
    with socket.create_server(("localhost", 0)) as gone:
        address = f"localhost:{gone.getsockname()[1]}"
    assert refusals.in_plaintext(address).refused is False


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A platform without a fault, whose parts a test may spoil before it calls for the report."""
    parts: dict[str, Any] = {
        "pods": [pod("nginx", "shop"), pod("kafka", "strimzi-logs")],
        "reader": Reader({}, [{"logs.access": 7}] * 9),
        "flows": [topics.Flow("logs.access", 7, 7, 1.0)],
        "write": refusals.Answer("auth-service writes", "Topic authorization failed", refused=True),
        "silent": [],
        "readers": [],
    }
    monkeypatch.setenv("KAFKALOGS_CACHE", str(tmp_path))  # where steps keep their logs
    refused = refusals.Answer("asked", "closed", refused=True)
    monkeypatch.setattr(report, "ClusterAccess", lambda kubeconfig, namespace: cluster(parts["pods"]))
    monkeypatch.setattr(report, "Reader", lambda *words: parts["reader"])
    monkeypatch.setattr(report, "silent_services", lambda *words: parts["silent"])
    monkeypatch.setattr(report, "flows", lambda *words, **more: parts["flows"])
    monkeypatch.setattr(refusals, "foreign_write", lambda *words: parts["write"])
    monkeypatch.setattr(refusals, "without_certificate", lambda *words: refused)
    monkeypatch.setattr(refusals, "in_plaintext", lambda *words: refused)
    monkeypatch.setattr(
        report, "find_platform", lambda access, catalog, seconds: SimpleNamespace(access=access, catalog=catalog)
    )
    monkeypatch.setattr(next_steps, "part_commands", lambda platform: ["curl https://localhost:9200/logs-*"])
    monkeypatch.setattr(report, "ask_parts", lambda *words: parts["readers"])
    return parts


def test_a_healthy_platform(healthy: dict[str, Any], capsys: Said):
    report.report(Path("kubeconfig"))
    said = capsys.readouterr().out
    for part in ("logs.access", "Topic authorization failed", "kafkalogs replay", "curl https", "make down", "1/1"):
        assert part in said


@pytest.mark.parametrize(
    ("part", "value", "fault"),
    [
        ("pods", [pod("nginx", "shop", ready=False)], "1 of 1 pods of shop are not ready"),
        ("silent", ["nginx"], "nginx has logged nothing"),
        ("flows", [topics.Flow("logs.access", 7, 7, 0.0)], "nothing was logged"),
        ("flows", [topics.Flow("logs.access", 7, 0, 1.0)], "could read none of 7 records"),
        ("readers", [Section("search", faults=["search: documents: none yet"])], "search: documents: none yet"),
        ("write", refusals.Answer("a writes to b", "the record was accepted", refused=False), "was not refused"),
    ],
)
def test_a_fault_fails_the_report(healthy: dict[str, Any], part: str, value: Any, fault: str):
    healthy[part] = value
    with pytest.raises(EmbeddedError, match=fault):
        report.report(Path("kubeconfig"))


def test_a_topic_with_fewer_copies_than_declared(healthy: dict[str, Any]):
    healthy["reader"].shape["logs.access"] = (3, 1)
    with pytest.raises(EmbeddedError, match="3 partitions and 1 replicas, not 3 and 3"):
        report.report(Path("kubeconfig"))


def test_a_topic_that_is_missing(healthy: dict[str, Any]):
    del healthy["reader"].topics["logs.audit"]
    with pytest.raises(EmbeddedError, match=r"logs\.audit does not exist"):
        report.report(Path("kubeconfig"))
