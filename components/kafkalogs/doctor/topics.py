"""Checks of topics and their replicas: the declared state against Kafka's answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ..config import units
from . import declared as want
from . import seen
from .findings import Checked, Finding, some

_KAFKAS_OWN: Final = "__"
_APPLY: Final = "run `pulumi up`; the operator corrects a topic within minutes if its KafkaTopic is not paused"


def check_topics(declared: want.Declared, kafka: seen.Kafka) -> Checked:
    """Every declared topic exists with its declared settings, and no other topic exists."""
    findings: list[Finding] = []
    for name, topic in sorted(declared.topics.items()):
        found = kafka.topics.get(name)
        if found is None:
            findings.append(
                Finding("topic-missing", f"topic {name}", f"{topic.partitions} partitions", "not in Kafka", _APPLY)
            )
        else:
            findings += _compare(topic, found)
    findings += _undeclared(declared, kafka)
    findings += _kafkas_own(declared, kafka)
    return Checked("topics", len(declared.topics), findings)


def _compare(topic: want.Topic, found: seen.Topic) -> Iterable[Finding]:
    what = f"topic {topic.name}"
    count = len(found.partitions)
    if count != topic.partitions:
        remedy = (
            f"write partitions: {count} in the stack file; Kafka cannot remove partitions: fewer need a new topic"
            if count > topic.partitions
            else _APPLY
        )
        yield Finding("topic-partitions", what, f"{topic.partitions} partitions", f"{count} partitions", remedy)
    copies = sorted({len(one.replicas) for one in found.partitions.values()})
    if copies != [topic.replicas]:
        said = " and ".join(map(str, copies))
        remedy = "change its replicas with kafka-reassign-partitions; the operators do not change their number"
        yield Finding("topic-replicas", what, f"{topic.replicas} replicas", f"{said} replicas", remedy)
    for key, value in sorted(topic.config.items()):
        actual = found.config.get(key)
        if actual is not None and not _same(value, actual):
            rule = {"retention.ms": "topic-retention", "min.insync.replicas": "topic-min-isr"}.get(key, "topic-config")
            yield Finding(rule, what, f"{key} {_said(key, value)}", _said(key, actual), _APPLY)


def _same(one: str, other: str) -> bool:
    """Whether two values of a setting are the same; Kafka may format a number differently."""
    if one == other:
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return False


def _said(key: str, value: str) -> str:
    """A setting's value, with its meaning for people."""
    if not key.endswith(".ms") or not value.isdigit() or value == "0":
        return value
    return f"{value} ({units.format_duration(int(value))})"


def _undeclared(declared: want.Declared, kafka: seen.Kafka) -> Iterable[Finding]:
    for name in sorted(kafka.topics.keys() - declared.topics.keys()):
        if not name.startswith(_KAFKAS_OWN):
            remedy = "declare the service that writes it in the stack file, or delete it if nobody needs its records"
            count = len(kafka.topics[name].partitions)
            yield Finding("topic-undeclared", f"topic {name}", "no such topic", f"{count} partitions", remedy)


def _kafkas_own(declared: want.Declared, kafka: seen.Kafka) -> Iterable[Finding]:
    """Kafka's internal topics have as many copies as all others: offsets and transactions are as precious as logs."""
    wanted = declared.platform.kafka.replication_factor
    for name, topic in sorted(kafka.topics.items()):
        fewest = min((len(one.replicas) for one in topic.partitions.values()), default=wanted)
        if name.startswith(_KAFKAS_OWN) and fewest < wanted:
            remedy = (
                "add replicas with kafka-reassign-partitions; Kafka sets their number only when it creates the topic"
            )
            yield Finding("topic-replicas", f"topic {name}", f"{wanted} replicas", f"{fewest} replicas", remedy)


def check_replicas(declared: want.Declared, kafka: seen.Kafka) -> Checked:
    """All brokers are there, every partition has a leader and all its replicas in sync."""
    findings = [
        Finding(
            "broker-missing",
            f"broker {broker}",
            "in the cluster",
            "not in the cluster",
            f"look at the pod of Kafka with the number {broker}, and at its log",
        )
        for broker in declared.brokers
        if broker not in kafka.brokers
    ]
    for name, topic in sorted(kafka.topics.items()):
        findings += _partitions(declared, name, topic)
    return Checked("replicas", sum(len(topic.partitions) for topic in kafka.topics.values()), findings)


def _partitions(declared: want.Declared, name: str, topic: seen.Topic) -> Iterable[Finding]:
    least = declared.topics[name].config.get("min.insync.replicas") if name in declared.topics else None
    needed = int(least or declared.platform.kafka.min_in_sync_replicas)
    states: Mapping[str, list[int]] = {"offline": [], "below": [], "under": []}
    for number, one in sorted(topic.partitions.items()):
        if one.leader < 0:
            states["offline"].append(number)
        elif len(one.in_sync) < needed:
            states["below"].append(number)
        elif len(one.in_sync) < len(one.replicas):
            states["under"].append(number)
    what = f"topic {name}"
    away = sorted({replica for one in topic.partitions.values() for replica in set(one.replicas) - set(one.in_sync)})
    lacking = f"brokers that are not in sync: {some([str(one) for one in away])}" if away else ""
    if states["offline"]:
        said = f"partitions {_list(states['offline'])} have none; {lacking}"
        remedy = "start the brokers that hold them; until then nobody writes or reads these partitions"
        yield Finding("partition-offline", what, "a leader for each partition", said, remedy)
    if states["below"]:
        said = f"partitions {_list(states['below'])} have fewer; {lacking}"
        remedy = "start the brokers that are down or slow; until then writes to these partitions are refused"
        yield Finding("partition-below-min-isr", what, f"at least {needed} replicas in sync", said, remedy)
    if states["under"]:
        said = f"partitions {_list(states['under'])} have not; {lacking}"
        remedy = "wait if a broker has just started; else look for brokers that are down, slow or full"
        yield Finding("partition-under-replicated", what, "all replicas in sync", said, remedy)


def _list(numbers: list[int]) -> str:
    return some([str(number) for number in numbers])
