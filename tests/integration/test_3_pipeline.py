"""The pipeline: a known run of the shop arrives everywhere it has to, in exact numbers; poison goes nowhere else."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from kafkalogs.client import Catalog

from tests.support import everywhere, kafka, pipeline
from tests.support.run import CLASSES, CRITICAL, PROBE, PROBE_TOPIC, Run, of, probe_record, shop_run
from tests.support.sandbox import Sandbox

POISON: list[bytes | None] = [
    b"no JSON",
    b'{"service": "pipeline-probe"}',
    b'{"timestamp": 5, "service": 6, "level": 7, "message": 8}',
    b"\xff\xfe\xfa",
    b"x" * 900_000,
    None,
]
KEY = b"poison"


@pytest.fixture(scope="module")
def run(platform: Sandbox, catalog: Catalog) -> Run:
    """The run, with the poison between its two halves."""
    found = shop_run(catalog)
    assert found.failures() == {}
    found.write(platform, 0.5)
    writer = kafka.Writer(platform, PROBE)
    for value in POISON:
        writer.producer.produce(PROBE_TOPIC, value, KEY, on_delivery=writer._delivered)
    writer.flush()
    assert (len(writer.acked), writer.errors) == (len(POISON), [])
    found.write(platform)
    assert found.failures()["error"] > 50
    assert found.failures()["critical"] > CRITICAL
    return found


def test_search_has_every_event_once(platform: Sandbox, run: Run) -> None:
    everywhere.indexed(platform, run)


def test_the_database_has_exactly_the_audit_events(platform: Sandbox, run: Run) -> None:
    assert run.audits() > 20
    everywhere.audited(platform, run)


def test_the_archive_has_every_event_once(platform: Sandbox, run: Run) -> None:
    everywhere.archived(platform, run)


def test_the_stream_job_finds_exactly_the_errors(platform: Sandbox, run: Run, reader: str, catalog: Catalog) -> None:
    found = everywhere.extracted(platform, run, reader, "logs.error", ("error", "critical"))
    for event in found:
        assert event["attributes"]["team"] == catalog.services[event["service"]].team


def test_the_stream_job_finds_exactly_the_critical_errors(platform: Sandbox, run: Run, reader: str) -> None:
    found = everywhere.extracted(platform, run, reader, "errors.critical", ("critical",))
    assert {event["attributes"]["tier"] for event in found if event["service"] == PROBE} == {"1"}


def test_the_sample_keeps_every_warning_and_error(platform: Sandbox, run: Run, reader: str) -> None:
    kept = Counter(
        e["level"] for e in of(run, (m.value() for m in kafka.read_committed(platform, reader, "logs.sampled")))
    )
    written = Counter(record.level for record in run.now)
    debug, debug_kept = written.pop("debug"), kept.pop("debug", 0)
    assert kept == written
    assert 0 <= debug_kept < debug / 2


def test_each_class_of_critical_errors_is_one_incident(platform: Sandbox, run: Run) -> None:
    everywhere.paged(platform, run, {f"{name} {run.id}": CRITICAL // len(CLASSES) for name in CLASSES})


def test_the_shops_incident_was_paged(platform: Sandbox, run: Run) -> None:
    services = {r.user for r in run.records if r.level == "critical"} - {PROBE}
    keys = {i["dedup_key"] for i in pipeline.incidents(platform)}
    assert {f"{service}/{service} is failing: circuit breaker opened" for service in services} <= keys


def test_poison_is_a_dead_letter_of_the_archive_and_of_search(platform: Sandbox, run: Run, reader: str) -> None:
    for sink in ("archive", "search"):
        letters = [m for m in kafka.read_committed(platform, reader, f"dlq.{sink}") if m.key() == KEY]
        assert {m.value() for m in letters} == set(POISON), sink
        for letter in letters:
            headers = {name: value for name, value in letter.headers() or [] if isinstance(value, bytes)}
            assert headers["__connect.errors.topic"] == PROBE_TOPIC.encode()
            assert headers["__connect.errors.exception.message"]


def test_poison_is_a_dead_letter_of_the_stream_job_once(platform: Sandbox, run: Run, reader: str) -> None:
    letters: list[bytes | None] = []
    for message in kafka.read_committed(platform, reader, "dlq.stream"):
        headers = {name: value for name, value in message.headers() or [] if isinstance(value, bytes)}
        if headers["topic"] == PROBE_TOPIC.encode():
            assert headers["reason"]
            letters.append(message.value() or None)
    assert Counter(letters) == Counter(POISON)


def test_poison_is_nowhere_else(platform: Sandbox, run: Run) -> None:
    ours = sum(record.user == PROBE for record in run.now)
    with pipeline.search(platform) as engine:
        assert engine.count("service", PROBE) == ours
    with pipeline.archive(platform) as table:
        assert len(table.places("kafka_topic", PROBE_TOPIC)) == ours


def test_a_topic_is_replayed_into_a_new_group_from_its_start(platform: Sandbox, run: Run) -> None:
    topic = "logs.catalog-service"
    written = [record.value for record in run.now if record.topic == topic]
    assert written
    for group in ("operations.replay-1", "operations.replay-2"):
        values = [m.value() for m in kafka.read_all(platform, "team-operations", [topic], group=group)]
        assert Counter(v for v in values if v and run.id.encode() in v) == Counter(written)


def test_the_subjects_of_all_topics_are_registered(platform: Sandbox, catalog: Catalog) -> None:
    with pipeline.registry(platform) as ask:
        assert {f"{t}-value{kind}" for t in catalog.topics for kind in ("", "-avro")} <= set(ask("/subjects"))
        newest = ask(f"/subjects/{PROBE_TOPIC}-value/versions/latest")
    assert json.loads(newest["schema"])["title"] == "LogEvent"


def test_the_shipper_ships_what_pods_print(platform: Sandbox, run: Run, reader: str) -> None:
    sent = [json.loads(m.value() or b"{}") for m in kafka.read_committed(platform, reader, "logs.platform")]
    assert any("kafka" in event["service"] for event in sent)
    with pipeline.search(platform) as engine:
        assert engine.count("service", sent[0]["service"]) > 0


def test_a_new_record_is_found_soon(platform: Sandbox, run: Run) -> None:
    """After all of the above nothing stands still."""
    more = Run(run.id + "0", [probe_record(run.id + "0", "info", 0)])
    more.write(platform)
    everywhere.indexed(platform, more, 30)
