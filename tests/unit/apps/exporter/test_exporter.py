"""What the exporter makes of Kafka's answers."""

import json
import urllib.error
import urllib.request
from concurrent.futures import Future
from contextlib import closing
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from exporter.__main__ import Exporter
from exporter.committed import committed
from exporter.exposition import Family, text
from exporter.families import KAFKA_EXPORTER, OURS, families
from exporter.kafka import Kafka
from exporter.positions import LONGEST, Positions
from exporter.reading import Group, Partition, Reading
from exporter.renewal import Certificates
from exporter.server import serve
from hypothesis import given
from hypothesis import strategies as st

from tests.support.coordinator import Coordinator
from tests.support.metric_names import METRICS

NOW = 1_000_000.0


def values(reading: Reading, name: str) -> dict[tuple, float]:
    (family,) = [f for f in families(reading, NOW) if f.name == name]
    return {tuple(labels.values()): value for labels, value in family.samples}


def positions(*samples: tuple[int, float]) -> Positions:
    made = Positions()
    for offset, time in samples:
        made.add(offset, time)
    return made


def partition(begin: int, end: int, newest: float | None, history: Positions, newest_offset: int | None = None):
    at = end - 1 if newest_offset is None and newest is not None else newest_offset
    return Partition(1, (1, 2, 3), (1, 2, 3), begin, end, newest, at, history)


class TestPositions:
    def test_times_between_two_looks_are_interpolated(self):
        history = positions((100, 50.0), (200, 60.0))
        assert history.time_at(150) == 55.0
        assert history.time_at(200) == 60.0
        assert history.time_at(999) == 60.0

    def test_before_the_first_look_it_is_at_least_as_old_as_that(self):
        assert positions((100, 50.0)).time_at(3) == 50.0
        assert Positions().time_at(3) is None

    def test_a_topic_that_was_made_anew_has_no_history(self):
        history = positions((100, 50.0), (200, 60.0), (5, 70.0))
        assert (history.offsets, history.times) == ([5], [70.0])

    @given(st.lists(st.tuples(st.integers(0, 50), st.floats(-5, 50)), max_size=600))
    def test_it_stays_small_and_never_goes_back(self, steps):
        history, offset, time = Positions(), 0, 0.0
        for more, later in steps:
            offset, time = offset + more, time + later
            history.add(offset, time)
        assert len(history.offsets) == len(history.times) <= LONGEST
        assert history.times == sorted(history.times)
        assert all(a < b for a, b in zip(history.offsets, history.offsets[1:], strict=False))

    def test_thinning_keeps_the_oldest_and_the_newest(self):
        history = positions(*((i, float(i)) for i in range(1000)))
        assert (history.offsets[0], history.offsets[-1]) == (0, 999)
        assert history.time_at(500) == 500.0


