"""Reconciles one Kafka cluster. Each pass looks at what is, does what can be done now, and says when to come back."""

from __future__ import annotations

import base64
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kafka.errors import KafkaError

from embedded_operator.common import names, status
from embedded_operator.common.kube import Kube, KubeError
from embedded_operator.common.names import Obj, dig, some
from embedded_operator.common.pod_state import is_ready, is_stale, trouble
from embedded_operator.kafka import plan as planning
from embedded_operator.kafka import rolling
from embedded_operator.kafka.admin import Admin, Topic, tls_context
from embedded_operator.kafka.authorities import Authorities
from embedded_operator.kafka.ca import Pair
from embedded_operator.kafka.listeners import status as listener_status
from embedded_operator.kafka.nodes import Node
from embedded_operator.kafka.plan import Plan
from embedded_operator.kafka.spec import InvalidSpecError

log = logging.getLogger(__name__)

RESYNC = 120.0
"""Seconds after which everything is checked anew."""
SOON = 1.0
PATIENCE = 300.0
"""Seconds that pods may take before the status says what is wrong (Strimzi's operation timeout)."""
LAST_GRACE = 15
"""Seconds that the nodes of a deleted cluster have to end. They end together, so the last ones find no controller that
would answer their controlled shutdown, and would use up their whole grace period."""
OVERDUE = 5
"""Seconds after which a pod that should have ended no longer will by itself."""
METADATA_VERSIONS = {25: "4.0-IV3", 27: "4.1-IV1", 29: "4.2-IV1", 30: "4.3-IV0"}
"""Levels of the feature metadata.version (org.apache.kafka.server.common.MetadataVersion) that releases begin with."""
MIN_IN_SYNC = "min.insync.replicas"


@dataclass
class Live:
    """What the operator knows of a cluster between passes."""

    uid: str = ""
    fingerprint: object = None
    plan: Plan | None = None
    planned_at: float = 0.0
    waiting_since: float | None = None
    rolled: int | None = None
    """The node that was restarted last and may not be in sync again."""
    tidy: bool = False
    ready: bool = False
    metadata_version: str | None = None
    admin: Admin | None = None
    admin_key: object = None


