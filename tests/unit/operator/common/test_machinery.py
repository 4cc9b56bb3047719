"""Statuses, stores, queues and start-up of the embedded operator."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from embedded_operator.__main__ import images
from embedded_operator.common import status
from embedded_operator.common.kube import KubeError
from embedded_operator.common.work import Queue, Store, start
from embedded_operator.kafka.scram import credential, jaas
from embedded_operator.operator import KINDS, Operator


class FakeKube:
    def __init__(self) -> None:
        self.patches: list[dict[str, Any]] = []

    def patch(self, kind: str, namespace: str, name: str, body: dict[str, Any], subresource: str = "") -> None:
        assert subresource == "status"
        self.patches.append(body["status"])


def resource(**state: Any) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "n", "generation": 2}
    return {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": metadata, "status": state}


def test_a_status_that_says_the_same_is_not_written_again() -> None:
    kube, obj = FakeKube(), resource(topicName="t", extra=1)
    new = {"conditions": [status.ready()]}
    assert status.write(kube, obj, new, keep=("topicName",))  # type: ignore[arg-type]
    assert not status.write(kube, obj, new, keep=("topicName",))  # type: ignore[arg-type]
    (written,) = kube.patches
    assert written["observedGeneration"] == 2
    assert written["topicName"] == "t"
    assert written["extra"] is None, "a merge patch removes what is no longer said"


def test_the_time_of_a_condition_moves_only_when_it_changes() -> None:
    old = {"conditions": [{**status.ready(), "lastTransitionTime": "then"}]}
    same = status.merge(old, {"conditions": [status.ready()]}, "now")
    other = status.merge(old, {"conditions": [status.not_ready("R", "m")]}, "now")
    assert same["conditions"][0]["lastTransitionTime"] == "then"
    assert other["conditions"][0]["lastTransitionTime"] == "now"


def test_a_store_tells_whether_anything_that_matters_changed() -> None:
    store, obj = Store(), resource()
    assert store.put(obj)
    assert not store.put({**obj, "status": {"conditions": []}})
    changed = {**obj, "metadata": {**obj["metadata"], "generation": 3}}
    assert store.put(changed)
    paused = {**obj, "metadata": {**changed["metadata"], "annotations": {"strimzi.io/pause-reconciliation": "true"}}}
    assert store.put(paused)
    assert not store.put({**paused, "metadata": {**paused["metadata"], "resourceVersion": "77"}})
    store.remove(("n", "a"))
    assert store.get(("n", "a")) is None


def test_keys_come_out_once_and_together() -> None:
    queue = Queue()
    queue.add([("n", "a"), ("n", "b")])
    queue.add([("n", "a")], delay=60)
    assert queue.take() == {("n", "a"), ("n", "b")}


def test_a_batch_that_failed_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded_operator.common.work.BACKOFF", 0.05)
    done = threading.Event()
    seen: list[float] = []

    def handle(keys: set[tuple[str, str]]) -> None:
        seen.append(time.monotonic())
        if len(seen) == 1:
            raise RuntimeError("once")
        done.set()

    queue = Queue()
    start("test", queue, handle)
    queue.add([("n", "a")])
    assert done.wait(5)


def test_images_are_read_as_strimzi_writes_them() -> None:
    assert images("4.3.0=a:1\n4.3.1=localhost/b:2\n") == {"4.3.0": "a:1", "4.3.1": "localhost/b:2"}
    with pytest.raises(ValueError, match="version=image"):
        images("4.3.1")


def test_scram_credentials_are_those_of_the_rfc_and_do_not_show() -> None:
    made = credential("sam", "pencil")
    again = credential("sam", "pencil")
    assert len(made.salted_password) == 64
    assert made.salt != again.salt
    assert "salt=" not in repr(made)
    assert jaas("sam", "p").endswith('ScramLoginModule required username="sam" password="p";')


class Busy:
    """An API whose answers to the first calls are errors of these codes."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.listed: list[str] = []

    def list(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        if self.codes:
            raise KubeError(self.codes.pop(0), "storage is (re)initializing")
        self.listed.append(kind)
        return []


def test_the_start_waits_for_definitions_that_were_just_made(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("embedded_operator.operator.time.sleep", naps.append)
    kube = Busy(429, 503)
    Operator(kube, {}, ["n"]).check()  # type: ignore[arg-type]
    assert (len(naps), kube.listed) == (2, list(KINDS))
    with pytest.raises(ValueError, match="CustomResourceDefinition of Kafka is missing"):
        Operator(Busy(404), {}, ["n"]).check()  # type: ignore[arg-type]
    with pytest.raises(KubeError):
        Operator(Busy(403), {}, ["n"]).check()  # type: ignore[arg-type]
    monkeypatch.setattr("embedded_operator.operator.CHECK_SECONDS", -1)
    with pytest.raises(KubeError):
        Operator(Busy(503), {}, ["n"]).check()  # type: ignore[arg-type]
    assert len(naps) == 2
