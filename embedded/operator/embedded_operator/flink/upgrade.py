"""How a job is stopped, and from what the next job continues: savepoint, last-state and stateless upgrades."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from embedded_operator.common.kube import Kube
from embedded_operator.common.names import Obj, dig
from embedded_operator.flink import objects
from embedded_operator.flink.api import FlinkApi, FlinkError
from embedded_operator.flink.spec import HA_TYPE, FlinkSpec

log = logging.getLogger(__name__)

PATIENCE = 120.0
"""Seconds that a job may take until it can be stopped with a savepoint."""
TERMINAL = ("FINISHED", "FAILED", "CANCELED")
BROKEN = ("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError")
PLANS = ("executionPlan-", "application-")
"""Prefixes in Flink's ConfigMaps of a job's plan and of the program that made it: while these entries exist, Flink
recovers them and does not compile the new ones."""
CHECKPOINT = "checkpointID-"
"""Prefix of a checkpoint in Flink's ConfigMaps."""
_NO_SAVEPOINT: Obj = dict.fromkeys(("triggerId", "triggerTimestamp", "triggerType", "lastSavepoint"))


@dataclass(frozen=True)
class Restore:
    """What a job continues from.

    `path` is a savepoint or a retained checkpoint. `job_id` is the job that Flink itself recovers from its last
    checkpoint; None for a new job.
    """

    path: str | None = None
    job_id: str | None = None

    def __str__(self) -> str:
        return "its last checkpoint" if self.job_id else self.path or "nothing"


@dataclass(frozen=True)
class Step:
    """A step to stop a job: `status` is the change of the resource's status, `done` is whether the pods may go."""

    status: Obj
    done: bool = False


def begin(before: Obj, was_stable: bool, moment: float) -> Obj:
    """The status with which an upgrade begins.

    The savepoint from which the job started is kept while there is no newer one: the job is suspended, or it has
    never run.
    """
    made: Obj = {"lifecycleState": "UPGRADING", "reconciliationStatus": {"state": "UPGRADING"}}
    if dig(before, "job", "state", default="running") == "running":
        job: Obj = {"savepointInfo": {**_NO_SAVEPOINT, "triggerTimestamp": int(moment * 1000)}}
        made["jobStatus"] = {**job, "upgradeSavepointPath": None} if was_stable else job
    return made


def is_stable(resource: Obj) -> bool:
    """Whether the job has run since its last deployment."""
    known = dig(resource, "status", "reconciliationStatus", default={})
    return bool(known.get("lastStableSpec")) and known["lastStableSpec"] == known.get("lastReconciledSpec")


def suspended() -> Obj:
    """The status of a suspended job."""
    return {
        "lifecycleState": "SUSPENDED",
        "jobManagerDeploymentStatus": "MISSING",
        "jobStatus": {"state": "SUSPENDED"},
        "error": None,
    }


def stop(spec: FlinkSpec, before: Obj, api: FlinkApi, moment: float) -> Step:
    """The next step to stop the job as `upgradeMode` says; `moment` is in seconds since 1970."""
    mode = spec.job.get("upgradeMode", "stateless")
    job_id = dig(spec.resource, "status", "jobStatus", "jobId", default="")
    if mode == "last-state":
        return Step({}, done=True)
    try:
        state = next((job["state"] for job in api.jobs() if job["jid"] == job_id), "")
        if mode == "stateless":
            if state and state not in TERMINAL:
                api.cancel(job_id)
                return Step({})
            return Step({"jobStatus": {"state": state or "CANCELED"}}, done=True)
        return _stop_with_savepoint(spec, before, api, job_id, state, moment)
    except FlinkError as error:
        if mode == "stateless":
            return Step({}, done=True)
        return _wait(spec, before, str(error), moment)


