"""KafkaConnectors against a Connect cluster in memory, and the calls to its REST API against a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from embedded_operator.common import names, status
from embedded_operator.common.work import Queue, Store, one_by_one
from embedded_operator.connect import connectors
from embedded_operator.connect import controller as connector_controller
from embedded_operator.connect.api import ConnectApi, ConnectError, Running
from embedded_operator.connect.cluster import Connects, LiveConnect
from embedded_operator.connect.controller import POLL, SETTLING, ConnectorController

from tests.unit.operator.connect.resources import IMAGES, Obj, connect, connector
from tests.unit.operator.fake_kube import FakeKube

TRACE = """org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask
\tat org.apache.kafka.connect.runtime.WorkerSinkTask.deliver(WorkerSinkTask.java:1)
Caused by: java.net.UnknownHostException: s3
\tat java.base/java.net.InetAddress.x(InetAddress.java:1)
"""


class FakeConnect:
    """Workers that do at once what they are asked; `broken` is what a call of that name raises."""

    def __init__(self) -> None:
        self.running: dict[str, Running] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.broken: dict[str, ConnectError] = {}

    def _call(self, what: str, *args: Any) -> None:
        self.calls.append((what, *args))
        if what in self.broken:
            raise self.broken[what]

    def connectors(self) -> dict[str, Running]:
        if "connectors" in self.broken:
            raise self.broken["connectors"]
        return dict(self.running)

    def topics(self, name: str) -> list[str]:
        return ["logs.a"]

    def create(self, name: str, config: dict[str, str], state: str) -> None:
        self._call("create", name, state)
        self.running[name] = Running(config, state_of(state))

    def configure(self, name: str, config: dict[str, str]) -> None:
        self._call("configure", name, config)
        self.running[name] = Running(config, state_of("RUNNING"))

    def delete(self, name: str) -> None:
        self._call("delete", name)
        del self.running[name]

    def change_state(self, name: str, verb: str) -> None:
        self._call(verb, name)
        states = {"pause": "PAUSED", "stop": "STOPPED", "resume": "RUNNING"}
        self.running[name] = replace(self.running[name], status=state_of(states[verb]))

    def restart(self, name: str, include_tasks: bool, only_failed: bool) -> None:
        self._call("restart", name, include_tasks, only_failed)

    def restart_task(self, name: str, task: int) -> None:
        self._call("restart_task", name, task)


def state_of(connector_state: str, *tasks: str) -> Obj:
    """A connector's status; without `tasks` it has two in the state of the connector."""
    states = tasks or (connector_state, connector_state)
    return {
        "name": "archive",
        "connector": {"state": connector_state, **({"trace": TRACE} if connector_state == "FAILED" else {})},
        "tasks": [
            {"id": index, "state": state, **({"trace": TRACE} if state == "FAILED" else {})}
            for index, state in enumerate(states)
        ],
    }


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube(connect(), connector())


@pytest.fixture
def workers() -> FakeConnect:
    return FakeConnect()


@pytest.fixture
def controller(kube: FakeKube, workers: FakeConnect) -> ConnectorController:
    connects = Connects(kube, IMAGES, lambda *_: None, api=lambda _: workers)  # type: ignore[arg-type,return-value]
    connects.live[("kafkalogs", "sinks")] = LiveConnect(ready=True)
    return ConnectorController(kube, connects, Store())  # type: ignore[arg-type]


@pytest.fixture
def running(controller: ConnectorController, workers: FakeConnect) -> ConnectorController:
    look(controller)
    look(controller)
    workers.calls.clear()
    return controller


def look(controller: ConnectorController, cluster: str = "sinks") -> float | None:
    return controller.reconcile("kafkalogs", cluster)


def resource(kube: FakeKube, name: str = "archive") -> Obj:
    return kube.objects[("KafkaConnector", name)]


def state(kube: FakeKube) -> Obj:
    return resource(kube)["status"]


def said(kube: FakeKube) -> tuple[str, str, str]:
    first = state(kube)["conditions"][0]
    return first["type"], first.get("reason", ""), first.get("message", "")


def fail(workers: FakeConnect, *tasks: str, connector_state: str = "RUNNING") -> None:
    workers.running["archive"] = replace(workers.running["archive"], status=state_of(connector_state, *tasks))


def annotate(kube: FakeKube, key: str, value: str) -> None:
    resource(kube)["metadata"].setdefault("annotations", {})[key] = value


