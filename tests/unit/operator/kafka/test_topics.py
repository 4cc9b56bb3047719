"""KafkaTopic: what is asked of Kafka, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from embedded_operator.common import names, status
from embedded_operator.common.kube import KubeError
from embedded_operator.common.work import Queue, Store, key_of
from embedded_operator.kafka import topics
from embedded_operator.kafka.admin import NewTopic, Partition, Topic
from embedded_operator.kafka.topics import Changes, TopicController
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaError

from tests.unit.operator.fake_kube import FakeKube


def resource(name: str = "logs.checkout", created: str = "2026-01-01T00:00:00Z", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "kafkalogs", "creationTimestamp": created}, "spec": spec}


def topic(partitions: int, replicas: int = 3, name: str = "logs.checkout") -> Topic:
    nodes = tuple(range(replicas))
    return Topic(name, "id", tuple(Partition(number, 0, nodes, nodes) for number in range(partitions)))


def compare(wanted: dict[str, Any], present: Topic | None, config: dict[str, str] | None = None) -> Changes:
    changes = Changes()
    topics.compare(wanted, present, config or {}, changes)
    return changes


def test_a_missing_topic_is_created_with_defaults_where_nothing_is_said() -> None:
    wanted = resource(config={"min.insync.replicas": 2, "preallocate": True, "cleanup.policy": ["compact", "delete"]})
    assert compare(wanted, None).create == [
        NewTopic(
            "logs.checkout",
            -1,
            -1,
            {"min.insync.replicas": "2", "preallocate": "true", "cleanup.policy": "compact,delete"},
        )
    ]


def test_a_topic_may_have_another_name_than_its_resource() -> None:
    assert compare(resource("x", topicName="__Odd"), None).create[0].name == "__Odd"


def test_partitions_grow_and_never_shrink() -> None:
    assert compare(resource(partitions=6), topic(3)).partitions == {"logs.checkout": 6}
    refused = compare(resource(partitions=2), topic(3))
    assert refused.partitions == {}
    assert refused.refused == {"logs.checkout": ("NotSupported", "Decreasing partitions not supported")}


def test_another_replication_factor_is_refused() -> None:
    reason, message = compare(resource(partitions=2, replicas=2), topic(2)).refused["logs.checkout"]
    assert reason == "NotSupported"
    assert message == "Replication factor change not supported, but required for partitions [0, 1]"


CONFIG = st.dictionaries(st.sampled_from(["retention.ms", "compression.type", "segment.ms"]), st.sampled_from("123"))


@given(wanted=CONFIG, present=CONFIG)
def test_configuration_becomes_exactly_what_is_wanted(wanted: dict[str, str], present: dict[str, str]) -> None:
    changes = compare(resource(config=wanted), topic(1), present)
    result = dict(present)
    for key, value in changes.config.get("logs.checkout", {}).items():
        if value is None:
            del result[key]
        else:
            result[key] = value
    assert result == wanted
    assert changes.config or wanted == present


def test_the_oldest_resource_has_the_topic() -> None:
    old, new = (
        resource("a", "2026-01-01T00:00:00Z", topicName="t"),
        resource("b", "2026-01-02T00:00:00Z", topicName="t"),
    )
    other = resource("t2")
    assert topics.conflicts([new, other, old]) == {
        ("kafkalogs", "b"): "Managed by Ref{namespace='kafkalogs', name='a'}"
    }


def test_finalizers_can_be_turned_off() -> None:
    kafka: dict[str, Any] = {"spec": {"entityOperator": {"topicOperator": {}}}}
    assert topics.uses_finalizers(kafka)
    env = [{"name": "STRIMZI_USE_FINALIZERS", "value": "false"}]
    kafka["spec"]["entityOperator"]["template"] = {"topicOperatorContainer": {"env": env}}
    assert not topics.uses_finalizers(kafka)


class Deletions:
    """A topic whose resource is being deleted, and the controller that sees it; what it asks is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds_ago: float, answers: list[Exception | None]) -> None:
        self.released: list[str] = []
        self.deleted: list[str] = []
        self.answers = answers
        self.queue = Queue()
        self.item = resource()
        self.item["metadata"] |= {
            "labels": {names.CLUSTER: "logs"},
            "finalizers": [names.TOPIC_FINALIZER],
            "deletionTimestamp": "2026-01-01T00:00:00Z",
        }
        monkeypatch.setattr(status, "age", lambda moment: seconds_ago)
        kafka = {"metadata": {"name": "logs"}, "spec": {"entityOperator": {"topicOperator": {}}}}
        live = SimpleNamespace(plan=SimpleNamespace(cluster=SimpleNamespace(resource=kafka)), admin=self)
        kube = SimpleNamespace(get=lambda *_: kafka, namespace_is_ending=lambda _: False, patch=self._patch)
        store = Store()
        store.put(self.item)
        clusters: Any = SimpleNamespace(find=lambda *_: live)
        controller = TopicController(cast("Any", kube), clusters, store, self.queue)
        controller.handle({key_of(self.item)})

    def _patch(self, kind: str, namespace: str, name: str, body: dict[str, Any]) -> None:
        if error := self.answers.pop(0):
            raise error
        assert body == {"metadata": {"finalizers": []}}
        self.released.append(name)

    def delete_topics(self, wanted: list[str]) -> dict[str, Exception]:
        self.deleted += wanted
        return {}

    def topics(self, wanted: list[str]) -> dict[str, Topic]:
        return {}

    def __getattr__(self, name: str) -> Any:
        return lambda *_: ({}, {}) if name == "create_topics" else {}


