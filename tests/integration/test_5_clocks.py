"""A service with a wrong clock: it harms its own minutes, delays no other service, and loses nothing."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME
from kafkalogs.client.logevent import LogEvent

from tests.support import kafka, pipeline
from tests.support.run import PROBE, PROBE_TOPIC
from tests.support.sandbox import Sandbox

RIGHT, RIGHT_TOPIC = "checkout-service", "logs.checkout-service"
BEHIND, AHEAD = -1200.0, 3660.0
REPORTED_SECONDS = 60
"""A minute is reported ten seconds after its end, at a checkpoint; with the time of the producers it took 145 s."""
LATE_SECONDS = 150
"""Late minutes are reported once a minute."""


def event(service: str, instance: str, at: float) -> bytes:
    moment, trace = datetime.fromtimestamp(at, UTC), uuid.uuid4().hex
    return LogEvent(moment, service, "info", "a clock is wrong", trace, trace[:16], instance, {}).to_json()


def rates(platform: Sandbox, reader: str, service: str, late: bool) -> list[dict[str, Any]]:
    """The minutes of a service that the stream job has reported."""
    rows = [json.loads(m.value() or b"{}") for m in kafka.read_committed(platform, reader, "metrics.error-rate")]
    return [row for row in rows if row["service"] == service and row["late"] == late]


def test_a_slow_clock_delays_no_other_service_and_loses_nothing(platform: Sandbox, reader: str) -> None:
    late_before = sum(row["total"] for row in rates(platform, reader, PROBE, late=True))
    slow, right, run = kafka.Writer(platform, PROBE), kafka.Writer(platform, RIGHT), uuid.uuid4().hex
    first = (time.time() // 60 + 1) * 60
    start = datetime.fromtimestamp(first, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    written = inside = 0
    reported: list[dict[str, Any]] = []
    while not reported:
        assert time.time() < first + 60 + REPORTED_SECONDS, f"the minute {start} of {RIGHT} is not reported"
        now = time.time()
        slow.write(PROBE_TOPIC, event(PROBE, run, now + BEHIND), at=now + BEHIND)
        right.write(RIGHT_TOPIC, event(RIGHT, run, now), at=now)
        written, inside = written + 1, inside + (first <= now < first + 60)
        time.sleep(1)
        if now > first + 60:
            reported = [row for row in rates(platform, reader, RIGHT, late=False) if row["window_start"] == start]
    slow.flush()
    right.flush()
    assert (slow.errors, right.errors) == ([], [])
    assert sum(row["total"] for row in reported) >= inside

    def counted() -> bool:
        return sum(row["total"] for row in rates(platform, reader, PROBE, late=True)) - late_before >= written

    platform.wait("the events of the slow clock are counted", counted, LATE_SECONDS)
    platform.wait("all are found", lambda: pipeline.search(platform).count("instance", run) == 2 * written)


def test_a_clock_that_is_over_an_hour_ahead_is_refused_nowhere(platform: Sandbox) -> None:
    writer, run, now = kafka.Writer(platform, PROBE), uuid.uuid4().hex, time.time()
    writer.write(PROBE_TOPIC, event(PROBE, run, now + AHEAD), at=now + AHEAD)
    writer.write(PROBE_TOPIC, event(PROBE, run, datetime(2099, 1, 1, tzinfo=UTC).timestamp()), at=now + AHEAD)
    writer.flush()
    assert (len(writer.acked), writer.errors) == (2, [])
    mine = [m for m in kafka.read_all(platform, "team-operations", [PROBE_TOPIC]) if run.encode() in (m.value() or b"")]
    for kind, ms in (message.timestamp() for message in mine):
        assert kind == TIMESTAMP_LOG_APPEND_TIME
        assert abs(ms / 1000 - now) < 60
    platform.wait("both are found", lambda: pipeline.search(platform).count("instance", run) == 2)


def test_wrong_clocks_are_counted(platform: Sandbox) -> None:
    names = {"kafkalogs_events_ahead_total", "kafkalogs_events_behind_total"}
    found = "/label/__name__/values"
    platform.wait("both counts", lambda: names <= set(pipeline.prometheus(platform, found)), 120)
