"""Reconciles Connect clusters."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from embedded_operator.common import metrics, names, status
from embedded_operator.common.kube import Kube
from embedded_operator.common.names import Obj
from embedded_operator.common.objects import decode
from embedded_operator.common.reconciler import RESYNC, Live, PodReconciler
from embedded_operator.connect import objects
from embedded_operator.connect import spec as connect_spec
from embedded_operator.connect.api import ConnectApi, ConnectError
from embedded_operator.connect.spec import ConnectSpec

log = logging.getLogger(__name__)


@dataclass
class ConnectPlan:
    """A Connect cluster as wanted; all that its pods need is in place."""

    connect: ConnectSpec
    pods: dict[str, Obj]


@dataclass
class LiveConnect(Live):
    """What the operator knows of a Connect cluster between passes."""

    generation: int = 0
    plan: ConnectPlan | None = None


@dataclass
class Connects(PodReconciler[LiveConnect]):
    """All Connect clusters. `api` makes the client of a cluster's REST API from its address."""

    api: Callable[[str], ConnectApi] = ConnectApi
    KIND = "KafkaConnect"
    KEPT = ("url", "connectorPlugins", "replicas", "labelSelector")

    def is_ready(self, namespace: str, name: str) -> bool:
        """Whether the workers have answered since this operator started."""
        live = self.live.get((namespace, name))
        return live is not None and live.ready

    def begin(self, uid: str) -> LiveConnect:
        """What is known of a Connect cluster that is seen for the first time."""
        return LiveConnect(uid)

    def reconcile_live(self, resource: Obj, live: LiveConnect) -> float | None:
        """Plan, start the pods, replace those that are not as wanted, and ask the workers for their plugins."""
        namespace, name = resource["metadata"]["namespace"], resource["metadata"]["name"]
        generation = resource["metadata"]["generation"]
        if live.plan is None or generation != live.generation or time.monotonic() - live.planned_at > RESYNC:
            live.plan = _make_plan(self.kube, resource, self.images)
            live.generation, live.planned_at = generation, time.monotonic()
        connect, wanted = live.plan.connect, live.plan.pods
        if not resource.get("status"):
            creating = status.not_ready("Creating", "Kafka Connect is being deployed")
            status.write(self.kube, resource, {"conditions": [creating], **_status_fields(connect)})
        running = self.kube.list("Pod", namespace, names.connect_selector(name))
        present = {pod["metadata"]["name"]: pod for pod in running}
        waits = self._pods(wanted, present)
        plugins: list[Obj] = []
        if not waits and connect.replicas:
            try:
                plugins = self.api(names.connect_url(name, namespace)).plugins()
            except ConnectError as error:
                waits = str(error)
        if waits:
            return self.wait(resource, live, present, waits)
        live.waiting_since = None
        conditions = [status.ready(), *(status.warning(**item) for item in connect.warnings)]
        state = {"conditions": conditions, "connectorPlugins": plugins, **_status_fields(connect)}
        if status.write(self.kube, resource, state):
            log.info("KafkaConnect %s is ready", name)
        self.set_ready(resource, live)
        return RESYNC

    def _pods(self, wanted: dict[str, Obj], present: dict[str, Obj]) -> str:
        """Bring the pods to what is wanted, one worker at a time. Returns what is waited for, or nothing."""
        for name in sorted(present.keys() - wanted.keys()):
            if "deletionTimestamp" not in present[name]["metadata"]:
                self.delete_pod(present[name], "it is no longer needed")
        present = {name: present[name] for name in sorted(present.keys() & wanted.keys())}
        if waits := self.start_pods(wanted, present):
            return waits
        waits, stale = self.replace_unready(wanted, present, lambda name: self.restart_pod(present[name]))
        if waits or not stale:
            return waits
        self.restart_pod(present[stale[0]])
        return f"pod {stale[0]} restarts"


def _make_plan(kube: Kube, resource: Obj, images: dict[str, str]) -> ConnectPlan:
    """Apply all objects but the pods. Raises InvalidSpecError."""
    connect = connect_spec.parse(resource, images)

    def data_of(secret: str) -> dict[str, str] | None:
        found = kube.get("Secret", connect.namespace, secret)
        if found is None:
            return None
        # PKCS #12 and Java key stores are binary, and the workers do not use them.
        wanted = (key for key in found.get("data") or {} if not key.endswith((".p12", ".jks")))
        return {key: decode(found, key) for key in wanted}

    trusted = connect_spec.trust(connect, data_of)
    exporter = metrics.configuration(kube, connect.namespace, "spec", connect.spec)
    config = objects.config_map(connect, trusted, exporter)
    for item in (*objects.services(connect), config, objects.disruption_budget(connect)):
        kube.apply(item)
    policy = objects.network_policy(connect)
    if names.is_true(resource, names.USE_CONNECTORS):
        kube.apply(policy)
    else:  # people then use the REST API themselves, and decide who may reach it
        kube.delete("NetworkPolicy", connect.namespace, policy["metadata"]["name"])
    return ConnectPlan(connect, {name: objects.pod(connect, name, config, trusted) for name in sorted(connect.pods)})


def _status_fields(connect: ConnectSpec) -> Obj:
    return {
        "url": names.connect_url(connect.name, connect.namespace),
        "replicas": connect.replicas,
        "labelSelector": names.selector_text(names.connect_selector(connect.name)),
    }
