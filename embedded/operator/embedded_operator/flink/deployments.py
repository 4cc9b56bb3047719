"""Reconciles FlinkDeployments. Each pass looks at what is, does what can be done now, and says when to come back.

All that an upgrade needs is in the resource's status, so an operator that is restarted in the middle of one goes on
with it. How a job is stopped is in `flink_upgrade.py`.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable

from embedded_operator.common import pod_state, status
from embedded_operator.common.kube import Kube, KubeError
from embedded_operator.common.names import Obj, dig
from embedded_operator.flink import objects
from embedded_operator.flink import upgrade as flink_upgrade
from embedded_operator.flink.api import FlinkApi, FlinkError
from embedded_operator.flink.spec import FlinkSpec, essence, parse
from embedded_operator.flink.upgrade import Restore
from embedded_operator.kafka.spec import InvalidSpecError

log = logging.getLogger(__name__)

SOON = 2.0
CALM = 15.0
"""Seconds between two looks at a job that changes, and at one that runs."""


class FlinkDeployments:
    """All applications. `connect` makes the client of a JobManager from its address."""

    def __init__(self, kube: Kube, connect: Callable[[str], FlinkApi] = FlinkApi) -> None:
        self.kube = kube
        self.connect = connect

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; the seconds until the next one is wanted, or None."""
        resource = self.kube.get("FlinkDeployment", namespace, name)
        if resource is None or "deletionTimestamp" in resource["metadata"]:
            return self._tidy(namespace, name)
        resource = {"apiVersion": "flink.apache.org/v1beta1", "kind": "FlinkDeployment", **resource}
        try:
            return self._pass(parse(resource))
        except InvalidSpecError as error:
            self._fail(resource, error.reason, str(error))
            return None
        except KubeError as error:
            if error.passing:
                raise
            self._fail(resource, "KubernetesError", str(error))
            return 10.0

    def _tidy(self, namespace: str, name: str) -> float | None:
        """Kubernetes removes what the resource owned; what Flink itself wrote goes when nobody writes any more."""
        if self.kube.list("Pod", namespace, objects.labels(name)):
            return SOON
        flink_upgrade.forget(self.kube, namespace, name)
        return None

    def _pass(self, spec: FlinkSpec) -> float | None:
        known = dig(spec.resource, "status", "reconciliationStatus", default={})
        if not known.get("lastReconciledSpec"):
            flink_upgrade.forget(self.kube, spec.namespace, spec.name)  # of a former resource of this name
            return self._start(spec, Restore(spec.job.get("initialSavepointPath")))
        before: Obj = json.loads(known["lastReconciledSpec"])["spec"]
        if essence(before) == essence(spec.spec) and known.get("state") != "UPGRADING":
            return self._observe(spec) if spec.running else None
        if known.get("state") != "UPGRADING":
            log.info("FlinkDeployment %s: changed", spec.name)
            self._write(spec.resource, flink_upgrade.begin(before, flink_upgrade.is_stable(spec.resource), time.time()))
        return self._upgrade(spec, before)

    def _upgrade(self, spec: FlinkSpec, before: Obj) -> float | None:
        deployment = self.kube.get("Deployment", spec.namespace, objects.job_manager(spec.name))
        api = self.connect(objects.rest_url(spec.name, spec.namespace))
        if deployment and "deletionTimestamp" not in deployment["metadata"]:
            step = flink_upgrade.stop(spec, before, api, time.time())
            self._write(spec.resource, step.status)
            if not step.done:
                return SOON
            for name in (objects.job_manager(spec.name), objects.task_manager(spec.name)):
                self.kube.delete("Deployment", spec.namespace, name)
            log.info("FlinkDeployment %s: stopped", spec.name)
        if self.kube.list("Pod", spec.namespace, objects.labels(spec.name)):
            return SOON
        if not spec.running:
            self._write(spec.resource, {**flink_upgrade.suspended(), **_reconciled(spec, "DEPLOYED")})
            return None
        restore = flink_upgrade.restore(self.kube, spec)
        if restore is None:
            text = "there is no savepoint and no checkpoint to go on from; set upgradeMode: stateless to go on without"
            self._fail(spec.resource, "RecoveryFailure", text)
            return None
        return self._start(spec, restore)

    def _start(self, spec: FlinkSpec, restore: Restore) -> float | None:
        """Deploy the application: a new job, from a savepoint or none, or the one that Flink itself recovers."""
        if not spec.running:
            self._write(spec.resource, {**flink_upgrade.suspended(), **_reconciled(spec, "DEPLOYED")})
            return None
        job_id = restore.job_id or uuid.uuid4().hex
        log.info("FlinkDeployment %s: job %s starts from %s", spec.name, job_id, restore)
        # First, so that an operator that ends here knows which job it was.
        self._write(
            spec.resource,
            {
                **_reconciled(spec, "DEPLOYED"),
                "jobStatus": {
                    **dict.fromkeys(("jobName", "startTime", "updateTime")),
                    "jobId": job_id,
                    "state": "RECONCILING",
                    "upgradeSavepointPath": restore.path,
                },
                "jobManagerDeploymentStatus": "DEPLOYING",
                "lifecycleState": "DEPLOYED",
                "error": None,
            },
        )
        self._apply(spec, job_id, restore.path)
        return SOON

    def _apply(self, spec: FlinkSpec, job_id: str, savepoint: str | None) -> None:
        made = [objects.config_map(spec), *objects.services(spec), *objects.deployments(spec, job_id, savepoint)]
        for obj in made:
            self.kube.apply(obj)

    def _observe(self, spec: FlinkSpec) -> float:
        """Report how the job is, and bring back what was deleted by hand."""
        job = dig(spec.resource, "status", "jobStatus", default={})
        names = [objects.job_manager(spec.name), objects.task_manager(spec.name)]
        found = [self.kube.get("Deployment", spec.namespace, name) for name in names]
        if not all(found):
            log.info("FlinkDeployment %s: its Deployments are incomplete: applied again", spec.name)
            self._apply(spec, job["jobId"], job.get("upgradeSavepointPath"))
            return SOON
        if not dig(found[0], "status", "readyReplicas", default=0):
            return self._not_ready(spec)
        try:
            state = self._job(spec, job["jobId"])
        except FlinkError as error:
            log.info("FlinkDeployment %s: %s", spec.name, error)
            self._write(spec.resource, {"jobManagerDeploymentStatus": "DEPLOYED_NOT_READY"})
            return SOON
        selector = ",".join(f"{k}={v}" for k, v in objects.labels(spec.name, "taskmanager").items())
        state["taskManager"] = {"labelSelector": selector, "replicas": spec.task_managers}
        self._write(spec.resource, {"jobManagerDeploymentStatus": "READY", **state})
        return (
            CALM if dig(state, "jobStatus", "state") == "RUNNING" and state.get("lifecycleState") == "STABLE" else SOON
        )

    def _not_ready(self, spec: FlinkSpec) -> float:
        pods = self.kube.list("Pod", spec.namespace, objects.labels(spec.name, "jobmanager"))
        broken = [pod for pod in pods if flink_upgrade.is_broken(pod)]
        state = "ERROR" if broken else "DEPLOYED_NOT_READY" if pods else "DEPLOYING"
        news: Obj = {"jobManagerDeploymentStatus": state, "jobStatus": {"state": "RECONCILING"}}
        self._write(spec.resource, news)
        if broken:
            self._fail(spec.resource, "DeploymentFailed", "; ".join(map(pod_state.trouble, broken)))
        return SOON

    def _job(self, spec: FlinkSpec, job_id: str) -> Obj:
        """The part of the status that the JobManager knows."""
        api = self.connect(objects.rest_url(spec.name, spec.namespace))
        job = next((job for job in api.jobs() if job["jid"] == job_id), None)
        if job is None:  # the script is still being compiled
            return {"jobStatus": {"state": "RECONCILING"}}
        made: Obj = {
            "jobStatus": {
                "state": job["state"],
                "jobName": job["name"],
                "startTime": str(job["start-time"]),
                "updateTime": str(job["last-modification"]),
            }
        }
        if job["state"] == "RUNNING":
            # Flink calls a job running that still waits for TaskManagers.
            tasks = job.get("tasks") or {}
            if tasks.get("running", 0) + tasks.get("finished", 0) == tasks.get("total", 0):
                last = dig(spec.resource, "status", "reconciliationStatus", "lastReconciledSpec")
                made |= {"lifecycleState": "STABLE", "reconciliationStatus": {"lastStableSpec": last}, "error": None}
                if not dig(spec.resource, "status", "clusterInfo"):
                    made["clusterInfo"] = api.version()
        elif job["state"] in ("FAILED", "RESTARTING", "FAILING"):
            made["error"] = _error("JobException", api.exception(job_id) or f"the job is {job['state']}")
            if job["state"] == "FAILED":
                made["lifecycleState"] = "FAILED"
        return made

    def _fail(self, resource: Obj, reason: str, message: str) -> None:
        if self._write(resource, {"error": _error(reason, message)}):
            log.error("FlinkDeployment %s: %s: %s", resource["metadata"]["name"], reason, message)
            status.event(self.kube, resource, reason, message)

    def _write(self, resource: Obj, news: Obj) -> bool:
        """Put `news` into the status (also in the given object): fields of objects one by one, None removes one."""
        old = resource.get("status") or {}
        wanted = _put(old, {**news, "observedGeneration": resource["metadata"]["generation"]})
        if wanted == old:
            return False
        if (was := old.get("lifecycleState")) != (now := wanted.get("lifecycleState")):
            log.info("FlinkDeployment %s: %s -> %s", resource["metadata"]["name"], was, now)
        resource["status"] = wanted
        meta = resource["metadata"]
        body = {"status": {**news, "observedGeneration": meta["generation"]}}
        self.kube.patch("FlinkDeployment", meta["namespace"], meta["name"], body, "status")
        return True


def _put(old: Obj, news: Obj) -> Obj:
    """A JSON merge patch (RFC 7386)."""
    made = {**old}
    for key, value in news.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict):
            made[key] = _put(made[key] if isinstance(made.get(key), dict) else {}, value)
        else:
            made[key] = value
    return made


def _reconciled(spec: FlinkSpec, state: str) -> Obj:
    meta = {"metadata": {"generation": spec.resource["metadata"]["generation"]}, "firstDeployment": False}
    last = {"spec": spec.spec, "resource_metadata": {"apiVersion": spec.resource["apiVersion"], **meta}}
    written = json.dumps(last, sort_keys=True)
    stamp = int(time.time() * 1000)
    return {"reconciliationStatus": {"lastReconciledSpec": written, "state": state, "reconciliationTimestamp": stamp}}


def _error(reason: str, message: str) -> str:
    """An error as the Flink Kubernetes operator writes it: JSON in a text."""
    return json.dumps({"type": reason, "message": message})
