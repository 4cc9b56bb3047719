"""Status of custom resources: conditions in Strimzi's form, written only when something changed."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from embedded_operator.common.kube import Kube, KubeError
from embedded_operator.common.names import OPERATOR, Obj

log = logging.getLogger(__name__)


def now() -> datetime:
    """The present time in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime | None = None) -> str:
    """A time as Kubernetes writes it; without `moment` the present time."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(moment: str) -> float:
    """Seconds since `moment`, a timestamp of Kubernetes."""
    return (now() - datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds()


def condition(kind: str, value: bool = True, reason: str | None = None, message: str | None = None) -> Obj:
    """A condition; `merge` adds its time."""
    made = {"type": kind, "status": str(value)}
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made


def ready() -> Obj:
    """The resource is as wanted."""
    return condition("Ready")


def not_ready(reason: str, message: str) -> Obj:
    """Failure as the cluster operator reports it (the topic and user operators set Ready to False instead)."""
    return condition("NotReady", True, reason, message)


def warning(reason: str, message: str) -> Obj:
    """Something about the resource that a person should know."""
    return condition("Warning", True, reason, message)


def paused() -> Obj:
    """An annotation pauses the resource."""
    return condition("ReconciliationPaused")


def merge(old: Obj, new: Obj, moment: str) -> Obj:
    """`new` with times: a condition that has not changed keeps its lastTransitionTime."""

    def said(item: Obj) -> tuple[object, ...]:
        return tuple(item.get(key) for key in ("type", "status", "reason", "message"))

    times = {said(item): item.get("lastTransitionTime") for item in old.get("conditions") or []}
    conditions = [
        {**item, "lastTransitionTime": times.get(said(item)) or moment} for item in new.get("conditions") or []
    ]
    return {**new, "conditions": conditions}


def write(kube: Kube, obj: Obj, new: Obj, keep: Iterable[str] = ()) -> bool:
    """Make `new` the status of `obj`, in Kubernetes and in `obj` itself; the fields named in `keep` stay.

    Returns False when the status is the same as before.
    """
    old = obj.get("status") or {}
    kept = {key: old[key] for key in keep if key in old}
    wanted = merge(old, {**kept, **new}, timestamp())
    wanted["observedGeneration"] = obj["metadata"]["generation"]
    if wanted == old:
        return False
    obj["status"] = wanted
    gone = {key: None for key in old if key not in wanted}
    meta = obj["metadata"]
    kube.patch(obj["kind"], meta["namespace"], meta["name"], {"status": {**wanted, **gone}}, "status")
    return True


def report(kube: Kube, obj: Obj, new: Obj, keep: Iterable[str] = ()) -> bool:
    """`write`, and a failure that is new is logged and published as an Event."""
    changed = write(kube, obj, new, keep)
    for item in new["conditions"] if changed else []:
        if (item["type"], item["status"]) in (("NotReady", "True"), ("Ready", "False")):
            log.error("%s %s: %s: %s", obj["kind"], obj["metadata"]["name"], item["reason"], item["message"])
            event(kube, obj, item["reason"], item["message"])
    return changed


def event(kube: Kube, obj: Obj, reason: str, message: str, kind: str = "Warning") -> None:
    """Publish an Event on a custom resource. A failure to publish it is only logged."""
    meta = obj["metadata"]
    body = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.{time.time_ns():x}"[-253:], "namespace": meta["namespace"]},
        "eventTime": now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": kind,
        "reason": reason,
        "note": message[:1024],
        "action": "Reconcile",
        "reportingController": OPERATOR,
        "reportingInstance": os.environ.get("HOSTNAME", OPERATOR),
        "regarding": {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
    }
    try:
        kube.create(body)
    except (KubeError, OSError) as error:
        log.warning("Event %s of %s %s was not written: %s", reason, obj["kind"], meta["name"], error)
