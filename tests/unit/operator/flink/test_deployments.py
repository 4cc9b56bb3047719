"""FlinkDeployments reconciled pass by pass, against an API server and a JobManager in memory."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from embedded_operator.common.spec import InvalidSpecError
from embedded_operator.flink import objects as flink_objects
from embedded_operator.flink import spec as flink_spec
from embedded_operator.flink import upgrade as flink_upgrade
from embedded_operator.flink.api import FlinkError
from embedded_operator.flink.deployments import CALM, FlinkDeployments

Obj = dict[str, Any]
NS, NAME = "kafkalogs", "stream"
SPEC: Obj = {
    "image": "flink:1",
    "flinkVersion": "v2_3",
    "mode": "standalone",
    "serviceAccount": "stream",
    "flinkConfiguration": {
        "taskmanager.numberOfTaskSlots": "2",
        "high-availability.type": "kubernetes",
        "high-availability.storageDir": "s3://state/ha/",
        "execution.checkpointing.savepoint-dir": "s3://state/savepoints",
        "kubernetes.operator.snapshot.resource.enabled": "false",
        "kubernetes.taskmanager.cpu.limit-factor": "4",
    },
    "podTemplate": {
        "metadata": {"labels": {"mine": "yes"}},
        "spec": {
            "containers": [
                {
                    "name": "flink-main-container",
                    "env": [{"name": "A", "value": "1"}],
                    "volumeMounts": [{"name": "x", "mountPath": "/x"}],
                }
            ],
            "volumes": [{"name": "x", "emptyDir": {}}],
        },
    },
    "jobManager": {"resource": {"cpu": 0.1, "memory": "1Gi"}},
    "taskManager": {
        "resource": {"cpu": 0.5, "memory": "1024m"},
        "podTemplate": {
            "spec": {"containers": [{"name": "flink-main-container", "env": [{"name": "A", "value": "2"}]}]}
        },
    },
    "job": {"entryClass": "Main", "args": ["--x", 1], "parallelism": 3, "upgradeMode": "savepoint"},
}


class FakeKube:
    """Keeps objects; a deleted Deployment takes its pods along when the test says so."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Obj] = {}
        self.put_spec(SPEC)

    def put_spec(self, spec: Obj) -> None:
        old = self.objects.get(("FlinkDeployment", NAME), {})
        meta = {
            "name": NAME,
            "namespace": NS,
            "uid": "u",
            "generation": old.get("metadata", {}).get("generation", 0) + 1,
        }
        self.objects[("FlinkDeployment", NAME)] = {"metadata": meta, "spec": spec, "status": old.get("status", {})}

    def change(self, **job: Any) -> None:
        spec = copy.deepcopy(self.objects[("FlinkDeployment", NAME)]["spec"])
        spec["job"].update(job)
        self.put_spec(spec)

    @property
    def status(self) -> Obj:
        return self.objects[("FlinkDeployment", NAME)]["status"]

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        return copy.deepcopy(self.objects.get((kind, name)))

    def list(self, kind: str, namespace: str, labels: dict[str, str] | None = None) -> list[Obj]:
        wanted = (labels or {}).items()
        return [
            copy.deepcopy(item)
            for (found, _), item in self.objects.items()
            if found == kind and wanted <= (item["metadata"].get("labels") or {}).items()
        ]

    def apply(self, obj: Obj) -> Obj:
        self.objects[(obj["kind"], obj["metadata"]["name"])] = copy.deepcopy(obj)
        if obj["kind"] == "Deployment":
            labels = obj["spec"]["template"]["metadata"]["labels"]
            self.objects[("Pod", obj["metadata"]["name"])] = {"metadata": {"name": "pod", "labels": labels}}
        return obj

    def create(self, obj: Obj) -> Obj:
        return obj

    def delete(self, kind: str, namespace: str, name: str, uid: str | None = None, grace: int | None = None) -> None:
        self.objects.pop((kind, name), None)

    def patch(self, kind: str, namespace: str, name: str, body: Obj, subresource: str = "") -> None:
        def merge(old: Obj, new: Obj) -> None:
            for key, value in new.items():
                if value is None:
                    old.pop(key, None)
                elif isinstance(value, dict):
                    merge(old.setdefault(key, {}), value)
                else:
                    old[key] = value

        merge(self.objects[(kind, name)], body)

    def ready(self) -> None:
        self.objects[("Deployment", NAME)]["status"] = {"readyReplicas": 1}

    def pods_are_gone(self) -> None:
        for key in [key for key in self.objects if key[0] == "Pod"]:
            del self.objects[key]

    def high_availability(self, *keys: str) -> None:
        name = f"{NAME}-{self.status['jobStatus']['jobId']}-config-map"
        meta = {"name": name, "labels": flink_objects.high_availability_labels(NAME)}
        self.objects[("ConfigMap", name)] = {"metadata": meta, "data": dict.fromkeys(keys, "x")}

    def args(self) -> list[str]:
        return self.objects[("Deployment", NAME)]["spec"]["template"]["spec"]["containers"][0]["args"]


