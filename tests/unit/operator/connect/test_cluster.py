"""A Connect cluster reconciled pass by pass against an API server in memory."""

from __future__ import annotations

import copy

import pytest
from embedded_operator.common import names, reconciler
from embedded_operator.common.reconciler import RESYNC, SOON
from embedded_operator.connect.api import ConnectError
from embedded_operator.connect.cluster import Connects
from embedded_operator.operator import Operator

from tests.unit.operator.connect.resources import IMAGES, SECRETS, Obj, connect, secret
from tests.unit.operator.fake_kube import FakeKube

PODS = ["sinks-connect-0", "sinks-connect-1"]
PLUGIN = {"class": "org.example.Sink", "type": "sink", "version": "1"}


class Api:
    """A REST API that has one plugin, or does not answer."""

    def __init__(self) -> None:
        self.error: ConnectError | None = None

    def plugins(self) -> list[Obj]:
        if self.error:
            raise self.error
        return [PLUGIN]


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube(connect(), *SECRETS)


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def heard() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def connects(kube: FakeKube, api: Api, heard: list[tuple[str, str]]) -> Connects:
    return Connects(kube, IMAGES, lambda *key: heard.append(key), api=lambda _: api)  # type: ignore[arg-type,return-value]


def one_pass(connects: Connects) -> float | None:
    return connects.reconcile("kafkalogs", "sinks")


@pytest.fixture
def running(connects: Connects, kube: FakeKube) -> Connects:
    one_pass(connects)
    kube.start(*PODS)
    one_pass(connects)
    return connects


def change(kube: FakeKube, **spec: object) -> None:
    resource = kube.objects[("KafkaConnect", "sinks")]
    resource["metadata"]["generation"] += 1
    resource["spec"].update(spec)


def conditions(kube: FakeKube) -> dict[str, str | None]:
    return kube.conditions("KafkaConnect", "sinks")


def test_the_workers_start_at_once_and_the_status_tells_the_way(
    connects: Connects, kube: FakeKube, heard: list[tuple[str, str]]
) -> None:
    assert one_pass(connects) == SOON
    assert kube.pods() == PODS
    assert conditions(kube) == {"NotReady": "Creating"}
    kube.start(PODS[0])
    assert one_pass(connects) == SOON
    assert heard == []
    kube.start(PODS[1])
    assert one_pass(connects) == RESYNC
    state = kube.objects[("KafkaConnect", "sinks")]["status"]
    assert conditions(kube) == {"Ready": None}
    assert state["url"] == "http://sinks-connect-api.kafkalogs.svc:8083"
    assert state["connectorPlugins"] == [PLUGIN]
    assert state["replicas"] == 2
    assert state["labelSelector"] == (
        "strimzi.io/cluster=sinks,strimzi.io/kind=KafkaConnect,strimzi.io/name=sinks-connect"
    )
    assert heard == [("kafkalogs", "sinks")]


def test_everything_belongs_to_the_resource(running: Connects, kube: FakeKube) -> None:
    made = [item for (kind, _), item in kube.objects.items() if kind not in ("KafkaConnect", "Secret")]
    assert {item["kind"] for item in made} == {"ConfigMap", "NetworkPolicy", "Pod", "PodDisruptionBudget", "Service"}
    assert all(item["metadata"]["ownerReferences"][0]["uid"] == "u-c" for item in made)


def test_a_second_look_changes_nothing(running: Connects, kube: FakeKube) -> None:
    running.plan_again("kafkalogs", "sinks")
    before = copy.deepcopy(kube.objects)
    one_pass(running)
    assert kube.objects == before


