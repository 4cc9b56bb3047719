"""`kafkalogs restore`: an Iceberg table in files becomes the events that were archived in it."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafkalogs.client import connect
from kafkalogs.client.logevent import LogEvent
from kafkalogs.client.settings import Catalog
from kafkalogs.restore import archive as restore
from kafkalogs.restore import command as restore_command

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)


def row(number: int, **values: Any) -> dict[str, Any]:
    """A row as the archive's sink writes it: attributes are JSON text."""
    made = {
        "timestamp": NOON + timedelta(minutes=number),
        "service": "checkout-service",
        "level": "info",
        "message": f"paid {number}",
        "trace_id": f"{number + 1:032x}",
        "span_id": f"{number + 1:016x}",
        "instance": "pod-1",
        "attributes": f'{{"user_id":"u{number}","amount":1.50}}',
        "extra": None,
        "kafka_topic": "logs.checkout-service",
        "kafka_partition": number % 3,
        "kafka_offset": number,
    }
    return {**made, **values}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that appends rows to an archive in files, which PyIceberg's configuration names."""
    import pyarrow
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.transforms import IdentityTransform
    from pyiceberg.utils.config import Config

    settings = {"uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/warehouse"}
    monkeypatch.setenv("PYICEBERG_HOME", str(tmp_path))
    for name, value in settings.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__KAFKALOGS__{name.upper()}", value)
    # it is read when PyIceberg is imported, which a test before this one may have done
    monkeypatch.setattr("pyiceberg.catalog._ENV_CONFIG", Config())
    texts = [name for name in row(0) if name not in ("timestamp", "kafka_partition", "kafka_offset")]
    schema = pyarrow.schema(
        [
            ("timestamp", pyarrow.timestamp("us", tz="UTC")),
            *((name, pyarrow.string()) for name in texts),
            ("kafka_partition", pyarrow.int32()),
            ("kafka_offset", pyarrow.int64()),
        ]
    )
    catalog = SqlCatalog("kafkalogs", **settings)
    catalog.create_namespace("logs")
    table = catalog.create_table("logs.events", schema)
    # PyIceberg writes no partitions by day without a library of its own; it reads them
    with table.update_spec() as spec:
        spec.add_field("service", IdentityTransform(), "service")

    def append(*rows: dict[str, Any]) -> None:
        catalog.load_table("logs.events").append(pyarrow.Table.from_pylist(list(rows), schema))

    return append


def command(*words: str) -> int:
    """The command as its own command line; a refusal of the parser is its exit code."""
    top = argparse.ArgumentParser(prog="kafkalogs")
    restore_command.add_to(top.add_subparsers())
    try:
        arguments = top.parse_args(["restore", "--service", "checkout-service", *words])
    except SystemExit as ended:
        return int(ended.code or 0)
    return arguments.run(arguments)


HOUR = ("--from", "2027-01-15T12:00Z", "--to", "2027-01-15T13:00Z")


def events_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_events_of_a_service_and_a_span_are_written_as_they_were(archive: Any, tmp_path: Path, capsys: Any):
    others = [row(7, service="nginx"), row(60), row(-1)]
    # in several commits and out of order, as a sink with several tasks leaves them
    archive(row(8), row(1), *others)
    archive(row(0), row(4))
    assert command(*HOUR, "--output", str(tmp_path / "out")) == 0
    written = events_of(tmp_path / "out")
    # by slices of five minutes, and by partition in each
    assert [event["message"] for event in written] == ["paid 0", "paid 1", "paid 4", "paid 8"]
    assert written[0] == {
        "timestamp": "2027-01-15T12:00:00.000Z",
        "service": "checkout-service",
        "level": "info",
        "message": "paid 0",
        "trace_id": f"{1:032x}",
        "span_id": f"{1:016x}",
        "instance": "pod-1",
        "attributes": {"user_id": "u0", "amount": 1.5, "restored_from": "logs.checkout-service/0/0"},
    }
    for line in (tmp_path / "out").read_bytes().splitlines():
        LogEvent.from_json(line)
    assert "checkout-service: 4 events restored" in capsys.readouterr().out


def test_a_slice_has_the_order_of_kafka(archive: Any):
    rows = [row(0, kafka_partition=1, kafka_offset=n, message=str(n), trace_id=f"{n + 1:032x}") for n in (3, 1, 2)]
    archive(*rows)
    archive(row(0, kafka_partition=1, kafka_offset=0, message="0"))
    table = restore.open_table("kafkalogs", "logs.events")
    (only,) = list(restore.slices(table, "checkout-service", NOON, NOON + timedelta(minutes=5)))
    assert [found.event.message for found in only.events] == ["0", "1", "2", "3"]


def test_what_was_restored_before_is_left_out(archive: Any, tmp_path: Path):
    archive(row(0), row(1, attributes='{"restored_from":"logs.checkout-service/0/0"}'))
    assert command(*HOUR, "--output", str(tmp_path / "out")) == 0
    assert [event["message"] for event in events_of(tmp_path / "out")] == ["paid 0"]


def test_fields_of_a_newer_schema_come_back(archive: Any, tmp_path: Path):
    archive(row(0, extra='{"region":"eu","tags":[1]}'))
    assert command(*HOUR, "--output", str(tmp_path / "out")) == 0
    (event,) = events_of(tmp_path / "out")
    assert (event["region"], event["tags"]) == ("eu", [1])