class FakeJobManager:
    def __init__(self, kube: FakeKube) -> None:
        self.kube = kube
        self.state: str | None = "RUNNING"
        self.tasks = {"total": 3, "running": 3}
        self.path: str | None = "s3://state/savepoints/1"
        self.failure: str | None = None
        self.cancelled = False
        self.answers = True

    def jobs(self) -> list[Obj]:
        if not self.answers:
            raise FlinkError(0, "no answer")
        if self.state is None:
            return []
        job = {"jid": self.kube.status["jobStatus"]["jobId"], "name": "j", "start-time": 1, "last-modification": 2}
        return [{**job, "state": self.state, "tasks": self.tasks}]

    def stop(self, job: str) -> str:
        return "trigger-1"

    def savepoint(self, job: str, trigger: str) -> tuple[str | None, str | None]:
        assert trigger == "trigger-1"
        return self.path, self.failure

    def cancel(self, job: str) -> None:
        self.cancelled = True
        self.state = "CANCELED"

    def checkpoints(self, job: str) -> Obj:
        return {}

    def exception(self, job: str) -> str | None:
        return "it broke"

    def version(self) -> Obj:
        return {"flink-version": "2.3.0"}


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube()


@pytest.fixture
def manager(kube: FakeKube) -> FakeJobManager:
    return FakeJobManager(kube)


@pytest.fixture
def operator(kube: FakeKube, manager: FakeJobManager) -> FlinkDeployments:
    return FlinkDeployments(kube, lambda _: manager)  # type: ignore[arg-type, return-value]


@pytest.fixture
def running(operator: FlinkDeployments, kube: FakeKube) -> FlinkDeployments:
    operator.reconcile(NS, NAME)
    kube.ready()
    assert operator.reconcile(NS, NAME) == CALM
    return operator


def passes(operator: FlinkDeployments, count: int) -> None:
    for _ in range(count):
        operator.reconcile(NS, NAME)


def test_an_application_is_deployed_under_the_genuine_names(operator: FlinkDeployments, kube: FakeKube) -> None:
    operator.reconcile(NS, NAME)
    made = {key for key in kube.objects if key[0] not in ("Pod", "FlinkDeployment")}
    assert made == {
        ("ConfigMap", "flink-config-stream"),
        ("Service", "stream-rest"),
        ("Deployment", "stream"),
        ("Deployment", "stream-taskmanager"),
    }
    job = kube.status["jobStatus"]["jobId"]
    # results of the job before this one must not be found: each job's are in a folder of its own
    results = f"-Djob-result-store.storage-path=s3://state/ha/job-result-store/stream/{job}"
    assert kube.args() == [
        *("standalone-job", "-Djobmanager.rpc.address=$(POD_IP)"),
        *(results, "-Djob-result-store.delete-on-commit=false"),
        *("--job-classname", "Main", "--job-id", job, "--x", "1"),
    ]
    assert kube.objects[("Deployment", "stream-taskmanager")]["spec"]["replicas"] == 2
    assert kube.status["lifecycleState"] == "DEPLOYED"
    assert kube.status["jobManagerDeploymentStatus"] == "DEPLOYING"


def test_the_pod_template_is_merged(operator: FlinkDeployments, kube: FakeKube) -> None:
    operator.reconcile(NS, NAME)
    template = kube.objects[("Deployment", "stream-taskmanager")]["spec"]["template"]
    assert template["metadata"]["labels"] == {"mine": "yes", **flink_objects.labels("stream", "taskmanager")}
    (container,) = template["spec"]["containers"]
    assert [item["name"] for item in container["env"]] == ["POD_IP", "POD_NAME", "A"]
    assert container["env"][2]["value"] == "2"
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/opt/flink/conf", "/x"]
    assert container["resources"] == {
        "requests": {"cpu": "500m", "memory": str(1024**3)},
        "limits": {"cpu": "2000m", "memory": str(1024**3)},
    }