def test_a_change_replaces_one_worker_after_the_other(running: Connects, kube: FakeKube) -> None:
    change(kube, image="localhost/connect:2")
    one_pass(running)
    assert kube.deleted == PODS[:1]
    assert one_pass(running) == SOON  # made anew, not ready yet
    for _ in range(3):
        one_pass(running)
    assert kube.deleted == PODS[:1]
    kube.start(PODS[0])
    one_pass(running)
    assert kube.deleted == PODS
    one_pass(running)
    kube.start(PODS[1])
    assert one_pass(running) == RESYNC
    assert kube.deleted == PODS
    assert kube.objects[("KafkaConnect", "sinks")]["status"]["observedGeneration"] == 2


def test_a_new_certificate_replaces_the_workers(running: Connects, kube: FakeKube) -> None:
    kube.objects[("Secret", "connect")] = secret("connect", user_crt="NEW", user_key="KEY")
    running.plan_again("kafkalogs", "sinks")
    one_pass(running)
    assert kube.deleted == PODS[:1]


def test_workers_that_never_came_up_are_replaced_together_when_the_cause_is_corrected(
    connects: Connects, kube: FakeKube
) -> None:
    one_pass(connects)
    change(kube, image="localhost/connect:2")
    one_pass(connects)
    assert kube.deleted == PODS


def test_a_killed_worker_comes_back(running: Connects, kube: FakeKube) -> None:
    del kube.objects[("Pod", PODS[1])]
    one_pass(running)
    assert kube.pods() == PODS


def test_fewer_and_no_workers(running: Connects, kube: FakeKube) -> None:
    change(kube, replicas=1)
    one_pass(running)
    assert kube.deleted == PODS[1:]
    change(kube, replicas=0)
    one_pass(running)
    assert kube.pods() == []
    assert conditions(kube) == {"Ready": None}
    assert kube.objects[("KafkaConnect", "sinks")]["status"]["replicas"] == 0


def test_workers_that_do_not_answer_are_not_ready(connects: Connects, kube: FakeKube, api: Api) -> None:
    api.error = ConnectError(0, "no answer")
    one_pass(connects)
    kube.start(*PODS)
    assert one_pass(connects) == SOON
    assert conditions(kube) == {"NotReady": "Creating"}


