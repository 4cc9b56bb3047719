"""A quota holds over the whole cluster."""

from __future__ import annotations

import os
import time

from tests.support import kafka
from tests.support.sandbox import Sandbox

DECLARED = 256 * 1024  # bytes/s, as in conftest.QUOTA_SERVICE
SIZE = 4000  # bytes; all readers of the logs take each for poison, so there should not be many
WARM_UP, MEASURED = 15, 30  # s; Kafka averages over 11 windows of 1 s, so the first ones are a burst


def test_the_measured_rate_is_within_a_fifth_of_the_declared_one(platform: Sandbox) -> None:
    # Random bytes: the quota counts what is on the wire, after compression.
    # Small batches and few of them under way, so that what is acknowledged at the marks is close to what was let in.
    small = {"batch.size": 32768, "max.in.flight.requests.per.connection": 1, "queue.buffering.max.kbytes": 512}
    writer = kafka.Writer(platform, "quota-probe", **{"linger.ms": 20, **small})
    started = time.monotonic()
    payload = os.urandom(1024 * 1024)
    marks: list[tuple[float, int]] = []
    number = 0
    while (elapsed := time.monotonic() - started) < WARM_UP + MEASURED:
        start = number * 997 % (len(payload) - SIZE)
        writer.write("logs.quota-probe", payload[start : start + SIZE], key=str(number).encode())
        number += 1
        if not marks or elapsed - marks[-1][0] > 0.5:
            marks.append((elapsed, len(writer.acked)))
    first = next(mark for mark in marks if mark[0] >= WARM_UP)
    last = marks[-1]
    rate = (last[1] - first[1]) * SIZE / (last[0] - first[0])
    writer.flush(120)
    assert not writer.errors
    assert 0.8 * DECLARED <= rate <= 1.2 * DECLARED, f"{rate / 1024:.0f} KiB/s measured"


def test_another_service_is_not_held_back_by_it(platform: Sandbox) -> None:
    writer = kafka.Writer(platform, "checkout-service")
    started = time.monotonic()
    writer.write("logs.checkout-service", b'{"number": 0}')
    writer.flush()
    assert len(writer.acked) == 1
    assert time.monotonic() - started < 5
