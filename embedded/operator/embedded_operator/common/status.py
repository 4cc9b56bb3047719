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
    return datetime.now(UTC)


def timestamp(moment: datetime | None = None) -> str:
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(moment: str) -> float:
    """Seconds since `moment`, a timestamp of Kubernetes."""
    return (now() - datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds()


def condition(kind: str, value: bool = True, reason: str | None = None, message: str | None = None) -> Obj:
    """A condition without its time, which `merge` adds."""
    made = {"type": kind, "status": str(value)}
    if reason:
        made["reason"] = reason
    if message:
        made["message"] = message
    return made


def ready() -> Obj:
    return condition("Ready")


def not_ready(reason: str, message: str) -> Obj:
    """Failure as the cluster operator reports it (the topic and user operators set Ready to False instead)."""
    return condition("NotReady", True, reason, message)


def warning(reason: str, message: str) -> Obj:
    return condition("Warning", True, reason, message)


def paused() -> Obj:
    return condition("ReconciliationPaused")


def merge(old: Obj, new: Obj, moment: str) -> Obj:
    """`new` with times: a condition that says what it said before keeps its lastTransitionTime."""

    def said(item: Obj) -> tuple[object, ...]:
        return tuple(item.get(key) for key in ("type", "status", "reason", "message"))

    times = {said(item): item.get("lastTransitionTime") for item in old.get("conditions") or []}
    conditions = [
        {**item, "lastTransitionTime": times.get(said(item)) or moment} for item in new.get("conditions") or []
    ]
    return {**new, "conditions": conditions}


def write(kube: Kube, obj: Obj, new: Obj, keep: Iterable[str] = ()) -> bool:
    """Make `new` the status of `obj` (also in the given object); fields named in `keep` stay. False when it was so."""
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


def event(kube: Kube, obj: Obj, reason: str, message: str, kind: str = "Warning") -> None:
    """Publish an Event on a custom resource. An Event that cannot be written is only logged."""
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