def test_after_a_while_the_status_says_what_is_wrong(
    connects: Connects, kube: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_pass(connects)
    kube.objects[("Pod", PODS[0])]["status"] = {
        "phase": "Pending",
        "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}],
    }
    kube.start(PODS[1])
    monkeypatch.setattr(reconciler, "PATIENCE", -1.0)
    one_pass(connects)
    (condition,) = kube.objects[("KafkaConnect", "sinks")]["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("NotReady", "TimeoutException")
    assert "ErrImagePull: no such image" in condition["message"]


def test_a_missing_secret_is_told_and_leaves_what_runs_alone(running: Connects, kube: FakeKube) -> None:
    del kube.objects[("Secret", "connect")]
    running.plan_again("kafkalogs", "sinks")
    assert one_pass(running) is None
    assert conditions(kube) == {"NotReady": "InvalidConfigurationException"}
    assert kube.deleted == []
    assert kube.objects[("KafkaConnect", "sinks")]["status"]["connectorPlugins"] == [PLUGIN]


def test_a_spec_that_cannot_be_leaves_what_runs_alone(running: Connects, kube: FakeKube) -> None:
    change(kube, build={"output": {}})
    assert one_pass(running) is None
    assert conditions(kube) == {"NotReady": "InvalidResourceException"}
    assert kube.pods() == PODS


def test_metrics_need_their_config_map(running: Connects, kube: FakeKube) -> None:
    reference = {"configMapKeyRef": {"name": "jmx", "key": "c"}}
    change(kube, metricsConfig={"type": "jmxPrometheusExporter", "valueFrom": reference})
    one_pass(running)
    assert conditions(kube) == {"NotReady": "InvalidConfigurationException"}
    meta = {"name": "jmx", "namespace": "kafkalogs"}
    kube.apply({"kind": "ConfigMap", "metadata": meta, "data": {"c": "rules: []"}})
    one_pass(running)
    assert kube.deleted == PODS[:1]
    assert kube.objects[("ConfigMap", "sinks-connect-config")]["data"]["metrics-config.yml"] == "rules: []"


def test_without_connector_resources_the_api_is_the_users_own(running: Connects, kube: FakeKube) -> None:
    assert ("NetworkPolicy", "sinks-connect") in kube.objects
    kube.objects[("KafkaConnect", "sinks")]["metadata"]["annotations"] = {}
    running.plan_again("kafkalogs", "sinks")
    one_pass(running)
    assert ("NetworkPolicy", "sinks-connect") not in kube.objects


def test_a_paused_cluster_is_not_touched(running: Connects, kube: FakeKube) -> None:
    kube.objects[("KafkaConnect", "sinks")]["metadata"]["annotations"] = {names.PAUSE: "true"}
    change(kube, image="localhost/connect:2")
    assert one_pass(running) is None
    assert conditions(kube) == {"ReconciliationPaused": None}
    assert kube.deleted == []


def test_a_person_may_ask_for_a_restart(running: Connects, kube: FakeKube) -> None:
    kube.objects[("Pod", PODS[1])]["metadata"]["annotations"][names.MANUAL_ROLL] = "true"
    one_pass(running)
    assert kube.deleted == PODS[1:]


def test_a_deleted_cluster_is_forgotten(running: Connects, kube: FakeKube) -> None:
    assert running.is_ready("kafkalogs", "sinks")
    del kube.objects[("KafkaConnect", "sinks")]
    assert one_pass(running) is None
    assert not running.is_ready("kafkalogs", "sinks")


class TestEvents:
    """Which queue an event goes into."""

    @pytest.fixture
    def operator(self, kube: FakeKube) -> Operator:
        made = Operator(kube, IMAGES, ["kafkalogs"])  # type: ignore[arg-type]
        made.handle_event(None, connect())
        for queue in made.queues.values():
            queue._due.clear()
        return made

    def due(self, operator: Operator) -> dict[str, set[tuple[str, str]]]:
        return {kind: set(queue._due) for kind, queue in operator.queues.items() if queue._due}

    def test_a_worker_concerns_its_connect_cluster_and_no_kafka(self, operator: Operator) -> None:
        labels = {names.CLUSTER: "sinks", names.KIND: "KafkaConnect"}
        meta = {"name": PODS[0], "namespace": "kafkalogs", "labels": labels}
        operator.handle_event("MODIFIED", {"kind": "Pod", "metadata": meta})
        assert self.due(operator) == {"KafkaConnect": {("kafkalogs", "sinks")}}

    def test_a_secret_concerns_the_workers_that_use_it(self, operator: Operator) -> None:
        operator.handle_event("MODIFIED", secret("connect"))
        assert self.due(operator) == {"KafkaConnect": {("kafkalogs", "sinks")}}
        operator.queues["KafkaConnect"]._due.clear()
        operator.handle_event("MODIFIED", secret("another"))
        assert self.due(operator) == {}

    @pytest.mark.parametrize(("label", "key"), [({names.CLUSTER: "sinks"}, "sinks"), ({}, "")])
    def test_a_connector_concerns_the_connectors_of_its_cluster(
        self, operator: Operator, label: dict[str, str], key: str
    ) -> None:
        meta = {"name": "a", "namespace": "kafkalogs", "labels": label}
        for event in ("ADDED", "DELETED"):
            operator.handle_event(event, {"kind": "KafkaConnector", "metadata": meta})
            assert self.due(operator) == {"KafkaConnector": {("kafkalogs", key)}}
            operator.queues["KafkaConnector"]._due.clear()

    def test_a_connect_cluster_concerns_its_connectors_too(self, operator: Operator) -> None:
        operator.handle_event("DELETED", connect())
        assert self.due(operator) == {
            "KafkaConnect": {("kafkalogs", "sinks")},
            "KafkaConnector": {("kafkalogs", "sinks")},
        }
