"""Reconciles one Connect cluster. Each pass looks at what is, does what can be done now, and says when to come back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from embedded_operator.common import names, status
from embedded_operator.common.kube import Kube, KubeError
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.pod_state import is_ready, is_stale, trouble
from embedded_operator.connect import objects as connect_objects
from embedded_operator.connect import spec as connect_spec
from embedded_operator.connect.api import ConnectApi, ConnectError
from embedded_operator.connect.spec import ConnectSpec
from embedded_operator.kafka import metrics
from embedded_operator.kafka.authorities import decode
from embedded_operator.kafka.cluster import PATIENCE, RESYNC, SOON
from embedded_operator.kafka.spec import InvalidSpecError

log = logging.getLogger(__name__)

KEPT = ("url", "connectorPlugins", "replicas", "labelSelector")
"""What a status says on while the cluster is not as wanted."""


@dataclass
class ConnectPlan:
    """A Connect cluster as it shall be, with what its pods need already in place."""

    connect: ConnectSpec
    pods: dict[str, Obj]


@dataclass
class LiveConnect:
    """What the operator knows of a Connect cluster between passes."""

    uid: str = ""
    generation: int = 0
    plan: ConnectPlan | None = None
    planned_at: float = float("-inf")
    waiting_since: float | None = None
    ready: bool = False


@dataclass
class Connects:
    """All Connect clusters. `became_ready` is called with namespace and name when connectors can be looked after."""

    kube: Kube
    images: dict[str, str]
    became_ready: Callable[[str, str], None]
    api: Callable[[str], ConnectApi] = ConnectApi
    live: dict[tuple[str, str], LiveConnect] = field(default_factory=dict)

    def is_ready(self, namespace: str, name: str) -> bool:
        """Whether the workers have answered since this operator began."""
        live = self.live.get((namespace, name))
        return live is not None and live.ready

    def plan_anew(self, namespace: str, name: str) -> None:
        """Something that the plan was made of has changed."""
        if live := self.live.get((namespace, name)):
            live.planned_at = float("-inf")

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; the seconds until the next one is wanted, or None."""
        resource = self.kube.get("KafkaConnect", namespace, name)
        if resource is None or "deletionTimestamp" in resource["metadata"]:
            if self.live.pop((namespace, name), None):  # its owner references take everything along
                log.info("KafkaConnect %s/%s is gone", namespace, name)
            return None
        live = self.live.setdefault((namespace, name), LiveConnect())
        if live.uid != resource["metadata"]["uid"]:
            live = self.live[(namespace, name)] = LiveConnect(uid=resource["metadata"]["uid"])
        if names.is_true(resource, names.PAUSE):
            status.write(self.kube, resource, {"conditions": [status.paused()]}, keep=resource.get("status") or {})
            return None
        try:
            return self._pass(resource, live)
        except InvalidSpecError as error:
            self._fail(resource, error.reason, str(error))
            return None
        except KubeError as error:
            if error.passing:
                raise
            self._fail(resource, "KubernetesError", str(error))
            return 10.0

    def _fail(self, resource: Obj, reason: str, message: str) -> None:
        if status.write(self.kube, resource, {"conditions": [status.not_ready(reason, message)]}, keep=KEPT):
            log.error("KafkaConnect %s is not ready: %s: %s", resource["metadata"]["name"], reason, message)
            status.event(self.kube, resource, reason, message)

    def _pass(self, resource: Obj, live: LiveConnect) -> float | None:
        namespace, name = resource["metadata"]["namespace"], resource["metadata"]["name"]
        generation = resource["metadata"]["generation"]
        if live.plan is None or generation != live.generation or time.monotonic() - live.planned_at > RESYNC:
            live.plan = self._plan(resource)
            live.generation, live.planned_at = generation, time.monotonic()
        if not resource.get("status"):
            creating = status.not_ready("Creating", "Kafka Connect is being deployed")
            status.write(self.kube, resource, {"conditions": [creating], **_about(live.plan.connect)})
        running = self.kube.list("Pod", namespace, names.connect_selector(name))
        present = {pod["metadata"]["name"]: pod for pod in running}
        waits = self._pods(live.plan, present) or self._roll(live.plan, present)
        plugins: list[Obj] = []
        if not waits and live.plan.connect.replicas:
            try:
                plugins = self.api(names.connect_url(name, namespace)).plugins()
            except ConnectError as error:
                waits = str(error)
        if waits:
            return self._wait(resource, live, present, waits)
        live.waiting_since = None
        self._ready(resource, live, plugins)
        return RESYNC

    def _plan(self, resource: Obj) -> ConnectPlan:
        """Bring everything but the pods in place."""
        connect = connect_spec.parse(resource, self.images)

        def data_of(secret: str) -> dict[str, str] | None:
            found = self.kube.get("Secret", connect.namespace, secret)
            if found is None:
                return None
            # Entries that are no text (a PKCS #12 store) are none of ours.
            wanted = (key for key in found.get("data") or {} if not key.endswith((".p12", ".jks")))
            return {key: decode(found, key) for key in wanted}

        trusted = connect_spec.trust(connect, data_of)
        exporter = metrics.configuration(self.kube, connect.namespace, "spec", connect.spec)
        config = connect_objects.config_map(connect, trusted, exporter)
        for item in (*connect_objects.services(connect), config, connect_objects.disruption_budget(connect)):
            self.kube.apply(item)
        policy = connect_objects.network_policy(connect)
        if names.is_true(resource, names.USE_CONNECTORS):
            self.kube.apply(policy)
        else:  # people then use the REST API themselves: it is theirs to say who may
            self.kube.delete("NetworkPolicy", connect.namespace, policy["metadata"]["name"])
        pods = {name: connect_objects.pod(connect, name, config, trusted) for name in connect.pods}
        return ConnectPlan(connect, pods)

    def _delete(self, pod: Obj, why: str) -> None:
        log.info("Pod %s: %s", pod["metadata"]["name"], why)
        self.kube.delete("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"], pod["metadata"]["uid"])

    def _pods(self, plan: ConnectPlan, present: dict[str, Obj]) -> str:
        """Create the pods that are missing, delete those that ended or are too many. What is waited for, or nothing."""
        missing = sorted(plan.pods.keys() - present.keys())
        for name in missing:
            log.info("Pod %s: created", name)
            try:
                self.kube.create(plan.pods[name])
            except KubeError as error:
                if not error.passing:  # its predecessor is not quite gone: the next pass tries again
                    raise
        for name in sorted(present.keys() - plan.pods.keys()):
            if "deletionTimestamp" not in present[name]["metadata"]:
                self._delete(present[name], "no longer needed: deleted")
        ended = [
            name
            for name in sorted(present.keys() & plan.pods.keys())
            if dig(present[name], "status", "phase") in ("Failed", "Succeeded")
            and "deletionTimestamp" not in present[name]["metadata"]
        ]
        for name in ended:
            self._delete(present[name], "has ended: deleted, to be created again")
        return f"pods {[*missing, *ended]} start" if missing or ended else ""

    def _roll(self, plan: ConnectPlan, present: dict[str, Obj]) -> str:
        """Replace one worker that is not as wanted, while the others are there. What is waited for, or nothing."""
        if ending := sorted(name for name in plan.pods if "deletionTimestamp" in present[name]["metadata"]):
            return f"pods {ending} end"
        unready = sorted(name for name in plan.pods if not is_ready(present[name]))
        stale = sorted(name for name, pod in plan.pods.items() if is_stale(present[name], pod))
        if down := [name for name in stale if name in unready]:
            for name in down:  # they do no work, and may be down for the very reason that was corrected
                self._delete(present[name], "replaced")
            return f"pods {down} are replaced"
        if unready:
            return f"pods {unready} are not ready"
        if not stale:
            return ""
        asked = names.is_true(present[stale[0]], names.MANUAL_ROLL)
        why = "asked for by annotation" if asked else "its specification changed"
        self._delete(present[stale[0]], f"replaced ({why})")
        return f"pod {stale[0]} restarts"

    def _wait(self, resource: Obj, live: LiveConnect, present: dict[str, Obj], what: str) -> float:
        moment = time.monotonic()
        if live.waiting_since is None:
            live.waiting_since = moment
            log.info("KafkaConnect %s: %s", resource["metadata"]["name"], what)
        if moment - live.waiting_since > PATIENCE:
            told = "; ".join(text for text in (what, *map(trouble, present.values())) if text)
            self._fail(resource, "TimeoutException", told)
        return SOON

    def _ready(self, resource: Obj, live: LiveConnect, plugins: list[Obj]) -> None:
        assert live.plan
        connect = live.plan.connect
        state = {
            "conditions": [status.ready(), *(status.warning(**item) for item in connect.warnings)],
            "connectorPlugins": plugins,
            **_about(connect),
        }
        if status.write(self.kube, resource, state):
            log.info("KafkaConnect %s is ready", connect.name)
        if not live.ready:
            live.ready = True
            self.became_ready(connect.namespace, connect.name)


def _about(connect: ConnectSpec) -> Obj:
    return {
        "url": names.connect_url(connect.name, connect.namespace),
        "replicas": connect.replicas,
        "labelSelector": ",".join(f"{key}={value}" for key, value in names.connect_selector(connect.name).items()),
    }
