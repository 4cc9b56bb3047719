"""The stream job: the services that failed most in the newest minute that the job has reported."""

from __future__ import annotations

import json
import time
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from kafkalogs.client import settings as client
from kafkalogs.client.reach import UnansweredError

from embedded.status.platform import Platform
from embedded.status.section import Section, created, duration, moment

RATES = "metrics.error-rate"
# the job reports a minute at least ten seconds after the minute's end, or thirty if a partition is silent
_MINUTE_SECONDS = 120
# a job without a backlog is never that far behind
_STALE_SECONDS = 300
_SHOWN = 3


def stream(platform: Platform, bootstrap: str) -> Section | None:
    """The newest minute of error rates, and the services that failed most in it."""
    if "stream" not in platform.deployments:
        return None
    section = Section("stream")
    # with the certificate of the job that writes the topic, since perhaps no team may read it
    credentials = platform.access.credentials(platform.catalog.cluster, "stream")
    settings = client.connection(bootstrap, credentials, "report") | {"group.id": "stream.report"}
    # a job with a backlog reports old minutes
    rows = platform.wait(lambda: tail(settings, RATES, 300), lambda rows: rows and _age(rows) < _STALE_SECONDS)
    if not rows:
        due = created(platform.deployments["stream"].metadata.creation_timestamp) + _MINUTE_SECONDS
        section.not_yet("error rates", "the first minute", due)
        return section
    minute, age = max(row["window_start"] for row in rows), _age(rows)
    said = f"{minute[11:16]} UTC, over for {duration(age)}"
    (section.add if age < _STALE_SECONDS else section.fault)("newest minute reported", said)
    for service, total, failed, usual, anomaly in worst(rows, minute):
        text = f"{failed / total:.1%} of {total:,} events failed" + ("" if usual is None else f"; usual is {usual:.1%}")
        section.add(service, text + ("; an anomaly" if anomaly else ""), None if anomaly else True)
    return section


def _age(rows: list[dict[str, Any]]) -> float:
    """Seconds since the end of the newest of these minutes."""
    return time.time() - 60 - moment(max(row["window_start"] for row in rows))


def worst(rows: list[dict[str, Any]], minute: str) -> list[tuple[str, int, int, float | None, bool]]:
    """The services that failed most in a minute: name, events, failed events, usual rate, whether it is an anomaly."""
    sums: dict[str, tuple[int, int, float | None, bool]] = {}
    for row in rows:
        if row["window_start"] == minute:
            # late events have their own rows, without a usual rate
            total, failed, usual, anomaly = sums.get(row["service"], (0, 0, None, False))
            known = row.get("usual_rate")
            sums[row["service"]] = (
                total + row["total"],
                failed + row["errors"],
                usual if known is None else known,
                anomaly or bool(row.get("anomaly")),
            )
    ranked = sorted(((name, *found) for name, found in sums.items() if found[0]), key=lambda s: (-s[2] / s[1], s[0]))
    return ranked[:_SHOWN]


def tail(settings: client.Settings, topic: str, last: int) -> list[dict[str, Any]]:
    """The newest records of a topic, as JSON objects: those among the ``last`` offsets of each partition."""
    trouble = client.Trouble()
    own: dict[str, Any] = {
        **{"enable.auto.commit": False, "enable.partition.eof": True, "isolation.level": "read_committed"},
        **{"auto.offset.reset": "earliest", "log_level": 0, "error_cb": trouble},
    }
    consumer = Consumer(settings | own)
    found: list[dict[str, Any]] = []
    try:
        about = consumer.list_topics(topic, timeout=15).topics[topic]
        if about.error is not None:
            raise UnansweredError(f"{topic}: {about.error.str()}")
        todo = set(about.partitions)
        places: list[TopicPartition] = []
        for number in todo:
            first, end = cast(
                tuple[int, int], consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=15)
            )
            places.append(TopicPartition(topic, number, max(first, end - last)))
        consumer.assign(places)
        deadline = time.monotonic() + 15
        while todo and time.monotonic() < deadline:
            for message in consumer.consume(500, timeout=0.5):
                error = message.error()
                if error is None:
                    found.append(json.loads(message.value() or b"{}"))
                elif error.code() == KafkaError._PARTITION_EOF:  # pyright: ignore[reportPrivateUsage] (its public name)
                    todo.discard(message.partition())
                else:
                    raise UnansweredError(f"{topic}: {error.str()}")
    except KafkaException as error:
        raise UnansweredError(f"{topic}: {trouble.last or error.args[0].str()}") from error
    finally:
        consumer.close()
    return found
