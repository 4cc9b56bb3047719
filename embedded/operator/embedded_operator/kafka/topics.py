"""KafkaTopic: what to change for each topic (pure), and the controller that reconciles many at once."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kafka.errors import KafkaError, TopicAlreadyExistsError

from embedded_operator.common import names, status
from embedded_operator.common.kube import Kube
from embedded_operator.common.names import Obj, dig, first_names
from embedded_operator.common.settings import text
from embedded_operator.common.work import Key, Queue, Store, key_of
from embedded_operator.kafka.admin import Admin, Errors, NewTopic, Topic
from embedded_operator.kafka.cluster import Clusters, ready_cluster

log = logging.getLogger(__name__)

WRITERS = 8
"""Calls to the Kubernetes API at a time."""
LINGER = 3.0
"""Seconds that the resource of a deleted topic stays. Pulumi's provider begins to watch the resource only after the
deletion was accepted: when the resource is gone by then, the provider waits until it times out."""
NO_FINALIZERS = "STRIMZI_USE_FINALIZERS"


@dataclass
class Changes:
    """The requests to Kafka for a batch of topics; `refused` maps topics to the reason and message of a condition."""

    create: list[NewTopic] = field(default_factory=list)
    partitions: dict[str, int] = field(default_factory=dict)
    config: dict[str, dict[str, str | None]] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)


def topic_name(resource: Obj) -> str:
    """The name of the topic in Kafka."""
    return dig(resource, "spec", "topicName") or resource["metadata"]["name"]


def desired_config(resource: Obj) -> dict[str, str]:
    """`spec.config` as Kafka writes it."""
    return {key: text(value) for key, value in (dig(resource, "spec", "config") or {}).items() if value is not None}


def compare(resource: Obj, topic: Topic | None, config: dict[str, str], changes: Changes) -> None:
    """Add the changes that make the topic as the resource wants it; `config` is what is set on the topic."""
    name, spec = topic_name(resource), resource.get("spec") or {}
    wanted = desired_config(resource)
    if topic is None:
        changes.create.append(NewTopic(name, spec.get("partitions", -1), spec.get("replicas", -1), wanted))
        return
    difference: dict[str, str | None] = {key: value for key, value in wanted.items() if config.get(key) != value}
    difference |= dict.fromkeys(config.keys() - wanted.keys())
    if difference:
        changes.config[name] = difference
    present, count = len(topic.partitions), spec.get("partitions", -1)
    if count > present:
        changes.partitions[name] = count
    elif 0 < count < present:
        changes.refused[name] = ("NotSupported", "Decreasing partitions not supported")
    replicas = spec.get("replicas", -1)
    if wrong := [part.number for part in topic.partitions if 0 < replicas != len(part.replicas)]:
        message = f"Replication factor change not supported, but required for partitions {wrong}"
        changes.refused[name] = ("NotSupported", message)


def conflicts(resources: Iterable[Obj]) -> dict[Key, str]:
    """Resources that want a topic of an older resource, with a message each."""
    owners: dict[str, Obj] = {}
    losers: dict[Key, str] = {}
    for resource in sorted(resources, key=lambda item: (item["metadata"]["creationTimestamp"], key_of(item))):
        first = owners.setdefault(topic_name(resource), resource)
        if first is not resource:
            namespace, name = key_of(first)
            losers[key_of(resource)] = f"Managed by Ref{{namespace='{namespace}', name='{name}'}}"
    return losers


def is_managed(resource: Obj) -> bool:
    """Whether the operator changes the topic: not with the annotation strimzi.io/managed: "false"."""
    return (names.annotation(resource, names.MANAGED) or "true").lower() != "false"


def uses_finalizers(kafka: Obj) -> bool:
    """Whether a deleted KafkaTopic waits until Kafka has deleted the topic (Strimzi: STRIMZI_USE_FINALIZERS)."""
    env = dig(kafka, "spec", "entityOperator", "template", "topicOperatorContainer", "env", default=[])
    return not any(item["name"] == NO_FINALIZERS and item.get("value") == "false" for item in env)


@dataclass
class TopicController:
    """Reconciles batches of KafkaTopics."""

    kube: Kube
    clusters: Clusters
    store: Store
    queue: Queue

    def handle(self, keys: set[Key]) -> None:
        """Reconcile these topics, cluster by cluster."""
        groups: dict[Key, list[Obj]] = {}
        for key in keys:
            if (resource := self.store.get(key)) and (cluster := dig(resource, "metadata", "labels", names.CLUSTER)):
                groups.setdefault((key[0], cluster), []).append(resource)
        with ThreadPoolExecutor(WRITERS, "topics") as pool:
            for (namespace, cluster), resources in groups.items():
                self._reconcile_cluster(namespace, cluster, resources, pool)

    def _reconcile_cluster(self, namespace: str, cluster: str, resources: list[Obj], pool: ThreadPoolExecutor) -> None:
        leaving = [item for item in resources if "deletionTimestamp" in item["metadata"]]
        if leaving and self._cluster_is_going(namespace, cluster):
            list(pool.map(self.release, leaving))
            return
        if (found := ready_cluster(self.clusters.find(namespace, cluster), "topicOperator")) is None:
            return  # when the cluster becomes ready, all its topics come again
        plan, admin = found
        try:
            everyone = [item for item in self.store.all() if dig(item, "metadata", "labels", names.CLUSTER) == cluster]
            losers = conflicts(item for item in everyone if is_managed(item))
            self._delete(admin, leaving, losers, pool)
            active, quiet = _split(resources, losers)
            list(pool.map(lambda pair: self._report(pair[0], pair[1], None), quiet))
            if uses_finalizers(plan.cluster.resource):
                list(pool.map(self._add_finalizer, active))
            topics, errors, refused = change(admin, active)
            list(pool.map(lambda item: self._report_result(item, topics, errors, refused), active))
        except KafkaError as error:
            log.warning("Topics of Kafka %s: %s; tried again", cluster, error)
            self.queue.add(map(key_of, resources), 5.0)

    def _cluster_is_going(self, namespace: str, cluster: str) -> bool:
        """Whether the cluster is deleted, and all its topics with it."""
        kafka = self.kube.get("Kafka", namespace, cluster)
        return kafka is None or "deletionTimestamp" in kafka["metadata"] or self.kube.namespace_is_ending(namespace)

    def _delete(self, admin: Admin, leaving: list[Obj], losers: dict[Key, str], pool: ThreadPoolExecutor) -> None:
        leaving = [item for item in leaving if names.TOPIC_FINALIZER in item["metadata"].get("finalizers", [])]
        ours = [item for item in leaving if is_managed(item) and key_of(item) not in losers]
        paused = {key_of(item) for item in leaving if names.is_true(item, names.PAUSE)}
        failed = admin.delete_topics([topic_name(item) for item in ours if key_of(item) not in paused])
        done: list[Obj] = []
        for item in leaving:
            if key_of(item) in paused:
                continue
            if error := failed.get(topic_name(item)):
                self._report(item, status.condition("Ready", False, "KafkaError", str(error)), None)
                self.queue.add([key_of(item)], 10.0)
            elif (rest := LINGER - status.age(item["metadata"]["deletionTimestamp"])) > 0:
                self.queue.add([key_of(item)], rest)  # then the topic is deleted again, which is no failure
            else:
                done.append(item)
        list(pool.map(self.release, done))  # an error is raised here, and the batch is tried again

    def _add_finalizer(self, item: Obj) -> None:
        present = item["metadata"].get("finalizers", [])
        if names.TOPIC_FINALIZER not in present:
            self._set_finalizers(item, [*present, names.TOPIC_FINALIZER])

    def release(self, item: Obj) -> None:
        """Let Kubernetes remove a resource that is being deleted."""
        present = item["metadata"].get("finalizers", [])
        if names.TOPIC_FINALIZER in present:
            self._set_finalizers(item, [one for one in present if one != names.TOPIC_FINALIZER])

    def _set_finalizers(self, item: Obj, wanted: list[str]) -> None:
        namespace, name = key_of(item)
        self.kube.patch("KafkaTopic", namespace, name, {"metadata": {"finalizers": wanted}})

    def _report_result(
        self, item: Obj, topics: dict[str, Topic], errors: Errors, refused: dict[str, tuple[str, str]]
    ) -> None:
        name = topic_name(item)
        topic_id = topics[name].id if name in topics else None
        if error := errors.get(name):
            if error.retriable or isinstance(error, TopicAlreadyExistsError):  # a topic of that name is being deleted
                self.queue.add([key_of(item)], 5.0)
            self._report(item, status.condition("Ready", False, "KafkaError", str(error)), topic_id)
        elif name in refused:
            self._report(item, status.condition("Ready", False, *refused[name]), topic_id)
        else:
            self._report(item, status.ready(), topic_id)

    def _report(self, item: Obj, condition: Obj, topic_id: str | None) -> None:
        state: Obj = {"conditions": [condition]}
        if condition["type"] == "Ready" and condition.get("reason") != "ResourceConflict":
            state["topicName"] = dig(item, "status", "topicName") or topic_name(item)
        if topic_id:
            state["topicId"] = topic_id
        keep = () if condition["type"] == "Unmanaged" else ("topicName", "topicId")
        status.report(self.kube, item, state, keep)


def _split(resources: list[Obj], losers: dict[Key, str]) -> tuple[list[Obj], list[tuple[Obj, Obj]]]:
    """The resources to reconcile, and those to leave alone, each with its condition; without those being deleted."""
    active: list[Obj] = []
    quiet: list[tuple[Obj, Obj]] = []
    for item in (item for item in resources if "deletionTimestamp" not in item["metadata"]):
        recorded = dig(item, "status", "topicName")
        if names.is_true(item, names.PAUSE):
            quiet.append((item, status.paused()))
        elif not is_managed(item):
            quiet.append((item, status.condition("Unmanaged")))
        elif key_of(item) in losers:
            quiet.append((item, status.condition("Ready", False, "ResourceConflict", losers[key_of(item)])))
        elif recorded and recorded != topic_name(item):
            message = "Changing spec.topicName is not supported"
            quiet.append((item, status.condition("Ready", False, "NotSupported", message)))
        else:
            active.append(item)
    return active, quiet


def change(admin: Admin, resources: list[Obj]) -> tuple[dict[str, Topic], Errors, dict[str, tuple[str, str]]]:
    """Make the topics as the resources want them.

    Returns the topics, the errors of Kafka, and the changes that are not supported, by topic.
    """
    present = admin.topics([topic_name(item) for item in resources])
    configs = admin.topic_configs(list(present))
    changes = Changes()
    for item in resources:
        name = topic_name(item)
        compare(item, present.get(name), configs.get(name, {}), changes)
    ids, errors = admin.create_topics(changes.create)
    errors |= admin.alter_topic_configs(changes.config)
    errors |= admin.create_partitions(changes.partitions)
    for what, asked in (
        ("created", ids),
        ("configured", changes.config),
        ("given more partitions", changes.partitions),
    ):
        if done := sorted(asked.keys() - errors.keys()):
            log.info("Topics %s: %s", what, first_names(done))
    return present | {name: Topic(name, topic_id, ()) for name, topic_id in ids.items()}, errors, changes.refused
