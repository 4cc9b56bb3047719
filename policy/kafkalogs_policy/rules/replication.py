"""replication: no record, offset or state is lost with one broken node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from ..kinds import kind, of
from ..model import Context, Rule, Violation, each
from ..values import View

COPIES: Final = 3
IN_SYNC: Final = 2

_INTERNAL: Final = ("offsets.topic", "transaction.state.log")
# Their defaults are 3 and 2; older brokers do not know them.
_OPTIONAL: Final = ("share.coordinator.state.topic",)
_DURABLE: Final = frozenset({"s3", "s3a", "s3p", "s3n", "gs", "abfs", "abfss", "wasb", "wasbs", "hdfs", "oss"})


def _examine(type_: str, view: View, context: Context) -> Iterator[Violation]:
    name, spec = kind(type_), view["spec"]
    if name == "KafkaTopic":
        config = spec["config"]
        yield from each(
            _copies(spec["replicas"], "records of the topic"),
            _in_sync(config["min.insync.replicas"], spec["replicas"]),
            _clean(config["unclean.leader.election.enable"]),
        )
    elif name == "Kafka":
        config = spec["kafka"]["config"]
        copies = config["default.replication.factor"]
        yield from each(
            _copies(copies, "topics that do not say otherwise"),
            _in_sync(config["min.insync.replicas"], copies),
            _clean(config["unclean.leader.election.enable"]),
        )
        for topic in (*_INTERNAL, *_OPTIONAL):
            yield from each(_internal(config, topic))
    elif name == "KafkaConnect":
        for topic in ("config", "offset", "status"):
            place = spec["config"][f"{topic}.storage.replication.factor"]
            yield from each(_copies(place, f"Connect's {topic} topic"))
    elif name == "KafkaConnector":
        copies = spec["config"]["errors.deadletterqueue.topic.replication.factor"]
        if spec["config"]["errors.deadletterqueue.topic.name"].there:
            yield from each(_copies(copies, "dead letters"))
    elif name == "FlinkDeployment":
        yield from each(_available(spec), _durable(spec), _resumed(spec))


def _copies(place: View, what: str) -> Iterator[Violation]:
    if place.number is None or place.number < COPIES:
        told = f"{what}: {place.shown} copies, so that one broken disk and one restart lose records"
        yield Violation(place.path, told, f"write at least {COPIES}")


def _in_sync(least: View, copies: View) -> Iterator[Violation]:
    if least.number is None or least.number < IN_SYNC:
        told = f"{least.shown}: a write is answered that only one broker has"
        yield Violation(least.path, told, f"write {IN_SYNC}")
    elif copies.number is not None and least.number >= copies.number:
        told = f"{least.shown} is not below the {copies.text} copies: one broker that restarts stops all writes"
        yield Violation(least.path, told, f"write {IN_SYNC} of {COPIES}")


def _clean(place: View) -> Iterator[Violation]:
    if place.true:
        told = "true: a broker that lags may lead, and what it lacks is lost"
        yield Violation(place.path, told, "write false, or leave it out")


def _internal(config: View, topic: str) -> Iterator[Violation]:
    copies, least = config[f"{topic}.replication.factor"], config[f"{topic}.min.isr"]
    if topic in _INTERNAL or copies.there:
        yield from _copies(copies, f"Kafka's own {topic}")
    # Kafka has no such setting for offsets, which follow min.insync.replicas.
    if least.there or topic == "transaction.state.log":
        yield from _in_sync(least, copies)


def _flink(spec: View, *keys: str) -> View:
    """The first of a setting's names that is there."""
    config = spec["flinkConfiguration"]
    return next((config[key] for key in keys if config[key].there), config[keys[0]])


def _available(spec: View) -> Iterator[Violation]:
    place = _flink(spec, "high-availability.type", "high-availability")
    if place.text.lower() not in {"kubernetes", "zookeeper"} and not place.text.endswith("HaServicesFactory"):
        told = f"{place.shown}: with the JobManager goes where the job was"
        yield Violation(place.path, told, "write kubernetes, with high-availability.storageDir")


def _durable(spec: View) -> Iterator[Violation]:
    places = (
        _flink(spec, "high-availability.storageDir"),
        _flink(spec, "execution.checkpointing.dir", "state.checkpoints.dir"),
        _flink(spec, "execution.checkpointing.savepoint-dir", "state.savepoints.dir"),
    )
    for place in places:
        if urlsplit(place.text).scheme.lower() not in _DURABLE:
            told = f"{place.shown} is no storage that outlives a node"
            yield Violation(place.path, told, "write the address of a bucket, like s3://stream-state")
    interval = _flink(spec, "execution.checkpointing.interval")
    if not interval.text:
        yield Violation(interval.path, "no checkpoints: all state is lost with a pod", 'write one, like "10 s"')


def _resumed(spec: View) -> Iterator[Violation]:
    mode = spec["job"]["upgradeMode"]
    # `stateless` is also what the operator takes where nothing is written.
    if spec["job"].there and mode.text.lower() not in {"savepoint", "last-state"}:
        told = f"upgradeMode is {mode.shown}: each change of the job forgets its state"
        yield Violation(mode.path, told, "write savepoint or last-state")


RULE: Final = Rule(
    name="replication",
    title="At least three copies of everything, two of them in sync, and state that outlives its node",
    applies=of("KafkaTopic", "Kafka", "KafkaConnect", "KafkaConnector", "FlinkDeployment"),
    examine=_examine,
)
