"""A Kafka cluster reconciled pass by pass against an API server and brokers in memory."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from embedded_operator.common import names
from embedded_operator.common.kube import KubeError
from embedded_operator.common.reconciler import SOON
from embedded_operator.kafka import cluster as reconciling
from embedded_operator.kafka.admin import Partition, Topic, Voter
from embedded_operator.kafka.cluster import LAST_GRACE, Clusters

from tests.unit.operator.fake_kube import FakeKube
from tests.unit.operator.kafka.resources import IMAGES, KAFKA, pool

NODES = ["logs-kafka-0", "logs-kafka-1", "logs-kafka-2"]


class FakeAdmin:
    """Three brokers with one topic; node 0 is the active controller."""

    def __init__(self) -> None:
        self.in_sync: tuple[int, ...] = (0, 1, 2)

    def brokers(self) -> set[int]:
        return {0, 1, 2}

    def quorum(self) -> tuple[int, list[Voter]]:
        return 0, [Voter(0, 1000), Voter(1, 1000), Voter(2, 1000)]

    def metadata_level(self) -> int:
        return 30

    def topics(self) -> dict[str, Topic]:
        return {"t": Topic("t", "id", (Partition(0, 0, (0, 1, 2), self.in_sync),))}

    def topic_configs(self, found: list[str], keys: list[str]) -> dict[str, dict[str, str]]:
        return {"t": {"min.insync.replicas": "2"}}

    def close(self) -> None:
        pass


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> FakeAdmin:
    made = FakeAdmin()
    monkeypatch.setattr(reconciling, "connect", lambda *_: made)
    return made


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube(KAFKA, {**pool(), "metadata": {**pool()["metadata"], "labels": {names.CLUSTER: "logs"}}})


@pytest.fixture
def clusters(kube: FakeKube, admin: FakeAdmin) -> Clusters:
    ready: list[tuple[str, str]] = []
    made = Clusters(kube, IMAGES, lambda *key: ready.append(key))  # type: ignore[arg-type]
    made.heard = ready  # type: ignore[attr-defined]
    return made


def one_pass(clusters: Clusters) -> float | None:
    return clusters.reconcile("kafkalogs", "logs")


@pytest.fixture
def running(clusters: Clusters, kube: FakeKube) -> Clusters:
    one_pass(clusters)
    kube.start(*NODES)
    one_pass(clusters)
    return clusters


def change(kube: FakeKube, **config: Any) -> None:
    kafka = kube.objects[("Kafka", "logs")]
    kafka["metadata"]["generation"] += 1
    kafka["spec"]["kafka"]["config"].update(config)


def test_all_nodes_start_at_once_and_the_status_tells_the_way(clusters: Clusters, kube: FakeKube) -> None:
    assert one_pass(clusters) == SOON
    assert kube.pods() == NODES
    assert kube.conditions() == {"NotReady": "Creating"}
    kube.start("logs-kafka-0", "logs-kafka-1")
    one_pass(clusters)
    assert kube.conditions() == {"NotReady": "Creating"}
    kube.start("logs-kafka-2")
    one_pass(clusters)
    state = kube.objects[("Kafka", "logs")]["status"]
    assert kube.conditions() == {"Ready": None}
    assert len(state["clusterId"]) == 22
    assert state["kafkaMetadataVersion"] == "4.3-IV0"
    assert state["observedGeneration"] == 3
    assert kube.objects[("KafkaNodePool", "kafka")]["status"]["nodeIds"] == [0, 1, 2]
    assert clusters.heard == [("kafkalogs", "logs")]  # type: ignore[attr-defined]


def test_secrets_have_strimzis_names_and_keys(running: Clusters, kube: FakeKube) -> None:
    keys = {item["metadata"]["name"]: sorted(item["data"]) for item in kube.list("Secret", "kafkalogs")}
    assert keys["logs-cluster-ca-cert"] == keys["logs-clients-ca-cert"] == ["ca.crt", "ca.p12", "ca.password"]
    assert keys["logs-cluster-ca"] == keys["logs-clients-ca"] == ["ca.key"]
    assert keys["logs-kafka-0"] == ["logs-kafka-0.crt", "logs-kafka-0.key"]


def test_a_second_look_changes_nothing(running: Clusters, kube: FakeKube) -> None:
    running.live[("kafkalogs", "logs")].planned_at = float("-inf")
    before = copy.deepcopy(kube.objects)
    one_pass(running)
    assert kube.objects == before


def test_a_killed_pod_is_made_again_at_once(running: Clusters, kube: FakeKube) -> None:
    del kube.objects[("Pod", "logs-kafka-1")]
    one_pass(running)
    assert kube.pods() == NODES
    assert kube.conditions() == {"Ready": None}


def test_a_change_restarts_one_node_at_a_time_and_the_active_controller_last(
    running: Clusters, kube: FakeKube, admin: FakeAdmin
) -> None:
    change(kube, **{"log.retention.hours": 1})
    for _ in range(12):
        one_pass(running)
        missing = set(NODES) - set(kube.pods())
        assert len(missing) <= 1
        one_pass(running)
        kube.start(*NODES)
    assert kube.deleted == ["logs-kafka-1", "logs-kafka-2", "logs-kafka-0"]
    assert kube.objects[("Kafka", "logs")]["status"]["observedGeneration"] == 4


def test_the_next_node_waits_for_the_replicas_of_the_one_before(
    running: Clusters, kube: FakeKube, admin: FakeAdmin
) -> None:
    change(kube, **{"log.retention.hours": 1})
    one_pass(running)
    admin.in_sync = (0, 2)
    for _ in range(5):
        one_pass(running)
        kube.start(*NODES)
    assert kube.deleted == ["logs-kafka-1"]
    admin.in_sync = (0, 1, 2)
    one_pass(running)
    assert kube.deleted == ["logs-kafka-1", "logs-kafka-2"]


def test_a_node_is_not_restarted_when_a_partition_would_lose_min_isr(
    running: Clusters, kube: FakeKube, admin: FakeAdmin
) -> None:
    admin.in_sync = (0, 1)
    change(kube, **{"log.retention.hours": 1})
    for _ in range(3):
        one_pass(running)
    assert kube.deleted == []


def test_nodes_that_never_came_up_are_replaced_together_when_the_cause_is_corrected(
    clusters: Clusters, kube: FakeKube
) -> None:
    one_pass(clusters)
    change(kube, **{"log.retention.hours": 1})
    one_pass(clusters)
    assert kube.deleted == NODES


def test_a_person_may_ask_for_a_restart(running: Clusters, kube: FakeKube) -> None:
    kube.objects[("Pod", "logs-kafka-2")]["metadata"]["annotations"][names.MANUAL_ROLL] = "true"
    one_pass(running)
    assert kube.deleted == ["logs-kafka-2"]


def test_a_deleted_authority_comes_back_as_it_was(running: Clusters, kube: FakeKube) -> None:
    before = kube.objects.pop(("Secret", "logs-cluster-ca-cert"))
    running.live[("kafkalogs", "logs")].planned_at = float("-inf")
    one_pass(running)
    assert kube.objects[("Secret", "logs-cluster-ca-cert")]["data"]["ca.crt"] == before["data"]["ca.crt"]
    assert kube.deleted == []


def test_a_renewed_authority_keeps_its_key_and_restarts_the_nodes(running: Clusters, kube: FakeKube) -> None:
    secret = kube.objects[("Secret", "logs-clients-ca-cert")]
    old = secret["data"]["ca.crt"]
    secret["metadata"]["annotations"][names.FORCE_RENEW] = "true"
    running.live[("kafkalogs", "logs")].planned_at = float("-inf")
    one_pass(running)
    secret = kube.objects[("Secret", "logs-clients-ca-cert")]
    assert secret["data"]["ca.crt"] != old
    assert secret["metadata"]["annotations"] == {names.CA_CERT_GENERATION: "1"}
    assert kube.deleted == ["logs-kafka-1"]


def test_a_spec_that_cannot_be_leaves_what_runs_alone(running: Clusters, kube: FakeKube) -> None:
    change(kube)
    kube.objects[("Kafka", "logs")]["spec"]["kafka"]["tieredStorage"] = {"type": "custom"}
    one_pass(running)
    assert kube.conditions() == {"NotReady": "InvalidResourceException"}
    assert kube.pods() == NODES
    assert kube.objects[("Kafka", "logs")]["status"]["clusterId"]


def test_a_paused_cluster_is_not_touched(running: Clusters, kube: FakeKube) -> None:
    kube.objects[("Kafka", "logs")]["metadata"]["annotations"] = {names.PAUSE: "true"}
    del kube.objects[("Pod", "logs-kafka-1")]
    assert one_pass(running) is None
    assert kube.conditions() == {"ReconciliationPaused": None}
    assert "logs-kafka-1" not in kube.pods()


@pytest.mark.parametrize(("code", "told"), [(422, True), (503, False), (409, False)])
def test_a_refusal_is_told_and_a_busy_server_is_not(clusters: Clusters, kube: FakeKube, code: int, told: bool) -> None:
    kube.refuse = KubeError(code, "nodePort: provided port is already allocated")
    if told:
        assert one_pass(clusters)
        assert kube.conditions() == {"NotReady": "KubernetesError"}
    else:
        with pytest.raises(KubeError):
            one_pass(clusters)


def test_what_belonged_to_a_former_listener_goes(running: Clusters, kube: FakeKube) -> None:
    change(kube)
    kube.objects[("Kafka", "logs")]["spec"]["kafka"]["listeners"].pop()
    for _ in range(12):
        one_pass(running)
        one_pass(running)
        kube.start(*NODES)
    services = [item["metadata"]["name"] for item in kube.list("Service", "kafkalogs")]
    assert services == ["logs-kafka-bootstrap", "logs-kafka-brokers"]


def test_a_deleted_cluster_is_forgotten(running: Clusters, kube: FakeKube) -> None:
    del kube.objects[("Kafka", "logs")]
    one_pass(running)
    assert running.find("kafkalogs", "logs") is None


def test_pods_of_a_deleted_cluster_end_soon(running: Clusters, kube: FakeKube) -> None:
    del kube.objects[("Kafka", "logs")]
    ending = kube.objects[("Pod", "logs-kafka-0")]["metadata"]
    ending |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 120}
    assert one_pass(running) == SOON
    assert ending["deletionGracePeriodSeconds"] == LAST_GRACE
    waiting = kube.objects[("Pod", "logs-kafka-1")]["metadata"]  # nobody has deleted it yet
    assert "deletionGracePeriodSeconds" not in waiting
    soon = (datetime.now(UTC) + timedelta(seconds=LAST_GRACE)).isoformat(timespec="seconds")
    ending["deletionTimestamp"] = soon.replace("+00:00", "Z")
    assert one_pass(running) == SOON
    assert not kube.deleted
    ending["deletionTimestamp"] = "2026-01-01T00:00:00Z"  # its time is long over
    assert one_pass(running) == SOON
    assert kube.deleted == ["logs-kafka-0"]
    for name in NODES[1:]:
        del kube.objects[("Pod", name)]
    assert one_pass(running) is None


def test_pods_that_a_deletion_left_behind_stay(running: Clusters, kube: FakeKube) -> None:
    del kube.objects[("Kafka", "logs")]
    for name in NODES:
        del kube.objects[("Pod", name)]["metadata"]["ownerReferences"]
    assert one_pass(running) is None
