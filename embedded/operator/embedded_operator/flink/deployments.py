"""Reconciles FlinkDeployments.

All that an upgrade needs is in the resource's status: an operator that restarts during an upgrade continues it.
`upgrade` has the steps that stop a job.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from embedded_operator.common import pod_state, status
from embedded_operator.common.names import Obj, dig, selector_text
from embedded_operator.common.reconciler import Reconciler
from embedded_operator.flink import objects
from embedded_operator.flink import upgrade as flink_upgrade
from embedded_operator.flink.api import FlinkApi, FlinkError
from embedded_operator.flink.spec import FlinkSpec, essence, parse
from embedded_operator.flink.upgrade import Restore

log = logging.getLogger(__name__)

SOON = 2.0
CALM = 15.0
"""Seconds between two passes over a job that changes, and over a job that runs."""


@dataclass
class FlinkDeployments(Reconciler):
    """All applications. `connect` makes the client of a JobManager from its address."""

    connect: Callable[[str], FlinkApi] = FlinkApi
    KIND = "FlinkDeployment"

    def remove(self, namespace: str, name: str) -> float | None:
        """Kubernetes deletes what the resource owned; this deletes what Flink wrote, after the pods have ended."""
        if self.kube.list("Pod", namespace, objects.labels(name)):
            return SOON
        flink_upgrade.forget(self.kube, namespace, name)
        return None

    def reconcile_existing(self, resource: Obj) -> float | None:
        """Start the application, upgrade it or observe it."""
        spec = parse(resource)
        known = dig(spec.resource, "status", "reconciliationStatus", default={})
        if not known.get("lastReconciledSpec"):
            flink_upgrade.forget(self.kube, spec.namespace, spec.name)  # from a deleted resource of the same name
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
            text = "there is no savepoint and no checkpoint; set upgradeMode: stateless to start without them"
            self.fail(spec.resource, "RecoveryFailure", text)
            return None
        return self._start(spec, restore)

    def _start(self, spec: FlinkSpec, restore: Restore) -> float | None:
        """Deploy the application: with a new job, from a savepoint or without, or with the job that Flink recovers."""
        if not spec.running:
            self._write(spec.resource, {**flink_upgrade.suspended(), **_reconciled(spec, "DEPLOYED")})
            return None
        job_id = restore.job_id or uuid.uuid4().hex
        log.info("FlinkDeployment %s: job %s starts from %s", spec.name, job_id, restore)
        # The status is first: an operator that ends here knows the job after its restart.
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
        """Report the state of the job, and apply the Deployments again if a person has deleted one."""
        job = dig(spec.resource, "status", "jobStatus", default={})
        names = [objects.job_manager(spec.name), objects.task_manager(spec.name)]
        found = [self.kube.get("Deployment", spec.namespace, name) for name in names]
        if not all(found):
            log.info("FlinkDeployment %s: its Deployments are incomplete: applied again", spec.name)
            self._apply(spec, job["jobId"], job.get("upgradeSavepointPath"))
            return SOON
        if not dig(found[0], "status", "readyReplicas", default=0):
            return self._report_not_ready(spec)
        try:
            state = self._job_status(spec, job["jobId"])
        except FlinkError as error:
            log.info("FlinkDeployment %s: %s", spec.name, error)
            self._write(spec.resource, {"jobManagerDeploymentStatus": "DEPLOYED_NOT_READY"})
            return SOON
        selector = selector_text(objects.labels(spec.name, "taskmanager"))
        state["taskManager"] = {"labelSelector": selector, "replicas": spec.task_managers}
        self._write(spec.resource, {"jobManagerDeploymentStatus": "READY", **state})
        calm = dig(state, "jobStatus", "state") == "RUNNING" and state.get("lifecycleState") == "STABLE"
        return CALM if calm else SOON

    def _report_not_ready(self, spec: FlinkSpec) -> float:
        pods = self.kube.list("Pod", spec.namespace, objects.labels(spec.name, "jobmanager"))
        broken = [pod for pod in pods if flink_upgrade.is_broken(pod)]
        state = "ERROR" if broken else "DEPLOYED_NOT_READY" if pods else "DEPLOYING"
        news: Obj = {"jobManagerDeploymentStatus": state, "jobStatus": {"state": "RECONCILING"}}
        self._write(spec.resource, news)
        if broken:
            self.fail(spec.resource, "DeploymentFailed", "; ".join(map(pod_state.why_not_ready, broken)))
        return SOON

    def _job_status(self, spec: FlinkSpec, job_id: str) -> Obj:
        """The part of the status that comes from the JobManager."""
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
            # Flink calls a job running while the job still waits for TaskManagers.
            tasks = job.get("tasks") or {}
            if tasks.get("running", 0) + tasks.get("finished", 0) == tasks.get("total", 0):
                last = dig(spec.resource, "status", "reconciliationStatus", "lastReconciledSpec")
                made |= {"lifecycleState": "STABLE", "reconciliationStatus": {"lastStableSpec": last}, "error": None}
                if not dig(spec.resource, "status", "clusterInfo"):
                    made["clusterInfo"] = api.version()
        elif job["state"] in ("FAILED", "RESTARTING", "FAILING"):
            made["error"] = flink_upgrade.error_text(
                "JobException", api.exception(job_id) or f"the job is {job['state']}"
            )
            if job["state"] == "FAILED":
                made["lifecycleState"] = "FAILED"
        return made

    def fail(self, resource: Obj, reason: str, message: str) -> None:
        """Report the failure as the Flink Kubernetes operator does."""
        if self._write(resource, {"error": flink_upgrade.error_text(reason, message)}):
            log.error("FlinkDeployment %s: %s: %s", resource["metadata"]["name"], reason, message)
            status.event(self.kube, resource, reason, message)

    def _write(self, resource: Obj, news: Obj) -> bool:
        """Merge `news` into the status, in Kubernetes and in the resource itself; None removes a field."""
        old = resource.get("status") or {}
        wanted = _merge_patch(old, {**news, "observedGeneration": resource["metadata"]["generation"]})
        if wanted == old:
            return False
        if (was := old.get("lifecycleState")) != (now := wanted.get("lifecycleState")):
            log.info("FlinkDeployment %s: %s -> %s", resource["metadata"]["name"], was, now)
        resource["status"] = wanted
        meta = resource["metadata"]
        body = {"status": {**news, "observedGeneration": meta["generation"]}}
        self.kube.patch("FlinkDeployment", meta["namespace"], meta["name"], body, "status")
        return True


def _merge_patch(old: Obj, news: Obj) -> Obj:
    """A JSON merge patch (RFC 7386)."""
    made = {**old}
    for key, value in news.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict):
            made[key] = _merge_patch(made[key] if isinstance(made.get(key), dict) else {}, value)
        else:
            made[key] = value
    return made


def _reconciled(spec: FlinkSpec, state: str) -> Obj:
    meta = {"metadata": {"generation": spec.resource["metadata"]["generation"]}, "firstDeployment": False}
    last = {"spec": spec.spec, "resource_metadata": {"apiVersion": spec.resource["apiVersion"], **meta}}
    written = json.dumps(last, sort_keys=True)
    stamp = int(time.time() * 1000)
    return {"reconciliationStatus": {"lastReconciledSpec": written, "state": state, "reconciliationTimestamp": stamp}}