def test_a_deleted_topic_goes_from_kafka_and_then_from_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Deletions(monkeypatch, 60, [None])
    assert (seen.deleted, seen.released) == (["logs.checkout"], ["logs.checkout"])


def test_a_deleted_topic_stays_until_its_watchers_look(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Deletions(monkeypatch, topics.LINGER - 0.01, [])
    assert (seen.deleted, seen.released) == (["logs.checkout"], [])
    assert seen.queue.take() == {key_of(seen.item)}


def test_a_release_that_failed_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KubeError):
        Deletions(monkeypatch, 60, [KubeError(500, "etcd is busy")])


def test_age() -> None:
    assert 60 < status.age(status.timestamp(status.now() - timedelta(minutes=1, seconds=1))) < 63


class FakeAdmin:
    """Brokers that have the topics that they were asked to create, and refuse one."""

    def __init__(self) -> None:
        self.created: list[str] = []

    def topics(self, wanted: list[str]) -> dict[str, Topic]:
        return {name: Topic(name, "id", ()) for name in wanted if name in self.created}

    def topic_configs(self, wanted: list[str]) -> dict[str, dict[str, str]]:
        return {}

    def create_topics(self, wanted: list[NewTopic]) -> tuple[dict[str, str], dict[str, KafkaError]]:
        self.created = [topic.name for topic in wanted if topic.name != "refused"]
        return dict.fromkeys(self.created, "id"), {"refused": KafkaError("no")}

    def alter_topic_configs(self, changes: dict[str, Any]) -> dict[str, KafkaError]:
        return {}

    def create_partitions(self, changes: dict[str, int]) -> dict[str, KafkaError]:
        return {}

    def delete_topics(self, wanted: list[str]) -> dict[str, KafkaError]:
        return {}


def test_each_topic_is_made_or_its_status_says_why_not() -> None:
    def topic(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
        made = resource(**spec)
        made |= {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic"}
        labels = {names.CLUSTER: "logs"}
        made["metadata"] |= {"name": name, "uid": name, "generation": 1, "labels": labels, "annotations": annotations}
        return made

    moved = topic("moved", topicName="new")
    moved["status"] = {"topicName": "old"}
    twin = topic("twin", topicName="made")
    twin["metadata"]["creationTimestamp"] = "2999-01-01T00:00:00Z"
    items = [topic("made"), topic("refused"), topic("paused", {names.PAUSE: "true"}), twin, moved]
    items.append(topic("unmanaged", {names.MANAGED: "false"}))
    kube, store, admin = FakeKube(*items), Store(), FakeAdmin()
    kafka = {"metadata": {"name": "logs"}, "spec": {"entityOperator": {"topicOperator": {}}}}
    live = SimpleNamespace(plan=SimpleNamespace(cluster=SimpleNamespace(resource=kafka)), admin=admin)
    for item in items:
        store.put(item)
    clusters: Any = SimpleNamespace(find=lambda *_: live)
    TopicController(cast("Any", kube), clusters, store, Queue()).handle({key_of(item) for item in items})
    assert admin.created == ["made"]
    said = {item["metadata"]["name"]: kube.conditions("KafkaTopic", item["metadata"]["name"]) for item in items}
    assert said == {
        "made": {"Ready": None},
        "refused": {"Ready": "KafkaError"},
        "paused": {"ReconciliationPaused": None},
        "twin": {"Ready": "ResourceConflict"},
        "moved": {"Ready": "NotSupported"},
        "unmanaged": {"Unmanaged": None},
    }
    assert kube.objects[("KafkaTopic", "made")]["status"]["topicId"] == "id"