class TestConfiguration:
    def test_a_connector_is_made_and_its_status_reported(
        self, controller: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        assert look(controller) == SETTLING
        assert workers.running["archive"].config == {
            "name": "archive",
            "connector.class": "org.example.Sink",
            "tasks.max": "2",
            "topics": "logs.a",
            "flush": "10",
        }
        assert look(controller) == POLL
        assert said(kube) == ("Ready", "", "")
        found = state(kube)
        assert found["connectorStatus"]["connector"]["state"] == "RUNNING"
        assert (found["tasksMax"], found["topics"], found["observedGeneration"]) == (2, ["logs.a"], 1)

    def test_one_that_runs_as_wanted_is_left_alone(self, running: ConnectorController, workers: FakeConnect) -> None:
        look(running)
        assert workers.calls == []

    def test_a_change_is_passed_on(self, running: ConnectorController, kube: FakeKube, workers: FakeConnect) -> None:
        resource(kube)["spec"]["config"]["flush"] = 20
        look(running)
        assert workers.running["archive"].config["flush"] == "20"

    def test_what_was_changed_by_hand_is_put_right(self, running: ConnectorController, workers: FakeConnect) -> None:
        running.asked.clear()  # it was long ago
        workers.running["archive"] = Running({"name": "archive"}, state_of("RUNNING"))
        look(running)
        assert workers.running["archive"].config["flush"] == "10"

    def test_an_accepted_configuration_is_not_given_twice(
        self, controller: ConnectorController, workers: FakeConnect
    ) -> None:
        look(controller)
        workers.running.clear()  # they have not read it yet
        assert look(controller) == SETTLING
        assert len(workers.calls) == 1

    def test_a_refused_configuration_is_told_with_the_workers_words_and_not_given_again(
        self, controller: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        workers.broken["configure"] = ConnectError(400, "PUT returned 400 (Bad Request): flush must be positive")
        assert look(controller) == POLL
        assert said(kube) == (
            "NotReady",
            "ConnectRestException",
            "PUT returned 400 (Bad Request): flush must be positive",
        )
        assert look(controller) == POLL
        assert len(workers.calls) == 1
        resource(kube)["spec"]["config"]["flush"] = 30
        look(controller)
        assert len(workers.calls) == 2

    def test_one_without_resource_is_deleted(self, running: ConnectorController, workers: FakeConnect) -> None:
        workers.running["old"] = Running({}, state_of("RUNNING"))
        look(running)
        assert workers.calls == [("delete", "old")]

    def test_a_deleted_one_is_deleted(self, running: ConnectorController, kube: FakeKube, workers: FakeConnect) -> None:
        del kube.objects[("KafkaConnector", "archive")]
        look(running)
        assert workers.running == {}

    def test_options_of_other_fields_are_not_taken_from_the_configuration(
        self, controller: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        resource(kube)["spec"]["config"] |= {"tasks.max": 9, "name": "x"}
        resource(kube)["spec"]["version"] = "[1.0,2.0)"
        del resource(kube)["spec"]["tasksMax"]
        look(controller)
        look(controller)
        config = workers.running["archive"].config
        assert config["name"] == "archive"
        assert "tasks.max" not in config
        assert state(kube)["tasksMax"] == 2  # as many as there are
        assert config["connector.plugin.version"] == "[1.0,2.0)"
        assert [item["type"] for item in state(kube)["conditions"]] == ["Ready", "Warning"]

    def test_one_without_class_is_refused(self, controller: ConnectorController, kube: FakeKube) -> None:
        del resource(kube)["spec"]["class"]
        look(controller)
        assert said(kube)[1] == "InvalidResourceException"


class TestState:
    @pytest.mark.parametrize(
        ("wanted", "verb", "seen"), [("paused", "pause", "PAUSED"), ("stopped", "stop", "STOPPED")]
    )
    def test_pause_or_stop_and_resume(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect, wanted: str, verb: str, seen: str
    ) -> None:
        resource(kube)["spec"]["state"] = wanted
        assert look(running) == SETTLING
        assert workers.calls == [(verb, "archive")]
        look(running)
        assert said(kube)[0] == "Ready"
        assert state(kube)["connectorStatus"]["connector"]["state"] == seen
        resource(kube)["spec"]["state"] = "running"
        look(running)
        assert workers.calls[1:] == [("resume", "archive")]

    def test_one_that_shall_not_run_does_not_begin_to(
        self, controller: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        resource(kube)["spec"]["state"] = "stopped"
        look(controller)
        assert workers.calls == [("create", "archive", "STOPPED")]

    def test_a_failed_one_gives_up_its_tasks_when_it_is_stopped(self) -> None:
        failed = Running({}, state_of("FAILED", "RUNNING"))
        assert connectors.transition("stopped", failed) == "stop"
        assert connectors.transition("paused", failed) is None
        assert connectors.transition("stopped", Running({}, {**failed.status, "tasks": []})) is None

    def test_the_next_look_comes_soon_until_the_tasks_are_there(
        self, running: ConnectorController, workers: FakeConnect
    ) -> None:
        workers.running["archive"] = replace(workers.running["archive"], status={"connector": {"state": "RUNNING"}})
        assert look(running) == SETTLING
        fail(workers, "RUNNING", "UNASSIGNED")
        assert look(running) == SETTLING
        fail(workers, "RUNNING", "RUNNING")
        assert look(running) == POLL


class TestFailures:
    def test_failed_tasks_are_told_with_their_cause(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        fail(workers, "RUNNING", "FAILED")
        look(running)
        assert said(kube) == (
            "NotReady",
            "TasksFailed",
            "The following tasks have failed: 1, see connectorStatus for more details. "
            "org.apache.kafka.connect.errors.ConnectException: Exiting WorkerSinkTask "
            "Caused by: java.net.UnknownHostException: s3",
        )
        assert state(kube)["connectorStatus"]["tasks"][1]["trace"] == TRACE
        assert workers.calls == []  # restarts were not asked for

    def test_a_failed_connector_is_told(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        fail(workers, connector_state="FAILED")
        look(running)
        assert said(kube)[1] == "ConnectorFailed"

    def test_the_schedule_of_restarts_is_strimzis(self) -> None:
        assert [connectors.backoff(count) for count in range(1, 10)] == [2, 6, 12, 20, 30, 42, 56, 60, 60]

    def test_what_fails_is_restarted_at_once_and_then_ever_later(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        resource(kube)["spec"]["autoRestart"] = {"enabled": True}
        fail(workers, "FAILED", "RUNNING")
        assert look(running) == SETTLING
        assert workers.calls == [("restart", "archive", True, True)]
        assert state(kube)["autoRestart"]["count"] == 1
        assert state(kube)["autoRestart"]["connectorName"] == "archive"
        assert look(running) == POLL  # the next one is due in two minutes
        assert len(workers.calls) == 1
        self.restarted_ago(kube, minutes=1.9)
        wait = look(running)
        assert wait is not None
        assert SETTLING <= wait < 10
        self.restarted_ago(kube, minutes=2.1)
        look(running)
        assert len(workers.calls) == 2
        assert state(kube)["autoRestart"]["count"] == 2

    def test_restarts_end_at_their_maximum(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        resource(kube)["spec"]["autoRestart"] = {"maxRestarts": 1}
        fail(workers, "FAILED")
        look(running)
        self.restarted_ago(kube, minutes=500)
        look(running)
        assert len(workers.calls) == 1
        assert said(kube)[0] == "NotReady"
        assert state(kube)["autoRestart"]["count"] == 1

    @pytest.mark.parametrize("settings", [None, {"enabled": False}])
    def test_nothing_is_restarted_unasked(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect, settings: Obj | None
    ) -> None:
        resource(kube)["spec"]["autoRestart"] = settings
        fail(workers, "FAILED")
        look(running)
        assert workers.calls == []

    def test_restarts_are_forgotten_when_it_has_run_for_a_while(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        resource(kube)["spec"]["autoRestart"] = {}
        fail(workers, "FAILED")
        look(running)
        fail(workers, "RUNNING")
        look(running)
        assert state(kube)["autoRestart"]["count"] == 1
        self.restarted_ago(kube, minutes=2.1)
        look(running)
        assert "autoRestart" not in state(kube)

    def restarted_ago(self, kube: FakeKube, minutes: float) -> None:
        moment = status.timestamp(status.now() - timedelta(minutes=minutes))
        state(kube)["autoRestart"]["lastRestartTimestamp"] = moment

    def test_a_rebalance_is_waited_for_and_told_only_when_it_lasts(
        self,
        controller: ConnectorController,
        kube: FakeKube,
        workers: FakeConnect,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        workers.broken["configure"] = ConnectError(409, "rebalance")
        assert look(controller) == SETTLING
        assert "status" not in resource(kube)
        monkeypatch.setattr(connector_controller, "PATIENCE", -1.0)
        look(controller)
        assert said(kube) == ("NotReady", "ConnectRestException", "rebalance")
        workers.broken.clear()
        look(controller)
        look(controller)
        assert said(kube)[0] == "Ready"
        assert controller.failing == {}

    def test_workers_that_do_not_answer_are_asked_again(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        workers.broken["connectors"] = ConnectError(0, "no answer")
        assert look(running) == SETTLING
        assert said(kube)[0] == "Ready"
        monkeypatch.setattr(connector_controller, "PATIENCE", -1.0)
        look(running)
        assert said(kube)[2] == "no answer"
        assert "connectorStatus" not in state(kube)


class TestAnnotations:
    @pytest.mark.parametrize(
        ("value", "flags"),
        [("true", (False, False)), ("includeTasks", (True, False)), ("includeTasks,onlyFailed", (True, True))],
    )
    def test_a_connector_is_restarted_and_the_annotation_goes(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect, value: str, flags: tuple[bool, bool]
    ) -> None:
        annotate(kube, names.RESTART, value)
        assert look(running) == SETTLING
        assert workers.calls == [("restart", "archive", *flags)]
        assert names.RESTART not in resource(kube)["metadata"]["annotations"]

    def test_a_task_is_restarted_and_the_annotation_goes(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        annotate(kube, names.RESTART_TASK, "1")
        look(running)
        assert workers.calls == [("restart_task", "archive", 1)]
        assert names.RESTART_TASK not in resource(kube)["metadata"]["annotations"]

    def test_what_is_not_accepted_stays_and_is_told(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        workers.broken = {"restart": ConnectError(409, "rebalance"), "restart_task": ConnectError(404, "Unknown task")}
        annotate(kube, names.RESTART, "true")
        annotate(kube, names.RESTART_TASK, "7")
        look(running)
        warnings = [(item["reason"], item["message"]) for item in state(kube)["conditions"][1:]]
        assert warnings == [("RestartConnector", "rebalance"), ("RestartConnectorTask", "Unknown task")]
        assert {names.RESTART, names.RESTART_TASK} <= resource(kube)["metadata"]["annotations"].keys()

    def test_a_task_is_a_number(self, running: ConnectorController, kube: FakeKube, workers: FakeConnect) -> None:
        annotate(kube, names.RESTART_TASK, "first")
        look(running)
        assert workers.calls == []
        assert "'first', which is not the number" in state(kube)["conditions"][1]["message"]

    def test_a_paused_resource_is_left_alone(
        self, running: ConnectorController, kube: FakeKube, workers: FakeConnect
    ) -> None:
        annotate(kube, names.PAUSE, "true")
        resource(kube)["spec"]["state"] = "stopped"
        look(running)
        assert workers.calls == []
        assert said(kube)[0] == "ReconciliationPaused"

    def test_offsets_are_not_handled_and_that_is_told(self, running: ConnectorController, kube: FakeKube) -> None:
        annotate(kube, names.OFFSETS, "reset")
        look(running)
        assert "not supported by the embedded operator" in state(kube)["conditions"][1]["message"]


class TestCluster:
    """What the Connect cluster must be for its connectors to be looked after."""

    def test_there_is_none(self, running: ConnectorController, kube: FakeKube, workers: FakeConnect) -> None:
        del kube.objects[("KafkaConnect", "sinks")]
        assert look(running) is None
        assert said(kube)[:2] == ("NotReady", "NoSuchResourceException")
        assert workers.calls == []

    def test_it_has_no_annotation(self, running: ConnectorController, kube: FakeKube, workers: FakeConnect) -> None:
        kube.objects[("KafkaConnect", "sinks")]["metadata"]["annotations"] = {}
        workers.running["by-hand"] = Running({}, state_of("RUNNING"))
        look(running)
        assert (
            said(kube)[2] == "KafkaConnect sinks is not configured with annotation strimzi.io/use-connector-resources"
        )
        assert workers.calls == []  # connectors that people made are theirs

    def test_it_has_no_workers(self, running: ConnectorController, kube: FakeKube) -> None:
        kube.objects[("KafkaConnect", "sinks")]["spec"]["replicas"] = 0
        look(running)
        assert "has 0 replicas" in said(kube)[2]

    def test_it_is_not_ready_yet(self, controller: ConnectorController, kube: FakeKube, workers: FakeConnect) -> None:
        controller.connects.live.clear()
        assert look(controller) is None
        assert workers.calls == []
        assert "status" not in resource(kube)

    def test_the_label_is_missing(self, controller: ConnectorController, kube: FakeKube) -> None:
        alone = connector("alone")
        del alone["metadata"]["labels"]
        kube.objects[("KafkaConnector", "alone")] = alone
        controller.store.put(alone)
        look(controller, cluster="")
        (condition,) = resource(kube, "alone")["status"]["conditions"]
        assert condition["message"].startswith("Resource lacks label 'strimzi.io/cluster'")

    def test_connectors_come_again_when_they_are_due(self, controller: ConnectorController) -> None:
        queue = Queue()
        one_by_one(queue, controller.reconcile)({("kafkalogs", "sinks")})
        assert queue.take() == {("kafkalogs", "sinks")}


class TestApi:
    """The calls themselves, as Kafka Connect documents them."""

    @pytest.fixture
    def server(self) -> Iterator[HTTPServer]:
        answers: dict[str, tuple[int, Any]] = {}
        seen: list[tuple[str, str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                seen.append((self.command, self.path, body))
                code, content = answers.get(f"{self.command} {self.path}", (204, None))
                self.send_response(code)
                data = b"" if content is None else json.dumps(content).encode()
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = respond  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        made = HTTPServer(("127.0.0.1", 0), Handler)
        made.answers, made.seen = answers, seen  # type: ignore[attr-defined]
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()
        made.server_close()

    @pytest.fixture
    def api(self, server: HTTPServer) -> ConnectApi:
        return ConnectApi(f"http://127.0.0.1:{server.server_port}")

    def test_one_request_tells_all_connectors(self, api: ConnectApi, server: Any) -> None:
        answer = {"a": {"info": {"config": {"name": "a"}, "tasks": []}, "status": state_of("RUNNING", "FAILED")}}
        server.answers["GET /connectors?expand=info&expand=status"] = (200, answer)
        found = api.connectors()["a"]
        assert (found.config, found.state, found.failed_tasks) == ({"name": "a"}, "RUNNING", [0])

    def test_each_call_has_its_path_and_body(self, api: ConnectApi, server: Any) -> None:
        api.create("a b", {"k": "v"}, "PAUSED")
        api.configure("a b", {"k": "v"})
        api.change_state("a", "stop")
        api.restart("a", include_tasks=True, only_failed=False)
        api.restart_task("a", 3)
        api.delete("a")
        assert server.seen == [
            ("POST", "/connectors", {"name": "a b", "config": {"k": "v"}, "initial_state": "PAUSED"}),
            ("PUT", "/connectors/a%20b/config", {"k": "v"}),
            ("PUT", "/connectors/a/stop", None),
            ("POST", "/connectors/a/restart?includeTasks=true&onlyFailed=false", None),
            ("POST", "/connectors/a/tasks/3/restart", None),
            ("DELETE", "/connectors/a", None),
        ]

    def test_a_refusal_has_the_workers_words(self, api: ConnectApi, server: Any) -> None:
        server.answers["PUT /connectors/a/config"] = (400, {"error_code": 400, "message": "flush is missing"})
        with pytest.raises(ConnectError) as caught:
            api.configure("a", {})
        assert str(caught.value) == "PUT /connectors/a/config returned 400 (Bad Request): flush is missing"
        assert not caught.value.is_temporary

    def test_topics_and_plugins(self, api: ConnectApi, server: Any) -> None:
        server.answers["GET /connectors/a/topics"] = (200, {"a": {"topics": ["z", "b"]}})
        server.answers["GET /connectors/b/topics"] = (403, {"message": "Topic tracking is disabled."})
        server.answers["GET /connector-plugins"] = (200, [{"class": "C", "type": "sink", "version": None, "more": 1}])
        assert api.topics("a") == ["b", "z"]
        assert api.topics("b") == []
        assert api.plugins() == [{"class": "C", "type": "sink"}]

    def test_one_that_is_gone_is_deleted(self, api: ConnectApi, server: Any) -> None:
        server.answers["DELETE /connectors/a"] = (404, {"message": "not found"})
        api.delete("a")

    def test_no_answer_passes(self, server: HTTPServer) -> None:
        with pytest.raises(ConnectError) as caught:
            ConnectApi("http://127.0.0.1:1").connectors()
        assert caught.value.is_temporary

    @pytest.mark.parametrize(
        ("code", "message", "passing"),
        [(409, "rebalance", True), (500, "Request timed out", True), (500, "no such class", False), (400, "x", False)],
    )
    def test_what_may_pass(self, code: int, message: str, passing: bool) -> None:
        assert ConnectError(code, message).is_temporary is passing