@dataclass
class Clusters:
    """All clusters. `became_ready` is called with namespace and name when topics and users can be looked after."""

    kube: Kube
    images: dict[str, str]
    became_ready: Callable[[str, str], None]
    live: dict[tuple[str, str], Live] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.authorities = Authorities(self.kube)

    def find(self, namespace: str, name: str) -> Live | None:
        """The cluster, if it is ready."""
        live = self.live.get((namespace, name))
        return live if live and live.ready else None

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; the seconds until the next one is wanted, or None."""
        kafka = self.kube.get("Kafka", namespace, name)
        if kafka is None or "deletionTimestamp" in kafka["metadata"]:
            self._forget(namespace, name)
            return SOON if self._end_pods(namespace, name) else None
        live = self.live.setdefault((namespace, name), Live())
        if live.uid != kafka["metadata"]["uid"]:
            self._forget(namespace, name)
            live = self.live[(namespace, name)] = Live(uid=kafka["metadata"]["uid"])
        if names.is_true(kafka, names.PAUSE):
            status.write(self.kube, kafka, {"conditions": [status.paused()]}, keep=kafka.get("status") or {})
            return None
        try:
            return self._pass(kafka, live)
        except InvalidSpecError as error:
            self._fail(kafka, error.reason, str(error))
            return None
        except KubeError as error:
            if error.passing:
                raise
            self._fail(kafka, "KubernetesError", str(error))
            return 10.0

    def _forget(self, namespace: str, name: str) -> None:
        live = self.live.pop((namespace, name), None)
        if live and live.admin:
            log.info("Kafka %s/%s is gone", namespace, name)
            live.admin.close()

    def _end_pods(self, namespace: str, name: str) -> bool:
        """Shorten the end of a deleted cluster's pods; whether Kubernetes still has some to delete."""
        pods = [pod for pod in self.kube.list("Pod", namespace, names.selector(name)) if _owned(pod)]
        for pod in pods:
            about = pod["metadata"]
            if about.get("deletionGracePeriodSeconds", 0) > LAST_GRACE:
                log.info("Pod %s: ends within %d s, as its cluster is deleted", about["name"], LAST_GRACE)
                self.kube.delete("Pod", namespace, about["name"], about["uid"], LAST_GRACE)
            elif _overdue(about.get("deletionTimestamp")):
                # The kubelet waits for the time that it was told first, whatever it is told later.
                log.info("Pod %s: is given up, as its cluster is deleted", about["name"])
                self.kube.delete("Pod", namespace, about["name"], about["uid"], 0)
        return bool(pods)

    def _fail(self, kafka: Obj, reason: str, message: str) -> None:
        changed = status.write(
            self.kube,
            kafka,
            {"conditions": [status.not_ready(reason, message)]},
            keep=("clusterId", "listeners", "kafkaNodePools", "kafkaVersion", "kafkaMetadataVersion"),
        )
        if changed:
            log.error("Kafka %s is not ready: %s: %s", kafka["metadata"]["name"], reason, message)
            status.event(self.kube, kafka, reason, message)

    def _pass(self, kafka: Obj, live: Live) -> float | None:
        namespace, name = kafka["metadata"]["namespace"], kafka["metadata"]["name"]
        pools = self.kube.list("KafkaNodePool", namespace, {names.CLUSTER: name})
        running = self.kube.list("Pod", namespace, names.selector(name))
        fingerprint = [kafka["metadata"]["generation"]] + [
            (pool["metadata"]["uid"], pool["metadata"]["generation"], "deletionTimestamp" in pool["metadata"])
            for pool in pools
        ]
        if live.plan is None or fingerprint != live.fingerprint or time.monotonic() - live.planned_at > RESYNC:
            live.plan = self._plan(kafka, pools, running, live)
            live.fingerprint, live.planned_at, live.tidy = fingerprint, time.monotonic(), False
        plan = live.plan
        present = {pod["metadata"]["name"]: pod for pod in running}
        waits = self._pods(plan, present) or self._roll(plan, present, live) or self._brokers(plan, live)
        if waits:
            return self._wait(kafka, live, present, waits)
        live.waiting_since = None
        if not live.tidy:
            if waits := self._remove_nodes(plan, present, live):
                return self._wait(kafka, live, present, waits)
            planning.remove_leftovers(self.kube, plan)
            live.tidy = True
        self._ready(kafka, pools, present, live)
        return RESYNC

    def _plan(self, kafka: Obj, pools: list[Obj], running: list[Obj], live: Live) -> Plan:
        cluster = planning.parse(kafka, pools, self.images)
        cluster, warnings = planning.choose_ids(cluster, running, lambda ids: self._hosting(live, ids))
        cluster_id = dig(kafka, "status", "clusterId")
        if not cluster_id:
            cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            if cluster_id.startswith("-"):  # Kafka's tools would take it for an option
                cluster_id = "A" + cluster_id[1:]
            creating = status.not_ready("Creating", "Kafka cluster is being deployed")
            status.write(self.kube, kafka, {"conditions": [creating], "clusterId": cluster_id})
        for pool in cluster.pools:
            selector = ",".join(f"{key}={value}" for key, value in names.selector(cluster.name).items())
            state = {
                "nodeIds": list(pool.node_ids),
                "clusterId": cluster_id,
                "roles": [role for role, has in (("controller", pool.controller), ("broker", pool.broker)) if has],
                "replicas": len(pool.node_ids),
                "labelSelector": f"{selector},{names.POOL}={pool.name}",
            }
            status.write(self.kube, pool.resource, state)
        plan = planning.make(self.kube, self.authorities, cluster, cluster_id, status.now())
        plan.warnings += warnings
        return plan

    def _pods(self, plan: Plan, present: dict[str, Obj]) -> str:
        """Create the pods that are missing; those that ended for good make room first."""
        namespace, missing = plan.cluster.namespace, plan.pods.keys() - present.keys()
        for name in sorted(missing):
            log.info("Pod %s: created", name)
            try:
                self.kube.create(plan.pods[name])
            except KubeError as error:
                if not error.passing:  # its predecessor is not quite gone: the next pass tries again
                    raise
        ended = [
            name
            for name, pod in present.items()
            if dig(pod, "status", "phase") in ("Failed", "Succeeded") and "deletionTimestamp" not in pod["metadata"]
        ]
        for name in ended:
            log.info("Pod %s has ended: deleted, to be created again", name)
            self.kube.delete("Pod", namespace, name, present[name]["metadata"]["uid"])
        return f"pods {sorted([*missing, *ended])} start" if missing or ended else ""

    def _roll(self, plan: Plan, present: dict[str, Obj], live: Live) -> str:
        """Restart one node that is not as wanted, if the cluster bears it. What is waited for, or nothing."""
        nodes = {node.pod: node for node in plan.cluster.nodes}
        unready = sorted(name for name in nodes if not is_ready(present[name]))
        stale = [name for name in nodes if is_stale(present[name], plan.pods[name])]
        ending = sorted(name for name in nodes if "deletionTimestamp" in present[name]["metadata"])
        if ending:
            return f"pods {ending} end"
        if down := [name for name in stale if name in unready]:
            for name in down:  # they serve nobody, and may be down for the very reason that was corrected
                self._restart(plan, present[name], nodes[name], live)
            return f"pods {down} are replaced"
        if unready:
            return f"pods {unready} are not ready"
        if not stale and live.rolled is None:
            return ""
        try:
            admin = self._admin(plan, live)
            active, voters = admin.quorum()
            topics = admin.topics()
            if lagging := rolling.out_of_sync(live.rolled, topics.values()) if live.rolled is not None else []:
                return f"replicas of node {live.rolled} are not in sync yet: {some(lagging)}"
            live.rolled = None
            if not stale:
                return ""
            configs = admin.topic_configs(list(topics), [MIN_IN_SYNC])
        except KafkaError as error:
            return f"no answer from the brokers: {error}"
        minima = {topic: int(config.get(MIN_IN_SYNC, 1)) for topic, config in configs.items()}
        first = rolling.order((nodes[name] for name in stale), active)[0]
        if blocked := rolling.blocking(first.id, topics.values(), minima):
            return f"without node {first.id} these partitions would have too few replicas in sync: {some(blocked)}"
        if not rolling.quorum_stays(first.id, active, voters):
            return f"without node {first.id} the controllers would have no majority"
        self._restart(plan, present[first.pod], first, live)
        return f"node {first.id} restarts"

    def _restart(self, plan: Plan, pod: Obj, node: Node, live: Live) -> None:
        why = "asked for by annotation" if names.is_true(pod, names.MANUAL_ROLL) else "its specification changed"
        log.info("Pod %s: restarted (%s)", node.pod, why)
        self.kube.delete("Pod", plan.cluster.namespace, node.pod, pod["metadata"]["uid"])
        live.rolled = node.id if node.pool.broker else None

    def _brokers(self, plan: Plan, live: Live) -> str:
        """Wait until every broker takes part in the cluster."""
        if live.ready and live.admin_key == _admin_key(plan):
            return ""
        try:
            admin = self._admin(plan, live)
            missing = {node.id for node in plan.cluster.brokers} - admin.brokers()
            live.metadata_version = METADATA_VERSIONS.get(admin.metadata_level() or 0)
        except KafkaError as error:
            return f"no answer from the brokers: {error}"
        return f"brokers {sorted(missing)} have not joined" if missing else ""

    def _admin(self, plan: Plan, live: Live) -> Admin:
        key = _admin_key(plan)
        if live.admin and live.admin_key != key:
            live.admin.close()
            live.admin = None
        if live.admin is None:
            live.admin = connect(plan.bootstrap, plan.cluster_ca.pair.cert, plan.identity)
            live.admin_key = key
        return live.admin

    def _wait(self, kafka: Obj, live: Live, present: dict[str, Obj], what: str) -> float:
        moment = time.monotonic()
        if live.waiting_since is None:
            live.waiting_since = moment
            log.info("Kafka %s: %s", kafka["metadata"]["name"], what)
        if moment - live.waiting_since > PATIENCE:
            self._fail(kafka, "TimeoutException", "; ".join([what, *map(trouble, present.values())]).rstrip("; "))
        return SOON

    def _hosting(self, live: Live, ids: set[int]) -> set[int]:
        """Which brokers hold replicas; all of them when nobody answers."""
        try:
            topics: dict[str, Topic] = live.admin.topics() if live.admin else {}
        except KafkaError:
            return ids
        if live.admin is None:
            return ids
        return ids & {one for topic in topics.values() for part in topic.partitions for one in part.replicas}

    def _remove_nodes(self, plan: Plan, present: dict[str, Obj], live: Live) -> str:
        """Delete the pods of nodes that are no longer wanted and hold no replica. What is waited for, or nothing."""
        pools = {pool.name for pool in plan.cluster.pools}
        for name in sorted(present.keys() - plan.pods.keys()):
            labels, node = present[name]["metadata"]["labels"], planning.node_id(present[name])
            if labels.get(names.BROKER_ROLE) == "true" and self._hosting(live, {node}):
                if labels.get(names.POOL) in pools:  # replicas came to it after the plan was made
                    live.plan = None
                    return f"broker {node} still holds partition replicas"
                message = f"broker {node} still holds partition replicas: its pod {name} stays without its pool"
                plan.warnings.append({"reason": "ScaleDownPreventionCheck", "message": message})
                for kept in plan.kept.values():
                    kept.add(name)
                continue
            log.info("Pod %s is no longer needed: deleted", name)
            self.kube.delete("Pod", plan.cluster.namespace, name)
        return ""

    def _ready(self, kafka: Obj, pools: list[Obj], present: dict[str, Obj], live: Live) -> None:
        plan = live.plan
        assert plan
        cluster = plan.cluster
        addresses = {
            node.id: dig(present[node.pod], "status", "hostIP", default="127.0.0.1") for node in cluster.brokers
        }
        state: Obj = {
            "conditions": [status.ready(), *(status.warning(**item) for item in plan.warnings)],
            "clusterId": plan.cluster_id,
            "kafkaVersion": cluster.version,
            "kafkaNodePools": [{"name": pool.name} for pool in cluster.pools],
            "listeners": listener_status(
                cluster.name,
                cluster.namespace,
                cluster.listeners,
                plan.node_ports,
                addresses,
                plan.cluster_ca.pair.cert,
            ),
        }
        if live.metadata_version:
            state["kafkaMetadataVersion"] = live.metadata_version
        if status.write(self.kube, kafka, state):
            log.info("Kafka %s is ready", cluster.name)
            for item in plan.warnings:
                status.event(self.kube, kafka, item["reason"], item["message"])
        if not live.ready:
            live.ready = True
            self.became_ready(cluster.namespace, cluster.name)


def connect(bootstrap: list[str], authority: str, identity: Pair) -> Admin:
    """A connection over mutual TLS as the operator."""
    return Admin(bootstrap, tls_context(authority, identity))


def _admin_key(plan: Plan) -> object:
    return (tuple(plan.bootstrap), plan.cluster_ca.pair.cert, plan.identity.cert)


def _overdue(end: str | None) -> bool:
    """Whether a pod should have ended a while ago. end: its deletionTimestamp, which is that time."""
    if end is None:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(end) > timedelta(seconds=OVERDUE)


def _owned(pod: Obj) -> bool:
    """Whether the pod goes with its cluster; one that `kubectl delete --cascade=orphan` left behind does not."""
    return bool(pod["metadata"].get("ownerReferences"))
