"""The KafkaUsers of a cluster reconciled together, against an API server and brokers in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from embedded_operator.common import names
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.work import Queue, Store
from embedded_operator.kafka import ca, spec
from embedded_operator.kafka.acls import Acl
from embedded_operator.kafka.scram import Credential
from embedded_operator.kafka.user_controller import UserController
from kafka.errors import KafkaError

from tests.unit.operator.fake_kube import FakeKube
from tests.unit.operator.kafka.resources import IMAGES, KAFKA, pool

KEY = ("kafkalogs", "logs")
OLD = Acl(2, "logs.old", 3, "*", 4, 3)


class FakeAdmin:
    """Brokers that know one user without a KafkaUser; they keep what the operator asks."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.known = {"CN=gone"}
        self.errors: dict[str, KafkaError] = {}

    def acls(self) -> dict[str, set[Acl]]:
        return {name: {OLD} for name in self.known}

    def quotas(self) -> dict[str, dict[str, float]]:
        return {}

    def scram_users(self) -> set[str]:
        return set()

    def alter_scram(self, upsert: list[Credential], remove: list[str]) -> dict[str, KafkaError]:
        self.asked["scram"] = [item.user for item in upsert], remove
        return dict(self.errors)

    def create_acls(self, wanted: list[tuple[str, Acl]]) -> dict[str, KafkaError]:
        self.asked["create"] = [(user, acl.name) for user, acl in wanted]
        return {}

    def delete_acls(self, wanted: list[tuple[str, Acl]]) -> dict[str, KafkaError]:
        self.asked["delete"] = [(user, acl.name) for user, acl in wanted]
        return {}

    def alter_quotas(self, changes: dict[str, dict[str, float | None]]) -> dict[str, KafkaError]:
        self.asked["quotas"] = changes
        return {}


def user(name: str, kind: str | None = "tls", **more: Any) -> Obj:
    rule = {"resource": {"type": "topic", "name": f"logs.{name}"}, "operations": ["Write"]}
    made: Obj = {
        "authorization": {"type": "simple", "acls": [rule]},
        "quotas": {"producerByteRate": 10},
        **({"authentication": {"type": kind}} if kind else {}),
        **more,
    }
    labels = {names.CLUSTER: "logs"}
    meta = {"name": name, "namespace": "kafkalogs", "uid": f"u-{name}", "generation": 1, "labels": labels}
    return {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaUser", "metadata": meta, "spec": made}


class World:
    def __init__(self, *users: Obj) -> None:
        self.kube, self.admin, self.queue, store = FakeKube(*users), FakeAdmin(), Queue(), Store()
        for item in users:
            store.put(item)
        authority = ca.make_ca("clients", 30, datetime.now(UTC))
        plan = SimpleNamespace(
            cluster=spec.parse(KAFKA, [pool()], IMAGES), clients_ca=SimpleNamespace(pair=authority, generation=0)
        )
        clusters: Any = SimpleNamespace(find=lambda *_: SimpleNamespace(plan=plan, admin=self.admin))
        self.controller = UserController(self.kube, clusters, store, self.queue)  # type: ignore[arg-type]

    def reconcile(self) -> dict[str, Any]:
        self.admin.asked = {}
        self.controller.handle({KEY})
        return self.admin.asked

    def status(self, name: str) -> Obj:
        return self.kube.objects[("KafkaUser", name)].get("status", {})

    def reason(self, name: str) -> str | None:
        (condition,) = self.status(name)["conditions"]
        return condition.get("reason", condition["type"])


def test_users_get_their_rights_and_users_without_a_resource_lose_theirs() -> None:
    world = World(user("writer"), user("reader", "scram-sha-512"))
    asked = world.reconcile()
    assert sorted(asked["create"]) == [("CN=writer", "logs.writer"), ("reader", "logs.reader")]
    assert asked["delete"] == [("CN=gone", "logs.old")]
    assert asked["scram"] == (["reader"], [])
    assert asked["quotas"] == {name: {"producer_byte_rate": 10.0} for name in ("CN=writer", "reader")}
    assert dig(world.status("writer"), "username") == "CN=writer"
    assert dig(world.status("reader"), "secret") == "reader"
    assert {world.reason("writer"), world.reason("reader")} == {"Ready"}
    assert sorted(world.kube.objects[("Secret", "reader")]["data"]) == ["password", "sasl.jaas.config"]


def test_a_password_is_sent_again_only_while_kafka_does_not_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(user("reader", "scram-sha-512"))
    world.reconcile()
    monkeypatch.setattr(world.admin, "scram_users", lambda: {"reader"})
    assert world.reconcile()["scram"] == ([], [])
    world.kube.objects[("Secret", "reader")]["data"]["password"] = "b3RoZXI="
    assert world.reconcile()["scram"] == (["reader"], [])


def test_what_cannot_be_is_reported_and_the_user_keeps_what_it_has() -> None:
    paused = user("paused")
    paused["metadata"]["annotations"] = {names.PAUSE: "true"}
    foreign = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "foreign", "namespace": "kafkalogs"}}
    world = World(user("x" * 65), paused, user("foreign"))
    world.kube.objects[("Secret", "foreign")] = foreign
    world.admin.known = {"CN=" + "x" * 65, "CN=paused"}
    asked = world.reconcile()
    assert asked["delete"] == []
    assert asked["create"] == []
    assert world.reason("x" * 65) == world.reason("foreign") == "InvalidResourceException"
    assert world.reason("paused") == "ReconciliationPaused"


def test_an_error_of_kafka_is_reported_and_the_cluster_comes_again() -> None:
    world = World(user("reader", "scram-sha-512"))
    world.admin.errors = {"reader": KafkaError("no")}
    world.reconcile()
    assert world.reason("reader") == "KafkaError"
    assert KEY in world.queue._due


def test_a_cluster_without_user_operator_or_not_ready_is_left_alone() -> None:
    world = World(user("writer"))
    clusters: Any = SimpleNamespace(find=lambda *_: None)
    world.controller.clusters = clusters
    assert world.reconcile() == {}