def test_the_configuration_is_the_resources_and_what_the_operator_decides() -> None:
    spec = flink_spec.parse(
        {"metadata": {"name": NAME, "namespace": NS, "uid": "u"}, "apiVersion": "a", "kind": "b", "spec": SPEC}
    )
    config = flink_objects.config(spec)
    assert config["parallelism.default"] == "3"
    assert config["jobmanager.memory.process.size"] == "1G"
    assert config["taskmanager.memory.process.size"] == "1024m"
    assert config["execution.shutdown-on-application-finish"] == "false"
    assert "--add-opens=java.base/java.util=ALL-UNNAMED" in config["env.java.opts.all"]


def test_it_is_stable_when_all_tasks_run(operator: FlinkDeployments, kube: FakeKube, manager: FakeJobManager) -> None:
    operator.reconcile(NS, NAME)
    kube.ready()
    manager.state = None
    operator.reconcile(NS, NAME)
    assert kube.status["jobStatus"]["state"] == "RECONCILING"
    manager.state, manager.tasks = "RUNNING", {"total": 3, "running": 1}
    operator.reconcile(NS, NAME)
    assert kube.status["jobStatus"]["state"] == "RUNNING"
    assert kube.status["lifecycleState"] == "DEPLOYED"
    manager.tasks = {"total": 3, "running": 2, "finished": 1}
    assert operator.reconcile(NS, NAME) == CALM
    assert kube.status["lifecycleState"] == "STABLE"
    assert kube.status["jobManagerDeploymentStatus"] == "READY"
    assert kube.status["clusterInfo"] == {"flink-version": "2.3.0"}
    assert kube.status["observedGeneration"] == 1


def test_a_second_look_changes_nothing(running: FlinkDeployments, kube: FakeKube) -> None:
    before = copy.deepcopy(kube.objects)
    running.reconcile(NS, NAME)
    assert kube.objects == before


def test_what_was_deleted_by_hand_comes_back_as_the_same_job(running: FlinkDeployments, kube: FakeKube) -> None:
    before = kube.args()
    for name in ("stream", "stream-taskmanager"):
        del kube.objects[("Deployment", name)]
    running.reconcile(NS, NAME)
    assert kube.args() == before


def test_a_job_that_failed_says_why(running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager) -> None:
    manager.state = "FAILED"
    running.reconcile(NS, NAME)
    assert kube.status["lifecycleState"] == "FAILED"
    assert json.loads(kube.status["error"])["message"] == "it broke"


def test_a_job_that_recovers_stays_stable(running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager) -> None:
    manager.state = "RESTARTING"
    running.reconcile(NS, NAME)
    assert kube.status["lifecycleState"] == "STABLE"
    manager.state = "RUNNING"
    running.reconcile(NS, NAME)
    assert "error" not in kube.status


def test_an_upgrade_takes_a_savepoint_and_goes_on_from_it(
    running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager
) -> None:
    job = kube.status["jobStatus"]["jobId"]
    kube.high_availability("checkpointID-1")
    manager.path = None
    kube.change(args=["--y"], allowNonRestoredState=True)
    passes(running, 3)
    assert kube.status["lifecycleState"] == "UPGRADING"
    assert ("Deployment", "stream") in kube.objects  # it is being stopped
    manager.path = "s3://state/savepoints/1"
    running.reconcile(NS, NAME)
    assert ("Deployment", "stream") not in kube.objects
    running.reconcile(NS, NAME)
    assert ("Deployment", "stream") not in kube.objects  # its pods are still there
    kube.pods_are_gone()
    running.reconcile(NS, NAME)
    assert kube.args()[6:] == [
        *("--job-id", kube.status["jobStatus"]["jobId"]),
        *("--fromSavepoint", "s3://state/savepoints/1", "--allowNonRestoredState", "--y"),
    ]
    assert kube.status["jobStatus"]["jobId"] != job
    assert not kube.list("ConfigMap", NS, flink_objects.high_availability_labels(NAME))