def test_attributes_nested_as_deeply_as_the_archive_takes_them_come_back(archive: Any, tmp_path: Path):
    """Connect's JSON converter takes 1,000 levels; Python reads about as many without help."""
    deep = 998
    archive(row(0, attributes='{"x":' + "[" * deep + "]" * deep + "}"))
    assert command(*HOUR, "--output", str(tmp_path / "out")) == 0
    (line,) = (tmp_path / "out").read_text().splitlines()
    assert line.count("[") == line.count("]") == deep


def test_rows_that_are_no_log_events_are_counted(archive: Any, tmp_path: Path, capsys: Any):
    archive(row(0), row(1, attributes="{"), row(2, trace_id="0" * 32), row(3, attributes="7"))
    assert command(*HOUR, "--output", str(tmp_path / "out")) == 1
    assert len(events_of(tmp_path / "out")) == 1
    said = capsys.readouterr().err
    assert "3 rows of the archive are not log events" in said
    assert "logs.checkout-service/1/1 is not a log event" in said


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--from", "2027-01-15T13:00Z", "--to", "2027-01-15T12:00Z", "--output", "x"), 2, "is not before"),
        (("--from", "0001-01-01T00:00+01:00", "--to", "2027-01-15T12:00Z", "--output", "x"), 2, "is not a time"),
        (("--from", "yesterday", "--to", "2027-01-15T12:00Z", "--output", "x"), 2, "is not a time; write it like"),
        (HOUR, 2, "one of the arguments --output --into is required"),
        ((*HOUR, "--output", "x", "--into", "y"), 2, "not allowed with"),
        ((*HOUR, "--output", "x", "--table", "logs.gone"), 3, "the table logs.gone of the catalog 'kafkalogs'"),
        ((*HOUR, "--output", "x", "--catalog", "nowhere"), 3, "docs/production.md"),
        ((*HOUR, "--output", "there"), 2, "there already exists"),
    ],
)
def test_wrong_input_is_a_sentence(
    archive: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    words: tuple[str, ...],
    code: int,
    told: str,
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("mine")
    assert command(*words) == code
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert (tmp_path / "there").read_text() == "mine"


def test_a_table_of_something_else_is_refused(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    monkeypatch.setattr(restore, "_COLUMNS", (*restore._COLUMNS, "colour"))
    assert command(*HOUR, "--output", str(tmp_path / "out")) == 3
    assert "the table has no column colour" in capsys.readouterr().err


# -- into Kafka


def catalog(**topics: str) -> Catalog:
    topic = {"partitions": 3, "replicas": 3, "minInsyncReplicas": 2, "retentionMs": 1, "maxMessageBytes": 1048576}
    topic |= {"compression": "zstd", "partitionBy": "user_id", "retentionClass": "application"}
    service = {"team": "payments", "user": "checkout-service", "layout": "service", "bytesPerSecond": 1}
    return Catalog.model_validate(
        {
            "cluster": "logs",
            "namespace": "kafkalogs",
            "bootstrap": "b:9093",
            "topics": dict.fromkeys(topics.values(), topic),
            "services": {"checkout-service": {**service, "topics": topics}},
            "teams": {},
        }
    )


class Kafka:
    """A producer that acknowledges what it is given when it is polled, but for the records that it refuses."""

    def __init__(self, refuse: int = -1, full: int = 0) -> None:
        self.records: list[tuple[str, bytes, bytes]] = []
        self.refuse = refuse
        self.full = full
        self.waiting: list[Any] = []

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Any) -> None:
        if self.full:
            self.full -= 1
            raise BufferError
        self.records.append((topic, key, value))
        self.waiting.append((on_delivery, len(self.records) - 1 == self.refuse))

    def poll(self, timeout: float) -> int:
        from types import SimpleNamespace

        while self.waiting:
            told, refused = self.waiting.pop()
            error = SimpleNamespace(str=lambda: "Broker: Topic authorization failed") if refused else None
            told(error, SimpleNamespace(topic=lambda: "logs.checkout-service"))
        return 0

    def flush(self, timeout: float) -> int:
        return self.poll(timeout)


@pytest.fixture
def into(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that puts a Kafka behind ``--into checkout-service``."""

    def connected(kafka: Kafka, **topics: str) -> Kafka:
        known = catalog(**(topics or {"application": "logs.checkout-service", "audit": "logs.audit"}))

        class Access:
            def __init__(self, *args: Any) -> None: ...
            def catalog(self) -> Catalog:
                return known

            def credentials(self, *args: Any) -> None: ...

        monkeypatch.setattr(restore_command, "ClusterAccess", Access)
        monkeypatch.setattr(restore_command, "find_kubeconfig", lambda given: Path("k"))
        monkeypatch.setattr(connect, "connect_kafka", lambda *args: connect.Connected({}, kafka))
        return kafka

    return connected


def test_events_go_back_to_their_topics_with_their_keys(archive: Any, into: Any):
    archive(row(0), row(1, kafka_topic="logs.audit"), row(2, kafka_topic="logs.of-old"))
    kafka = into(Kafka(full=2))
    assert command(*HOUR, "--into", "checkout-service") == 0
    assert [(topic, key) for topic, key, _ in kafka.records] == [
        ("logs.audit", b"u1"),
        ("logs.checkout-service", b"u0"),
        ("logs.checkout-service", b"u2"),
    ]


def test_what_kafka_refuses_ends_it_and_says_where_to_go_on(archive: Any, into: Any, capsys: Any):
    archive(row(0), row(6), row(12))
    kafka = into(Kafka(refuse=1))
    assert command(*HOUR, "--into", "checkout-service") == 3
    said = capsys.readouterr().err
    assert "Topic authorization failed" in said
    assert "1 events were written; to continue, use --from 2027-01-15T12:05:00+00:00" in said
    assert len(kafka.records) == 2
