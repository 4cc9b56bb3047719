"""Reconciles Kafka clusters."""

from __future__ import annotations

import base64
import logging
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kafka.errors import KafkaError

from embedded_operator.common import names, status
from embedded_operator.common.names import Obj, dig, first_names
from embedded_operator.common.reconciler import RESYNC, SOON, Live, PodReconciler
from embedded_operator.kafka import plan as planning
from embedded_operator.kafka import rolling, services
from embedded_operator.kafka.admin import Admin, Topic
from embedded_operator.kafka.authorities import Authorities
from embedded_operator.kafka.ca import Pair
from embedded_operator.kafka.connection import tls_context
from embedded_operator.kafka.plan import Plan

log = logging.getLogger(__name__)

LAST_GRACE = 15
"""Seconds that the nodes of a deleted cluster have to end. They end together: the last nodes find no controller that
answers their controlled shutdown, and would use up their whole grace period."""
OVERDUE = 5
"""Seconds after which a pod that should have ended is deleted by force."""
METADATA_VERSIONS = {25: "4.0-IV3", 27: "4.1-IV1", 29: "4.2-IV1", 30: "4.3-IV0"}
"""Levels of the feature metadata.version (org.apache.kafka.server.common.MetadataVersion) that releases begin with."""
MIN_IN_SYNC = "min.insync.replicas"


@dataclass
class LiveCluster(Live):
    """What the operator knows of a cluster between passes."""

    fingerprint: object = None
    plan: Plan | None = None
    rolled: int | None = None
    """The node that was restarted last and may not be in sync again."""
    tidy: bool = False
    metadata_version: str | None = None
    admin: Admin | None = None
    admin_key: object = None