def test_an_operator_that_is_restarted_goes_on_with_the_upgrade(
    running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager
) -> None:
    kube.change(args=["--y"])
    for _ in range(4):
        FlinkDeployments(kube, lambda _: manager).reconcile(NS, NAME)  # type: ignore[arg-type, return-value]
    kube.pods_are_gone()
    FlinkDeployments(kube, lambda _: manager).reconcile(NS, NAME)  # type: ignore[arg-type, return-value]
    assert "s3://state/savepoints/1" in kube.args()


def test_a_savepoint_that_fails_is_tried_again_and_the_job_runs_on(
    running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager
) -> None:
    manager.path, manager.failure = None, "no disk"
    kube.change(args=["--y"])
    passes(running, 4)
    assert ("Deployment", "stream") in kube.objects
    assert "no disk" in kube.status["error"]
    manager.path, manager.failure = "s3://state/savepoints/2", None
    passes(running, 3)
    assert ("Deployment", "stream") not in kube.objects


def test_a_last_state_upgrade_leaves_recovery_to_flink_but_not_the_old_plan(
    running: FlinkDeployments, kube: FakeKube
) -> None:
    job = kube.status["jobStatus"]["jobId"]
    kube.high_availability("checkpointID-7", "executionPlan-1", "application-0")
    kube.change(args=["--y"], upgradeMode="last-state")
    passes(running, 2)
    kube.pods_are_gone()
    running.reconcile(NS, NAME)
    assert kube.args()[6:] == ["--job-id", job, "--y"]
    (item,) = kube.list("ConfigMap", NS, flink_objects.high_availability_labels(NAME))
    assert set(item["data"]) == {"checkpointID-7"}


def test_a_stateless_upgrade_cancels_and_forgets(
    running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager
) -> None:
    kube.high_availability("checkpointID-7")
    kube.change(args=["--y"], upgradeMode="stateless")
    passes(running, 3)
    assert manager.cancelled
    kube.pods_are_gone()
    running.reconcile(NS, NAME)
    assert "--fromSavepoint" not in kube.args()
    assert not kube.list("ConfigMap", NS, flink_objects.high_availability_labels(NAME))


