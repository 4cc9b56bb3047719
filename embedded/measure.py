"""What a running platform does, measured: pods, records in and out, rates, and what it answers to the unauthorized."""

from __future__ import annotations

import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition, admin
from kafkalogs.client import settings as client
from kafkalogs.client.cluster_access import ClusterAccess
from kafkalogs.client.settings import Catalog, Credentials
from kubernetes.utils.quantity import parse_quantity

from embedded.cache import EmbeddedError

Place = tuple[str, int]

# Kafka's ApiVersions request (key 18, version 0) with a correlation id and no client id, behind its length.
_API_VERSIONS = bytes.fromhex("0000000a 0012 0000 00000001 ffff")


@dataclass(frozen=True)
class Component:
    """The pods of one part of the platform. memory: what they request together, in bytes."""

    name: str
    pods: int
    ready: int
    nodes: tuple[str, ...]
    memory: int


@dataclass(frozen=True)
class Answer:
    """What something unauthorized was answered. refused: None when no answer could be had."""

    asked: str
    said: str
    refused: bool


@dataclass(frozen=True)
class Flow:
    """One topic. ``came``: records up to the snapshot; ``read``: of them, by the reading team; ``rate``: in per s."""

    topic: str
    came: int
    read: int
    rate: float


def components(access: ClusterAccess) -> list[Component]:
    """The platform's pods by part, without those that are done and those of Jobs: a CronJob's may just have begun."""
    what = f"pods of namespace {access.namespace}"
    pods = access.call(access.core.list_namespaced_pod, what, "run `make up`", access.namespace).items
    parts: dict[str, list[Any]] = {}
    for pod in pods:
        of_job = any(owner.kind == "Job" for owner in pod.metadata.owner_references or [])
        if not of_job and pod.status.phase not in {"Succeeded", "Failed"}:
            parts.setdefault(_part(pod), []).append(pod)
    return [
        Component(
            name,
            len(members),
            sum(_ready(p) for p in members),
            tuple(sorted({p.spec.node_name or "none yet" for p in members})),
            sum(_memory(p) for p in members),
        )
        for name, members in sorted(parts.items())
    ]


def _part(pod: Any) -> str:
    labels = pod.metadata.labels or {}
    if labels.get("app.kubernetes.io/part-of") == "shop":
        return "shop"
    return labels.get("app.kubernetes.io/name") or labels.get("name") or pod.metadata.name


def _ready(pod: Any) -> bool:
    containers = pod.status.container_statuses or []
    return pod.status.phase == "Running" and all(container.ready for container in containers)


def _memory(pod: Any) -> int:
    requests = [(container.resources.requests or {}) for container in pod.spec.containers]
    return sum(int(parse_quantity(r.get("memory", "0"))) for r in requests)


def shop_services(access: ClusterAccess) -> set[str]:
    """The services that the shop runs."""
    selector = "app.kubernetes.io/part-of=shop"
    found = access.call(
        access.core.list_namespaced_pod, "the shop's pods", "run `make up`", access.namespace, label_selector=selector
    )
    return {pod.metadata.labels["app.kubernetes.io/name"] for pod in found.items}


class Reader:
    """A team's look at the topics, with its own certificate, through the listener for clients outside."""

    def __init__(self, catalog: Catalog, team: str, credentials: Credentials, bootstrap: str) -> None:
        trouble = client.Trouble()
        quiet: dict[str, Any] = {"log_level": 0, "error_cb": trouble}
        self._asker = admin.AdminClient(quiet | client.admin(catalog, team, credentials, bootstrap=bootstrap))
        self._settings = quiet | client.consumer(catalog, team, credentials, group="report", bootstrap=bootstrap)
        try:
            metadata = self._asker.list_topics(timeout=15)
        except KafkaException as error:
            self._asker.poll(0)  # hands over what the client said meanwhile
            raise EmbeddedError(
                f"Kafka does not answer at {bootstrap}: {trouble.last or error.args[0].str()}"
            ) from error
        self.brokers = sorted(cast(dict[int, Any], metadata.brokers))
        granted = catalog.topics_for(team)
        self.topics = {name: granted[name] for name in sorted(granted) if name in metadata.topics}
        # as they are, not as they were asked for: partitions and replication factor
        self.shape = {
            name: (len(metadata.topics[name].partitions), _replicas(metadata.topics[name])) for name in self.topics
        }

    def ends(self) -> dict[Place, int]:
        """The end offset of every partition."""
        return self._offsets("latest")

    def beginnings(self) -> dict[Place, int]:
        """The first offset of every partition that retention has kept."""
        return self._offsets("earliest")

    def _offsets(self, which: Literal["earliest", "latest"]) -> dict[Place, int]:
        places = [TopicPartition(name, p) for name, (count, _) in self.shape.items() for p in range(count)]
        # Any: the class is not among the module's declared names
        wanted: Any = dict.fromkeys(places, getattr(cast(Any, admin).OffsetSpec, which)())
        answers = self._asker.list_offsets(wanted, request_timeout=15)
        return {(place.topic, place.partition): answer.result(20).offset for place, answer in answers.items()}

    def count(self, first: dict[Place, int], ends: dict[Place, int], seconds: float) -> Counter[str]:
        """Consume every record from ``first`` to before ``ends``, for at most so many seconds; how many a topic."""
        todo = {place: end for place, end in ends.items() if end > first[place]}
        counted: Counter[str] = Counter()
        consumer = Consumer(self._settings)
        try:
            consumer.assign([TopicPartition(topic, partition, first[topic, partition]) for topic, partition in todo])
            deadline = time.monotonic() + seconds
            while todo and time.monotonic() < deadline:
                for message in consumer.consume(5000, timeout=0.2):
                    _count(message, todo, ends, counted)
        finally:
            consumer.close()
        return counted