class TestFamilies:
    history = positions((0, NOW - 600), (100, NOW - 60))

    def reading(self, offset: int, **more) -> Reading:
        one = partition(0, 100, NOW - 60, self.history, **more)
        return Reading(3, {"logs.a": {0: one}}, {"logs.a": 2}, {"g": Group(1, {("logs.a", 0): offset})})

    def test_lag_in_records_and_in_time(self):
        reading = self.reading(50)
        assert values(reading, "kafka_consumergroup_lag") == {("g", "logs.a", 0): 50}
        assert values(reading, "kafka_consumergroup_lag_sum") == {("g", "logs.a"): 50}
        assert values(reading, "kafkalogs_consumergroup_lag_seconds") == {("g", "logs.a"): 330}
        assert values(reading, "kafkalogs_consumergroup_event_timestamp_seconds") == {("g", "logs.a"): NOW - 330}

    def test_who_has_read_all_is_as_new_as_the_topic(self):
        reading = self.reading(100)
        assert values(reading, "kafkalogs_consumergroup_lag_seconds") == {("g", "logs.a"): 0}
        assert values(reading, "kafkalogs_consumergroup_event_timestamp_seconds") == {("g", "logs.a"): NOW - 60}

    def test_the_marker_of_a_transaction_is_nothing_to_read(self):
        reading = self.reading(99, newest_offset=98)
        assert values(reading, "kafka_consumergroup_lag") == {("g", "logs.a", 0): 1}
        assert values(reading, "kafkalogs_consumergroup_lag_seconds") == {("g", "logs.a"): 0}

    def test_unread_records_of_the_newest_batch_are_unread(self):
        # of a batch that has one time Kafka names the first record
        reading = self.reading(60, newest_offset=50)
        assert values(reading, "kafkalogs_consumergroup_lag_seconds") == {("g", "logs.a"): 276}

    def test_the_partition_that_is_furthest_behind_counts(self):
        far = partition(0, 100, NOW - 1, positions((0, NOW - 900), (100, NOW - 1)))
        near = partition(0, 100, NOW - 1, positions((0, NOW - 900), (100, NOW - 1)))
        group = Group(2, {("logs.a", 0): 0, ("logs.a", 1): 100})
        reading = Reading(3, {"logs.a": {0: far, 1: near}}, {}, {"g": group})
        assert values(reading, "kafkalogs_consumergroup_lag_seconds") == {("g", "logs.a"): 900}

    def test_offsets_of_a_topic_that_is_gone_say_nothing(self):
        reading = Reading(3, {}, {}, {"g": Group(0, {("logs.gone", 0): 5})})
        assert values(reading, "kafka_consumergroup_lag") == {}
        assert values(reading, "kafka_consumergroup_members") == {("g",): 0}

    def test_replicas(self):
        sick = Partition(2, (1, 2, 3), (2,), 0, 1)
        alone = Partition(-1, (1,), ())
        reading = Reading(2, {"logs.a": {0: sick}, "__consumer_offsets": {0: alone}}, {"logs.a": 2}, {})
        at, internal = ("logs.a", 0), ("__consumer_offsets", 0)
        assert values(reading, "kafka_topic_partition_in_sync_replica") == {at: 1, internal: 0}
        assert values(reading, "kafka_topic_partition_under_replicated_partition") == {at: 1, internal: 1}
        assert values(reading, "kafka_topic_partition_leader") == {at: 2, internal: -1}
        assert values(reading, "kafka_topic_partition_leader_is_preferred") == {at: 0, internal: 0}
        assert values(reading, "kafka_topic_partition_current_offset") == {at: 1}
        assert values(reading, "kafkalogs_topic_min_insync_replicas") == {("logs.a",): 2}

    def test_names_are_those_that_rules_may_use(self):
        own = {"kafkalogs_exporter_up", "kafkalogs_exporter_read_seconds", "kafkalogs_exporter_failures_total"}
        assert METRICS["exporter"] == {*KAFKA_EXPORTER, *OURS, *own}


def test_the_page_is_what_prometheus_reads():
    family = Family("a_total", "counter", "About a")
    family.add(1.5, topic='x"\\\n')
    family.add(True)
    assert text([family, Family("empty", "gauge", "Nothing")]) == (
        '# HELP a_total About a\n# TYPE a_total counter\na_total{topic="x\\"\\\\\\n"} 1.5\na_total 1\n'
    )


def done(value) -> Future:
    future: Future = Future()
    if isinstance(value, Exception):
        future.set_exception(value)
    else:
        future.set_result(value)
    return future


class FakeAdmin:
    """A cluster with one log topic, of which partition 1 has lost its leader; time passes at one record a second."""

    def __init__(self) -> None:
        self.begin, self.end = 0, 1000
        self.committed = 400
        self.asked: list[str] = []
        self.refused = False
        self.policy = "delete"

    def list_topics(self, timeout):
        def part(leader):
            return SimpleNamespace(leader=leader, replicas=[1, 2, 3], isrs=[1, 2])

        topics = {"logs.a": {0: part(1), 1: part(-1)}, "__consumer_offsets": {0: part(1)}}
        return SimpleNamespace(
            brokers={1: "", 2: ""}, topics={name: SimpleNamespace(partitions=parts) for name, parts in topics.items()}
        )

    def list_offsets(self, asked, request_timeout):
        answers = {}
        for at, spec in asked.items():
            assert (at.topic, at.partition) == ("logs.a", 0)
            kind = type(spec).__name__
            self.asked.append(kind)
            offset, timestamp = self.end, -1
            if "Earliest" in kind:
                offset = self.begin
            elif "MaxTimestamp" in kind:
                offset, timestamp = self.end - 1, int((NOW - 1000 + self.end) * 1000)
            elif "Latest" not in kind:
                offset = int(max(0, 1000 - (NOW - spec._value / 1000)))
            answers[at] = done(SimpleNamespace(offset=offset, timestamp=timestamp))
        return answers

    def describe_configs(self, resources, request_timeout):
        self.asked.append("configs")
        settings = {"min.insync.replicas": "2", "retention.ms": "3600000", "cleanup.policy": self.policy}
        told = {key: SimpleNamespace(value=value) for key, value in settings.items()}
        return {one: done(told) for one in resources}

    def list_consumer_groups(self, request_timeout):
        if self.refused:
            return done(KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED)))
        return done(SimpleNamespace(valid=[SimpleNamespace(group_id="g")]))

    def describe_consumer_groups(self, names, request_timeout):
        return {name: done(SimpleNamespace(members=["m"])) for name in names}


