"""The frame of reconciling. Each pass reads the state, does what can be done now, and returns when the next is due."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from embedded_operator.common import names, status
from embedded_operator.common.kube import RESOURCES, Kube, KubeError
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.pod_state import is_ready, is_stale, why_not_ready
from embedded_operator.common.spec import InvalidSpecError
from embedded_operator.common.work import Key, key_of

log = logging.getLogger(__name__)

RESYNC = 120.0
"""Seconds after which everything is checked again."""
SOON = 1.0
REFUSED = 10.0
"""Seconds until the next pass after Kubernetes has refused an object."""
PATIENCE = 300.0
"""Seconds that pods may take before the status says what is wrong (Strimzi's operation timeout)."""


@dataclass
class Reconciler(ABC):
    """Brings the resources of one kind to what they ask for."""

    kube: Kube
    KIND: ClassVar[str]

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; returns the seconds until the next pass, or None when only an event brings the next one."""
        found = self.kube.get(self.KIND, namespace, name)
        if found is None or "deletionTimestamp" in found["metadata"]:
            return self.remove(namespace, name)
        resource = {"apiVersion": RESOURCES[self.KIND][0], "kind": self.KIND, **found}
        try:
            return self.reconcile_existing(resource)
        except InvalidSpecError as error:
            self.fail(resource, error.reason, str(error))
            return None
        except KubeError as error:
            if error.is_temporary:
                raise
            self.fail(resource, "KubernetesError", str(error))
            return REFUSED

    @abstractmethod
    def reconcile_existing(self, resource: Obj) -> float | None:
        """One pass for a resource that is there."""

    @abstractmethod
    def remove(self, namespace: str, name: str) -> float | None:
        """One pass for a resource that is deleted."""

    @abstractmethod
    def fail(self, resource: Obj, reason: str, message: str) -> None:
        """Report in the resource's status why it is not as wanted."""


@dataclass
class Live:
    """What the operator knows of a resource between passes. Times are those of time.monotonic."""

    uid: str = ""
    planned_at: float = float("-inf")
    waiting_since: float | None = None
    ready: bool = False


L = TypeVar("L", bound=Live)


@dataclass
class PodReconciler(Reconciler, Generic[L]):
    """A reconciler of resources that run pods.

    `images` maps Kafka versions to image references. `became_ready` is called with namespace and name when a resource
    becomes ready.
    """

    images: dict[str, str]
    became_ready: Callable[[str, str], None]
    live: dict[Key, L] = field(default_factory=dict)
    KEPT: ClassVar[tuple[str, ...]]
    """Fields that a status keeps while the resource is not as wanted."""

    @abstractmethod
    def begin(self, uid: str) -> L:
        """What is known of a resource that is seen for the first time."""

    @abstractmethod
    def reconcile_live(self, resource: Obj, live: L) -> float | None:
        """One pass for a resource that is there and not paused."""

    def reconcile_existing(self, resource: Obj) -> float | None:
        """Reconcile the resource unless its annotation pauses it."""
        key, uid = key_of(resource), resource["metadata"]["uid"]
        live = self.live.get(key)
        if live is None or live.uid != uid:
            self.forget(*key)
            live = self.live[key] = self.begin(uid)
        if names.is_true(resource, names.PAUSE):
            status.write(self.kube, resource, {"conditions": [status.paused()]}, keep=resource.get("status") or {})
            return None
        return self.reconcile_live(resource, live)

    def remove(self, namespace: str, name: str) -> float | None:
        """Forget the resource; Kubernetes deletes all that it owns."""
        self.forget(namespace, name)
        return None

    def forget(self, namespace: str, name: str) -> L | None:
        """Remove and return what is known of a resource."""
        live = self.live.pop((namespace, name), None)
        if live:
            log.info("%s %s/%s is gone", self.KIND, namespace, name)
        return live

    def plan_again(self, namespace: str, name: str) -> None:
        """Make the next pass plan the resource again, because something has changed that the plan depends on."""
        if live := self.live.get((namespace, name)):
            live.planned_at = float("-inf")

    def fail(self, resource: Obj, reason: str, message: str) -> None:
        """Report the failure as the cluster operator does."""
        status.report(self.kube, resource, {"conditions": [status.not_ready(reason, message)]}, self.KEPT)

    def wait(self, resource: Obj, live: L, present: Mapping[str, Obj], cause: str) -> float:
        """Return SOON; after PATIENCE seconds the status says what the resource is waiting for."""
        moment = time.monotonic()
        if live.waiting_since is None:
            live.waiting_since = moment
            log.info("%s %s: %s", self.KIND, resource["metadata"]["name"], cause)
        if moment - live.waiting_since > PATIENCE:
            reasons = filter(None, [cause, *map(why_not_ready, present.values())])
            self.fail(resource, "TimeoutException", "; ".join(reasons))
        return SOON

    def set_ready(self, resource: Obj, live: L) -> None:
        """Remember that the resource is ready; the first time, `became_ready` is called."""
        if not live.ready:
            live.ready = True
            self.became_ready(*key_of(resource))

    def delete_pod(self, pod: Obj, why: str) -> None:
        """Delete a pod and log why."""
        meta = pod["metadata"]
        log.info("Pod %s: deleted, because %s", meta["name"], why)
        self.kube.delete("Pod", meta["namespace"], meta["name"], meta["uid"])

    def restart_pod(self, pod: Obj) -> None:
        """Delete a pod that is not as wanted; the next pass creates it again."""
        asked = names.is_true(pod, names.MANUAL_ROLL)
        self.delete_pod(pod, "its annotation asks for a restart" if asked else "its specification changed")

    def start_pods(self, wanted: Mapping[str, Obj], present: Mapping[str, Obj]) -> str:
        """Create the pods that are missing, delete those that have ended. Returns what is waited for, or nothing."""
        missing = sorted(wanted.keys() - present.keys())
        for name in missing:
            log.info("Pod %s: created", name)
            try:
                self.kube.create(wanted[name])
            except KubeError as error:
                # After a temporary error (the old pod is not gone yet) the next pass tries again.
                if not error.is_temporary:
                    raise
        ended = [name for name, pod in present.items() if _has_ended(pod)]
        for name in ended:
            self.delete_pod(present[name], "it has ended; it is created again")
        return f"pods {sorted([*missing, *ended])} start" if missing or ended else ""

    def replace_unready(
        self, wanted: Mapping[str, Obj], present: Mapping[str, Obj], restart: Callable[[str], None]
    ) -> tuple[str, list[str]]:
        """Replace the pods that are neither ready nor as wanted, all at once.

        Returns what is waited for, or nothing, and then the pods that are ready and not as wanted.
        """
        if ending := sorted(name for name in wanted if "deletionTimestamp" in present[name]["metadata"]):
            return f"pods {ending} end", []
        unready = sorted(name for name in wanted if not is_ready(present[name]))
        stale = [name for name, pod in wanted.items() if is_stale(present[name], pod)]
        if down := [name for name in stale if name in unready]:
            for name in down:  # they serve nobody, and the old specification may be the reason why they are down
                restart(name)
            return f"pods {down} are replaced", []
        return f"pods {unready} are not ready" if unready else "", stale


def _has_ended(pod: Obj) -> bool:
    return dig(pod, "status", "phase") in ("Failed", "Succeeded") and "deletionTimestamp" not in pod["metadata"]