def _count(message: Message, todo: dict[Place, int], ends: dict[Place, int], counted: Counter[str]) -> None:
    if message.error() is not None:
        return
    place = (message.topic() or "", message.partition() or 0)
    offset = message.offset() or 0
    if offset < ends[place]:
        counted[place[0]] += 1
    if offset + 1 >= ends[place]:
        todo.pop(place, None)


def _replicas(topic: Any) -> int:
    return min(len(partition.replicas) for partition in topic.partitions.values())


def records(places: Iterable[tuple[Place, int]], first: dict[Place, int]) -> Counter[str]:
    """Records of each topic from ``first`` to before the given offsets."""
    total: Counter[str] = Counter()
    for place, end in places:
        total[place[0]] += end - first[place]
    return total


def first_records(reader: Reader, catalog: Catalog, services: set[str], seconds: float) -> list[str]:
    """Wait until each of the services has logged; those that have not after so many seconds."""
    # only topics that exist and may be seen
    writes = {service: set(catalog.topics_of(service)) & set(reader.topics) for service in services}
    deadline = time.monotonic() + seconds
    while True:
        logged = {topic for (topic, _), end in reader.ends().items() if end}
        silent = sorted(service for service, topics in writes.items() if topics and not topics & logged)
        if not silent or time.monotonic() > deadline:
            return silent
        time.sleep(1)


def flows(reader: Reader, *, reading: float, at_least: float) -> list[Flow]:
    """Records in, out and per second of each topic.

    reading: seconds that consuming may take at most; at_least: seconds over which the rate is measured.
    """
    first, ends = reader.beginnings(), reader.ends()
    began = time.monotonic()
    read = reader.count(first, ends, reading)
    time.sleep(max(0.0, began + at_least - time.monotonic()))
    later, took = reader.ends(), time.monotonic() - began
    # What retention deleted meanwhile could not be read any more.
    kept = reader.beginnings()
    came = records(ends.items(), {place: min(max(first[place], kept[place]), ends[place]) for place in ends})
    new = records(later.items(), ends)
    return [Flow(topic, max(came[topic], read[topic]), read[topic], new[topic] / took) for topic in reader.topics]


def foreign_write(catalog: Catalog, service: str, topic: str, credentials: Credentials, bootstrap: str) -> Answer:
    """A write to another service's topic, with a certificate that is valid."""
    answers: list[Answer] = []
    asked = f"{service} writes to {topic}"

    def delivered(error: Any, _: Message) -> None:
        if error is None:
            answers.append(Answer(asked, "the record was accepted", refused=False))
        else:
            answers.append(Answer(asked, error.str().removeprefix("Broker: "), refused="AUTHORIZATION" in error.name()))

    settings = client.producer(catalog, service, credentials, bootstrap=bootstrap)
    producer = Producer(cast(Any, {**settings, "message.timeout.ms": 8000, "log_level": 0}))
    producer.produce(topic, b"{}", on_delivery=delivered)
    producer.flush(10)
    return answers[0] if answers else Answer(asked, "no answer within 10 s", refused=False)


def without_certificate(bootstrap: str, ca: str) -> Answer:
    """A TLS connection of a client that has no certificate."""
    context = ssl.create_default_context(cadata=ca)
    return _ask("a client without certificate connects", bootstrap, context)


def in_plaintext(bootstrap: str) -> Answer:
    """A connection without TLS."""
    return _ask("a client without TLS connects", bootstrap, None)


def _ask(asked: str, bootstrap: str, context: ssl.SSLContext | None) -> Answer:
    host, _, port = bootstrap.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5) as plain:
            plain.settimeout(5)
            connection = context.wrap_socket(plain, server_hostname=host) if context else plain
            connection.sendall(_API_VERSIONS)
            got = connection.recv(64)
    except ssl.SSLCertVerificationError as error:
        return Answer(asked, f"the broker's certificate is not trusted: {error.verify_message}", refused=False)
    except ssl.SSLError as error:
        return Answer(asked, f"TLS: {(error.reason or str(error)).lower().replace('_', ' ')}", refused=True)
    except ConnectionResetError:
        return Answer(asked, "the connection was closed", refused=True)
    except OSError as error:
        return Answer(asked, f"no answer: {error}", refused=False)
    # A TLS alert (type 21) to what is no TLS is a refusal; Kafka's answer would begin with its length.
    if not got or (context is None and got[0] == 21):
        return Answer(asked, "the connection was closed", refused=True)
    return Answer(asked, f"the broker answered {len(got)} bytes", refused=False)