def test_a_job_that_cannot_be_asked_goes_on_from_its_last_checkpoint(
    running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = kube.status["jobStatus"]["jobId"]
    kube.high_availability("checkpointID-7")
    manager.answers = False
    kube.change(args=["--y"])
    passes(running, 3)
    assert ("Deployment", "stream") in kube.objects
    monkeypatch.setattr(flink_upgrade, "PATIENCE", -1.0)
    running.reconcile(NS, NAME)
    kube.pods_are_gone()
    running.reconcile(NS, NAME)
    assert kube.args()[6:] == ["--job-id", job, "--y"]


def test_a_job_that_fails_again_and_again_does_not_hold_the_upgrade_up_for_ever(
    running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube.high_availability("checkpointID-7")
    manager.path, manager.failure = None, "not all tasks run"
    kube.change(args=["--y"])
    passes(running, 4)
    monkeypatch.setattr(flink_upgrade, "PATIENCE", -1.0)
    passes(running, 2)
    assert ("Deployment", "stream") not in kube.objects


@pytest.mark.parametrize(("known", "lost"), [(True, False), (False, True)])
def test_without_any_checkpoint_only_a_job_that_flink_still_knows_starts_anew(
    running: FlinkDeployments,
    kube: FakeKube,
    manager: FakeJobManager,
    monkeypatch: pytest.MonkeyPatch,
    known: bool,
    lost: bool,
) -> None:
    if known:
        kube.high_availability("counter")
    manager.state = "RESTARTING"
    monkeypatch.setattr(flink_upgrade, "PATIENCE", -1.0)
    kube.change(args=["--y"])
    passes(running, 3)
    kube.pods_are_gone()
    running.reconcile(NS, NAME)
    assert (("Deployment", "stream") not in kube.objects) == lost
    assert ("there is no savepoint" in kube.status.get("error", "")) == lost


def test_a_job_that_never_ran_is_replaced_at_once(
    operator: FlinkDeployments, kube: FakeKube, manager: FakeJobManager
) -> None:
    kube.change(initialSavepointPath="s3://old")
    operator.reconcile(NS, NAME)
    manager.answers = False
    kube.change(args=["--y"])
    operator.reconcile(NS, NAME)
    kube.pods_are_gone()
    operator.reconcile(NS, NAME)
    assert kube.args()[6:] == ["--job-id", kube.status["jobStatus"]["jobId"], "--fromSavepoint", "s3://old", "--y"]


def test_a_savepoint_is_not_lost_when_the_next_job_does_not_come_to_run(
    running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager
) -> None:
    kube.change(args=["--broken"])
    passes(running, 3)
    kube.pods_are_gone()
    running.reconcile(NS, NAME)
    kube.ready()
    manager.state = "FAILED"
    running.reconcile(NS, NAME)
    kube.change(args=["--mended"])
    passes(running, 2)
    kube.pods_are_gone()
    running.reconcile(NS, NAME)
    assert kube.args()[-3:] == ["--fromSavepoint", "s3://state/savepoints/1", "--mended"]


def test_a_suspended_job_resumes_from_its_savepoint(
    running: FlinkDeployments, kube: FakeKube, manager: FakeJobManager
) -> None:
    kube.change(state="suspended")
    passes(running, 3)
    kube.pods_are_gone()
    running.reconcile(NS, NAME)
    assert kube.status["lifecycleState"] == "SUSPENDED"
    assert running.reconcile(NS, NAME) is None
    kube.change(state="running")
    passes(running, 2)
    assert kube.args()[8:10] == ["--fromSavepoint", "s3://state/savepoints/1"]


def test_how_to_upgrade_is_no_upgrade(running: FlinkDeployments, kube: FakeKube) -> None:
    kube.change(upgradeMode="last-state", allowNonRestoredState=True)
    running.reconcile(NS, NAME)
    assert kube.status["lifecycleState"] == "STABLE"


def test_a_deleted_application_leaves_nothing_of_flinks_behind(running: FlinkDeployments, kube: FakeKube) -> None:
    kube.high_availability("checkpointID-7")
    del kube.objects[("FlinkDeployment", NAME)]
    assert running.reconcile(NS, NAME) is not None  # its pods may still write
    kube.pods_are_gone()
    assert running.reconcile(NS, NAME) is None
    assert not kube.list("ConfigMap", NS, flink_objects.high_availability_labels(NAME))


def test_all_that_is_wrong_is_told_at_once(running: FlinkDeployments, kube: FakeKube) -> None:
    spec = copy.deepcopy(SPEC)
    spec |= {"flinkVersion": "v1_20", "mode": "native", "ingress": {}}
    spec["job"]["jarURI"] = "local:///x.jar"
    kube.put_spec(spec)
    assert running.reconcile(NS, NAME) is None
    message = json.loads(kube.status["error"])["message"]
    assert all(path in message for path in ("spec.flinkVersion", "spec.mode", "spec.ingress", "spec.job.jarURI"))
    assert ("Deployment", "stream") in kube.objects


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"s3.endpoint": "https://s3", "s3.endpoint.region": "x"}, "overlapping key prefixes (s3.endpoint -> "),
        ({"kubernetes.cluster-id": "x"}, "spec.flinkConfiguration.kubernetes.cluster-id: is set by the operator"),
        ({"kubernetes.operator.snapshot.resource.enabled": "true"}, "makes no FlinkStateSnapshot"),
    ],
)
def test_what_flinks_operator_refuses_is_refused(changes: dict[str, str], said: str) -> None:
    spec = copy.deepcopy(SPEC)
    spec["flinkConfiguration"].update(changes)
    with pytest.raises(InvalidSpecError) as caught:
        flink_spec.parse({"metadata": {"name": NAME, "namespace": NS}, "spec": spec})
    assert said in str(caught.value)


def test_only_files_of_logging_that_flinks_operator_takes_are_taken() -> None:
    spec = {**copy.deepcopy(SPEC), "logConfiguration": {"log4j.properties": ""}}
    with pytest.raises(InvalidSpecError, match="logConfiguration"):
        flink_spec.parse({"metadata": {"name": NAME, "namespace": NS}, "spec": spec})


def test_a_key_that_only_begins_like_another_overlaps_with_none() -> None:
    assert not list(flink_spec.overlapping(["k", "kv", "k-v.x"]))
    assert list(flink_spec.overlapping(["k.v", "k"])) == [("k", "k.v")]


@pytest.mark.parametrize(
    ("field", "value"),
    [("memory", "much"), ("memory", "12x")],
)
def test_sizes_are_checked(field: str, value: str) -> None:
    spec = copy.deepcopy(SPEC)
    spec["jobManager"]["resource"][field] = value
    with pytest.raises(InvalidSpecError, match="no size"):
        flink_spec.parse({"metadata": {"name": NAME, "namespace": NS}, "spec": spec})
