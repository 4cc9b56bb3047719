"""Puts the parts together: what the watch reports goes into stores and queues, which the controllers work off."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from embedded_operator.common import names
from embedded_operator.common.kube import Kube, KubeError
from embedded_operator.common.names import Obj, dig
from embedded_operator.common.work import Key, Queue, Store, key_of, start
from embedded_operator.connect import spec as connect_spec
from embedded_operator.connect.cluster import Connects
from embedded_operator.connect.controller import ConnectorController
from embedded_operator.flink.deployments import FlinkDeployments
from embedded_operator.kafka.cluster import RESYNC, Clusters
from embedded_operator.kafka.topics import TopicController
from embedded_operator.kafka.user_controller import UserController

log = logging.getLogger(__name__)

KINDS = ("Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser", "KafkaConnect", "KafkaConnector", "FlinkDeployment")
"""The custom resources that the operator looks after."""

CHECK_SECONDS = 60
"""How long the API may be busy when the operator starts."""


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
        self.connectors = ConnectorController(
            self.kube, self.connects, self.stores["KafkaConnector"], self.queues["KafkaConnector"]
        )

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
                # Kubernetes answers so for seconds after a definition was made.
                if not error.passing or time.monotonic() > deadline:
                    raise
                time.sleep(1)
            else:
                return

    def start(self) -> None:
        """Start the controllers, each on its thread, and the clock of the resync."""
        start("clusters", self.queues["Kafka"], self._clusters)
        start("topics", self.queues["KafkaTopic"], self.topics.handle)
        start("users", self.queues["KafkaUser"], self.users.handle)
        start("connects", self.queues["KafkaConnect"], self._connects)
        start("connectors", self.queues["KafkaConnector"], self.connectors.handle)
        start("flinks", self.queues["FlinkDeployment"], self._flinks)
        threading.Thread(target=self._resync, name="resync", daemon=True).start()

    def _clusters(self, keys: set[Key]) -> None:
        for key in sorted(keys):
            wait = self.clusters.reconcile(*key)
            if wait is not None:
                self.queues["Kafka"].add([key], wait)

    def _connects(self, keys: set[Key]) -> None:
        for key in sorted(keys):
            wait = self.connects.reconcile(*key)
            if wait is not None:
                self.queues["KafkaConnect"].add([key], wait)

    def _flinks(self, keys: set[Key]) -> None:
        for key in sorted(keys):
            wait = self.flinks.reconcile(*key)
            if wait is not None:
                self.queues["FlinkDeployment"].add([key], wait)

    def _connect_is_ready(self, namespace: str, name: str) -> None:
        self.queues["KafkaConnector"].add([(namespace, name)])

    def _cluster_is_ready(self, namespace: str, name: str) -> None:
        for kind in ("KafkaTopic", "KafkaUser"):
            for item in self.stores[kind].all():
                if dig(item, "metadata", "labels", names.CLUSTER) == name and key_of(item)[0] == namespace:
                    self._enqueue(item)
        self.queues["KafkaUser"].add([(namespace, name)])

    def _resync(self) -> None:
        """Look at everything again from time to time: what was changed by hand in Kafka is put right."""
        while True:
            time.sleep(RESYNC)
            for kind in ("KafkaTopic", "Kafka", "KafkaConnect", "FlinkDeployment"):
                self.queues[kind].add(key_of(item) for item in self.stores[kind].all())
            self.queues["KafkaUser"].add(key_of(item) for item in self.stores["Kafka"].all())

    def saw(self, event: str | None, obj: Obj) -> None:
        """Take in what the watch reports; `event` is None for what was there when the watch began."""
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
        """Put the right key into the right queue: clusters for pods, pools, users, connectors; a topic for itself."""
        kind, cluster = obj["kind"], dig(obj, "metadata", "labels", names.CLUSTER)
        namespace, name = key_of(obj)
        if kind in ("Kafka", "KafkaTopic", "KafkaConnect", "FlinkDeployment"):
            self.queues[kind].add([(namespace, name)])
        if kind == "KafkaConnect":  # what its connectors may expect can have changed
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
        """Let Connect clusters be planned anew when a Secret came, changed or went that they connect to Kafka with."""
        namespace, name = key_of(secret)
        for item in self.stores["KafkaConnect"].all():
            if key_of(item)[0] == namespace and name in connect_spec.secrets(item):
                self.connects.plan_anew(*key_of(item))
                self.queues["KafkaConnect"].add([key_of(item)])

    def _secret_is_gone(self, secret: Obj) -> None:
        namespace, cluster = key_of(secret)[0], secret["metadata"]["labels"][names.CLUSTER]
        if secret["metadata"]["labels"].get(names.KIND) == "KafkaUser":
            self.queues["KafkaUser"].add([(namespace, cluster)])
        elif live := self.clusters.live.get((namespace, cluster)):
            live.planned_at = float("-inf")  # plan anew: that brings the Secret back
            self.queues["Kafka"].add([(namespace, cluster)])

    def leave(self) -> None:
        """The operator ends. With its namespace, nobody else would let the topics go."""
        for namespace in self.namespaces:
            try:
                if self.kube.namespace_is_ending(namespace):
                    for item in self.kube.list("KafkaTopic", namespace):
                        self.topics.release(item)
            except (KubeError, OSError) as error:
                log.warning("Topics of namespace %s keep their finalizers: %s", namespace, error)
