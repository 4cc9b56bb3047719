"""Topics are deleted and made again under the same name, and the sinks stay those that knew the old ones."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from kafkalogs.parts import GROUPS

from tests.chaos.load import Load
from tests.chaos.state import SPACE, forget_restarts
from tests.support import kafka, pipeline
from tests.support.lag import behind, ends, starts
from tests.support.sandbox import Sandbox

AUDIT = "logs.audit"
AWAY = 30
"""Seconds without the topic; readers look for new topics every ten."""

READ_SECONDS = 300
NOTICED_SECONDS = 600
"""The archive compares the control topic's id every ten seconds, and at each start. A task that failed before for
another reason is started again only after some minutes."""

OWNER = "setter-of-offsets"


def the_audit_topic_is_made_anew(platform: Sandbox, load: Load) -> None:
    """The topic of audit events is deleted, when all readers have read its end, and made again 30 s later.

    What a reader has not read is lost by design with the topic. So the load writes no audit event meanwhile, and the
    counts of all sinks are exact: offsets are used again, and no record hides or replaces another one.
    """
    with load.held(AUDIT), pipeline.inspector(platform, OWNER) as reader:
        until = ends(platform, reader, {AUDIT})
        for part in ("archive", "search", "audit", "stream"):
            read = f"{part} has read all audit events"
            platform.wait(read, lambda part=part: behind(platform, reader, part, until) == 0, READ_SECONDS)
        made_anew(platform, AUDIT, AWAY)


def the_control_topic_is_made_anew(platform: Sandbox, load: Load) -> None:
    """The archive's control topic is deleted and made again: the archive stops, until the remedy of docs/sinks.md."""
    topic = platform.get("kafkaconnector", "archive")["spec"]["config"]["iceberg.control.topic"]
    made_anew(platform, topic, 0)
    says = f"The control topic {topic} was deleted and made again"
    stopped = lambda: says in json.dumps(platform.get("kafkaconnector", "archive")["status"])  # noqa: E731
    try:
        platform.wait("the archive says why it stopped", stopped, NOTICED_SECONDS)
    finally:
        with pipeline.inspector(platform, OWNER) as user:
            _set_offsets(platform, user, _next(platform, user))
        forget_restarts(platform)
        platform.edit(_raise_generation)
        platform.up()


def made_anew(platform: Sandbox, topic: str, away: float) -> None:
    """Delete a topic with all its records, and make it again with the same settings."""
    found = platform.get("kafkatopic", topic, "--show-managed-fields")
    about = found["metadata"]
    # Pulumi owns the resource and must be able to change it afterwards.
    owners = [entry["manager"] for entry in about["managedFields"] if entry["operation"] == "Apply"]
    again = {key: found[key] for key in ("apiVersion", "kind", "spec")}
    again["metadata"] = {key: about[key] for key in ("name", "namespace", "labels", "annotations") if key in about}
    platform.kubectl(*SPACE, "delete", "kafkatopic", topic, "--timeout=120s")
    try:
        time.sleep(away)
    finally:
        owner = f"--field-manager={next(iter(owners), 'kubectl')}"
        platform.kubectl("apply", "--server-side", owner, "-f", "-", input=json.dumps(again))

    def there() -> bool:
        status: dict[str, Any] = platform.get("kafkatopic", topic).get("status", {})
        return status.get("topicId") not in (None, found["status"]["topicId"])

    platform.wait(f"{topic} is another topic", there, 120)


def _next(platform: Sandbox, user: str) -> dict[tuple[str, int], int]:
    """The offset after the newest archived record of each partition; the earliest one where none is archived."""
    connector = platform.get("kafkaconnector", "archive")
    topics = connector["spec"]["config"]["topics"].split(",")
    made = {
        topic["spec"].get("topicName") or topic["metadata"]["name"]: _moment(topic["metadata"]["creationTimestamp"])
        for topic in platform.get("kafkatopics")["items"]
    }
    with pipeline.archive(platform) as table:
        archived = table.ends({topic: made[topic] for topic in topics})
    return {**starts(platform, user, topics), **archived}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _set_offsets(platform: Sandbox, user: str, offsets: Mapping[tuple[str, int], int]) -> None:
    """Commit these offsets for the archive's group, as soon as the group has no member."""
    settings = kafka.settings(platform, user, **{"group.id": GROUPS["archive"], "enable.auto.commit": False})

    def done() -> bool:
        with closing(Consumer(settings)) as consumer:
            places = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
            try:
                answers = consumer.commit(offsets=places, asynchronous=False) or []
            except KafkaException:
                return False  # while the operator starts the archive once more, its group has members
        return all(place.error is None for place in answers)

    platform.wait("the offsets are set", done, READ_SECONDS)


def _raise_generation(config: dict[str, Any]) -> None:
    archive = config["archive"] or {}
    config["archive"] = {**archive, "controlGeneration": archive.get("controlGeneration", 1) + 1}
