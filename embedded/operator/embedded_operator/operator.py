"""The whole operator: events of the watch go into stores and queues, and the controllers take them from there."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from embedded_operator.common import names
from embedded_operator.common.kube import Kube, KubeError
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.reconciler import RESYNC
from embedded_operator.common.work import Queue, Store, key_of, one_by_one, start
from embedded_operator.connect import spec as connect_spec
from embedded_operator.connect.cluster import Connects
from embedded_operator.connect.controller import ConnectorController
from embedded_operator.flink.deployments import FlinkDeployments
from embedded_operator.kafka.cluster import Clusters
from embedded_operator.kafka.topics import TopicController
from embedded_operator.kafka.user_controller import UserController

log = logging.getLogger(__name__)

KINDS = ("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "KafkaConnect", "KafkaConnector", "FlinkDeployment")
"""The kinds of custom resources that the operator reconciles."""

CHECK_SECONDS = 60
"""Seconds that the API may be busy when the operator starts."""


@dataclass
class Operator:
    """The whole operator; `images` maps Kafka versions to image references."""

    kube: Kube
    images: dict[str, str]
    namespaces: list[str]

    def __post_init__(self) -> None:
        self.clusters = Clusters(self.kube, self.images, self._cluster_is_ready)
        self.connects = Connects(self.kube, self.images, self._connect_is_ready)
        self.flinks = FlinkDeployments(self.kube)
        self.stores = {kind: Store() for kind in KINDS}
        self.queues = {kind: Queue() for kind in KINDS if kind != "KafkaNodePool"}
        self.topics = TopicController(self.kube, self.clusters, self.stores["KafkaTopic"], self.queues["KafkaTopic"])
        self.users = UserController(self.kube, self.clusters, self.stores["KafkaUser"], self.queues["KafkaUser"])
        self.connectors = ConnectorController(self.kube, self.connects, self.stores["KafkaConnector"])

    def check(self) -> None:
        """Raise KubeError or ValueError when the operator cannot work here."""
        deadline = time.monotonic() + CHECK_SECONDS
        for namespace in self.namespaces:
            for kind in self.stores:
                self._check(kind, namespace, deadline)

    def _check(self, kind: str, namespace: str, deadline: float) -> None:
        while True:
            try:
                self.kube.list(kind, namespace)
            except KubeError as error:
                if error.status == 404:
                    raise ValueError(
                        f"The CustomResourceDefinition of {kind} is missing; apply Strimzi's first."
                    ) from None
                # Kubernetes gives temporary errors for some seconds after a definition was created.
                if not error.is_temporary or time.monotonic() > deadline:
                    raise
                time.sleep(1)
            else:
                return

    def start(self) -> None:
        """Start the controllers and the regular resync, each on its thread."""
        start("topics", self.queues["KafkaTopic"], self.topics.handle)
        start("users", self.queues["KafkaUser"], self.users.handle)
        for name, kind, reconcile in (
            ("clusters", "Kafka", self.clusters.reconcile),
            ("connects", "KafkaConnect", self.connects.reconcile),
            ("connectors", "KafkaConnector", self.connectors.reconcile),
            ("flinks", "FlinkDeployment", self.flinks.reconcile),
        ):
            start(name, self.queues[kind], one_by_one(self.queues[kind], reconcile))
        threading.Thread(target=self._resync, name="resync", daemon=True).start()

    def _connect_is_ready(self, namespace: str, name: str) -> None:
        self.queues["KafkaConnector"].add([(namespace, name)])

    def _cluster_is_ready(self, namespace: str, name: str) -> None:
        for kind in ("KafkaTopic", "KafkaUser"):
            for item in self.stores[kind].all():
                if dig(item, "metadata", "labels", names.CLUSTER) == name and key_of(item)[0] == namespace:
                    self._enqueue(item)
        self.queues["KafkaUser"].add([(namespace, name)])

    def _resync(self) -> None:
        """Reconcile everything regularly: this reverts changes that people made in Kafka."""
        while True:
            time.sleep(RESYNC)
            for kind in ("KafkaTopic", "Kafka", "KafkaConnect", "FlinkDeployment"):
                self.queues[kind].add(key_of(item) for item in self.stores[kind].all())
            self.queues["KafkaUser"].add(key_of(item) for item in self.stores["Kafka"].all())

    def handle_event(self, event: str | None, obj: Obj) -> None:
        """Handle an event of the watch; `event` is None for an object that existed when the watch began."""
        kind = obj["kind"]
        cluster = dig(obj, "metadata", "labels", names.CLUSTER)
        if kind == "Pod":
            if cluster and (event == "DELETED" or "deletionTimestamp" not in obj["metadata"]):
                self._enqueue(obj)
            return
        if kind == "Secret":
            self._used_by_workers(obj)
            if cluster and event == "DELETED":
                self._secret_is_gone(obj)
            return
        store = self.stores[kind]
        if event == "DELETED":
            store.remove(key_of(obj))
        elif not store.put(obj):
            return
        if not (event == "DELETED" and kind == "KafkaTopic"):
            self._enqueue(obj)

    def _enqueue(self, obj: Obj) -> None:
        """Add the key to reconcile: a pod, pool, user or connector adds its cluster, other objects add themselves."""
        kind, cluster = obj["kind"], dig(obj, "metadata", "labels", names.CLUSTER)
        namespace, name = key_of(obj)
        if kind in ("Kafka", "KafkaTopic", "KafkaConnect", "FlinkDeployment"):
            self.queues[kind].add([(namespace, name)])
        if kind == "KafkaConnect":  # what its connectors depend on may have changed
            self.queues["KafkaConnector"].add([(namespace, name)])
        elif kind == "KafkaConnector":
            self.queues[kind].add([(namespace, cluster or "")])
        elif kind == "Pod" and dig(obj, "metadata", "labels", names.KIND) == "KafkaConnect":
            self.queues["KafkaConnect"].add([(namespace, cluster)])
        elif kind == "KafkaUser" and cluster:
            self.queues[kind].add([(namespace, cluster)])
        elif kind in ("Pod", "KafkaNodePool") and cluster:
            self.queues["Kafka"].add([(namespace, cluster)])

    def _used_by_workers(self, secret: Obj) -> None:
        """Plan the Connect clusters again that use this Secret to connect to Kafka."""
        namespace, name = key_of(secret)
        for item in self.stores["KafkaConnect"].all():
            if key_of(item)[0] == namespace and name in connect_spec.secrets(item):
                self.connects.plan_again(*key_of(item))
                self.queues["KafkaConnect"].add([key_of(item)])

    def _secret_is_gone(self, secret: Obj) -> None:
        namespace, cluster = key_of(secret)[0], secret["metadata"]["labels"][names.CLUSTER]
        if secret["metadata"]["labels"].get(names.KIND) == "KafkaUser":
            self.queues["KafkaUser"].add([(namespace, cluster)])
        elif (namespace, cluster) in self.clusters.live:
            self.clusters.plan_again(namespace, cluster)  # this creates the Secret again
            self.queues["Kafka"].add([(namespace, cluster)])

    def release_topics(self) -> None:
        """Remove the finalizers of topics in namespaces that end with this operator: no other program removes them."""
        for namespace in self.namespaces:
            try:
                if self.kube.namespace_is_ending(namespace):
                    for item in self.kube.list("KafkaTopic", namespace):
                        self.topics.release(item)
            except (KubeError, OSError) as error:
                log.warning("Topics of namespace %s keep their finalizers: %s", namespace, error)
