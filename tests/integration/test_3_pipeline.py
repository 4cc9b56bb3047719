"""The pipeline: a known run of the shop arrives everywhere it has to, in exact numbers; poison goes nowhere else."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

import pytest
from confluent_kafka import KafkaError, Message
from kafkalogs.client.settings import Catalog
from kafkalogs.doctor import network

from tests.support import everywhere, kafka, pipeline
from tests.support.metric_names import METRICS
from tests.support.pipeline import SPACE
from tests.support.run import CLASSES, CRITICAL, PROBE, PROBE_TOPIC, Run, of, probe_record, shop_run
from tests.support.sandbox import Sandbox

POISON: list[bytes | None] = [
    b"no JSON",
    b'{"service": "pipeline-probe"}',
    b'{"timestamp": 5, "service": 6, "level": 7, "message": 8}',
    b"\xff\xfe\xfa",
    b"x" * 900_000,
    None,
    # an event of a service that may not write this topic
    probe_record("forged", "critical", 1, "checkout-service").value,
]


@dataclass
class Poisoned(Run):
    """A run with poison between its two halves. poison: by partition and offset in the probe's topic."""

    poison: dict[tuple[int, int], bytes | None] = field(default_factory=dict)

    def letters(self, messages: list[Message], prefix: str) -> Counter[tuple[int, int]]:
        """How often each poison record is among dead letters, which must hold it unchanged and say why."""
        found: Counter[tuple[int, int]] = Counter()
        for message in messages:
            headers = {name: value for name, value in message.headers() or [] if isinstance(value, bytes)}
            place = (int(headers[f"{prefix}partition"]), int(headers[f"{prefix}offset"]))
            if headers[f"{prefix}topic"] == PROBE_TOPIC.encode() and place in self.poison:
                assert (message.value() or None) == self.poison[place]
                assert headers["reason" if prefix == "" else f"{prefix}exception.message"]
                found[place] += 1
        return found


