"""The records of the campaign: readers refuse the poison for the reason that its fault names, and take all others."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer
from kafkalogs.client.logevent import LogEvent, LogEventError
from kafkalogs.config import limits
from kafkalogs.sinks.settings import MAX_EVENT, POLL_RECORDS
from kafkalogs.stream import script as stream
from kafkalogs.stream.script import LARGEST_EVENT

from tests.chaos.counts import Count, letters
from tests.chaos.faults.records import DAYS, LARGE_EVENTS, ONE_BATCH, ago, large, nested, too_long

RUN = "5f0c8d4f0e8c4d0c9a55cf0a1b0a8d11"


def test_a_long_event_is_too_long_for_each_reader_and_not_for_kafka() -> None:
    value = too_long(RUN, 0).value
    assert max(MAX_EVENT, LARGEST_EVENT) < len(value) < limits.DEFAULT_BATCH
    LogEvent.from_json(value)  # nothing else is wrong with it


def test_a_nested_event_is_too_deep_for_the_sinks_and_not_for_json() -> None:
    value = nested(RUN, 0).value
    assert json.loads(value)["instance"] == RUN
    with pytest.raises(LogEventError, match="nested"):
        LogEvent.from_json(value)


def test_each_event_of_many_days_is_of_another_day() -> None:
    events = [LogEvent.from_json(ago(RUN, number, timedelta(days=number)).value) for number in range(DAYS)]
    assert len({event.timestamp.date() for event in events}) == DAYS
    assert min(event.timestamp for event in events) > datetime.now(UTC) - timedelta(days=DAYS)


def test_a_large_event_is_taken_by_the_sinks_and_not_by_the_stream_job() -> None:
    value = large(RUN, LARGE_EVENTS).value
    assert LARGEST_EVENT < len(value) < MAX_EVENT
    LogEvent.from_json(value)
    assert max(POLL_RECORDS, stream.POLL_RECORDS, 500) < LARGE_EVENTS


def test_all_large_events_fit_into_one_batch() -> None:
    assert LARGE_EVENTS * len(large(RUN, LARGE_EVENTS).value) < ONE_BATCH["batch.size"]
    Producer({"bootstrap.servers": "localhost:1", "log_level": 0, **ONE_BATCH})  # librdkafka takes the settings


def test_letters_are_counted_by_topic() -> None:
    wanted = {"dlq.search": [b"a", b"b"], "dlq.stream": [b"a"]}
    everything: dict[str, Counter[bytes | None]] = {
        "dlq.search": Counter([b"a", b"a", b"b", b"of another load", None]),
        "dlq.stream": Counter([b"a"]),
    }
    assert letters(wanted, everything) == Count(3, 3, 0)
    assert letters({}, {}) == Count(0, 0, 0)


def test_a_letter_that_is_missing_is_lost() -> None:
    seen: dict[str, Counter[bytes | None]] = {"dlq.search": Counter([b"b"]), "dlq.stream": Counter()}
    assert letters({"dlq.search": [b"a", b"b"], "dlq.stream": [b"a"]}, seen).lost == 2


def test_only_a_letter_of_the_stream_job_may_not_be_there_twice() -> None:
    seen: dict[str, Counter[bytes | None]] = {"dlq.search": Counter([b"a"] * 2), "dlq.stream": Counter([b"a"] * 2)}
    assert letters({"dlq.search": [b"a"]}, seen).exact
    assert letters({"dlq.search": [b"a"], "dlq.stream": [b"a"]}, seen).twice == 1