@dataclass
class Clusters(PodReconciler[LiveCluster]):
    """All Kafka clusters. When a cluster becomes ready, its topics and users can be reconciled."""

    KIND = "Kafka"
    KEPT = ("clusterId", "listeners", "kafkaNodePools", "kafkaVersion", "kafkaMetadataVersion")

    def __post_init__(self) -> None:
        self.authorities = Authorities(self.kube)

    def find(self, namespace: str, name: str) -> LiveCluster | None:
        """The cluster, if it is ready."""
        live = self.live.get((namespace, name))
        return live if live and live.ready else None

    def begin(self, uid: str) -> LiveCluster:
        """What is known of a cluster that is seen for the first time."""
        return LiveCluster(uid)

    def remove(self, namespace: str, name: str) -> float | None:
        """Forget the cluster, and come back until its pods have ended."""
        self.forget(namespace, name)
        return SOON if self._end_pods(namespace, name) else None

    def forget(self, namespace: str, name: str) -> LiveCluster | None:
        """Close the connection to the cluster and remove what is known of it."""
        live = super().forget(namespace, name)
        if live and live.admin:
            live.admin.close()
        return live

    def _end_pods(self, namespace: str, name: str) -> bool:
        """Shorten the grace period of a deleted cluster's pods. Returns whether pods are left."""
        pods = [pod for pod in self.kube.list("Pod", namespace, names.selector(name)) if _owned(pod)]
        for pod in pods:
            about = pod["metadata"]
            if about.get("deletionGracePeriodSeconds", 0) > LAST_GRACE:
                log.info("Pod %s: ends within %d s, because its cluster is deleted", about["name"], LAST_GRACE)
                self.kube.delete("Pod", namespace, about["name"], about["uid"], LAST_GRACE)
            elif _overdue(about.get("deletionTimestamp")):
                # The kubelet waits for the first grace period that it was told, even when a later one is shorter.
                log.info("Pod %s: deleted by force, because its cluster is deleted", about["name"])
                self.kube.delete("Pod", namespace, about["name"], about["uid"], 0)
        return bool(pods)

    def reconcile_live(self, resource: Obj, live: LiveCluster) -> float | None:
        """Plan, start the pods, restart nodes that are not as wanted, and remove what is no longer needed."""
        namespace, name = resource["metadata"]["namespace"], resource["metadata"]["name"]
        pools = self.kube.list("KafkaNodePool", namespace, {names.CLUSTER: name})
        running = self.kube.list("Pod", namespace, names.selector(name))
        fingerprint = [resource["metadata"]["generation"]] + [
            (pool["metadata"]["uid"], pool["metadata"]["generation"], "deletionTimestamp" in pool["metadata"])
            for pool in pools
        ]
        if live.plan is None or fingerprint != live.fingerprint or time.monotonic() - live.planned_at > RESYNC:
            live.plan = self._plan(resource, pools, running, live)
            live.fingerprint, live.planned_at, live.tidy = fingerprint, time.monotonic(), False
        plan = live.plan
        present = {pod["metadata"]["name"]: pod for pod in running}
        waits = (
            self.start_pods(plan.pods, present) or self._roll(plan, present, live) or self._wait_for_brokers(plan, live)
        )
        if waits:
            return self.wait(resource, live, present, waits)
        live.waiting_since = None
        if not live.tidy:
            if waits := self._remove_nodes(plan, present, live):
                return self.wait(resource, live, present, waits)
            planning.remove_leftovers(self.kube, plan)
            live.tidy = True
        self._report_ready(resource, present, plan, live)
        return RESYNC

    def _plan(self, kafka: Obj, pools: list[Obj], running: list[Obj], live: LiveCluster) -> Plan:
        cluster = planning.parse(kafka, pools, self.images)
        cluster, warnings = planning.choose_ids(cluster, running, lambda ids: self._brokers_with_replicas(live, ids))
        cluster_id = dig(kafka, "status", "clusterId")
        if not cluster_id:
            cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            if cluster_id.startswith("-"):  # Kafka's tools would read it as an option
                cluster_id = "A" + cluster_id[1:]
            creating = status.not_ready("Creating", "Kafka cluster is being deployed")
            status.write(self.kube, kafka, {"conditions": [creating], "clusterId": cluster_id})
        for pool in cluster.pools:
            state = {
                "nodeIds": list(pool.node_ids),
                "clusterId": cluster_id,
                "roles": [role for role, has in (("controller", pool.controller), ("broker", pool.broker)) if has],
                "replicas": len(pool.node_ids),
                "labelSelector": names.selector_text({**names.selector(cluster.name), names.POOL: pool.name}),
            }
            status.write(self.kube, pool.resource, state)
        plan = planning.make(self.kube, self.authorities, cluster, cluster_id, status.now())
        plan.warnings += warnings
        return plan

    def _roll(self, plan: Plan, present: dict[str, Obj], live: LiveCluster) -> str:
        """Restart one node that is not as wanted, if the cluster bears it. Returns what is waited for, or nothing."""
        nodes = {node.pod: node for node in plan.cluster.nodes}

        def restart(name: str) -> None:
            self.restart_pod(present[name])
            live.rolled = nodes[name].id if nodes[name].pool.broker else None

        waits, stale = self.replace_unready(plan.pods, present, restart)
        if waits or (not stale and live.rolled is None):
            return waits
        try:
            admin = self._admin(plan, live)
            active, voters = admin.quorum()
            topics = admin.topics()
            if lagging := rolling.out_of_sync(live.rolled, topics.values()) if live.rolled is not None else []:
                return f"replicas of node {live.rolled} are not in sync yet: {first_names(lagging)}"
            live.rolled = None
            if not stale:
                return ""
            configs = admin.topic_configs(list(topics), [MIN_IN_SYNC])
        except KafkaError as error:
            return f"no answer from the brokers: {error}"
        minima = {topic: int(config.get(MIN_IN_SYNC, 1)) for topic, config in configs.items()}
        first = rolling.order((nodes[name] for name in stale), active)[0]
        if blocked := rolling.blocking(first.id, topics.values(), minima):
            return (
                f"without node {first.id} these partitions would have too few replicas in sync: {first_names(blocked)}"
            )
        if not rolling.quorum_stays(first.id, active, voters):
            return f"without node {first.id} the controllers would have no majority"
        restart(first.pod)
        return f"node {first.id} restarts"

    def _wait_for_brokers(self, plan: Plan, live: LiveCluster) -> str:
        """Wait until all brokers have joined the cluster. Returns what is waited for, or nothing."""
        if live.ready and live.admin_key == _admin_key(plan):
            return ""
        try:
            admin = self._admin(plan, live)
            missing = {node.id for node in plan.cluster.brokers} - admin.brokers()
            live.metadata_version = METADATA_VERSIONS.get(admin.metadata_level() or 0)
        except KafkaError as error:
            return f"no answer from the brokers: {error}"
        return f"brokers {sorted(missing)} have not joined" if missing else ""

    def _admin(self, plan: Plan, live: LiveCluster) -> Admin:
        key = _admin_key(plan)
        if live.admin and live.admin_key != key:
            live.admin.close()
            live.admin = None
        if live.admin is None:
            live.admin = connect(plan.bootstrap, plan.cluster_ca.pair.cert, plan.identity)
            live.admin_key = key
        return live.admin

    def _brokers_with_replicas(self, live: LiveCluster, ids: set[int]) -> set[int]:
        """Which of these brokers hold replicas; all of them when no broker answers."""
        try:
            topics: dict[str, Topic] = live.admin.topics() if live.admin else {}
        except KafkaError:
            return ids
        if live.admin is None:
            return ids
        return ids & {one for topic in topics.values() for part in topic.partitions for one in part.replicas}

    def _remove_nodes(self, plan: Plan, present: dict[str, Obj], live: LiveCluster) -> str:
        """Delete the pods of nodes that are not wanted and hold no replica. Returns what is waited for, or nothing."""
        pools = {pool.name for pool in plan.cluster.pools}
        for name in sorted(present.keys() - plan.pods.keys()):
            labels, node = present[name]["metadata"]["labels"], planning.node_id(present[name])
            if labels.get(names.BROKER_ROLE) == "true" and self._brokers_with_replicas(live, {node}):
                if labels.get(names.POOL) in pools:  # the broker has received replicas since the plan was made
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

    def _report_ready(self, resource: Obj, present: dict[str, Obj], plan: Plan, live: LiveCluster) -> None:
        cluster = plan.cluster
        addresses = {
            node.id: dig(present[node.pod], "status", "hostIP", default="127.0.0.1") for node in cluster.brokers
        }
        state: Obj = {
            "conditions": [status.ready(), *(status.warning(**item) for item in plan.warnings)],
            "clusterId": plan.cluster_id,
            "kafkaVersion": cluster.version,
            "kafkaNodePools": [{"name": pool.name} for pool in cluster.pools],
            "listeners": services.status(cluster, plan.node_ports, addresses, plan.cluster_ca.pair.cert),
        }
        if live.metadata_version:
            state["kafkaMetadataVersion"] = live.metadata_version
        if status.write(self.kube, resource, state):
            log.info("Kafka %s is ready", cluster.name)
            for item in plan.warnings:
                status.event(self.kube, resource, item["reason"], item["message"])
        self.set_ready(resource, live)


def ready_cluster(live: LiveCluster | None, operator: str) -> tuple[Plan, Admin] | None:
    """The plan and the connection of a ready cluster that declares `operator`: topicOperator or userOperator."""
    if live is None or live.plan is None or live.admin is None:
        return None
    declared = dig(live.plan.cluster.resource, "spec", "entityOperator", operator)
    return None if declared is None else (live.plan, live.admin)


def connect(bootstrap: list[str], authority: str, identity: Pair) -> Admin:
    """A connection over mutual TLS with the certificate of this operator."""
    return Admin(bootstrap, tls_context(authority, identity))


def _admin_key(plan: Plan) -> object:
    return (tuple(plan.bootstrap), plan.cluster_ca.pair.cert, plan.identity.cert)


def _overdue(end: str | None) -> bool:
    """Whether a pod should have ended a while ago; `end` is its deletionTimestamp, the time when it should end."""
    if end is None:
        return False
    return datetime.now(UTC) - datetime.fromisoformat(end) > timedelta(seconds=OVERDUE)


def _owned(pod: Obj) -> bool:
    """Whether Kubernetes deletes the pod with its cluster: not after `kubectl delete --cascade=orphan`."""
    return bool(pod["metadata"].get("ownerReferences"))