@pytest.fixture
def admin(monkeypatch) -> FakeAdmin:
    """The cluster that the exporter asks."""
    one = FakeAdmin()

    def committed(settings, group, places, timeout):
        assert (group, places) == ("g", [("logs.a", 0), ("logs.a", 1)])
        return {("logs.a", 0): one.committed}

    monkeypatch.setattr("exporter.kafka.AdminClient", lambda settings: one)
    monkeypatch.setattr("exporter.kafka.committed", committed)
    return one


class TestKafka:
    def test_history_reaches_back_from_the_first_look_on(self, admin):
        """The record at 400 was written 600 s ago, though the exporter has only just started."""
        reading = Kafka({}, clock=lambda: NOW).read()
        (lag,) = values(reading, "kafkalogs_consumergroup_lag_seconds").values()
        assert lag == pytest.approx(600, abs=1)

    def test_partitions_without_a_leader_are_not_asked_but_shown(self, admin):
        reading = Kafka({}, clock=lambda: NOW).read()
        assert reading.partitions["logs.a"][1].end is None
        assert values(reading, "kafka_topic_partition_leader")[("logs.a", 1)] == -1
        assert reading.groups["g"].offsets == {("logs.a", 0): 400}

    def test_only_partitions_that_grew_are_asked_for_their_newest_event(self, admin):
        kafka = Kafka({}, clock=lambda: NOW)
        kafka.read()
        admin.asked.clear()
        kafka.read()
        assert not [kind for kind in admin.asked if "MaxTimestamp" in kind or kind == "configs"]
        admin.end = 1100
        admin.asked.clear()
        reading = kafka.read()
        assert [kind for kind in admin.asked if "MaxTimestamp" in kind]
        assert reading.partitions["logs.a"][0].newest == NOW + 100

    def test_settings_are_asked_again_after_a_while(self, admin):
        now = [NOW]
        kafka = Kafka({}, clock=lambda: now[0])
        kafka.read()
        admin.asked.clear()
        now[0] += 700
        kafka.read()
        assert "configs" in admin.asked

    def test_retention_is_told_of_topics_whose_records_expire(self, admin):
        now = [NOW]
        kafka = Kafka({}, clock=lambda: now[0])
        assert values(kafka.read(), "kafkalogs_topic_retention_seconds") == {("logs.a",): 3600}
        admin.policy = "compact"
        now[0] += 700
        assert values(kafka.read(), "kafkalogs_topic_retention_seconds") == {}


class TestCommitted:
    PLACES = (("logs.a", 0), ("logs.a", 1))

    def test_offsets_of_a_group(self):
        with closing(Coordinator({("logs.a", 0): 400, ("logs.a", 1): -1}, refusals=0)) as broker:
            found = committed({"bootstrap.servers": broker.bootstrap}, "g", self.PLACES, 10)
        assert found == {("logs.a", 0): 400}

    def test_a_broker_that_is_not_the_coordinator_is_an_error_and_no_crash(self):
        with (
            closing(Coordinator({("logs.a", 0): 400}, refusals=1)) as broker,
            pytest.raises(KafkaException, match="Not coordinator"),
        ):
            committed({"bootstrap.servers": broker.bootstrap}, "g", self.PLACES, 10)


class TestExporter:
    def test_a_failure_is_counted_and_old_values_go(self, admin, monkeypatch, capsys):
        exporter = Exporter(Kafka({}, clock=lambda: NOW), Certificates(()))
        assert not exporter.fresh
        assert "kafkalogs_exporter_up 0" in exporter.page()
        exporter.look()
        assert "kafkalogs_exporter_up 1" in exporter.page()
        assert 'kafka_consumergroup_lag_sum{consumergroup="g",topic="logs.a"} 600' in exporter.page()
        admin.refused = True
        exporter.look()
        assert "kafkalogs_exporter_failures_total 1" in exporter.page()
        assert "kafka_consumergroup_lag_sum" in exporter.page()
        assert json.loads(capsys.readouterr().out)["failures"] == 1
        monkeypatch.setattr("exporter.__main__.STALE", -1.0)
        assert not exporter.fresh
        assert "kafka_consumergroup_lag_sum" not in exporter.page()

    def test_served_over_http(self, unused_port):
        ready = [False]
        serve(unused_port, lambda: "a 1\n", lambda: ready[0], lambda: True)

        def get(path):
            try:
                with urllib.request.urlopen(f"http://localhost:{unused_port}{path}") as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()

        assert get("/metrics") == (200, b"a 1\n")
        assert get("/readyz")[0] == 503
        ready[0] = True
        assert get("/readyz")[0] == 200
        assert get("/healthz")[0] == 200
        assert get("/other")[0] == 404