def _stop_with_savepoint(spec: FlinkSpec, before: Obj, api: FlinkApi, job_id: str, state: str, moment: float) -> Step:
    info = dig(spec.resource, "status", "jobStatus", "savepointInfo", default={})
    if trigger := info.get("triggerId"):
        try:
            path, failure = api.savepoint(job_id, trigger)
        except FlinkError as error:
            if error.status != 404:
                raise
            path, failure = None, "the JobManager has restarted"
        if path:
            return Step(_savepoint_status(path, moment), done=True)
        if not failure:
            return Step({})
        log.warning("FlinkDeployment %s: no savepoint: %s", spec.name, failure)
        waiting = _wait(spec, before, failure, moment)
        return Step({**waiting.status, "jobStatus": {"savepointInfo": {"triggerId": None}}}, waiting.done)
    if state == "RUNNING":
        log.info("FlinkDeployment %s: job %s is stopped with a savepoint", spec.name, job_id)
        return Step({"jobStatus": {"savepointInfo": {"triggerId": api.stop(job_id), "triggerType": "UPGRADE"}}})
    if state in TERMINAL:
        latest = api.checkpoints(job_id)
        path = dig(latest, "savepoint" if state == "FINISHED" else "completed", "external_path")
        if path:
            return Step(_savepoint_status(path, moment), done=True)
    return _wait(spec, before, f"the job is {state or 'not there yet'}", moment)


def _wait(spec: FlinkSpec, before: Obj, why: str, moment: float) -> Step:
    """Wait for a job that cannot be stopped with a savepoint; with high availability at most PATIENCE."""
    if not is_stable(spec.resource):
        return Step({}, done=True)  # it has never run; the old specification may be the reason
    begun = dig(spec.resource, "status", "jobStatus", "savepointInfo", "triggerTimestamp", default=0)
    was = dig(before, "flinkConfiguration", HA_TYPE, default="none")
    if moment - begun / 1000 > PATIENCE and spec.highly_available and str(was).lower() == "kubernetes":
        log.warning("FlinkDeployment %s: %s: continues from the last checkpoint instead", spec.name, why)
        return Step({"error": None}, done=True)
    return Step({"error": error_text("UpgradeFailure", why)})


def restore(kube: Kube, spec: FlinkSpec) -> Restore | None:
    """What the next job continues from, after the last job has stopped; None when that is lost."""
    job = dig(spec.resource, "status", "jobStatus", default={})
    path = job.get("upgradeSavepointPath")
    fresh = path and path == dig(job, "savepointInfo", "lastSavepoint", "location")
    stateless = spec.job.get("upgradeMode", "stateless") == "stateless"
    maps = kube.list("ConfigMap", spec.namespace, objects.high_availability_labels(spec.name))
    own = [item for item in maps if job.get("jobId") and job["jobId"] in item["metadata"]["name"]]
    recoverable = any(key.startswith(CHECKPOINT) for item in own for key in item.get("data") or {})
    if spec.highly_available and not stateless and not fresh and recoverable:
        for item in maps:
            gone = {key: None for key in item.get("data") or {} if key.startswith(PLANS)}
            if gone:
                kube.patch("ConfigMap", spec.namespace, item["metadata"]["name"], {"data": gone})
        return Restore(path, job_id=job["jobId"])
    # Flink knows the job but no checkpoint of the job: nothing can be lost.
    never_ran = bool(own) or not dig(spec.resource, "status", "reconciliationStatus", "lastStableSpec")
    if not (path or stateless or never_ran):
        return None
    forget(kube, spec.namespace, spec.name)
    return Restore(None if stateless else path or spec.job.get("initialSavepointPath"))


def forget(kube: Kube, namespace: str, name: str) -> None:
    """Delete Flink's ConfigMaps of an application, after its pods have ended."""
    for item in kube.list("ConfigMap", namespace, objects.high_availability_labels(name)):
        kube.delete("ConfigMap", namespace, item["metadata"]["name"])


def is_broken(pod: Obj) -> bool:
    """Whether a pod cannot start until somebody changes something."""
    kinds = ("containerStatuses", "initContainerStatuses")
    statuses = (item for kind in kinds for item in dig(pod, "status", kind, default=[]))
    return any(dig(item, "state", "waiting", "reason") in BROKEN for item in statuses)


def _savepoint_status(path: str, moment: float) -> Obj:
    last = {"location": path, "timeStamp": int(moment * 1000), "triggerType": "UPGRADE", "formatType": "CANONICAL"}
    info = {**_NO_SAVEPOINT, "lastSavepoint": last}
    return {"jobStatus": {"state": "FINISHED", "upgradeSavepointPath": path, "savepointInfo": info}, "error": None}


def error_text(reason: str, message: str) -> str:
    """An error as the Flink Kubernetes operator writes it: JSON in a text."""
    return json.dumps({"type": reason, "message": message})