@pytest.fixture(scope="module")
def run(platform: Sandbox, catalog: Catalog) -> Poisoned:
    made = shop_run(catalog)
    found = Poisoned(made.id, made.records)
    assert found.failures() == {}
    found.write(platform, 0.5)
    before = len(found.records)

    def acknowledged(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        found.poison[(message.partition() or 0, message.offset() or 0)] = message.value()

    writer = kafka.Writer(platform, PROBE)
    for value in POISON:
        writer.producer.produce(PROBE_TOPIC, value, on_delivery=acknowledged)
    writer.flush()
    assert len(found.poison) == len(POISON)
    found.write(platform)
    assert len(found.now) == before
    assert found.failures()["error"] > 50
    assert found.failures()["critical"] > CRITICAL
    return found


def test_search_has_every_event_once(platform: Sandbox, run: Poisoned) -> None:
    everywhere.indexed(platform, run)


def test_the_database_has_exactly_the_audit_events(platform: Sandbox, run: Poisoned) -> None:
    assert run.audits() > 20
    everywhere.audited(platform, run)


def test_the_archive_has_every_event_once(platform: Sandbox, run: Poisoned) -> None:
    everywhere.archived(platform, run)


def test_the_stream_job_finds_exactly_the_errors(
    platform: Sandbox, run: Poisoned, reader: str, catalog: Catalog
) -> None:
    found = everywhere.extracted(platform, run, reader, "logs.error", ("error", "critical"))
    for event in found:
        assert event["attributes"]["team"] == catalog.services[event["service"]].team


def test_the_stream_job_finds_exactly_the_critical_errors(platform: Sandbox, run: Poisoned, reader: str) -> None:
    found = everywhere.extracted(platform, run, reader, "errors.critical", ("critical",))
    assert {event["attributes"]["tier"] for event in found if event["service"] == PROBE} == {"1"}


def test_the_sample_keeps_every_warning_and_error(platform: Sandbox, run: Poisoned, reader: str) -> None:
    kept = Counter(
        e["level"] for e in of(run, (m.value() for m in kafka.read_committed(platform, reader, "logs.sampled")))
    )
    written = Counter(record.level for record in run.now)
    debug, debug_kept = written.pop("debug"), kept.pop("debug", 0)
    assert kept == written
    assert 0 <= debug_kept < debug / 2


def test_each_class_of_critical_errors_is_one_incident(platform: Sandbox, run: Poisoned) -> None:
    everywhere.paged(platform, run, {f"{name} {run.id}": CRITICAL // len(CLASSES) for name in CLASSES})


def test_the_shops_incident_was_paged(platform: Sandbox, run: Poisoned) -> None:
    services = {r.user for r in run.records if r.level == "critical"} - {PROBE}
    keys = {i["dedup_key"] for i in pipeline.incidents(platform)}
    assert {f"{service}/{service} is failing: circuit breaker opened" for service in services} <= keys


@pytest.mark.parametrize("sink", ["archive", "search"])
def test_poison_is_a_dead_letter_of_a_sink(platform: Sandbox, run: Poisoned, reader: str, sink: str) -> None:
    """At least once, as docs/sinks.md says."""
    letters = run.letters(kafka.read_committed(platform, reader, f"dlq.{sink}"), "__connect.errors.")
    assert set(letters) == set(run.poison)


def test_poison_is_a_dead_letter_of_the_stream_job_once(platform: Sandbox, run: Poisoned, reader: str) -> None:
    letters = run.letters(kafka.read_committed(platform, reader, "dlq.stream"), "")
    assert letters == dict.fromkeys(run.poison, 1)


def test_the_archives_table_knows_the_id_of_its_control_topic(platform: Sandbox) -> None:
    with pipeline.archive(platform) as archive:
        remembered = archive.table.refresh().properties["kafkalogs.control-topic-id.archive.control"]
    assert remembered == platform.get("kafkatopic", "archive.control")["status"]["topicId"]


def test_audit_rows_of_one_place_are_told_apart_by_their_content(platform: Sandbox) -> None:
    columns = "select count(*) from information_schema.key_column_usage where table_name = 'audit_log'"
    assert pipeline.sql(platform, f"{columns} and column_name like '%connect_%'") == 4
    assert pipeline.sql(platform, "select count(*) from audit_log where length(__connect_digest) = 32") > 0
    assert pipeline.sql(platform, "select count(*) from audit_log where length(__connect_digest) <> 32") == 0


def test_poison_is_nowhere_else(platform: Sandbox, run: Poisoned, reader: str) -> None:
    with pipeline.archive(platform) as table:
        places = {place[1:] for place in table.places("kafka_topic", PROBE_TOPIC)}
    assert places
    assert not places & set(run.poison)
    engine = pipeline.search(platform)
    for partition, offset in run.poison:
        assert engine.count("origin", f"{PROBE_TOPIC}+{partition}+{offset}") == 0
    assert any(engine.count("origin", f"{PROBE_TOPIC}+{partition}+{offset}") for partition, offset in places)
    for topic in ("logs.error", "errors.critical", "logs.sampled"):
        assert not {m.value() for m in kafka.read_committed(platform, reader, topic)} & set(POISON)


def test_a_topic_is_replayed_into_a_new_group_from_its_start(platform: Sandbox, run: Poisoned) -> None:
    topic = "logs.catalog-service"
    written = [record.value for record in run.now if record.topic == topic]
    assert written
    for group in ("operations.replay-1", "operations.replay-2"):
        values = [m.value() for m in kafka.read_all(platform, "team-operations", [topic], group=group)]
        assert Counter(v for v in values if v and run.id.encode() in v) == Counter(written)


def test_the_subjects_of_all_topics_are_registered(platform: Sandbox, catalog: Catalog) -> None:
    wanted = {f"{topic}-value{kind}" for topic in catalog.topics for kind in ("", "-avro")}
    assert wanted <= set(pipeline.registry(platform, "/subjects"))
    newest = pipeline.registry(platform, f"/subjects/{PROBE_TOPIC}-value/versions/latest")
    assert json.loads(newest["schema"])["title"] == "LogEvent"


def test_the_shipper_ships_what_pods_print(platform: Sandbox, run: Poisoned, reader: str) -> None:
    sent = [json.loads(m.value() or b"{}") for m in kafka.read_committed(platform, reader, "logs.platform")]
    assert any("kafka" in event["service"] for event in sent)
    assert pipeline.search(platform).count("service", sent[0]["service"]) > 0


def test_what_rules_and_dashboards_use_is_measured(platform: Sandbox, run: Poisoned) -> None:
    """Every name that they may use is in Prometheus, so no panel is empty and no rule sleeps for a wrong name."""
    only_in_trouble = {
        "kafka_server_brokertopicmetrics_failedproducerequests_total",
        # test_5_clocks.py makes them
        "kafkalogs_events_ahead_total",
        "kafkalogs_events_behind_total",
        "pager_oldest_waiting_timestamp_seconds",
    }

    def missing() -> set[str]:
        there = set(pipeline.prometheus(platform, "/label/__name__/values"))
        return set().union(*METRICS.values()) - there - only_in_trouble

    platform.wait(f"metrics, without {missing()}", lambda: not missing(), 120)


def test_every_part_is_watched(platform: Sandbox, run: Poisoned) -> None:
    def down() -> list[str]:
        targets = pipeline.prometheus(platform, "/targets?state=active")["activeTargets"]
        return [t["labels"]["job"] for t in targets if t["health"] != "up"]

    targets = pipeline.prometheus(platform, "/targets?state=active")["activeTargets"]
    jobs = Counter(target["labels"]["job"] for target in targets)
    once = ("alertmanager", "exporter", "kafka-connect", "pager", "prometheus", "registry", "shipper")
    assert jobs == {"kafka": 3, "stream": 2, **dict.fromkeys(once, 1)}
    platform.wait(f"all of {set(jobs)} are up", lambda: not down(), 120)


def test_a_new_record_is_found_soon(platform: Sandbox, run: Poisoned) -> None:
    """After all of the above nothing stands still."""
    more = Run(run.id + "0", [probe_record(run.id + "0", "info", 0)])
    more.write(platform)
    everywhere.indexed(platform, more, 30)


@pytest.mark.parametrize("workload", ["stream", "stream-taskmanager"])
def test_flinks_log_has_no_noise(platform: Sandbox, workload: str) -> None:
    """Neither warnings of metrics that are registered twice, nor traces of a file system that is read-only."""
    said = platform.kubectl("-n", "kafkalogs", "logs", f"deployment/{workload}", "-c", "flink-main-container")
    assert " INFO " in said
    assert "Name collision" not in said
    assert "Read-only file system" not in said


# Run in a pod of the exporter: whether each host and port of its arguments takes a connection within 5 s.
CONNECT = """
import socket, sys
for place in sys.argv[1:]:
    host, port = place.split(":")
    try:
        socket.create_connection((host, int(port)), 5).close()
        print(place, "open")
    except OSError:
        print(place, "closed")
"""


def test_the_network_policies_hold_where_the_network_enforces_them(platform: Sandbox) -> None:
    """The edges themselves are evaluated in tests/unit/test_network_edges.py; here the network's plugin answers."""
    listed = json.loads(platform.kubectl("-n", network.SPACE, "get", "daemonsets", "-o", "json"))["items"]
    plugins = [network.Plugin(one["metadata"]["name"]) for one in listed]
    if not network.enforcing(plugins):
        pytest.skip("no plugin of this cluster enforces network policies")
    places = ["logs-kafka-bootstrap:9093", "alertmanager:9093", "registry:8443"]
    words = ("-n", SPACE, "exec", "deploy/exporter", "--", "python3", "-c", CONNECT, *places)
    told = dict(line.split() for line in platform.kubectl(*words).splitlines())
    assert told == {place: "open" if place == places[0] else "closed" for place in places}
